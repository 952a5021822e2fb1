"""The cost of a month on AWS, line by line, and of other ways to have the same: the page docs/cost.md.

Units come measured from the code; how people behave and how long Lambda takes are the assumptions below.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from messaging.api import views
from messaging.model.conversation import Head
from messaging.model.message import Message
from messaging.model.person import Person
from messaging.model.sent_record import SentRecord
from operators.schema import template

# Assumptions. Change them and run `make cost`.
MESSAGES = 1_000_000  # a month
DAILY_PEOPLE = 10_000
MONTHLY_PEOPLE = 20_000  # who sign in at least once a month
SIGNED_IN_DOLLARS = 0.0055  # for each of them, Cognito's plan Lite
OPENED = 20_000  # of the messages, those that open a conversation
A_DAY = {
    "inbox": 4,
    "conversation": 8,
    "older page": 1,
    "mark": 3,
    "poll": 30,
    "preflight": 4,
    "connect": 4,
}  # of each daily person; 3 messages a day reach a person, and each is marked as read by itself
CONNECTED_MINUTES = 40  # a day, of each daily person: all sockets together
PING_MINUTES = 4.5  # between two pings of a socket, as packages/client-js sends them
CHECK_MINUTES = 15  # between two checks for lost events, likewise
DELIVERED = 2  # events for each message and each mark: one to a socket of either person
TYPING = 1  # frames for each message
TEXT = "Sixty letters or so, as people write when they chat a little"
MONTHS_KEPT = 12  # of messages, in the table at the time of the bill
PEAK = 5  # the busiest seconds, in averages: provisioned capacity must carry them
READ_SECONDS, SEND_SECONDS, STREAM_SECONDS, PING_SECONDS = 0.015, 0.025, 0.025, 0.005  # billed, warm
COLD = 0.001  # of invocations start a new environment
METRICS = 19  # names that the functions and metric filters count under, see tests/unit/test_cost.py
FAILURE_METRICS = 12  # of these, names of failures and refusals
FAILING_HOURS = 0.1  # of all: CloudWatch bills a metric for the hours in which something is counted
ACCESS_LOG_BYTES, METRIC_LOG_BYTES = 420, 220  # of a line
HEADER_BYTES = 500  # of an answer

# The bootcamp's design: units as the design's page has them, measured on DynamoDB Local with the bootcamp's own code.
BOOTCAMP_UNITS = {"read conversation": 2.0, "read inbox": 1.0, "send": 1.0, "update inboxes": 8.0, "look up": 0.5}
BOOTCAMP_PAGE = 50  # messages
BOOTCAMP_STREAM_CALLS = 5  # for each message: its own, and one for each of the four writes that it makes
BOOTCAMP_REQUEST_CPU = 0.01  # seconds of a core, Flask with SQL
BOOTCAMP_LOG_BYTES, BOOTCAMP_LAMBDA_LOG_BYTES = 200, 1000  # of a request, of an invocation

HOURS = 730
SECONDS = HOURS * 3600
DAYS = HOURS / 24
GB = 10**9
ITEM_OVERHEAD = 100  # bytes that DynamoDB bills beside an item's own

LOOKED_UP = "2026-11-24"
SOURCES = {
    "API Gateway": "https://aws.amazon.com/api-gateway/pricing/",
    "Lambda": "https://aws.amazon.com/lambda/pricing/",
    "DynamoDB": "https://aws.amazon.com/dynamodb/pricing/",
    "CloudWatch": "https://aws.amazon.com/cloudwatch/pricing/",
    "X-Ray": "https://aws.amazon.com/xray/pricing/",
    "data out, IPv4": "https://aws.amazon.com/ec2/pricing/on-demand/",
    "load balancer": "https://aws.amazon.com/elasticloadbalancing/pricing/",
    "Fargate": "https://aws.amazon.com/fargate/pricing/",
    "RDS": "https://aws.amazon.com/rds/postgresql/pricing/",
    "ECR": "https://aws.amazon.com/ecr/pricing/",
    "Cognito": "https://aws.amazon.com/cognito/pricing/",
    "CloudTrail": "https://aws.amazon.com/cloudtrail/pricing/",
    "CloudFront": "https://aws.amazon.com/cloudfront/pricing/",
    "KMS": "https://aws.amazon.com/kms/pricing/",
}


class Consumed(NamedTuple):
    """Requests and units that an operation asks of DynamoDB."""

    requests: float
    read: float
    write: float


@dataclass(frozen=True)
class Line:
    """One line of the bill. `price` is in dollars for one `unit`."""

    what: str
    quantity: float
    unit: str
    price: float

    @property
    def dollars(self) -> float:
        return self.quantity * self.price


@dataclass(frozen=True)
class Month:
    """The use of a month that is `times` the assumed one."""

    times: float = 1

    @property
    def messages(self) -> float:
        return MESSAGES * self.times

    @property
    def opened(self) -> float:
        return OPENED * self.times

    def done(self, *what: str) -> float:
        return sum(A_DAY[one] for one in what) * DAILY_PEOPLE * DAYS * self.times

    @property
    def reads(self) -> float:
        return self.done("inbox", "conversation", "older page", "poll")

    @property
    def marks(self) -> float:
        return self.done("mark")

    @property
    def connects(self) -> float:
        return self.done("connect")

    @property
    def connected_minutes(self) -> float:
        return CONNECTED_MINUTES * DAILY_PEOPLE * DAYS * self.times

    @property
    def checks(self) -> float:
        return self.connected_minutes / CHECK_MINUTES

    @property
    def pings(self) -> float:
        return self.connects * (CONNECTED_MINUTES / A_DAY["connect"] // PING_MINUTES)


@dataclass(frozen=True)
class Offer:
    """The price of another service for the same people and messages, None where it was not found."""

    name: str
    plan: str
    dollars: float | None
    source: str


def offers() -> list[Offer]:
    """List prices, as their pages showed them on the dates given."""
    messages, minutes = (1 + DELIVERED) * MESSAGES / 1e6, Month().connected_minutes / 1e6
    plans = "https://github.com/api-evangelist"
    return [
        Offer(
            "Stream Chat",
            "Start, up to 25,000 people a month, paid monthly ($1,049 if paid by the year)",
            1299,
            f"<https://getstream.io/chat/pricing/>, noted 2026-05-08 in <{plans}/stream-io>",
        ),
        Offer(
            "Sendbird Chat",
            "Starter: $399 for up to 5,000 people, paid monthly. The price for 25,000 was not found",
            None,
            f"<https://sendbird.com/pricing/chat>, noted 2026-05-05 in <{plans}/sendbird>",
        ),
        Offer(
            "Ably",
            f"Standard, $29, with {messages:.0f} million messages at $2.50, and {minutes:.1f} million minutes each of "
            "connections and of channels at $1.00. For accounts from before Ably charged by the person, which price "
            "was not found",
            29 + messages * 2.50 + 2 * minutes * 1.00,
            "<https://ably.com/docs/platform/pricing/resource-based> and <https://ably.com/pricing>, noted 2026-05-08 "
            f"in <{plans}/ably>",
        ),
    ]


class Operation(NamedTuple):
    """An event that happens so many `times` a month, each time with one invocation of a function."""

    name: str
    times: float
    seconds: float
    consumed: Consumed = Consumed(0, 0, 0)
    requests: int = 0  # to the API
    frames: float = 0  # through sockets, in and out
    metric_lines: int = 0


def operations(measured: Mapping[str, Consumed], month: Month) -> list[Operation]:
    """Everything that the functions do in a month. Clients have sockets and do not poll."""

    def together(*names: str) -> Consumed:
        return Consumed(*map(sum, zip(*(measured[name] for name in names), strict=True)))

    sends = month.messages - month.opened  # a first message brings its inbox entries
    read = READ_SECONDS
    push = measured["push of 1 message"]
    return [
        Operation("inbox", month.done("inbox"), read, measured["B newest 20 groups"], requests=1),
        Operation("conversation", month.done("conversation"), read, measured["A newest 20 messages"], requests=1),
        Operation("older page", month.done("older page"), read, measured["A an older page"], requests=1),
        Operation("mark", month.marks, read, measured["mark read"], requests=1),
        Operation("send", sends, SEND_SECONDS, measured["D send"], requests=1, metric_lines=1),
        Operation("open", month.opened, SEND_SECONDS, measured["C new conversation"], requests=1, metric_lines=1),
        Operation(
            "stream: message",
            sends,
            STREAM_SECONDS,
            together("inbox after 1 message", "unread after 1 message"),
            metric_lines=1,
        ),
        Operation("stream: mark", month.marks, STREAM_SECONDS, together("inbox after a mark", "unread after a mark")),
        Operation("push: message", month.messages, STREAM_SECONDS, push, frames=DELIVERED, metric_lines=1),
        Operation("push: mark", month.marks, STREAM_SECONDS, push, frames=DELIVERED, metric_lines=1),
        Operation("ticket", month.connects, read, measured["ticket"], requests=1),
        Operation("authorize", month.connects, read, Consumed(1, 0, 1)),
        Operation("connect", month.connects, read, measured["connect"]),
        Operation("subscribe", month.done("conversation"), read, measured["subscribe"], frames=2),
        Operation("disconnect", month.connects, read, measured["disconnect"]),
        Operation("check: changes", month.checks, read, measured["20 conversations since a time"], requests=1),
        Operation("check: counts", month.checks, read, measured["unread, of 30 conversations"], requests=1),
        Operation("ping", month.pings, PING_SECONDS, frames=2),
        Operation("typing", TYPING * month.messages, read, measured["typing"], frames=2),
    ]


def ours(measured: Mapping[str, Consumed], month: Month, *, is_prod: bool = True) -> list[Line]:
    """The bill of this system with samconfig.toml's parameters for prod or dev."""
    done = operations(measured, month)
    requests = _requests(done)
    answers = requests + month.done("preflight")
    invocations = sum(one.times for one in done)
    logged = requests * ACCESS_LOG_BYTES + sum(one.times * one.metric_lines for one in done) * METRIC_LOG_BYTES
    lines = [
        Line("API Gateway: requests", answers / 1e6, "million", 1.00),
        Line("API Gateway: frames of sockets", sum(one.times * one.frames for one in done) / 1e6, "million", 1.00),
        Line("API Gateway: sockets connected", month.connected_minutes / 1e6, "million minutes", 0.25),
        Line("Lambda: invocations", invocations / 1e6, "million", 0.20),
        Line("Lambda: computing", sum(one.times * one.seconds for one in done) * _memory(), "GB-seconds", 0.0000133334),
        Line("DynamoDB: writes", sum(one.times * one.consumed.write for one in done) / 1e6, "million units", 0.625),
        Line("DynamoDB: reads", sum(one.times * one.consumed.read for one in done) / 1e6, "million units", 0.125),
        Line("DynamoDB: storage", _stored(month), "GB-months", 0.25),
        Line("DynamoDB: point-in-time recovery", _stored(month), "GB-months", 0.20),
        Line("CloudWatch: logs written", logged / GB, "GB", 0.50),
        Line("CloudWatch: logs kept", logged / GB, "GB-months", 0.03),
        Line("CloudWatch: metrics, for the hours they count", _metrics(month), "metrics", 0.30),
        Line("CloudWatch: alarms", _count("AWS::CloudWatch::Alarm", is_prod=is_prod), "alarms", 0.10),
        Line("CloudWatch: dashboard", _count("AWS::CloudWatch::Dashboard", is_prod=is_prod), "dashboards", 3.00),
        Line("data out", _sent(month, 20, answers, polled=0) / GB, "GB", 0.09),
    ]
    return [line for line in lines if line.quantity]


