"""Random histories of conversations, told through the functions' front doors, and what inboxes say after each.

`python -m tests.histories SEED` tells one of them again. Nothing here knows how inboxes are kept: it calls handlers
with the sample events, hands them the stream's records, and compares what one answer says with what another one says.
"""
