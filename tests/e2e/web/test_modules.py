"""The modules without page or network, run in a browser."""

import base64
import hashlib
import hmac
import json
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Error, Page

from messaging.model.text import shows

WEB = Path(__file__).parents[3] / "web"
PACKAGE = WEB / "assets" / "cruddur-messages"


@pytest.fixture(scope="module")
def page(chromium: Browser, address: str) -> Iterator[Page]:
    with chromium.new_context(locale="en-GB", timezone_id="Europe/Lisbon") as context:
        page = context.new_page()
        page.goto(address)
        yield page


def message(seq: int) -> dict[str, Any]:
    return {
        "seq": seq,
        "uuid": f"uuid-{seq}",
        "user_uuid": "me" if seq % 3 else "other",
        "created_at": f"2026-{seq:04}",
    }


MERGE = """async ([page, links, arrivals]) => {
  const { Thread } = await import("/assets/cruddur-messages/store.js");
  const thread = new Thread(page, links);
  arrivals.forEach((message) => thread.add(message));
  return { seqs: thread.messages.map(({ seq }) => seq), hasGap: thread.hasGap };
}"""


@given(st.data())
def test_messages_that_come_doubled_late_and_out_of_order_are_one_run(page: Page, data: st.DataObject) -> None:
    first = data.draw(st.integers(1, 30))
    held = range(first, first + data.draw(st.integers(1, 10)))
    arriving = data.draw(st.lists(st.integers(1, 60), max_size=60))
    found = page.evaluate(MERGE, [[message(seq) for seq in held], {}, [message(seq) for seq in arriving]])
    end = held[-1]
    while end + 1 in arriving:
        end += 1
    assert found["seqs"] == list(range(first, end + 1))
    assert found["hasGap"] == any(seq > end for seq in arriving)


STORE = """async (events) => {
  const { Store, unread } = await import("/assets/cruddur-messages/store.js");
  const store = new Store({ uuid: "me" });
  for (const [name, ...values] of events) store[name](...values);
  const conversation = store.conversations.get("one");
  return { ...conversation, unread: unread(conversation), total: store.unread };
}"""


@given(st.permutations(range(5)))
def test_marks_and_the_last_message_only_rise_in_any_order(page: Page, order: list[int]) -> None:
    entry = {"uuid": "one", "handle": "h", "display_name": "d", "user_uuid": "other", "other_read_seq": 0}
    entry |= {"folder": "inbox", "muted_until": None, "last_change": 0, "last_setting": 0}
    put = ["put", {**entry, "message": "old", "created_at": "2026-01", "last_seq": 3, "read_seq": 1}]
    events = [
        ["put", {**entry, "message": "m", "created_at": "2026-02", "last_seq": 4, "read_seq": 2}],
        ["receive", "one", {"uuid": "u5", "seq": 5, "user_uuid": "other", "message": "m5", "created_at": "2026-05"}],
        ["mark", "one", "me", 4],
        ["mark", "one", "me", 3],
        ["mark", "one", "other", 2],
    ]
    found = page.evaluate(STORE, [put, *(events[index] for index in order)])
    assert (found["message"], found["last_seq"], found["read_seq"], found["other_read_seq"]) == ("m5", 5, 4, 5)
    assert (found["unread"], found["total"]) == (1, {"message_groups": 1, "messages": 1, "requests": 0})


FORMAT = """async ([name, ...values]) => {
  const format = await import("/assets/format.js");
  return format[name](...values.map((value) => value?.date ? new Date(value.date) : value));
}"""


@pytest.mark.parametrize(
    ("at", "line", "ago"),
    [
        ("2026-03-10T11:59:40+00:00", "Today", "now"),
        ("2026-03-10T11:15:00+00:00", "Today", "45 min ago"),
        ("2026-03-10T09:05:00+00:00", "Today", "09:05"),
        ("2026-03-09T23:59:00+00:00", "Yesterday", "Yesterday"),
        ("2026-03-05T12:00:00+00:00", "Thursday", "Thu"),
        ("2026-01-03T12:00:00+00:00", "3 January", "3 Jan"),
        ("2025-12-28T12:00:00+00:00", "28 December 2025", "28 Dec 2025"),
    ],
)
def test_dates(page: Page, at: str, line: str, ago: str) -> None:
    now = {"date": "2026-03-10T12:00:00Z"}
    assert page.evaluate(FORMAT, ["dayLine", at, now]) == line
    assert page.evaluate(FORMAT, ["ago", at, now]) == ago


