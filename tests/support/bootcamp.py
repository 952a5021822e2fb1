"""A table of the bootcamp's Cruddur (week 5): its items, and all its known defects, at any size."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import TYPE_CHECKING, Any
from uuid import UUID

from messaging.storage.dynamodb import DynamoDB
from operators.writing import put_all

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

START = datetime(2023, 3, 24, 9, 0, 0, 123456, UTC)
CONVERSATIONS = 150  # at most, in a generated table, besides those of people with incomplete data
_LEAST_MESSAGES = 20  # of one of them
_ABROAD = timezone(timedelta(hours=2))


@dataclass(frozen=True)
class User:
    """A user of the bootcamp's Postgres. Items omit "" values."""

    user_uuid: str
    handle: str
    name: str

    @property
    def attributes(self) -> dict[str, Any]:
        attributes = {"user_uuid": self.user_uuid, "user_handle": self.handle, "user_display_name": self.name}
        return {name: {"S": value} for name, value in attributes.items() if value}


@dataclass
class Bootcamp:
    """A source table: `save` writes `items` to it."""

    client: "DynamoDBClient"
    name: str
    items: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def message(self, group: str, sk: str, text: str, sender: User, message_uuid: str = "") -> None:
        self._add(f"MSG#{group}", sk, message=text, message_uuid=message_uuid, **sender.attributes)

    def message_group(self, owner: User, group: str, sk: str, other: User) -> None:
        filler = "this is a filler message"
        self._add(f"GRP#{owner.user_uuid}", sk, message=filler, message_group_uuid=group, **other.attributes)

    def message_groups(self, one: User, other: User, group: str, sk: str) -> None:
        self.message_group(one, group, sk, other)
        self.message_group(other, group, sk, one)

    def has(self, group: str, sk: str) -> bool:
        return (f"MSG#{group}", sk) in self.items

    def save(self) -> None:
        put_all(DynamoDB(self.client, self.name), self.items.values())

    def _add(self, pk: str, sk: str, **attributes: Any) -> None:
        texts = {name: {"S": value} if isinstance(value, str) else value for name, value in attributes.items()}
        if not attributes.get("message_uuid", "yes"):
            del texts["message_uuid"]
        self.items[pk, sk] = {"pk": {"S": pk}, "sk": {"S": sk}, **texts}


@dataclass(frozen=True)
class Sent:
    """The parts of a message that an import must keep. Handles identify people; `to` is "" if the source lacks it."""

    text: str
    at: datetime
    sender: str
    to: str


def written(at: datetime, how: int) -> str:
    """Format a time in one of the ways of the bootcamp's versions and seed."""
    match how % 5:
        case 0:
            return at.isoformat()
        case 1:
            return at.replace(tzinfo=None).isoformat()
        case 2:
            return at.astimezone(_ABROAD).isoformat()
        case 3:
            return at.isoformat().replace("+00:00", "Z")
    return at.isoformat(sep=" ")


