"""HTTP through API Gateway (payload format 2.0): reads requests, and turns errors into responses, in one place."""

import base64
import functools
import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from messaging.model import keys
from messaging.model.errors import (
    Busy,
    Changed,
    Forbidden,
    Gone,
    HandleTaken,
    Invalid,
    MessageUuidTaken,
    MessagingError,
    NotFound,
    Prevented,
    TooLarge,
    TooManyRequests,
    Unauthenticated,
    UnknownFields,
    Unreadable,
    answer_for,
)
from messaging.model.limits import LimitReached, Usage
from messaging.observability import count, log_failure, logger
from messaging.services import refusals

Event = dict[str, Any]
Response = dict[str, Any]

_STATUS: dict[type[MessagingError], HTTPStatus] = {
    MessagingError: HTTPStatus.BAD_REQUEST,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Prevented: HTTPStatus.CONFLICT,
    Gone: HTTPStatus.GONE,
    Changed: HTTPStatus.PRECONDITION_FAILED,
    MessageUuidTaken: HTTPStatus.CONFLICT,
    HandleTaken: HTTPStatus.CONFLICT,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
    Busy: HTTPStatus.SERVICE_UNAVAILABLE,
}
_BUSY_RETRY_AFTER_SECONDS = 1
_QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"

_SMALL_BODY = 2048  # bytes, for one value
LARGEST = 10**18 - 1  # the largest number in a cursor
_DEFAULT_LIMIT = 20
_NUMBER = re.compile(r"0|[1-9][0-9]{0,11}")  # as many digits as keys.change_sk writes
_LIMIT = re.compile(r"[1-9][0-9]?|100")


@dataclass(frozen=True, slots=True)
class Request:
    """A request of a signed-in person."""

    user_uuid: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    _event: Event = field(repr=False)

    @classmethod
    def from_event(cls, event: Event) -> "Request":
        """Read an event. The verified token alone identifies the caller; raises Unauthenticated without its claims."""
        user_id_claim = os.environ["USER_ID_CLAIM"]
        try:
            user_uuid = _user_uuid(event["requestContext"]["authorizer"]["jwt"]["claims"], user_id_claim)
        except (KeyError, TypeError, UnicodeEncodeError):
            raise Unauthenticated("A bearer token is required.") from None
        return cls(
            user_uuid,
            event.get("pathParameters") or {},
            event.get("queryStringParameters") or {},
            event.get("headers") or {},
            event,
        )

    @property
    def claims(self) -> Mapping[str, str]:
        """The claims of the verified token."""
        claims: Mapping[str, str] = self._event["requestContext"]["authorizer"]["jwt"]["claims"]
        return claims

    def uuid(self, name: str) -> str:
        """A path parameter that is a uuid. Raises Unreadable."""
        return read_uuid(self.path[name], name)

    def handle(self, name: str = "handle") -> str:
        """The handle of a path like /api/users/@{handle}/short. Raises NotFound for an invalid handle."""
        at, handle = self.path[name][:1], self.path[name][1:]
        if at != "@" or not keys.is_handle(handle):
            raise NotFound("Nobody has this handle.")
        return handle

    def limit(self) -> int:
        """The maximum number of items: 1 to 100, by default 20. Raises Unreadable."""
        text = self.query.get("limit")
        if text is None:
            return _DEFAULT_LIMIT
        if not _LIMIT.fullmatch(text):
            raise Unreadable("limit must be a number from 1 to 100.")
        return int(text)

    def after(self) -> int:
        """The number of the query after which a list begins: by default 0. Raises Unreadable."""
        text = self.query.get("after")
        if text is None:
            return 0
        if not _NUMBER.fullmatch(text):
            raise Unreadable("after must be the number of a change, 0 for none.")
        return int(text)

    def number(self, name: str) -> int:
        """The body's only field, a positive integer. Raises Unreadable, UnknownFields and TooLarge."""
        value = self.body(name).get(name)
        if not (isinstance(value, int) and 0 < value <= LARGEST) or isinstance(value, bool):
            raise Unreadable(f"{name} must be a positive integer.")
        return value

    def body(self, *fields: str, most_bytes: int = _SMALL_BODY) -> dict[str, Any]:
        """The body, a JSON object with no other fields than these. Raises Unreadable, UnknownFields and TooLarge."""
        body = self.json(most_bytes)
        if unknown := body.keys() - set(fields):
            raise UnknownFields(*(field.encode(errors="replace").decode() for field in sorted(unknown)))
        return body

    def json(self, most_bytes: int) -> dict[str, Any]:
        """The body, a JSON object. Raises Unreadable, and TooLarge for a body of more bytes."""
        body = self._event.get("body") or ""
        try:
            raw = base64.b64decode(body, validate=True) if self._event.get("isBase64Encoded") else body.encode()
            if len(raw) > most_bytes:
                raise TooLarge(f"The body must not be larger than {most_bytes} bytes.")
            value = json.loads(raw.decode(), parse_constant=_no_json)
        except (ValueError, RecursionError):
            raise Unreadable("The body is not valid JSON.") from None
        if not isinstance(value, dict):
            raise Unreadable("The body must be a JSON object.")
        return value


