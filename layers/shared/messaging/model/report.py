"""Reports of messages, for operators."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from messaging.model import keys
from messaging.model.items import Item
from messaging.model.message import Message

REASONS = ("spam", "harassment", "threat", "illegal", "other")
MOST_MESSAGES = 20
MAX_COMMENT_LENGTH = 1000  # code points


@dataclass(frozen=True, slots=True)
class ReportedMessage:
    """A copy of a message as it was when it was reported. Its sender is a user_uuid."""

    message_uuid: str
    seq: int
    user_uuid: str
    created_at: str
    message: str
    edited_at: str = ""
    unsent_at: str = ""

    @classmethod
    def of(cls, message: Message) -> Self:
        """Copy a message."""
        return cls(
            message.message_uuid,
            message.seq,
            message.sender.user_uuid,
            message.created_at,
            message.message,
            message.edited_at,
            message.unsent_at,
        )

    @property
    def attribute(self) -> Item:
        texts = {name: getattr(self, name) for name in self.__slots__ if name != "seq"}
        return {"M": {"seq": {"N": str(self.seq)}, **{name: {"S": text} for name, text in texts.items() if text}}}

    @classmethod
    def from_attribute(cls, attribute: Item) -> Self:
        stored = attribute["M"]
        texts = ("message", "edited_at", "unsent_at")
        return cls(
            stored["message_uuid"]["S"],
            int(stored["seq"]["N"]),
            stored["user_uuid"]["S"],
            stored["created_at"]["S"],
            *(stored.get(name, {"S": ""})["S"] for name in texts),
        )


@dataclass(frozen=True, slots=True)
class Report:
    """Messages that a member of a conversation has reported, with copies that last until the Unix time `expires`.

    It names people by user_uuid only. `closed_at` and `note` are the operators', "" while the report is open.
    """

    report_uuid: str
    reporter_uuid: str
    message_group_uuid: str
    other_uuid: str
    reason: str
    comment: str
    messages: Sequence[ReportedMessage]
    created_at: str
    expires: int
    closed_at: str = ""
    note: str = ""

    @property
    def item(self) -> Item:
        return {
            **keys.key(
                keys.reports_pk(is_open=not self.closed_at), keys.report_sk(self.reporter_uuid, self.report_uuid)
            ),
            "message_group_uuid": {"S": self.message_group_uuid},
            "other_uuid": {"S": self.other_uuid},
            "reason": {"S": self.reason},
            "messages": {"L": [message.attribute for message in self.messages]},
            "created_at": {"S": self.created_at},
            "ttl": {"N": str(self.expires)},
            **({"comment": {"S": self.comment}} if self.comment else {}),
            **({"closed_at": {"S": self.closed_at}, "note": {"S": self.note}} if self.closed_at else {}),
        }

    @classmethod
    def from_item(cls, item: Item) -> Self:
        reporter_uuid, report_uuid = item["sk"]["S"].split("#")
        comment, closed_at, note = (item.get(name, {"S": ""})["S"] for name in ("comment", "closed_at", "note"))
        return cls(
            report_uuid,
            reporter_uuid,
            item["message_group_uuid"]["S"],
            item["other_uuid"]["S"],
            item["reason"]["S"],
            comment,
            tuple(map(ReportedMessage.from_attribute, item["messages"]["L"])),
            item["created_at"]["S"],
            int(item["ttl"]["N"]),
            closed_at,
            note,
        )

    def closed(self, at: str, note: str) -> Self:
        """The report after operators have closed it."""
        return replace(self, closed_at=at, note=note)
