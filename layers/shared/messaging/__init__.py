"""The code that the functions share, in layers; each imports only those below it.

- `live`: events, their delivery to open connections, tickets
- `api`: HTTP requests, bodies, views, responses
- `services`: one use case per module
- `storage`: the requests to DynamoDB and to API Gateway's connections
- `model`: entities, keys, cursors and errors; nothing of AWS

`retry`, `settings` and `observability` serve all of them.
"""