def _user_uuid(claims: Mapping[str, str], user_id_claim: str) -> str:
    """The caller's user_uuid: Cognito's sub, or derived from `user_id_claim` of another issuer. Raises KeyError."""
    if not user_id_claim:
        return claims["sub"]
    if not claims[user_id_claim]:
        raise KeyError(user_id_claim)
    return keys.user_uuid(claims["iss"], claims[user_id_claim])


def read_uuid(text: str, name: str) -> str:
    """`text` as a uuid in lower case. Raises Unreadable with `name`."""
    uuid = keys.canonical_uuid(text)
    if uuid is None:
        raise Unreadable(f"{name} must be a uuid.")
    return uuid


def route(handle: Callable[[Request], Response]) -> Callable[[Event, Any], Response]:
    """Make a Lambda handler of a function from request to response. Every error becomes a response here."""

    @functools.wraps(handle)
    def lambda_handler(event: Event, _context: Any) -> Response:
        try:
            with refusals.alike():
                return handle(Request.from_event(event))
        except MessagingError as error:
            response = _refusal(error)
            _log_refusal(event, error, response)
            count(RequestsBusy=isinstance(error, Busy), RequestsTooMany=isinstance(error, TooManyRequests))
        except Exception as error:
            log_failure(error, request_id=_request_id(event), route=event.get("routeKey"))
            response = _problem(HTTPStatus.INTERNAL_SERVER_ERROR, f"Request {_request_id(event)} failed.")
        return response

    return lambda_handler


def ok(value: object, **headers: str) -> Response:
    """200 with a JSON body."""
    return {
        "statusCode": int(HTTPStatus.OK),
        "headers": {"content-type": "application/json", "cache-control": "no-store", **headers},
        "body": _dumps(value),
    }


def limits(usages: Sequence[Usage]) -> dict[str, str]:
    """Headers with the usage of limits (draft-ietf-httpapi-ratelimit-headers); none for no limits."""
    if not usages:
        return {}
    policy = [f'"{one.limit.name}";q={one.limit.quota};w={one.limit.seconds}' for one in usages]
    usage = [f'"{one.limit.name}";r={one.remaining};t={one.reset}' for one in usages]
    return {"ratelimit-policy": ", ".join(policy), "ratelimit": ", ".join(usage)}


def ok_page(request: Request, items: list[dict[str, Any]], links: Mapping[str, tuple[str, object]]) -> Response:
    """200 with a page of a list, or 304 if the client has it.

    `links` maps a relation to a query parameter and its cursor. The references in the Link header (RFC 8288) are only a
    query, so they work under any base path.
    """
    response = ok(items)
    headers = response["headers"]
    headers["cache-control"] = "private, no-cache"
    if links:
        kept = {name: request.query[name] for name in ("limit", "folder") if name in request.query}
        headers["link"] = ", ".join(
            f'<?{urlencode({**kept, parameter: str(cursor)})}>; rel="{relation}"'
            for relation, (parameter, cursor) in links.items()
        )
    etag = hashlib.sha256(f"{headers.get('link')}\n{response['body']}".encode()).hexdigest()[:32]
    headers["etag"] = f'"{etag}"'
    if _matches(request.headers.get("if-none-match", ""), headers["etag"]):
        del headers["content-type"]
        return {"statusCode": int(HTTPStatus.NOT_MODIFIED), "headers": headers}
    return response


def _matches(if_none_match: str, etag: str) -> bool:
    """Compare weakly (RFC 9110): a cache in between may have made the tag weak."""
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return etag in tags or "*" in tags


def _refusal(error: MessagingError) -> Response:
    if isinstance(error, Invalid):
        return {**ok(list(error.codes)), "statusCode": int(HTTPStatus.UNPROCESSABLE_ENTITY)}
    status = answer_for(error, _STATUS)
    if isinstance(error, LimitReached):
        quota = {"type": _QUOTA_EXCEEDED, "violated-policies": [error.usage.limit.name]}
        response = _problem(status, str(error), limits([error.usage]), **quota)
    else:
        response = _problem(status, str(error))
    if isinstance(error, Busy | TooManyRequests):
        seconds = _BUSY_RETRY_AFTER_SECONDS if isinstance(error, Busy) else error.retry_after
        response["headers"]["retry-after"] = str(seconds)
    return response


def _problem(status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None, **more: object) -> Response:
    """A problem (RFC 9457), perhaps of a type of its own."""
    problem = {"type": "about:blank", "title": status.phrase, "status": int(status), "detail": detail, **more}
    response = ok(problem, **{"content-type": "application/problem+json", **(headers or {})})
    return {**response, "statusCode": int(status)}


def _log_refusal(event: Event, error: MessagingError, response: Response) -> None:
    logger.info(
        "refused",
        request_id=_request_id(event),
        route=event.get("routeKey"),
        status=response["statusCode"],
        error=type(error).__name__,
        codes=error.codes if type(error) is Invalid else None,  # unknown fields are the caller's words
    )


def _request_id(event: Event) -> str | None:
    request_id: str | None = (event.get("requestContext") or {}).get("requestId")
    return request_id


def _no_json(constant: str) -> None:
    """Refuse NaN and Infinity, which Python reads although they are not JSON."""
    raise ValueError(f"{constant} is not JSON.")


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