def options(measured: Mapping[str, Consumed], month: Month) -> list[Line]:
    """The price of parameters that are off by default, where it depends on use or is a dollar or more."""
    done = operations(measured, month)
    invocations = sum(one.times for one in done)
    functions = _count("AWS::Serverless::Function", is_prod=True) - 1  # but PostConfirmation
    events = sum(one.times * one.consumed.requests for one in done)
    page_views = month.done("inbox")  # two files each: browsers keep the others
    sent = _sent(month, 20, month.done("preflight"), polled=0)
    return [
        Line("AuditTrail: data events, one for each request to the table", events / 1e6, "million", 1.00),
        Line("Tracing: traces, one a second and 5 %", _traces(invocations) / 1e6, "million", 5.00),
        Line("SnapStart: snapshots kept", functions * _memory() * SECONDS, "GB-seconds", 0.0000015046),
        Line("SnapStart: snapshots restored", invocations * COLD * _memory(), "GB", 0.0001397998),
        Line("WebClient: requests", (page_views * 2 + _requests(done)) / 1e6, "million", 1.00),
        Line("WebClient: data out, instead of the API's", sent / GB, "GB", 0.085),
        Line("CustomerManagedKey: the key", 1, "keys", 1.00),
    ]


def _requests(done: list[Operation]) -> float:
    return sum(one.times * one.requests for one in done)


