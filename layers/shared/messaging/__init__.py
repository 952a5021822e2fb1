"""What the functions share: keys, items, the table, the use cases, HTTP and settings.

Imports point one way: handler → use case (send, read, inbox, people) → table → items → keys.
"""
