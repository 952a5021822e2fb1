"""A reference client: what a device does to have every message once and every unread count right (docs/sync.md)."""
