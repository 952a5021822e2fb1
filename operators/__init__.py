"""What the operators' scripts under bin/ share."""
