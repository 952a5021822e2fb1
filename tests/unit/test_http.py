import base64
import json
import re
from collections.abc import Callable
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.api import http_api
from messaging.model import keys
from messaging.model.errors import (
    Busy,
    Conflict,
    Invalid,
    MessageUuidTaken,
    MessagingError,
    NotFound,
    TooLarge,
    TooManyRequests,
    Unauthenticated,
    Unreadable,
)
from tests.support.api import USER, event, json_body, request

Written = Callable[[], str]
PLENTY = 100_000
ITEMS = [{"uuid": "1", "message": "Grüße 👋"}]


# Reading a request


def test_the_token_identifies_the_caller() -> None:
    assert request(user_uuid=USER).user_uuid == USER


@pytest.mark.parametrize(
    "context",
    [
        {},
        {"requestId": "1"},
        {"authorizer": None},
        {"authorizer": {}},
        {"authorizer": {"jwt": None}},
        {"authorizer": {"jwt": {"claims": None}}},
        {"authorizer": {"jwt": {"claims": {"username": "bayko"}}}},
        {"authorizer": {"lambda": {"sub": USER}}},
        {"authorizer": {"claims": {"sub": USER}}},
    ],
    ids=repr,
)
def test_without_the_claims_of_a_token_nobody_asks(context: dict[str, Any]) -> None:
    claimed = {"sub": USER, "user_uuid": USER}

    with pytest.raises(Unauthenticated):
        http_api.Request.from_event(
            {
                "requestContext": context,
                "headers": claimed,
                "queryStringParameters": claimed,
                "body": json.dumps(claimed),
            }
        )


def of_issuer(claims: dict[str, str]) -> dict[str, Any]:
    made = event()
    made["requestContext"]["authorizer"]["jwt"]["claims"] = {"iss": "https://idp.example.com", **claims}
    return made


def test_a_token_of_an_issuer_identifies_its_subject(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER_ID_CLAIM", "oid")

    caller = http_api.Request.from_event(of_issuer({"sub": "another", "oid": "auth0|1"}))

    assert caller.user_uuid == keys.user_uuid("https://idp.example.com", "auth0|1")
    assert caller.claims["sub"] == "another"


@pytest.mark.parametrize("claims", [{}, {"sub": USER}, {"oid": ""}, {"oid": "half of a pair: \ud83d"}], ids=repr)
def test_a_token_of_an_issuer_without_a_subject_identifies_nobody(
    claims: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USER_ID_CLAIM", "oid")

    with pytest.raises(Unauthenticated):
        http_api.Request.from_event(of_issuer(claims))


def test_fields_omitted_by_api_gateway_are_empty() -> None:
    bare = request()

    assert (bare.path, bare.query, bare.headers) == ({}, {}, {})


def test_fields_that_api_gateway_sends_as_null_are_empty() -> None:
    nulls = event() | {"pathParameters": None, "queryStringParameters": None, "headers": None}

    bare = http_api.Request.from_event(nulls)

    assert (bare.path, bare.query, bare.headers) == ({}, {}, {})


def test_a_request_does_not_show_its_event() -> None:
    # So printing a request prints no message and no token.
    shown = repr(request({"message": "the text"}))

    assert "the text" not in shown


def test_a_uuid_of_the_path_is_read_in_lower_case() -> None:
    uuid = "F2B5DE61-1C68-4C2F-9F80-3EA0A2C3D404"

    assert request(path={"message_group_uuid": uuid}).uuid("message_group_uuid") == uuid.lower()


@pytest.mark.parametrize("text", ["1", "undefined", "f2b5de61-1c68-4c2f-9f80-3ea0a2c3d40", "HEAD", "\ud800"])
def test_an_invalid_uuid_is_refused_by_name(text: str) -> None:
    with pytest.raises(Unreadable, match="message_group_uuid"):
        request(path={"message_group_uuid": text}).uuid("message_group_uuid")


def test_a_handle_of_the_path_stands_after_an_at_sign() -> None:
    assert request(path={"handle": "@Andrew.Brown"}).handle() == "Andrew.Brown"


@pytest.mark.parametrize("text", ["", "@", "bayko", "@@bayko", "@a b", "@é", "%40bayko", "@" + "a" * 31])
def test_a_path_with_an_invalid_handle_is_not_found(text: str) -> None:
    with pytest.raises(NotFound):
        request(path={"handle": text}).handle()


@given(st.integers(1, 100))
def test_a_limit_is_a_number_from_1_to_100(limit: int) -> None:
    assert request(query={"limit": str(limit)}).limit() == limit


def test_the_limit_is_20_if_none_is_asked_for() -> None:
    assert request().limit() == 20
    assert request(query={"cursor": "x"}).limit() == 20


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "101",
        "1000",
        "-1",
        "+1",
        "01",
        "1.0",
        "1e1",
        "1_0",
        " 1",
        "1\n",
        "ten",
        "٣",
        "10,20",
        "9" * 5000,
    ],
)
def test_any_other_limit_is_refused(text: str) -> None:
    with pytest.raises(Unreadable, match="limit"):
        request(query={"limit": text}).limit()


