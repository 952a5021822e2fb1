"""What a month of the system costs on AWS, line by line, beside the bootcamp's design: the page docs/cost.md.

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
OPENED = 20_000  # of the messages, those that open a conversation
A_DAY = {
    "inbox": 4,
    "conversation": 8,
    "older page": 1,
    "poll": 30,
    "preflight": 4,
    "connect": 4,
}  # of each daily person
CONNECTED_MINUTES = 40  # a day, of each daily person: all sockets together
PING_MINUTES = 5  # between two pings of a socket
TOLD = 2  # sockets for each message: one of either person
TEXT = "Sixty letters or so, as people write when they chat a little"
MONTHS_KEPT = 12  # of messages, in the table at the time of the bill
PEAK = 5  # the busiest seconds, in averages: what is provisioned must carry them
READ_SECONDS, SEND_SECONDS, STREAM_SECONDS = 0.025, 0.05, 0.05  # billed, warm
COLD = 0.001  # of invocations start a new environment
METRICS = 18  # names that the functions and metric filters count under, see tests/integration/test_cost.py
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
}


class Consumed(NamedTuple):
    """What an operation asks of DynamoDB."""

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
    """What people do in a month that is `times` the assumed one."""

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
    def connects(self) -> float:
        return self.done("connect")

    @property
    def connected_minutes(self) -> float:
        return CONNECTED_MINUTES * DAILY_PEOPLE * DAYS * self.times

    @property
    def pings(self) -> float:
        return self.connected_minutes / PING_MINUTES


def ours(measured: Mapping[str, Consumed], month: Month) -> list[Line]:
    """The bill of this system, whose clients have sockets and do not poll."""
    loaded = template()
    memory = loaded["Globals"]["Function"]["MemorySize"] / 1024
    functions = sum(one["Type"] == "AWS::Serverless::Function" for one in loaded["Resources"].values())
    alarms = sum(one["Type"] == "AWS::CloudWatch::Alarm" for one in loaded["Resources"].values())
    dashboards = sum(one["Type"] == "AWS::CloudWatch::Dashboard" for one in loaded["Resources"].values())
    reads = month.done("inbox", "conversation", "older page")
    sends = moves = month.messages - month.opened  # a first message brings its inbox items
    sockets = 4 * month.connects + month.pings  # a ticket, its check, connect and disconnect
    pushes = month.messages
    invocations = reads + month.messages + moves + sockets + pushes
    seconds = (reads + sockets) * READ_SECONDS
    seconds += month.messages * SEND_SECONDS + (moves + pushes) * STREAM_SECONDS
    write = sends * measured["D send"].write + month.opened * measured["C new conversation"].write
    write += moves * measured["inbox after 1 message"].write
    write += month.connects * (2 * measured["ticket"].write + measured["connect"].write + measured["disconnect"].write)
    read = (
        month.done("inbox") * measured["B newest 20 groups"].read
        + month.done("conversation") * measured["A newest 20 messages"].read
        + month.done("older page") * measured["A an older page"].read
        + sends * measured["D send"].read
        + month.opened * measured["C new conversation"].read
        + pushes * measured["push of 1 message"].read
        + month.connects * (measured["connect"].read + measured["disconnect"].read)
    )
    requests = reads + month.messages + month.connects
    answers = requests + month.done("preflight")
    logged = requests * ACCESS_LOG_BYTES + (month.messages + moves + pushes) * METRIC_LOG_BYTES
    lines = [
        Line("API Gateway: requests", answers / 1e6, "million", 1.00),
        Line("API Gateway: frames of sockets", (TOLD * pushes + 2 * month.pings) / 1e6, "million", 1.00),
        Line("API Gateway: sockets connected", month.connected_minutes / 1e6, "million minutes", 0.25),
        Line("Lambda: invocations", invocations / 1e6, "million", 0.20),
        Line("Lambda: computing", seconds * memory, "GB-seconds", 0.0000133334),
        Line("Lambda: SnapStart, kept", functions * memory * SECONDS, "GB-seconds", 0.0000015046),
        Line("Lambda: SnapStart, restored", invocations * COLD * memory, "GB", 0.0001397998),
        Line("DynamoDB: writes", write / 1e6, "million units", 0.625),
        Line("DynamoDB: reads", read / 1e6, "million units", 0.125),
        Line("DynamoDB: storage", _stored(month), "GB-months", 0.25),
        Line("DynamoDB: point-in-time recovery", _stored(month), "GB-months", 0.20),
        Line("CloudWatch: logs written", logged / GB, "GB", 0.50),
        Line("CloudWatch: logs kept", logged / GB, "GB-months", 0.03),
        Line("CloudWatch: metrics", METRICS, "metrics", 0.30),
        Line("CloudWatch: alarms", alarms, "alarms", 0.10),
        Line("CloudWatch: dashboards", dashboards, "dashboards", 3.00),
        Line("X-Ray: traces, one a second and 5 %", _traces(invocations) / 1e6, "million", 5.00),
        Line("data out", _sent(month, 20, answers, polled=0) / GB, "GB", 0.09),
    ]
    return [line for line in lines if line.quantity]


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
    """What DynamoDB bills for an item, near enough: names, values, overhead."""

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
    month, ten = Month(), Month(10)
    mine, mine_ten = ours(measured, month), ours(measured, ten)
    theirs, theirs_ten = bootcamp(month), bootcamp(ten)
    nobody = sum(line.dollars for line in ours(measured, Month(1e-9)))
    nobody_there = sum(line.dollars for line in bootcamp(Month(1e-9)))
    a_day = ", ".join(f"{what} {count} times" for what, count in A_DAY.items())
    rows = "\n".join(
        f"| {operation} | {one.requests:g} | {one.read:g} | {one.write:g} |" for operation, one in measured.items()
    )
    sources = "\n".join(f"- {service}: <{url}>" for service, url in SOURCES.items())
    return f"""# What a month costs

