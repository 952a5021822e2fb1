"""Reach: whether a person may write to another, and whether it is a request (docs/reach.md)."""

from datetime import timedelta
from typing import NamedTuple

from messaging.model import keys
from messaging.model.conversation import Head
from messaging.model.errors import Forbidden, MessagingError, Prevented
from messaging.model.membership import Ask
from messaging.model.person import Person

EVERYONE, REQUESTS, NOBODY = "everyone", "requests", "nobody"
TAKES = (EVERYONE, REQUESTS, NOBODY)  # the values of Person.messages_from, besides "" for the deployment's own
YES, REQUEST, NO = "yes", "request", "no"

MOST_OF_A_REQUEST = 3  # messages, until it is accepted


class Reach(NamedTuple):
    """A deployment's rules. `messages_from` holds for people without a choice; a request rests for `pause`."""

    messages_from: str
    pause: timedelta

    def can_write(self, head: Head | None, sender_uuid: str, receiver: Person, at: str) -> str:
        """YES or NO for a message of the sender at a time, or REQUEST for one that the receiver has to accept first.

        It never tells of a block by the receiver.
        """
        if sender_uuid == receiver.user_uuid or (head and head.is_blocking(sender_uuid)):
            return NO
        if head is None or not head.is_open:
            taken = receiver.messages_from or self.messages_from
            return {EVERYONE: YES, REQUESTS: REQUEST, NOBODY: NO}[taken]
        ask = head.membership(receiver.user_uuid).ask
        if ask is None:
            return YES
        is_full = head.last_seq - ask.after >= MOST_OF_A_REQUEST and not self.has_rested(ask, at)
        return NO if is_full else REQUEST

    def has_rested(self, ask: Ask, at: str) -> bool:
        """True if a message at a time begins a new request, whether this one was declined or not."""
        return keys.time_before(at, self.pause) >= ask.at


def refusal(head: Head | None, sender_uuid: str) -> MessagingError:
    """The reason why this sender cannot write, if `can_write` is NO."""
    if head and head.is_blocking(sender_uuid):
        return Prevented("You block this person. Unblock them first.")
    if head and head.is_open:
        return Forbidden("This person has not accepted your request yet.")
    return Forbidden("This person takes no messages from people they have not written to.")


OPEN = Reach(EVERYONE, timedelta(days=30))