def _memory() -> float:
    """Of a function, in GB."""
    return float(template()["Globals"]["Function"]["MemorySize"]) / 1024


def _count(kind: str, *, is_prod: bool) -> int:
    """The number of resources of a type in prod or dev, which has none that only full monitoring has."""
    return sum(
        resource["Type"] == kind and (is_prod or resource.get("Condition") != "HasFullMonitoring")
        for resource in template()["Resources"].values()
    )


def _metrics(month: Month) -> float:
    """Custom metrics, each by the share of hours in which it counts something: none if nobody comes."""
    if month.messages < SECONDS / 3600:  # less than one an hour
        return 0
    return METRICS - FAILURE_METRICS + FAILURE_METRICS * FAILING_HOURS


def bootcamp(month: Month) -> list[Line]:
    """The bill of the bootcamp's design for the same use, provisioned for the busiest seconds."""
    requests = month.reads + month.messages + month.done("preflight")
    peak = PEAK / SECONDS
    tasks = math.ceil(requests * peak * BOOTCAMP_REQUEST_CPU / 0.25)
    units = BOOTCAMP_UNITS
    write = month.messages * (units["send"] + units["update inboxes"])
    read = (
        month.done("inbox") * units["read inbox"]
        + month.done("conversation", "older page", "poll") * units["read conversation"]
        + month.messages * units["look up"]
    )
    calls = month.messages * BOOTCAMP_STREAM_CALLS
    sent = _sent(month, BOOTCAMP_PAGE, requests, polled=BOOTCAMP_PAGE) / GB
    logged = (requests * BOOTCAMP_LOG_BYTES + calls * BOOTCAMP_LAMBDA_LOG_BYTES) / GB
    return [
        Line("load balancer", HOURS, "hours", 0.0225),
        Line("load balancer: capacity", max(requests / SECONDS / 25 * HOURS, sent), "LCU-hours", 0.008),
        Line("public IPv4: three of the load balancer, one a task", (3 + tasks) * HOURS, "hours", 0.005),
        Line("Fargate: tasks of ¼ vCPU and ½ GB", tasks * HOURS, "hours", 0.25 * 0.04048 + 0.5 * 0.004445),
        Line("RDS: db.t4g.micro, one zone", HOURS, "hours", 0.016),
        Line("RDS: storage", 20, "GB-months", 0.115),
        Line(
            "DynamoDB: write capacity, table and index", max(10, math.ceil(write * peak)) * HOURS, "WCU-hours", 0.00065
        ),
        Line("DynamoDB: read capacity, table and index", max(10, math.ceil(read * peak)) * HOURS, "RCU-hours", 0.00013),
        Line("DynamoDB: storage", _message_bytes() * month.messages * MONTHS_KEPT / GB, "GB-months", 0.25),
        Line("Lambda: invocations by the stream", calls / 1e6, "million", 0.20),
        Line("Lambda: computing", (month.messages * 0.1 + calls * 0.005) * 0.125, "GB-seconds", 0.0000133334),
        Line("CloudWatch: logs written", logged, "GB", 0.50),
        Line("CloudWatch: logs kept", logged, "GB-months", 0.03),
        Line("ECR: images", 1, "GB-months", 0.10),
        Line("data out", sent, "GB", 0.09),
    ]


