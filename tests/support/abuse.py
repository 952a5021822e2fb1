"""Hypothesis strategies for bad input: damaged texts, cursors, JSON, requests and stream records."""

import base64
import copy
import functools
import json
import operator
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from messaging.model.cursors import NEWER, OLDER, BlocksCursor, InboxCursor, MessageCursor
from tests.support.strategies import inbox_sks, seqs, times, uuids

# Texts that may confuse a program, and look-alikes of valid values.
_STRANGE = [
    "",
    " ",
    "\x00",
    "\ud83d",
    "\udc4b\ud83d",
    "\u202eevil\u202c",
    "\u200b",
    "\ufeff",
    "e\u0301" * 40,
    "👋" * 1024,
    "👋" * 1025,
    "null",
    "undefined",
    "NaN",
    "HEAD",
    "-1",
    "9" * 5000,
    "../../etc/passwd",
    "%2e%2e%2f",
    "MSG#HEAD",
    "' OR 1=1 --",
    "a\r\nset-cookie: a=b",
]
# With surrogates, which Python strings can contain and JSON can escape.
texts = st.sampled_from(_STRANGE) | st.text(st.characters(exclude_categories=()))

# JSON that Python's dumps never writes.
_RAW = [
    b"",
    b"{",
    b"NaN",
    b"[Infinity]",
    b"1e400",
    b"9" * 5000,
    b'{"message": ' + b"9" * 5000 + b"}",
    b'{"message": "a", "message": "b", "handle": "priya", "handle": "nobody"}',
    b'{"message": "\\ud83d", "handle": "priya"}',
    b'{"__proto__": {}, "constructor": 1}',
    b"\xff\xfe{\x00}\x00",
    b"\xed\xa0\x80",
    b"\x1f\x8b\x08\x00",
]
_nested = st.builds(
    lambda opening, closing, depth: opening * depth + closing * depth,
    st.sampled_from([b"[", b'{"message":', b'[{"handle":']),
    st.sampled_from([b"", b"]", b"}"]),
    st.integers(1, 7000),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)


@st.composite
def damaged(draw: st.DrawFn, raw: bytes) -> bytes:
    """`raw` cut, duplicated in part, with a few bits flipped, or unchanged."""
    start, end = sorted(draw(st.tuples(st.integers(0, len(raw)), st.integers(0, len(raw)))))
    flipped = bytearray(raw)
    for index in draw(st.lists(st.integers(0, len(raw) * 8 - 1), max_size=3)) if raw else []:
        flipped[index // 8] ^= 1 << index % 8
    return draw(
        st.sampled_from([raw, raw[start:end], raw[:end] + raw[start:], raw[:start] + raw[end:], bytes(flipped)])
    )


def _places(tree: Any) -> Iterator[tuple[Any, ...]]:
    """The path to every value in JSON."""
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in pairs:
        yield (key,)
        yield from ((key, *way) for way in _places(value))


@st.composite
def mutated(draw: st.DrawFn, tree: Any, instead: st.SearchStrategy[Any]) -> Any:
    """JSON with up to three values removed or replaced."""
    tree = copy.deepcopy(tree)
    for _ in range(draw(st.integers(0, 3))):
        ways = list(_places(tree))
        if not ways:
            break
        *way, last = draw(st.sampled_from(ways))
        parent = functools.reduce(operator.getitem, way, tree)
        if draw(st.booleans()):
            del parent[last]
        else:
            parent[last] = copy.deepcopy(draw(instead))  # it may be mutated next
    return tree


def cursors(owner: str) -> st.SearchStrategy[str]:
    """Cursors of conversations and inboxes, of `owner` and of others; whole, damaged, or several in one."""
    owners = st.just(owner) | uuids
    whole = (
        st.builds(MessageCursor, owners, times, seqs)
        | st.builds(InboxCursor, owners, st.sampled_from([OLDER, NEWER]), inbox_sks)
        | st.builds(BlocksCursor, owners, uuids)
    )
    written = whole.map(str)
    inside = written.map(lambda text: base64.urlsafe_b64decode(text + "==")).flatmap(damaged)
    return (
        written
        | written.flatmap(lambda text: damaged(text.encode())).map(lambda raw: raw.decode("latin-1"))
        | inside.map(lambda raw: base64.urlsafe_b64encode(raw).decode().rstrip("="))
        | st.lists(written, min_size=2, max_size=3).map("".join)
    )


@st.composite
def bodies(draw: st.DrawFn, sample: dict[str, Any]) -> dict[str, Any]:
    """The body of an event: similar to `sample` or completely different; as text or in base64."""
    alike = mutated(sample, json_values | uuids).flatmap(
        lambda body: st.booleans().map(lambda escaped: json.dumps(body, ensure_ascii=escaped))
    )
    raw = draw(
        alike.map(lambda text: text.encode(errors="surrogatepass"))
        | alike.flatmap(lambda text: damaged(text.encode(errors="surrogatepass")))
        | json_values.map(lambda value: json.dumps(value).encode())
        | _nested
        | st.sampled_from(_RAW)
        | st.binary()
    )
    if draw(st.booleans()):
        return {"body": base64.b64encode(raw).decode(), "isBase64Encoded": True}
    return {"body": raw.decode(errors="replace"), "isBase64Encoded": draw(st.sampled_from([False, False, False, True]))}


@st.composite
def requests(draw: st.DrawFn, sample: dict[str, Any], owner: str) -> dict[str, Any]:
    """An event with any body, query, headers and path that a client may choose; optional parts may be missing.

    The caller and the names of the path parameters stay as in `sample`: API Gateway guarantees both. Cursors of `owner`
    are drawn more often than others'.
    """
    event: dict[str, Any] = draw(mutated({**sample, "requestContext": {}, "pathParameters": {}}, st.none()))
    event["requestContext"] = sample["requestContext"]
    known = st.sampled_from(["limit", "before", "after", "around", "cursor", "since", "for"])
    if draw(st.booleans()):
        event["queryStringParameters"] = draw(
            st.dictionaries(known | texts, texts | cursors(owner) | times, max_size=3)
        )
    if draw(st.booleans()):
        event["headers"] = draw(st.dictionaries(st.just("if-none-match") | texts, texts, max_size=3))
    if "pathParameters" in sample:
        event["pathParameters"] = {
            name: draw(st.just(value) | texts | texts.map(lambda text: f"@{text}") | uuids)
            for name, value in sample["pathParameters"].items()
        }
    if "body" in sample:
        event |= draw(bodies(json.loads(sample["body"])))
    return event
