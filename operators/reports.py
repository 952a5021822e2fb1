"""Reports of messages: lists them, shows one with its texts, and closes it."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from messaging.model import keys
from messaging.model.errors import NotFound
from messaging.model.report import Report
from messaging.storage.dynamodb import ABSENT
from operators.people_table import PeopleTable

COLUMNS = {"reported at": 32, "report": 36, "reason": 10, "about": 20, "by": 20, "messages": 0}
_MOST_PROFILES = 100


class ReportsTable(PeopleTable):
    """The requests that only operators make to reports."""

    def reports(self, *, is_open: bool) -> list[Report]:
        """All open, or all closed reports, the oldest first. Reads all of them."""
        items = self.db.query_all(keys.reports_pk(is_open=is_open), consistent=True)
        return sorted(map(Report.from_item, items), key=lambda report: report.created_at)

    def report(self, report_uuid: str) -> Report:
        """A report, open or closed. Raises NotFound."""
        found = [one for is_open in (True, False) for one in self.reports(is_open=is_open)]
        for report in found:
            if report.report_uuid == report_uuid.lower():
                return report
        raise NotFound(f"There is no report {report_uuid}.")

    def close_report(self, report: Report, note: str, now: datetime) -> Report:
        """Move a report to the closed ones, with a note; return it. A closed one stays as it is."""
        if report.closed_at:
            return report
        closed = report.closed(keys.format_time(now), note)
        refused = self.db.transact(
            self.db.delete_action(report.item, "attribute_exists(pk)"), self.db.put_action(closed.item, ABSENT)
        )
        return self.report(report.report_uuid) if refused else closed

    def handles(self, reports: Sequence[Report]) -> dict[str, str]:
        """The handles of all people of these reports, by user_uuid; of erased people, the user_uuid."""
        uuids = sorted({one for report in reports for one in (report.reporter_uuid, report.other_uuid)})
        found = {
            one: f"@{profile.person.handle}"
            for start in range(0, len(uuids), _MOST_PROFILES)
            for one, profile in self.profiles(uuids[start : start + _MOST_PROFILES]).items()
        }
        return {one: found.get(one, one) for one in uuids}


def row(report: Report, handles: dict[str, str]) -> tuple[str, ...]:
    """A report's cells below COLUMNS."""
    about, by = handles[report.other_uuid], handles[report.reporter_uuid]
    return report.created_at, report.report_uuid, report.reason, about, by, str(len(report.messages))


def lines(report: Report, handles: dict[str, str]) -> Iterator[str]:
    """A report with its texts, for people."""
    by, about = (_person(one, handles) for one in (report.reporter_uuid, report.other_uuid))
    yield f"report        {report.report_uuid}, {report.created_at}"
    yield f"reason        {report.reason}"
    yield f"by            {by}"
    yield f"about         {about}"
    yield f"conversation  {report.message_group_uuid}"
    if report.comment:
        yield f"comment       {report.comment}"
    if report.closed_at:
        yield f"closed        {report.closed_at}: {report.note}"
    for one in report.messages:
        state = " (edited)" if one.edited_at else " (unsent)" if one.unsent_at else ""
        yield f"{one.seq:>6}  {one.created_at}  {handles[one.user_uuid]}{state}: {one.message}"


def _person(user_uuid: str, handles: dict[str, str]) -> str:
    handle = handles[user_uuid]
    return user_uuid if handle == user_uuid else f"{handle} ({user_uuid})"