_BAYKO = Person("0e4f6f0c-6c1e-4a43-9c3e-6f2a1f0b7d01", "bayko", "Andrew Bayko")
_LONDO = Person("7a3c2b1e-98d7-4f65-8a10-2b3c4d5e6f02", "londo", "Londo Mollari")
_MESSAGE = Message(_BAYKO.user_uuid, _LONDO.user_uuid, TEXT, _BAYKO, "2026-11-23T20:00:00.000000+00:00", 100)


def _stored(month: Month) -> float:
    """GB of all months: messages with their records, and of each conversation its head, two entries, an unread one."""
    head = Head.of_first(_MESSAGE, _LONDO)
    items = [head.item, *(entry.item for entry in head.inbox_entries), *(entry.item for entry in head.unread)]
    conversation = sum(map(_bytes, items))
    message = _message_bytes() + _bytes(SentRecord.of(_MESSAGE).item)
    return (month.messages * message + month.opened * conversation) * MONTHS_KEPT / GB


def _message_bytes() -> int:
    return _bytes(_MESSAGE.item)


def _bytes(item: dict[str, Any]) -> int:
    """Bytes that DynamoDB bills for an item, near enough: names, values, overhead."""

    def size(value: Any) -> int:
        if isinstance(value, dict):
            return sum(size(part) + (len(name) if len(name) > 1 else 0) for name, part in value.items())
        return 1 if isinstance(value, bool) else len(value.encode())

    return ITEM_OVERHEAD + size(item)


