from datetime import timedelta

import pytest

from messaging.model.limits import UNLIMITED, Limit, SendLimits
from messaging.model.person import ClaimNames
from messaging.model.reach import Reach
from messaging.settings import (
    EditSettings,
    LookupSettings,
    ReportSettings,
    SendSettings,
    Settings,
    SignUpSettings,
    TicketSettings,
    UnsendSettings,
)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABLE_NAME", "the-table")
    monkeypatch.setenv("MESSAGE_MAX_CHARS", "280")


def test_settings_come_from_the_template() -> None:
    assert Settings.from_environment() == Settings("the-table")
    assert SendSettings.from_environment() == SendSettings(
        "the-table", 280, UNLIMITED, Reach("everyone", timedelta(days=30))
    )


def test_limits_come_from_the_template(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = {
        "MESSAGES_PER_MINUTE": 60,
        "CONVERSATIONS_PER_DAY": 50,
        "PENDING_REQUESTS": 20,
        "REQUEST_PAUSE_DAYS": 7,
        "LOOKUPS_PER_HOUR": 600,
        "TICKETS_PER_HOUR": 120,
        "REPORTS_PER_DAY": 10,
        "REPORT_RETENTION_DAYS": 90,
    }
    for name, number in numbers.items():
        monkeypatch.setenv(name, str(number))

    assert SendSettings.from_environment().limits == SendLimits(
        Limit("messages", 60, 60),
        Limit("conversations", 50, 86_400),
        Limit("requests", 20, 604_800),
        Limit("lookups", 600, 3_600),
    )
    assert LookupSettings.from_environment().lookups == Limit("lookups", 600, 3_600)
    assert TicketSettings.from_environment().tickets == Limit("tickets", 120, 3_600)
    assert ReportSettings.from_environment() == ReportSettings(
        "the-table", Limit("reports", 10, 86_400), timedelta(days=90)
    )


@pytest.mark.parametrize("name", ["TABLE_NAME", "MESSAGE_MAX_CHARS", "MESSAGES_PER_MINUTE", "MESSAGES_FROM"])
def test_nothing_has_a_silent_default(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(name)

    with pytest.raises(KeyError, match=name):
        SendSettings.from_environment()


@pytest.mark.parametrize("text", ["", "many", "1.5"])
def test_a_limit_that_is_no_whole_number_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESSAGE_MAX_CHARS", text)

    with pytest.raises(ValueError, match="int"):
        SendSettings.from_environment()


def test_who_sends_nothing_needs_no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MESSAGE_MAX_CHARS")

    assert Settings.from_environment() == Settings("the-table")


def test_settings_do_not_change() -> None:
    settings = Settings.from_environment()

    with pytest.raises(AttributeError):
        settings.table_name = "another"  # type: ignore[misc]


@pytest.mark.parametrize(("text", "hours"), [("none", None), ("0", 0), ("24", 24)])
def test_the_time_to_change_a_message_is_read_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, text: str, hours: int | None
) -> None:
    monkeypatch.setenv("EDIT_WITHIN_HOURS", text)
    monkeypatch.setenv("UNSEND_WITHIN_HOURS", text)

    assert EditSettings.from_environment().edit_hours == hours
    assert UnsendSettings.from_environment().unsend_hours == hours


def test_profiles_are_made_of_claims_only_with_an_issuer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANDLE_CLAIM", "nickname")

    assert SignUpSettings.from_environment() == SignUpSettings("the-table", "everyone", None)
    monkeypatch.setenv("USER_ID_CLAIM", "sub")
    names = ClaimNames("nickname", "name", "picture", "email")
    assert SignUpSettings.from_environment() == SignUpSettings("the-table", "everyone", names)
    monkeypatch.delenv("EMAIL_CLAIM")
    with pytest.raises(KeyError, match="EMAIL_CLAIM"):
        SignUpSettings.from_environment()
