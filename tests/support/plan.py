"""Plans of requests, the same in every process, and the messages as they are once all of them are answered.

A person repeats a request until it is answered finally, then continues with the next. Only a message's sender edits and
unsends it, and people change only their own reactions. So the end does not depend on chance.
"""

import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from uuid import UUID, uuid5

from messaging.model import keys
from messaging.model.change import EDIT, REACTION, UNSEND, MessageChange
from messaging.model.hidden import Hidden
from messaging.model.items import Item
from messaging.model.person import Person
from tests.support.checks import stored_messages

_OF_OWN = ("edit", "unsend")
_CHANGES = ("edit", "edit", "edit", "unsend", "unsend", "react", "react", "react", "take_back_reaction", "hide")


@dataclass(frozen=True)
class Request:
    """A request about a message. `value` is a text or an emoji, `to` receiver and quote of a send."""

    how: str
    message_group_uuid: str
    message_uuid: str
    value: str = ""
    to: dict[str, str] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, str]:
        """The body of a send."""
        return {"message_uuid": self.message_uuid, "message": self.value, **self.to}


@dataclass
class State:
    """A message as it is: `reactions` as (user_uuid, emoji), `changes` its numbered ones by kind."""

    text: str = ""
    reply_to: str = ""
    is_unsent: bool = False
    reactions: set[tuple[str, str]] = field(default_factory=set)
    hidden_from: set[str] = field(default_factory=set)
    changes: Counter[str] = field(default_factory=Counter)

    def apply(self, request: Request, user_uuid: str) -> None:
        """Change the state as a request of this person does; reactions are kept even if the message is unsent."""
        reaction = (user_uuid, request.value)
        match request.how:
            case "send":
                self.text, self.reply_to = request.value, request.to.get("reply_to", "")
            case "edit" if not self.is_unsent:
                self.text = request.value
                self.changes[EDIT] += 1
            case "unsend" if not self.is_unsent:
                self.text, self.reply_to, self.is_unsent = "", "", True
                self.changes[UNSEND] += 1
            case "react" if reaction not in self.reactions:
                self.reactions.add(reaction)
                self.changes[REACTION] += 1
            case "take_back_reaction" if reaction in self.reactions:
                self.reactions.remove(reaction)
                self.changes[REACTION] += 1
            case "hide":
                self.hidden_from.add(user_uuid)

    def allows(self, stored: "State") -> bool:
        """True if a stored message may be so, after the requests that led to this state."""
        if not self.is_unsent:
            return stored == self
        # Reactions were refused from the unsend on, and it took back those before.
        return (
            (stored.text, stored.reply_to, stored.is_unsent, stored.reactions) == ("", "", True, set())
            and stored.hidden_from == self.hidden_from
            and all(stored.changes[kind] == self.changes[kind] for kind in (EDIT, UNSEND))
            and stored.changes[REACTION] <= self.changes[REACTION]
        )


@dataclass(frozen=True)
class Plan:
    """Each person writes to all others in turn, and changes after each message two of the last ones."""

    people: list[Person]
    messages_each: int
    seed: int

    def write(self, folder: Path) -> None:
        (folder / "plan.json").write_text(json.dumps(asdict(self), default=sorted))

    @classmethod
    def read(cls, folder: Path) -> "Plan":
        plan = json.loads((folder / "plan.json").read_text())
        people = [Person(**{**person, "lifted": frozenset(person["lifted"])}) for person in plan["people"]]
        return cls(people, plan["messages_each"], plan["seed"])

    def requests_of(self, person: Person) -> list[Request]:
        """A person's requests, in order.

        They change messages up to the number of their own last one only, so no two wait for each other.
        """
        chance = random.Random(f"{self.seed} {person.handle}")  # noqa: S311
        others = [one for one in self.people if one != person]
        sends = {one.user_uuid: self._sends_of(one) for one in self.people}
        requests: list[Request] = []
        for number, send in enumerate(sends[person.user_uuid]):
            requests.append(send)
            for how in chance.choices(_CHANGES, k=2):
                author = person if how in _OF_OWN else chance.choice(others)
                last = sends[author.user_uuid][max(0, number - 4) : number + 1]
                known = [one for one in last if author == person or one.message_group_uuid == _group(person, author)]
                if known:
                    message = chance.choice(known)
                    value = f"{message.value}, edited {len(requests)}" if how == "edit" else chance.choice("👍👎")
                    requests.append(Request(how, message.message_group_uuid, message.message_uuid, value))
        return requests

    def _sends_of(self, sender: Person) -> list[Request]:
        """Pattern C the first time to each person, then D, often in reply to the last message to that person."""
        others = [person for person in self.people if person != sender]
        sends: list[Request] = []
        for number in range(self.messages_each):
            other = others[number % len(others)]
            group = _group(sender, other)
            to = {"handle": other.handle}
            if number >= len(others):
                to = {"message_group_uuid": group}
                if number % 3 == 0:
                    to["reply_to"] = sends[-len(others)].message_uuid
            uuid = str(uuid5(UUID(sender.user_uuid), str(number)))
            sends.append(Request("send", group, uuid, f"Message {number} of {sender.handle}", to))
        return sends

    def end(self) -> dict[str, State]:
        """Each message by its message_uuid, after all requests."""
        states: defaultdict[str, State] = defaultdict(State)
        for person in self.people:
            for request in self.requests_of(person):
                states[request.message_uuid].apply(request, person.user_uuid)
        return states

    def unsent_texts(self) -> Iterator[str]:
        """The first texts of unsent messages, with which their later ones begin."""
        end = self.end()
        for person in self.people:
            yield from (one.value for one in self._sends_of(person) if end[one.message_uuid].is_unsent)


def stored_states(items: list[Item]) -> dict[str, State]:
    """Each message among items of a table, by its message_uuid."""
    changes: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    hidden: dict[str, Hidden] = {}
    for item in items:
        prefix, _, group = item["pk"]["S"].partition("#")
        if f"{prefix}#" == keys.changes_pk(""):
            change = MessageChange.from_item(item)
            changes[group, change.created_at][change.kind] += 1
        elif item["sk"]["S"] == keys.HIDDEN:
            hidden[group] = Hidden.from_item(item)
    return {
        message.message_uuid: State(
            message.message,
            message.reply_to.message_uuid if message.reply_to else "",
            bool(message.unsent_at),
            {(user_uuid, emoji) for user_uuid, mine in message.reactions.items() for emoji in mine},
            {
                user_uuid
                for user_uuid, seqs in hidden.get(message.message_group_uuid, Hidden("")).seqs.items()
                if message.seq in seqs
            },
            changes[message.message_group_uuid, message.created_at],
        )
        for message in stored_messages(items)
    }


def _group(one: Person, other: Person) -> str:
    return keys.pair_uuid(one.user_uuid, other.user_uuid)
