"""Random histories of conversations through the functions' handlers, and checks of the inboxes after each.

`python -m tests.histories SEED` replays one. Nothing here knows how inboxes are stored: it calls handlers with the
sample events, hands them the stream's records, and compares answers with answers.
"""