{MESSAGES:,} messages a month and {DAILY_PEOPLE:,} people a day, in us-east-1, at list prices without any free tier.
`make cost` writes this page ([operators/cost.py](../operators/cost.py)): units are measured on DynamoDB Local with the
code as it stands, and a test holds the page to them.

| | this system | the bootcamp's design |
|---|---:|---:|
| a month | **${_total(mine):,.2f}** | **${_total(theirs):,.2f}** |
| ten times as much of everything | ${_total(mine_ten):,.2f} | ${_total(theirs_ten):,.2f} |
| nobody comes | ${nobody:,.2f} | ${nobody_there:,.2f} |

## This system

{_table(mine, mine_ten)}

## The bootcamp's design, for the same use

Flask on Fargate behind a load balancer, PostgreSQL, a provisioned table with an index, one Lambda on its stream; sized
for {PEAK} times the average. Its database has no standby. Its front end is left out, as ours is.

{_table(theirs, theirs_ten)}

Its units are those of its own code on DynamoDB Local: 1 write for a send; 5 requests and 8.5 units to update the
inboxes after each message; 2 reads for a page of 50 messages, which every poll brings again.

## Signing in

Both use a Cognito user pool, which is in neither total: {MONTHLY_PEOPLE:,} people a month are
${MONTHLY_PEOPLE * 0.015:,.2f} on the Essentials plan, the default, and ${MONTHLY_PEOPLE * 0.0055:,.2f} on Lite.

## Measured

| operation | requests | read units | write units |
|---|---:|---:|---:|
{rows}

## Assumed

- Each of the day's people asks, a day: {a_day}.
  A poll asks for the newest page again. Here nobody polls: sockets tell what is new.
- Sockets are open for {CONNECTED_MINUTES} minutes a day and ping every {PING_MINUTES}; a message is told to {TOLD}.
- {OPENED:,} of the messages open a conversation. A message has {len(TEXT)} characters. No burst is folded: each message
  rewrites both inboxes by itself. {MONTHS_KEPT} months of messages are stored, with their sent records.
- Lambda bills {READ_SECONDS * 1000:g} ms for a read, {SEND_SECONDS * 1000:g} ms for a send and
  {STREAM_SECONDS * 1000:g} ms for a stream batch of one message. This is not measured on AWS: a warm handler takes
  3 to 7 ms of a core here, 512 MB of Lambda is 0.29 of a core, and a request to DynamoDB is taken for 5 to 15 ms.
- {COLD:.1%} of invocations start a new environment. SnapStart is billed for each published version: those of earlier
  deployments cost as much until they are deleted or go inactive.
- A Flask request takes {BOOTCAMP_REQUEST_CPU * 1000:g} ms of a core.
- Left out, for less than a dollar each: KMS requests for the table's key, the failure queue, the deployment bucket.
  Stream reads by Lambda are free.

## Prices

us-east-1, on demand, first tier, arm64; looked up {LOOKED_UP}. AWS's pages fill in many figures by script, so those
were read in articles that quote them. Not found quoted, and to be checked on the page named: DynamoDB storage and
recovery, kept logs, ECR, Cognito.

{sources}
"""


def _total(lines: list[Line]) -> float:
    return sum(line.dollars for line in lines)


def _table(lines: list[Line], ten: list[Line]) -> str:
    rows = [
        f"| {line.what} | {_quantity(line.quantity)} {line.unit} | {_price(line.price)} "
        f"| ${line.dollars:,.2f} | ${tenfold.dollars:,.2f} |"
        for line, tenfold in zip(lines, ten, strict=True)
    ]
    head = "| | quantity | price of one | a month | ten times as much |\n|---|---:|---:|---:|---:|"
    total = f"| **total** | | | **${_total(lines):,.2f}** | **${_total(ten):,.2f}** |"
    return "\n".join([head, *rows, total])


def _quantity(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _price(dollars: float) -> str:
    """All of its decimals, at least two."""
    whole, _, decimals = f"{dollars:.10f}".rstrip("0").partition(".")
    return f"${whole}.{decimals:0<2}"
