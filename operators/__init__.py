"""Code of the operators' scripts under bin/."""
