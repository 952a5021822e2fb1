"""A reference client: every message once, and every unread count right (docs/sync.md)."""
