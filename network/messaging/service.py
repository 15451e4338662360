"""Queues messages in the unit of work that causes them, and hands them to a sender afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from network.database.pieces import delete_piece
from network.errors import InvariantError
from network.events.service import publish
from network.ids import uuid7
from network.messaging.models import Message
from network.messaging.port import NotSentError
from network.vault import Vault

SOON = tuple(timedelta(seconds=each) for each in (5, 30, 120, 600))
"""The pauses before the next attempts of a message's own job; after them the schedule asks."""

PAUSES = (*SOON, *(timedelta(hours=each) for each in (1, 2, 4, 8, 16)))
MAX_ATTEMPTS = len(PAUSES) + 1
"""A provider may be away for a day: who was robbed must still be told of what was spent."""

EARLY = timedelta(seconds=2)
"""So much before its time an attempt is made all the same: a queue counts whole seconds."""

CLAIM = timedelta(minutes=1)
"""How long a message is one worker's: longer than the job that sends it may take."""

TOPIC = "messaging.message"
PORTAL_NEWS, OPERATOR_NEWS = "portal_news", "operator_news"
STAFF_KINDS = (PORTAL_NEWS, OPERATOR_NEWS)
"""What goes to people for what they do at a merchant or in the network, not as members."""

RECIPIENT_PURPOSE = "message-recipient"
BODY_PURPOSE = "message-body"
NUMBER_PURPOSE = "member-phone"
"""Of the blind index of a number, members' included: who leaves takes the messages along."""


class Wanted(Protocol):
    """Says when a patient message may leave, as its member wants it by now."""

    def __call__(self, session: Session, *, message_id: UUID, wall: datetime) -> datetime | None:
        """Return when, which may be now; ``None`` where the member wants it no more."""


class MessageHeldError(NotSentError):
    """Another worker is sending this message; trying again later finds out how that ended."""

    code = "message_held"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """A text message that may wait: until then, and behind everything that may not."""

    message_id: UUID
    recipient: str = field(repr=False)
    body: str = field(repr=False)
    kind: str
    locale: str
    not_before: datetime
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A message that is to be sent now, by whoever claimed it; personal data is not shown."""

    message_id: UUID
    channel: str
    recipient: str = field(repr=False)
    body: str = field(repr=False)
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How an attempt ended."""

    state: str
    attempts: int

    @property
    def soon(self) -> bool:
        """Return whether its own job should try again; later attempts the schedule asks for."""
        return self.state == "waiting" and self.attempts <= len(SOON)


def queue_sms(
    session: Session,
    vault: Vault,
    *,
    recipient: str,
    body: str,
    kind: str,
    locale: str,
    wall: datetime,
    expires_at: datetime | None = None,
    message_id: UUID | None = None,
) -> UUID:
    """Store a text message to a number in E.164; see ``queue_message``."""
    return queue_message(
        session,
        vault,
        channel="sms",
        recipient=recipient,
        body=body,
        kind=kind,
        locale=locale,
        wall=wall,
        expires_at=expires_at,
        message_id=message_id,
    )


def queue_message(
    session: Session,
    vault: Vault,
    *,
    channel: str,
    recipient: str,
    body: str,
    kind: str,
    locale: str,
    wall: datetime,
    expires_at: datetime | None = None,
    message_id: UUID | None = None,
) -> UUID:
    """Store a message and announce it in the outbox (topic ``messaging.message``).

    ``channel`` is ``sms`` (to a number in E.164) or ``email``, whose first line is the subject. A
    message that did not leave before ``expires_at`` never does. ``message_id`` is for a caller that
    may come twice: what has that id already stays as it is.
    """
    stored = session.execute(
        insert(Message)
        .values(
            message_id=message_id or uuid7(),
            channel=channel,
            kind=kind,
            sealed_recipient=vault.seal(recipient.encode(), purpose=RECIPIENT_PURPOSE),
            sealed_body=vault.seal(body.encode(), purpose=BODY_PURPOSE),
            recipient_index=vault.blind_index(recipient, purpose=NUMBER_PURPOSE),
            locale=locale,
            state="waiting",
            attempts=0,
            created_at=wall,
            expires_at=expires_at,
            retry_at=wall + SOON[0],
        )
        .on_conflict_do_nothing(index_elements=[Message.message_id])
        .returning(Message.message_id)
    ).scalar_one_or_none()
    if stored is not None:
        publish(session, topic=TOPIC, payload={"message_id": str(stored)})
        return stored
    if message_id is None:
        raise InvariantError("a new id of a message was taken")
    return message_id


