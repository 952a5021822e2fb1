"""The code that the functions share: keys, items, the table, the use cases, HTTP, sockets and settings.

Imports point one way: handler → use case (send, read, marks, profile, people, inbox, tickets, connections, live) →
table → items → keys.
"""
