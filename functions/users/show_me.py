"""GET /api/users/me shows the caller's profile and settings.

With an issuer of the deployment's own, the first call makes the profile, of the token's claims.
"""

from messaging.api import http_api, views
from messaging.services.read import find_person
from messaging.services.sign_ups import find_or_sign_up
from messaging.settings import SignUpSettings
from messaging.storage.table import open_table

settings = SignUpSettings.from_environment()
table = open_table(settings.table_name)


@http_api.route
def lambda_handler(request: http_api.Request) -> http_api.Response:
    if settings.claims is None:
        person = find_person(table, request.user_uuid)
    else:
        person = find_or_sign_up(table, request.user_uuid, request.claims, settings.claims)
    return http_api.ok(views.me(person.with_default(settings.messages_from)))