def _sent(month: Month, page: int, answers: float, *, polled: int) -> float:
    """Bytes of all answers, so many. A poll is answered with `polled` messages, 0 if nobody polls."""
    message = len(json.dumps(views.message(_MESSAGE)))
    messages = month.done("inbox") * 20 + month.done("conversation", "older page") * page + month.messages
    return answers * HEADER_BYTES + (messages + month.done("poll") * polled) * message


def _traces(invocations: float) -> float:
    """Recorded by Lambda's sampling: the first of each second and 5 % of the rest."""
    first = min(invocations, SECONDS)
    return first + 0.05 * (invocations - first)


def page(measured: Mapping[str, Consumed]) -> str:
    """docs/cost.md."""
    month, ten, nobody = Month(), Month(10), Month(1e-9)
    mine, mine_ten = ours(measured, month), ours(measured, ten)
    theirs, theirs_ten = bootcamp(month), bootcamp(ten)
    goals = [
        ("nobody comes, dev", 3.0, total(ours(measured, nobody, is_prod=False))),
        ("nobody comes, prod", 8.0, total(ours(measured, nobody))),
        (f"{MESSAGES:,} messages, {DAILY_PEOPLE:,} people a day, prod", 55.0, total(mine)),
        ("… without read marks, typing and presence", 55.0, total(mine) - _lively(measured, month)),
    ]
    a_day = ", ".join(f"{what} {count}" for what, count in A_DAY.items())
    units = "\n".join(
        f"| {operation} | {one.requests:g} | {one.read:g} | {one.write:g} |" for operation, one in measured.items()
    )
    sources = "\n".join(f"- {service}: <{url}>" for service, url in SOURCES.items())
    others = "\n".join(
        f"| {one.name} | {'not found' if one.dollars is None else f'${one.dollars:,.2f}'} | {one.plan} | {one.source} |"
        for one in offers()
    )
    return f"""# The cost of a month

{MESSAGES:,} messages a month and {DAILY_PEOPLE:,} people a day, in us-east-1, at list prices without any free tier.
`make cost` writes this page ([operators/cost.py](../operators/cost.py)): units are measured on DynamoDB Local with the
code as it stands, and a test holds the page to them. [scale.md](scale.md) goes on from here to 10⁸ people a day.

| | this system | the bootcamp's design |
|---|---:|---:|
| a month | **${total(mine):,.2f}** | **${total(theirs):,.2f}** |
| ten times as much of everything | ${total(mine_ten):,.2f} | ${total(theirs_ten):,.2f} |
| nobody comes | ${goals[1][2]:,.2f} | ${total(bootcamp(nobody)):,.2f} |

The goals:

| | goal | computed | |
|---|---:|---:|---|
{_goals(goals)}

This page left read marks, typing and presence out of the month when the goals were set.

## This system

{_table(mine, mine_ten)}

Dev has no dashboard and only the alarms that tell of something broken (`FullMonitoring=false` in samconfig.toml).

## Parameters that cost more

All are off by default. `PrivateNetwork` costs nothing (a gateway endpoint), `ConfigRules` cents.

{_table(options(measured, month), options(measured, ten), has_total=False)}

An old version of a function costs as much for its snapshot as the current one. The template deletes old versions.

## The bootcamp's design, for the same use

Flask on Fargate behind a load balancer, PostgreSQL, a provisioned table with an index, one Lambda on its stream; sized
for {PEAK} times the average. Its database has no standby. Its front end is left out, as ours is. It has no read
marks, typing and presence.

{_table(theirs, theirs_ten)}

Its units are those of its own code on DynamoDB Local: 1 write for a send; 5 requests and 8.5 units to update the
inboxes after each message; 2 reads for a page of 50 messages, which every poll brings again.

## Services that do the same

List prices for {MONTHLY_PEOPLE:,} people a month, {DAILY_PEOPLE:,} of them each day, and {MESSAGES:,} messages.
The services' own pages fill in figures by script, so they were read where somebody had noted them on the date given:
check them before you decide. None includes signing in.

| | a month | plan | source |
|---|---:|---|---|
{others}

Stream and Sendbird also limit sockets that are open at once (5 % of the people of the month) and charge for more.
Ably's price is for delivery with 30 days of history: inboxes, unread counts and older history are yours to build.

## Signing in

Both use a Cognito user pool, which is in neither total: {MONTHLY_PEOPLE:,} people a month are
${MONTHLY_PEOPLE * 0.015:,.2f} on the Essentials plan, the default, and
${MONTHLY_PEOPLE * SIGNED_IN_DOLLARS:,.2f} on Lite.

## Measured

| operation | requests | read units | write units |
|---|---:|---:|---:|
{units}

## Assumed

- Each of the day's people does so often a day: {a_day}.
  A poll asks for the newest page again. Here nobody polls: sockets deliver news.
- Sockets are open for {CONNECTED_MINUTES} minutes a day and ping every {PING_MINUTES}. Each conversation that is opened
  subscribes to the other's presence. A message and a mark are delivered to {DELIVERED} sockets, and for each message
  somebody is seen typing.
- {OPENED:,} of the messages open a conversation. A message has {len(TEXT)} characters. No burst is folded: each message
  rewrites both inboxes by itself. {MONTHS_KEPT} months of messages are stored, with their sent records.
- Lambda bills {READ_SECONDS * 1000:g} ms for a read, {SEND_SECONDS * 1000:g} ms for a send,
  {STREAM_SECONDS * 1000:g} ms for a stream batch of one message and {PING_SECONDS * 1000:g} ms for a ping. This is not
  measured on AWS: a warm handler takes 1 to 1.5 ms of a core here, 512 MB of Lambda is 0.29 of a core, and a request to
  DynamoDB is taken for 10 ms.
- {COLD:.1%} of invocations start a new environment.
- {FAILURE_METRICS} of the {METRICS} metrics count failures and refusals, in one hour of {1 / FAILING_HOURS:.0f}.
- A Flask request takes {BOOTCAMP_REQUEST_CPU * 1000:g} ms of a core.
- Left out are changes of messages: an edit or a reaction costs about as much as a send.
- Left out, for less than a dollar each: KMS requests for the table's key, the failure queue, the deployment bucket, the
  bucket of AuditTrail. Stream reads by Lambda are free.

## Prices

us-east-1, on demand, first tier, arm64; looked up {LOOKED_UP}. AWS's pages fill in many figures by script, so those
were read in articles that quote them. Not found quoted, and to be checked on the page named: DynamoDB storage and
recovery, kept logs, ECR, Cognito.

{sources}
"""


