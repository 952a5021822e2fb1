"""Limits that more people meet, at which load, and the remedies: the page docs/scale.md.

Loads are those of docs/cost.md times people, in the busiest seconds. Quotas are AWS's defaults of a grown account.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from operators.cost import (
    DAILY_PEOPLE,
    DAYS,
    MONTHLY_PEOPLE,
    PEAK,
    SECONDS,
    SIGNED_IN_DOLLARS,
    Consumed,
    Month,
    Operation,
    operations,
    ours,
    total,
)
from operators.schema import template

PEOPLE = (10**6, 10**7, 10**8)  # a day
TRANSACTION_SECONDS = 0.01  # of a send: how long the head of a conversation is taken

# The stream handler's time for a batch of 100 records, by the conversations in it: docs/benchmarks.md, 2026-11-26.
BATCH = 100
BATCH_SECONDS = {1: 100 / 15585, 100: 100 / 506}
RECORD_SECONDS = 1 / 363  # of a batch of one
POLL_SECONDS = 0.25  # Lambda asks an idle shard four times a second
SIMULATED_SECONDS = 600
RATES = (1, 10, 50, 100, 200, 300, 500, 1000)  # records a second

SOURCES = {
    "Lambda": "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html",
    "API Gateway": "https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html",
    "WebSocket APIs": "https://docs.aws.amazon.com/apigateway/latest/developerguide/"
    "apigateway-execution-service-websocket-limits-table.html",
    "Cognito": "https://docs.aws.amazon.com/cognito/latest/developerguide/quotas.html",
    "DynamoDB": "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html",
    "DynamoDB, on demand": "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/"
    "on-demand-capacity-mode.html",
    "DynamoDB Streams": "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html",
    "CloudWatch Logs": "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html",
}


@dataclass(frozen=True)
class Limit:
    """A quota that grows no further by itself, and its use by one daily person in the busiest seconds."""

    service: str
    name: str
    quota: float
    each: float
    remedy: str

    @property
    def people(self) -> float:
        """How many daily people meet it."""
        return self.quota / self.each


def limits(measured: Mapping[str, Consumed]) -> list[Limit]:
    """Every limit that more people meet, the first to be met first."""
    one = Month(1 / DAILY_PEOPLE)
    done = operations(measured, one)
    peak = PEAK / SECONDS

    def rate(value: float) -> float:
        return value * peak

    requests = rate(sum(each.times * each.requests for each in done) + one.done("preflight"))
    frames = rate(sum(each.times * each.frames for each in done))
    connects = rate(one.connects)
    writes = rate(sum(each.times * each.consumed.write for each in done))
    reads = rate(sum(each.times * each.consumed.read for each in done))
    concurrency = rate(sum(each.times * each.seconds for each in done))
    logged = rate(sum(each.times * (each.requests + each.metric_lines) for each in done))
    throttle = float(template()["Resources"]["Api"]["Properties"]["DefaultRouteSettings"]["ThrottlingRateLimit"])
    socket_throttle = float(
        template()["Resources"]["SocketApi"]["Properties"]["DefaultRouteSettings"]["ThrottlingRateLimit"]
    )
    found = [
        Limit(
            "API Gateway", "our own throttle, requests a second", throttle, requests, "`DefaultRouteSettings` of `Api`"
        ),
        Limit(
            "API Gateway",
            "our own throttle, handshakes and frames a second",
            socket_throttle,
            connects + frames / 2,
            "`DefaultRouteSettings` of `SocketApi`",
        ),
        Limit(
            "API Gateway",
            "requests, frames and posts to sockets a second, together",
            10_000,
            requests + frames + 2 * connects,
            "request more; then split people over accounts or regions",
        ),
        Limit("API Gateway", "new sockets a second", 500, connects, "request more; clients wait at random"),
        Limit("Cognito", "token renewals a second (UserToken)", 120, connects, "request more, for a fee of Cognito's"),
        Limit("Lambda", "functions at once", 1_000, concurrency, "request more"),
        Limit("Lambda", "functions at once, in a new account", 10, concurrency, "request 1,000 before anybody comes"),
        Limit("DynamoDB", "write units a second of the table", 40_000, writes, "request more"),
        Limit("DynamoDB", "read units a second of the table", 40_000, reads, "request more"),
        Limit(
            "DynamoDB",
            "write units a second of a new on-demand table",
            4_000,
            writes,
            "set `WarmThroughput` before a launch; it doubles by itself every half an hour",
        ),
        Limit(
            "CloudWatch Logs",
            "log events a second of one account (PutLogEvents, one line each at the worst)",
            5_000,
            logged,
            "request more; log a sample of the requests",
        ),
    ]
    return sorted(found, key=lambda limit: limit.people)


def lag(rate: float, conversations: int) -> tuple[float, bool]:
    """Seconds from a record to its inboxes in one shard, at the worst, and whether they grow for good.

    Records come evenly, of `conversations` in turn, so many a second for ten minutes. A batch takes all that have come,
    100 at the most; the next one begins when it is done.
    """
    clock, done = 0.0, 0
    worst = [0.0, 0.0]  # of the first half, of the second
    while clock < SIMULATED_SECONDS:
        batch = min(BATCH, int(rate * clock) - done)
        if batch < 1:
            clock += POLL_SECONDS
            continue
        half = clock > SIMULATED_SECONDS / 2
        clock += batch_seconds(batch, min(batch, conversations))
        worst[half] = max(worst[half], clock - (done + 1) / rate)
        done += batch
    return worst[1], worst[1] > 1.5 * worst[0]


def batch_seconds(records: int, conversations: int) -> float:
    """Time of the handler for a batch: a part for its records, and a part for each conversation, as measured."""
    each = (BATCH_SECONDS[BATCH] - BATCH_SECONDS[1]) / (BATCH - 1)
    first = RECORD_SECONDS + (BATCH_SECONDS[1] - RECORD_SECONDS) * (records - 1) / (BATCH - 1)
    return first + each * (conversations - 1)


def shards(measured: Mapping[str, Consumed], people: int) -> tuple[float, float]:
    """The fewest shards that carry the busiest seconds' writes, and records a second in each of them."""
    month = Month(people / DAILY_PEOPLE)
    done = operations(measured, month)
    writes = sum(each.times * each.consumed.write for each in done) * PEAK / SECONDS
    records = sum(each.times for each in done if each.name.startswith("stream:")) * PEAK / SECONDS
    fewest = max(4.0, writes / 1_000)
    return fewest, records / fewest