# Reading a body

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)
json_objects = st.dictionaries(st.text(), json_values, max_size=4)


@given(json_objects, st.booleans(), st.booleans())
def test_a_json_object_is_read_in_any_notation(value: dict[str, Any], escaped: bool, in_base64: bool) -> None:
    body = json.dumps(value, ensure_ascii=escaped)
    if in_base64:
        body = base64.b64encode(body.encode()).decode()

    assert request(body, base64=in_base64).json(PLENTY) == value


@given(json_values.filter(lambda value: not isinstance(value, dict)))
def test_json_that_is_no_object_is_refused(value: object) -> None:
    with pytest.raises(Unreadable, match="object"):
        request(json.dumps(value)).json(PLENTY)


@given(st.text(), st.booleans())
def test_any_text_as_a_body_is_an_object_or_refused(text: str, in_base64: bool) -> None:
    try:
        value: object = request(text, base64=in_base64).json(PLENTY)
    except Unreadable:
        value = {}

    assert isinstance(value, dict)


@given(st.binary())
def test_any_bytes_as_a_body_are_an_object_or_refused(raw: bytes) -> None:
    try:
        value: object = request(base64.b64encode(raw).decode(), base64=True).json(PLENTY)
    except Unreadable:
        value = {}

    assert isinstance(value, dict)


@pytest.mark.parametrize(
    "body",
    [
        None,
        "",
        " ",
        "{",
        '{"message": "Hello"',
        '{"message": "Hello"} {}',
        "{'message': 'Hello'}",
        '{"message": "\n"}',
        '\ufeff{"message": "Hello"}',
        '{"message": "\ud800"}',
        "message=Hello&handle=londo",
        '{"a":' * 20_000,
        "[" * 50_000,
        '{"seq": ' + "9" * 10_000 + "}",
        '{"seq": NaN}',
        '{"seq": -Infinity}',
        "7" * 4_000,
    ],
    ids=lambda body: repr(body)[:20],
)
def test_a_body_that_is_no_json_object_is_refused(body: str | None) -> None:
    with pytest.raises(Unreadable):
        request(body).json(PLENTY * 10)


@pytest.mark.parametrize(
    "body",
    ["{}", "e30", "e30=x", "*", "é", base64.b64encode(b'{"message": "\xff"}').decode()],
    ids=repr,
)
def test_a_body_that_is_no_base64_of_json_is_refused(body: str) -> None:
    with pytest.raises(Unreadable):
        request(body, base64=True).json(PLENTY)


def test_half_of_a_surrogate_pair_in_an_escape_is_left_to_the_reader_of_the_value() -> None:
    assert request('{"message": "\\ud83d"}').json(PLENTY) == {"message": "\ud83d"}


def test_both_halves_of_a_surrogate_pair_are_one_code_point() -> None:
    assert request('{"message": "\\ud83d\\udc4b"}').json(PLENTY) == {"message": "👋"}


@pytest.mark.parametrize("in_base64", [False, True])
def test_the_size_of_a_body_is_counted_in_its_own_bytes(in_base64: bool) -> None:
    raw = '{"a": "é"}'.encode()
    body = base64.b64encode(raw).decode() if in_base64 else raw.decode()

    assert request(body, base64=in_base64).json(len(raw)) == {"a": "é"}
    with pytest.raises(TooLarge, match=str(len(raw) - 1)):
        request(body, base64=in_base64).json(len(raw) - 1)


def test_a_missing_body_is_empty_and_not_too_large() -> None:
    with pytest.raises(Unreadable):
        request().json(0)


def test_a_body_that_is_too_large_is_not_even_read() -> None:
    with pytest.raises(TooLarge):
        request("[" * 1001).json(1000)


FIELDS = ["message", "handle"]


@given(st.dictionaries(st.sampled_from(FIELDS), json_values))
def test_a_body_of_known_fields_is_read_as_it_is(value: dict[str, Any]) -> None:
    assert request(json.dumps(value)).body(*FIELDS, most_bytes=PLENTY) == value