def queue_patiently(
    session: Session, vault: Vault, messages: Sequence[Patient], *, wall: datetime
) -> None:
    """Store text messages for which the schedule asks when their time has come, and room is.

    However many they are, no code waits behind them. What is stored under an id stays as it is.
    """
    if not messages:
        return
    session.execute(
        insert(Message).on_conflict_do_nothing(index_elements=[Message.message_id]),
        [
            {
                "message_id": each.message_id,
                "channel": "sms",
                "kind": each.kind,
                "sealed_recipient": vault.seal(each.recipient.encode(), purpose=RECIPIENT_PURPOSE),
                "sealed_body": vault.seal(each.body.encode(), purpose=BODY_PURPOSE),
                "recipient_index": vault.blind_index(each.recipient, purpose=NUMBER_PURPOSE),
                "locale": each.locale,
                "state": "waiting",
                "attempts": 0,
                "created_at": wall,
                "expires_at": each.expires_at,
                "retry_at": each.not_before,
                "patient": True,
            }
            for each in messages
        ],
    )


def claim(
    session: Session, vault: Vault, *, message_id: UUID, wall: datetime, wanted: Wanted
) -> Claimed | None:
    """Take a waiting message for an attempt, and count it: commit before it is sent.

    So no row is held while somebody else's machine answers. Returns ``None`` where there is nothing
    to do: it is gone, done, too late, or its pause is not over (a job too many). A patient one is
    put off while its member wants quiet, and deleted where they want none of its kind any more:
    ``wanted`` says so, at every attempt. Raises MessageHeldError while another worker is at it; one
    that died has lost its claim after ``CLAIM``. Only where it died between sending and noting the
    outcome is a message sent twice: better than never.
    """
    message = session.scalars(
        select(Message)
        .where(Message.message_id == message_id, Message.state == "waiting")
        .with_for_update()
    ).first()
    if message is None:
        return None
    if message.claimed_until is not None and message.claimed_until > wall:
        raise MessageHeldError("another worker sends this message")
    late = message.expires_at is not None and message.expires_at <= wall
    tried = message.attempts > 0 or message.patient
    if not late and tried and message.retry_at > wall + EARLY:
        return None
    if late or message.attempts >= MAX_ATTEMPTS:
        message.state, message.claimed_until = "failed", None
        session.flush()
        return None
    if message.patient and not _may_leave(session, message, wanted, wall=wall):
        return None
    message.attempts, message.claimed_until = message.attempts + 1, wall + CLAIM
    message.retry_at = wall + CLAIM
    session.flush()
    return Claimed(
        message_id=message_id,
        channel=message.channel,
        recipient=vault.open(message.sealed_recipient, purpose=RECIPIENT_PURPOSE).decode(),
        body=vault.open(message.sealed_body, purpose=BODY_PURPOSE).decode(),
        attempt=message.attempts,
    )


def _may_leave(session: Session, message: Message, wanted: Wanted, *, wall: datetime) -> bool:
    """Return whether a patient message may leave now; put it off or delete it where it may not."""
    leaves_at = wanted(session, message_id=message.message_id, wall=wall)
    if leaves_at is None:
        session.delete(message)
    elif leaves_at > wall:
        message.retry_at, message.claimed_until = leaves_at, None
    session.flush()
    return leaves_at is not None and leaves_at <= wall


def note_outcome(session: Session, *, claimed: Claimed, sent: bool, wall: datetime) -> Delivery:
    """Note how an attempt ended, in a unit of work of its own; return what became of the message.

    What was sent is sent, whoever has the claim by now; a failure counts for its own attempt only.
    """
    message = session.scalars(
        select(Message).where(Message.message_id == claimed.message_id).with_for_update()
    ).first()
    if message is None:  # forgotten meanwhile
        return Delivery(state="sent" if sent else "failed", attempts=claimed.attempt)
    if sent and message.state != "sent":
        message.state, message.sent_at, message.claimed_until = "sent", wall, None
    elif not sent and message.state == "waiting" and message.attempts == claimed.attempt:
        message.claimed_until = None
        if message.attempts < MAX_ATTEMPTS:
            message.retry_at = wall + PAUSES[message.attempts - 1]
        else:
            message.state = "failed"
    session.flush()
    return Delivery(state=message.state, attempts=message.attempts)


def send_again(session: Session, *, message_id: UUID, wall: datetime) -> bool:
    """Have a message that failed tried anew; return whether there is one that may still leave."""
    message = session.scalars(
        select(Message)
        .where(Message.message_id == message_id, Message.state == "failed")
        .with_for_update()
    ).first()
    if message is None or (message.expires_at is not None and message.expires_at <= wall):
        return False
    message.state, message.attempts, message.retry_at = "waiting", 0, wall + SOON[0]
    publish(session, topic=TOPIC, payload={"message_id": str(message_id)})
    return True


def forget_recipient(session: Session, *, index: bytes) -> None:
    """Delete every message to a member's number, by its blind index: they are forgotten now.

    What the same number is told as a merchant's or the network's stays.
    """
    session.execute(
        delete(Message).where(Message.recipient_index == index, Message.kind.not_in(STAFF_KINDS))
    )


def forget_messages(session: Session, *, before: datetime, limit: int) -> int:
    """Delete up to ``limit`` messages made before then: their texts are nobody's business now."""
    return delete_piece(session, Message, Message.created_at < before, limit=limit)