def _goals(goals: list[tuple[str, float, float]]) -> str:
    return "\n".join(
        f"| {what} | ≤ ${goal:,.0f} | ${dollars:,.2f} | {'reached' if dollars <= goal else 'missed'} |"
        for what, goal, dollars in goals
    )


def _lively(measured: Mapping[str, Consumed], month: Month) -> float:
    """Dollars of the bill for read marks, typing and presence."""
    names = ("mark", "stream: mark", "push: mark", "subscribe", "typing")
    millionths = sum(
        one.times
        * (
            one.requests * 1.00
            + one.frames * 1.00
            + 0.20
            + one.seconds * _memory() * 13.3334
            + one.consumed.write * 0.625
            + one.consumed.read * 0.125
        )
        for one in operations(measured, month)
        if one.name in names
    )
    return millionths / 1e6


def total(lines: list[Line]) -> float:
    """Dollars of a bill."""
    return sum(line.dollars for line in lines)


def _table(lines: list[Line], ten: list[Line], *, has_total: bool = True) -> str:
    rows = [
        f"| {line.what} | {_quantity(line.quantity)} {line.unit} | {_price(line.price)} "
        f"| ${line.dollars:,.2f} | ${tenfold.dollars:,.2f} |"
        for line, tenfold in zip(lines, ten, strict=True)
    ]
    head = "| | quantity | price of one | a month | ten times as much |\n|---|---:|---:|---:|---:|"
    sums = [f"| **total** | | | **${total(lines):,.2f}** | **${total(ten):,.2f}** |"] if has_total else []
    return "\n".join([head, *rows, *sums])


def _quantity(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _price(dollars: float) -> str:
    """All of its decimals, at least two."""
    whole, _, decimals = f"{dollars:.10f}".rstrip("0").partition(".")
    return f"${whole}.{decimals:0<2}"