@pytest.mark.parametrize(
    ("fields", "codes"),
    [
        (["colour"], ["colour_unknown"]),
        (["message", "b", "a"], ["a_unknown", "b_unknown"]),
        (["Message", "handle "], ["Message_unknown", "handle _unknown"]),
        (["", "ß👋"], ["_unknown", "ß👋_unknown"]),
        (["\ud83d"], ["?_unknown"]),
    ],
)
def test_an_unknown_field_is_422_that_names_it_and_the_log_does_not(
    fields: list[str], codes: list[str], written: Written
) -> None:
    body = json.dumps(dict.fromkeys(fields))

    response = http_api.route(lambda request: http_api.ok(request.body(*FIELDS)))(event(body), None)

    assert response["statusCode"] == 422
    assert json_body(response) == codes
    assert json.dumps(response["body"].encode().decode())
    assert json.loads(written()).get("codes") is None


# Answering


def test_a_success_is_200_with_json_as_it_is_written() -> None:
    response = http_api.ok({"message": "Grüße 👋"})

    assert response == {
        "statusCode": 200,
        "headers": {"content-type": "application/json", "cache-control": "no-store"},
        "body": '{"message":"Grüße 👋"}',
    }


def test_an_answer_may_have_headers_of_its_own() -> None:
    assert http_api.ok({}, etag='"1"')["headers"]["etag"] == '"1"'