def page(measured: Mapping[str, Consumed]) -> str:
    """docs/scale.md."""
    all_limits = limits(measured)
    months = [Month(people / DAILY_PEOPLE) for people in PEOPLE]
    head = "".join(f" {_people(people)} |" for people in PEOPLE)
    spread = BATCH / BATCH_SECONDS[BATCH]
    return f"""# Scale

The limits that are met first when more people come, at which load, and the remedies. People behave as in
[cost.md](cost.md), and the busiest seconds are {PEAK} times the average. `make cost` writes this page
([operators/scale.py](../operators/scale.py)). Nothing of it was seen on AWS: loads are computed, quotas are AWS's
defaults, and the times of the stream handler were measured on one machine ([benchmarks.md](benchmarks.md)).

## In the busiest seconds

| people a day |{head}
|---|{"---:|" * len(PEOPLE)}
{_rows(_loads(measured, months))}

## Limits, in the order in which they are met

Numbers in the last columns are the load in the busiest seconds, **bold** where it is more than the quota.

| service | limit | quota | met at, people a day | remedy |{head}
|---|---|---:|---:|---|{"---:|" * len(PEOPLE)}
{"".join(_limit_row(limit) for limit in all_limits)}
Sockets that are open at once, messages, conversations and stored bytes have no quota. A socket lasts two hours at most;
clients connect again. Shards of the stream and partitions of the table grow with the load by themselves; see below.

Beyond the quotas of a region, split the people: a stack in each region or account, with both people of
a conversation in the same one.

## One conversation, one person

These do not grow with people: a single partition gives 1,000 write units a second.

| | takes | so at the most |
|---|---|---|
| a hot conversation | sends queue for its head, {TRANSACTION_SECONDS * 1000:g} ms each | \
{1 / TRANSACTION_SECONDS:g} messages a second; then senders get 429 ([decision 65](decisions.md)) |
| the partition of a conversation | 4 write units a send (head and message, twice in a transaction), 1 a mark | \
250 messages a second |
| a hot inbox: many write to one person | 2 write units to move an entry, 1 for the unread entry | \
333 messages a second to one person |
| a person on many devices | 10 sockets | each event is posted 10 times |

A conversation has two people, so no human meets the first two. For a bot that writes to everybody, its own inbox is the
third: 333 conversations a second.

## The stream

DynamoDB Streams has a shard for each partition, and two readers of a shard, both taken: `StreamHandler` with one
invocation at a time in each shard, and `Push` with two. A third reader is throttled, `bin/ddb/redrive` retries.

| people a day |{head}
|---|{"---:|" * len(PEOPLE)}
{_rows(_shards(measured))}

A shard carries 1,000 write units a second, which are {_records_of_a_shard(measured):.0f} records. Its handler manages
{spread:,.0f} a second of as many conversations, and more if they are of fewer. So it keeps up with all that its
partition can take, if a batch takes as long there as it takes here.

How long does a record of one shard wait for its inboxes, at the worst of ten minutes? Simulated with these times:
{BATCH_SECONDS[1] * 1000:.1f} ms for a batch of 100 records of one conversation, {BATCH_SECONDS[100] * 1000:.0f} ms if
they are of 100, and {RECORD_SECONDS * 1000:.1f} ms for a single record. Lambda looks into an idle shard every
{POLL_SECONDS * 1000:g} ms, which is most of a short wait.

| records a second | of one conversation | of 10 | of 100 or more |
|---:|---:|---:|---:|
{_lags()}

Beyond {spread:,.0f} records a second of different conversations in one shard it falls behind for good: the alarm
[StreamAge](operations.md#streamage) rings at a minute, and records are given up after an hour. Then raise
`ParallelizationFactor` of the stream handler's event, up to 10: Lambda keeps the order of each item, so of each head.

`Push` reads connections and posts to them, for each message. It passes over records that are older than a minute, so
it is never further behind; clients fetch the rest. Its own time was not measured at a load.

## The bill

| people a day |{head}
|---|{"---:|" * len(PEOPLE)}
{_rows(_bills(measured, months))}

List prices of the first tier, without discounts for volume or commitment: at 10⁸ people the real bill is lower.

## Quotas

{_sources()}
"""


