"""PUT /api/users/me makes the caller's profile, with a handle of their choice.

Only with an issuer of the deployment's own: a Cognito user gets a profile at the sign-up.
"""

from messaging.api import http_api, views
from messaging.api.profiles import read_profile
from messaging.services.sign_ups import sign_up
from messaging.settings import SignUpSettings
from messaging.storage.table import open_table

settings = SignUpSettings.from_environment()
table = open_table(settings.table_name)


@http_api.route
def lambda_handler(request: http_api.Request) -> http_api.Response:
    wanted = read_profile(request)
    person = sign_up(table, request.user_uuid, wanted, request.claims, settings.claims)
    return http_api.ok(views.me(person.with_default(settings.messages_from)))
