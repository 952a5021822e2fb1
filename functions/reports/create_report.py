"""POST /api/reports reports messages of a conversation to the operators."""

from messaging.api import http_api, views
from messaging.api.reports import read_complaint
from messaging.observability import count
from messaging.services.reports import file_report
from messaging.settings import ReportSettings
from messaging.storage.table import open_table

settings = ReportSettings.from_environment()
table = open_table(settings.table_name)


@http_api.route
def lambda_handler(request: http_api.Request) -> http_api.Response:
    complaint = read_complaint(request)
    filed = file_report(table, request.user_uuid, complaint, settings.reports, settings.retention)
    count(ReportsFiled=not filed.repeated)
    return http_api.ok(views.filed_report(filed), **http_api.limits(filed.usage))