class Generator:
    """Fills a source with people, conversations and every defect, always the same."""

    def __init__(self, source: Bootcamp, messages: int, people: int = 80) -> None:
        self.source = source
        self.messages = messages
        self.sent: list[Sent] = []
        self.without_text = 0
        self.people = [User(self._uuid(), f"person_{number}", f"Person {number}") for number in range(people)]
        self._random = Random(5)  # noqa: S311 - the same each time

    def _uuid(self) -> str:
        if not hasattr(self, "_uuids"):
            self._uuids = Random(7)  # noqa: S311
        return str(UUID(int=self._uuids.getrandbits(128), version=4))

    def fill(self) -> None:
        pairs = self._pairs()
        for pair in pairs:
            self._conversation(*pair, self.messages // len(pairs))
        self._alone()
        self._visited()
        self._empty()
        self.source.save()

    def _pairs(self) -> list[tuple[User, User]]:
        pairs = [(one, other) for index, one in enumerate(self.people) for other in self.people[index + 1 :]]
        return self._random.sample(pairs, min(CONVERSATIONS, self.messages // _LEAST_MESSAGES))

    def _conversation(self, one: User, other: User, messages: int) -> None:
        """Write one conversation of the two, in up to three message groups, with times in every form."""
        random = self._random
        groups = [self._uuid() for _ in range(random.choice((1, 1, 2, 3)))]
        at = START + timedelta(seconds=random.randrange(100_000))
        for number in range(messages):
            # Sometimes two groups get a message at the same instant, and whole seconds have no fraction.
            if random.random() < 0.9:
                at += timedelta(seconds=random.randrange(1, 500), microseconds=random.randrange(1_000_000))
            if random.random() < 0.2:
                at = at.replace(microsecond=0)
            sender, receiver = (one, other) if random.random() < 0.5 else (other, one)
            self._message(groups[number % len(groups)], at, sender, receiver, groups)
        for group in groups:
            self._message_groups(one, other, group, at)

    def _message(self, group: str, at: datetime, sender: User, to: User, groups: list[str]) -> None:
        random = self._random
        sk = written(at, random.randrange(5))
        if self.source.has(group, sk):
            return  # the bootcamp would overwrite it
        text = f"Text {len(self.sent)}, {'ß👋 ' * random.randrange(20)}"
        if random.random() < 0.002:
            text = ""
            self.without_text += 1
        seen_as, uuid = self._defective(sender)
        if uuid not in ("", "MOCK") and random.random() < 0.01 and not self.source.has(groups[-1], sk):
            self.source.message(groups[-1], sk, text, seen_as, uuid)  # a copy in the other group
        self.source.message(group, sk, text, seen_as, uuid)
        self.sent.append(Sent(text, at, sender.handle, to.handle))

    def _defective(self, sender: User) -> tuple[User, str]:
        """Return a message's stored sender and message_uuid, mostly correct."""
        match self._random.randrange(100):
            case 0:
                return sender, ""
            case 1:
                return sender, "MOCK"
            case 2:
                return sender, str(UUID(int=3))  # shared by several messages
            case 3:
                return replace(sender, handle=""), self._uuid()
            case 4:
                return replace(sender, name=""), self._uuid()
            case 5:
                return User("", f"@{sender.handle.upper()}", ""), self._uuid()
            case 6:
                # Postgres was recreated: the owner of the handle has another uuid.
                return replace(sender, user_uuid=f"0{sender.user_uuid[1:]}"), self._uuid()
        return sender, self._uuid()

    def _message_groups(self, one: User, other: User, group: str, at: datetime) -> None:
        """Write message groups: at the last message, at an old time, twice, on one side, without a name, or none."""
        sk = at.isoformat()
        match self._random.randrange(6):
            case 0:
                self.source.message_groups(one, other, group, START.isoformat())
            case 1:
                self.source.message_groups(one, other, group, sk)
                self.source.message_groups(one, other, group, written(at, 1))
            case 2:
                self.source.message_group(other, group, sk, one)
            case 3:
                self.source.message_group(one, group, sk, User(other.user_uuid, "", ""))
            case 4:
                pass
            case _:
                self.source.message_groups(one, other, group, sk)

    def _alone(self) -> None:
        """Write message groups with only one known person, and one with oneself."""
        for person in self.people[:5]:
            group = self._uuid()
            for number in range(3):
                at = START + timedelta(days=1, seconds=number)
                self.source.message(group, at.isoformat(), f"Alone {person.handle} {number}", person, self._uuid())
                self.sent.append(Sent(f"Alone {person.handle} {number}", at, person.handle, ""))
            if person is self.people[0]:
                self.source.message_group(person, group, START.isoformat(), person)

    def _visited(self) -> None:
        """Write a stranger's message: the bootcamp lets anybody write into any message group."""
        one, other, visitor = self.people[:3]
        group = self._uuid()
        self.source.message_groups(one, other, group, START.isoformat())
        for number, sender in enumerate((one, other, visitor)):
            at = START + timedelta(days=2, seconds=number)
            self.source.message(group, at.isoformat(), f"Visited {number}", sender, self._uuid())
            self.sent.append(Sent(f"Visited {number}", at, sender.handle, ""))

    def _empty(self) -> None:
        """Write a group without its first message: the bootcamp's batch can fail in part."""
        self.source.message_groups(self.people[0], self.people[1], self._uuid(), START.isoformat())