HIDDEN = "\u2060\u00ad\u061c\u200b\u3164\ufe0f"


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("See https://example.com.", ["https://example.com/"]),
        (
            "(https://en.wikipedia.org/wiki/Goose_(disambiguation))",
            ["https://en.wikipedia.org/wiki/Goose_(disambiguation)"],
        ),
        ("HTTP://EXAMPLE.COM/A?b=c#d, and more", ["http://example.com/A?b=c#d"]),
        ("javascript:alert(1) data:text/html,x ftp://example.com file:///etc/passwd", []),
        ("https://", []),
        ("https://example.com/<script>", ["https://example.com/"]),
        ("\u202ehttps://example.com/\u202egro.live", ["https://example.com/"]),
        ("「https://example.com/a」と『https://example.com/b』", ["https://example.com/a", "https://example.com/b"]),
        ("“https://example.com/a”, «https://example.com/b»", ["https://example.com/a", "https://example.com/b"]),
        ("https://example.com。https://example.com/a、次", ["https://example.com/", "https://example.com/a"]),
        ("https://example.com/a؟ https://example.com/b।", ["https://example.com/a", "https://example.com/b"]),
        ("\uff08https://example.com/a\uff09\uff01", ["https://example.com/a"]),
        ("https://example.com/a… https://example.com/b —", ["https://example.com/a", "https://example.com/b"]),
        (
            "'https://example.com/Schr%C3%B6dinger's_cat', 'https://example.com/b'",
            ["https://example.com/Schr%C3%B6dinger's_cat", "https://example.com/b"],
        ),
        ("**https://example.com/a** ~~https://example.com/b~~", ["https://example.com/a", "https://example.com/b"]),
        (
            "\uff1chttps://example.com/a\uff1eと https://example.com/b—or",
            ["https://example.com/a", "https://example.com/b"],
        ),
        ("https://example.com/a\uff5c https://example.com/b\uff5e", ["https://example.com/a", "https://example.com/b"]),
        *((f"https://example.com/a{hidden}b", ["https://example.com/a"]) for hidden in HIDDEN),
        *((f"https://example.com{ending}", ["https://example.com/"]) for ending in (*HIDDEN, "🎉", "☎\ufe0f")),
        ("https://example.com:8080🎉 https://[::1]:80/a", ["https://example.com:8080/", "https://[::1]:80/a"]),
        (
            "https://example.com/日本_(東京)?q=é",
            ["https://example.com/%E6%97%A5%E6%9C%AC_(%E6%9D%B1%E4%BA%AC)?q=%C3%A9"],
        ),
    ],
)
def test_links(page: Page, text: str, links: list[str]) -> None:
    pieces = page.evaluate(FORMAT, ["pieces", text])
    assert "".join(piece["text"] for piece in pieces) == text
    assert [piece["href"] for piece in pieces if "href" in piece] == links


def test_a_text_shows_in_the_page_if_it_shows_on_the_server(page: Page) -> None:
    known = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) not in ("Cn", "Co", "Cs")]
    shown = page.evaluate(
        "async (texts) => { const { shows } = await import('/assets/format.js'); return texts.filter(shows); }", known
    )
    assert shown == [character for character in known if shows(character)]


@given(st.text(st.characters(exclude_categories=["Cs"])) | st.from_regex(r"(https?://|[a-z(\[{.,!<\"' ]){0,12}"))
def test_a_text_is_the_sum_of_its_pieces_and_only_http_is_a_link(page: Page, text: str) -> None:
    pieces = page.evaluate(FORMAT, ["pieces", text])
    assert "".join(piece["text"] for piece in pieces) == text
    assert all(re.match("https?://", piece["href"]) for piece in pieces if "href" in piece)


CLAIM = """async ([secret, claim]) => {
  const { Srp, timestamp } = await import("/assets/srp.js");
  const srp = new Srp(BigInt(secret));
  return [srp.publicValue, await srp.sign({ ...claim, timestamp: claim.timestamp ?? timestamp(new Date(claim.at)) })];
}"""

VECTOR = json.loads((Path(__file__).parents[2] / "support" / "srp_vector.json").read_text())


def test_srp_signs_as_three_libraries_do(page: Page) -> None:
    public_value, signature = page.evaluate(CLAIM, [VECTOR["secret"], VECTOR["claim"]])
    assert public_value == VECTOR["public_value"]
    assert signature == VECTOR["signature"]


N = int(VECTOR["prime"], 16)
SECRETS = st.integers(1, 2**256)


def padded(number: int) -> bytes:
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


def sha256(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha256(b"".join(parts)).digest(), "big")


@settings(deadline=None, max_examples=50)
@given(a=SECRETS, b=SECRETS, salt=st.integers(0, 2**128 - 1), password=st.text(st.characters(codec="utf-8")))
def test_srp_agrees_with_a_server_that_knows_only_the_verifier(
    page: Page, a: int, b: int, salt: int, password: str
) -> None:
    """Compute the server's half, from RFC 5054: the same secret, in another way."""
    inner = hashlib.sha256(f"pooluser:{password}".encode()).digest()
    verifier = pow(2, sha256(padded(salt), inner), N)
    server_value = (sha256(padded(N), padded(2)) * verifier + pow(2, b, N)) % N
    claim = {
        "pool": "pool",
        "user": "user",
        "password": password,
        "salt": f"{salt:032x}",
        "serverValue": f"{server_value:x}",
        "secretBlock": base64.b64encode(b"block").decode(),
        "at": 949374245000,
    }
    public_value, signature = page.evaluate(CLAIM, [str(a), claim])
    scrambler = sha256(padded(int(public_value, 16)), padded(server_value))
    shared = pow(int(public_value, 16) * pow(verifier, scrambler, N), b, N)
    extracted = hmac.digest(padded(scrambler), padded(shared), "sha256")
    key = hmac.digest(extracted, b"Caldera Derived Key\x01", "sha256")[:16]
    signed = b"pooluserblockTue Feb 1 03:04:05 UTC 2000"
    assert base64.b64decode(signature) == hmac.digest(key, signed, "sha256")


@pytest.mark.parametrize("server_value", ["0", f"{N:x}", f"{2 * N:x}"])
def test_srp_refuses_a_server_value_of_zero(page: Page, server_value: str) -> None:
    with pytest.raises(Error, match="challenge is not valid"):
        page.evaluate(CLAIM, [VECTOR["secret"], {**VECTOR["claim"], "serverValue": server_value}])


def test_the_page_imports_what_the_package_exports() -> None:
    for module in (WEB / "assets").rglob("*.js"):
        imported = re.findall(r'^import .* from "[./]+/cruddur-messages/(.*)"', module.read_text(), re.MULTILINE)
        assert set(imported) <= {"index.js", "browser.js"}, module


def test_no_module_makes_html_of_text_or_runs_it() -> None:
    """The content security policy enforces it too; this test fails earlier."""
    for module in [*(WEB / "assets").rglob("*.js"), *PACKAGE.glob("*.js")]:
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", module.read_text()
        )