def _people(people: int) -> str:
    return f"10{'⁶⁷⁸'[len(str(people)) - 7]}"


def _rows(rows: Iterator[tuple[str, list[str]]]) -> str:
    return "\n".join(f"| {name} | {' | '.join(values)} |" for name, values in rows)


def _loads(measured: Mapping[str, Consumed], months: list[Month]) -> Iterator[tuple[str, list[str]]]:
    done = [operations(measured, month) for month in months]
    yield "messages a second", [_number(month.messages * PEAK / SECONDS) for month in months]
    yield "requests to the API a second", _peaks(done, lambda one: one.requests)
    yield "frames of sockets a second, in and out", _peaks(done, lambda one: one.frames)
    yield "sockets open at once", [_number(month.connected_minutes * 60 * PEAK / SECONDS) for month in months]
    yield "new sockets a second", [_number(month.connects * PEAK / SECONDS) for month in months]
    yield "functions at once", _peaks(done, lambda one: one.seconds)
    yield "write units a second", _peaks(done, lambda one: one.consumed.write)
    yield "read units a second", _peaks(done, lambda one: one.consumed.read)
    logs = [next(line for line in ours(measured, month) if "logs written" in line.what).quantity for month in months]
    yield "logs a day, GB", [_number(quantity / DAYS) for quantity in logs]
    yield (
        "stored in a year, GB",
        [_number(next(line for line in ours(measured, month) if "storage" in line.what).quantity) for month in months],
    )


def _peaks(months: list[list[Operation]], of: Callable[[Operation], float]) -> list[str]:
    """A sum over all operations in the busiest seconds of each month."""
    return [_number(sum(one.times * of(one) for one in done) * PEAK / SECONDS) for done in months]


def _limit_row(limit: Limit) -> str:
    loads = [(limit.each * people, _number(limit.each * people)) for people in PEOPLE]
    shown = " | ".join(f"**{text}**" if load > limit.quota else text for load, text in loads)
    known = f"{limit.service} | {limit.name} | {limit.quota:,.0f} | {_number(limit.people)} | {limit.remedy}"
    return f"| {known} | {shown} |\n"


def _shards(measured: Mapping[str, Consumed]) -> Iterator[tuple[str, list[str]]]:
    found = [shards(measured, people) for people in PEOPLE]
    yield "shards at the fewest", [_number(fewest) for fewest, _ in found]
    yield "records a second in each, in the busiest seconds", [_number(records) for _, records in found]
    yield "a record waits, at the worst, seconds", [f"{lag(records, BATCH)[0]:.1f}" for _, records in found]


def _records_of_a_shard(measured: Mapping[str, Consumed]) -> float:
    _, records = shards(measured, PEOPLE[-1])
    return records


def _lags() -> str:
    rows = []
    for rate in RATES:
        cells = [lag(rate, conversations) for conversations in (1, 10, BATCH)]
        shown = " | ".join(f"{behind:,.0f} s, growing" if grows else f"{behind:.2f} s" for behind, grows in cells)
        rows.append(f"| {rate:,} | {shown} |")
    return "\n".join(rows)


def _bills(measured: Mapping[str, Consumed], months: list[Month]) -> Iterator[tuple[str, list[str]]]:
    bills = [total(ours(measured, month)) for month in months]
    accounts = [MONTHLY_PEOPLE * month.times * SIGNED_IN_DOLLARS for month in months]
    yield "a month", [f"${bill:,.0f}" for bill in bills]
    yield "signing in (Cognito Lite), besides", [f"${dollars:,.0f}" for dollars in accounts]
    yield "for one daily person", [f"${bill / people:.4f}" for bill, people in zip(bills, PEOPLE, strict=True)]


def _sources() -> str:
    return "\n".join(f"- {service}: <{url}>" for service, url in SOURCES.items())


def _number(value: float) -> str:
    """Two digits that count."""
    digits = f"{value:.2g}"
    return f"{float(digits):,.0f}" if value >= 10 else f"{float(digits):g}"