@pytest.mark.parametrize(
    ("error", "status", "title"),
    [
        (Unreadable("the detail"), 400, "Bad Request"),
        (Unauthenticated("the detail"), 401, "Unauthorized"),
        (NotFound("the detail"), 404, "Not Found"),
        (MessageUuidTaken("the detail"), 409, "Conflict"),
        (TooLarge("the detail"), 413, "Request Entity Too Large"),
        (Busy("the detail"), 503, "Service Unavailable"),
        (Conflict("the detail"), 503, "Service Unavailable"),
        (TooManyRequests("the detail", 7), 429, "Too Many Requests"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_an_error_becomes_a_problem_with_its_text(
    error: MessagingError, status: int, title: str, written: Written
) -> None:
    response = _handler_that_raises(error)(event(), None)

    assert response["statusCode"] == status
    assert response["headers"]["content-type"] == "application/problem+json"
    assert response["headers"]["cache-control"] == "no-store"
    assert json_body(response) == {"type": "about:blank", "title": title, "status": status, "detail": "the detail"}
    entry, *counted = map(json.loads, written().splitlines())
    assert (entry["level"], entry["status"], entry["error"]) == ("INFO", status, type(error).__name__)
    assert {name for one in counted for name in one} & {"RequestsBusy", "RequestsTooMany"} == (
        {429: {"RequestsTooMany"}, 503: {"RequestsBusy"}}.get(status, set())
    )
    assert (entry["request_id"], entry["route"]) == ("the-request-id", "POST /api/messages")


def test_only_a_busy_answer_has_retry_after() -> None:
    busy = _handler_that_raises(Busy("busy"))(event(), None)
    missing = _handler_that_raises(NotFound("missing"))(event(), None)

    assert busy["headers"]["retry-after"].isdecimal()
    assert "retry-after" not in missing["headers"]


def test_an_unacceptable_message_is_422_with_an_array_of_codes(written: Written) -> None:
    response = _handler_that_raises(Invalid("message_blank", "user_reciever_handle_blank"))(event(), None)

    assert response["statusCode"] == 422
    assert response["headers"]["content-type"] == "application/json"
    assert json_body(response) == ["message_blank", "user_reciever_handle_blank"]
    assert json.loads(written())["codes"] == ["message_blank", "user_reciever_handle_blank"]


def test_a_request_without_claims_is_401_and_not_served() -> None:
    def handle(_: http_api.Request) -> NoReturn:
        raise AssertionError("served")

    response = http_api.route(handle)(event(user_uuid=None), None)

    assert response["statusCode"] == 401
    assert json_body(response)["detail"] == "A bearer token is required."


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("the text of a message"),
        KeyError("the text of a message"),
        ZeroDivisionError(),
        UnicodeDecodeError("utf-8", b"the text of a message", 0, 1, "the text of a message"),
        RecursionError("the text of a message"),
        AssertionError("the text of a message"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_bug_is_a_500_with_only_the_request_id(error: Exception, written: Written) -> None:
    response = _handler_that_raises(error)(event(), None)

    log = written()
    assert response["statusCode"] == 500
    assert response["headers"]["content-type"] == "application/problem+json"
    assert json_body(response) == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "detail": "Request the-request-id failed.",
    }
    assert "the text of a message" not in log
    entry = json.loads(log)
    assert (entry["level"], entry["error"], entry["request_id"]) == ("ERROR", type(error).__name__, "the-request-id")
    assert any("in handle" in line for line in entry["trace"])


def test_the_text_of_the_cause_of_a_bug_is_not_logged_either(written: Written) -> None:
    # Kept out of the raising line: a traceback shows lines of the source.
    text = "the text of a message"

    def handle(_: http_api.Request) -> NoReturn:
        try:
            raise ValueError(text)
        except ValueError as error:
            raise RuntimeError(text) from error

    response = http_api.route(handle)(event(), None)

    assert response["statusCode"] == 500
    assert text not in written()


def test_a_success_goes_out_as_it_is_and_logs_nothing(written: Written) -> None:
    response = http_api.route(lambda request: http_api.ok({"you": request.user_uuid}))(event(user_uuid=USER), None)

    assert response == http_api.ok({"you": USER})
    assert written() == ""


# Pages


def test_a_page_without_more_has_no_links() -> None:
    response = http_api.ok_page(request(), ITEMS, {})

    assert response["statusCode"] == 200
    assert json_body(response) == ITEMS
    assert "link" not in response["headers"]
    # A browser may store it, but must revalidate.
    assert response["headers"]["cache-control"] == "private, no-cache"


def test_links_are_references_that_hold_under_any_base_path() -> None:
    links: dict[str, tuple[str, object]] = {"prev": ("before", "abc"), "next": ("after", "x-_y")}

    response = http_api.ok_page(request(), ITEMS, links)

    assert response["headers"]["link"] == '<?before=abc>; rel="prev", <?after=x-_y>; rel="next"'


def test_links_keep_the_requested_limit() -> None:
    asked = request(query={"limit": "5", "before": "the page before", "other": "?"})

    response = http_api.ok_page(asked, ITEMS, {"prev": ("before", "abc")})

    assert response["headers"]["link"] == '<?limit=5&before=abc>; rel="prev"'


def test_nothing_in_a_cursor_can_break_out_of_its_link() -> None:
    response = http_api.ok_page(request(), ITEMS, {"next": ("cursor", 'a>; rel="x", &b=c')})

    assert response["headers"]["link"] == '<?cursor=a%3E%3B+rel%3D%22x%22%2C+%26b%3Dc>; rel="next"'


def test_the_same_page_has_the_same_etag() -> None:
    assert _etag(ITEMS) == _etag([dict(ITEMS[0])])


@given(st.lists(st.dictionaries(st.text(), st.text())))
def test_an_etag_is_one_as_http_writes_them(items: list[dict[str, Any]]) -> None:
    assert re.fullmatch(r'"[0-9a-f]{32}"', _etag(items))


@pytest.mark.parametrize(
    ("items", "links"),
    [
        ([], {}),
        ([*ITEMS, *ITEMS], {}),
        ([{**ITEMS[0], "message": "Grüße"}], {}),
        (ITEMS, {"next": ("cursor", "abc")}),
        (ITEMS, {"next": ("cursor", "abd")}),
        (ITEMS, {"prev": ("cursor", "abc")}),
    ],
)
def test_another_page_has_another_etag(items: list[dict[str, Any]], links: dict[str, tuple[str, object]]) -> None:
    # The links count too: with the first older message, an inbox of one page gets a next link.
    assert _etag(items, links) != _etag(ITEMS)


def _etag(items: list[dict[str, Any]], links: dict[str, tuple[str, object]] | None = None) -> str:
    etag: str = http_api.ok_page(request(), items, links or {})["headers"]["etag"]
    return etag


@pytest.mark.parametrize(
    "tags",
    ["{etag}", "W/{etag}", '"another", {etag}', '{etag},W/"another"', ' "a" ,  W/{etag} , "b"', "*", '"another", *'],
)
def test_a_client_that_has_the_page_gets_304(tags: str) -> None:
    links: dict[str, tuple[str, object]] = {"next": ("cursor", "abc")}
    first = http_api.ok_page(request(), ITEMS, links)
    etag = first["headers"]["etag"]

    again = http_api.ok_page(request(headers={"if-none-match": tags.format(etag=etag)}), ITEMS, links)

    assert again["statusCode"] == 304
    assert "body" not in again
    assert "content-type" not in again["headers"]
    assert again["headers"] == {
        "cache-control": "private, no-cache",
        "etag": etag,
        "link": first["headers"]["link"],
    }


@pytest.mark.parametrize("tags", ["", '"another"', "{bare}", 'W/"another"', '"{bare}', "w/{etag}", "{etag}x", '"*"'])
def test_a_client_with_another_page_gets_this_one(tags: str) -> None:
    etag = _etag(ITEMS)

    response = http_api.ok_page(
        request(headers={"if-none-match": tags.format(etag=etag, bare=etag.strip('"'))}), ITEMS, {}
    )

    assert response["statusCode"] == 200
    assert json_body(response) == ITEMS


def _handler_that_raises(error: Exception) -> Callable[[http_api.Event, Any], http_api.Response]:
    def handle(_: http_api.Request) -> NoReturn:
        raise error

    return http_api.route(handle)
