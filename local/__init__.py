"""The local runner: the whole system on this machine, deployed from template.yaml to ministack."""
