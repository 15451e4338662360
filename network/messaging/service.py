"""Queues messages in the unit of work that causes them, and hands them to a sender afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from network.errors import InvariantError
from network.events.service import publish
from network.ids import uuid7
from network.messaging.models import Message
from network.messaging.port import NotSentError, Senders
from network.vault import Vault

MAX_ATTEMPTS = 5
TOPIC = "messaging.message"
RECIPIENT_PURPOSE = "message-recipient"
BODY_PURPOSE = "message-body"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How an attempt ended; ``again`` says whether another one is worth its while."""

    state: str
    attempts: int

    @property
    def again(self) -> bool:
        """Return whether the message still waits."""
        return self.state == "waiting"


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
            locale=locale,
            state="waiting",
            attempts=0,
            created_at=wall,
            expires_at=expires_at,
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


def deliver(
    session: Session, vault: Vault, *, message_id: UUID, senders: Senders, wall: datetime
) -> Delivery | None:
    """Hand a waiting message to the sender of its channel and note the outcome.

    Returns ``None`` where there is nothing to do: it is gone, done, or another worker has it.
    A refusal of the sender is an outcome, not an exception, so that the attempt is committed.
    A worker that dies between sending and committing sends twice: better than never.
    """
    message = session.scalars(
        select(Message)
        .where(Message.message_id == message_id, Message.state == "waiting")
        .with_for_update(skip_locked=True)
    ).first()
    if message is None:
        return None
    if message.expires_at is not None and message.expires_at <= wall:
        message.state = "failed"
    else:
        message.attempts += 1
        try:
            senders[message.channel].send(
                vault.open(message.sealed_recipient, purpose=RECIPIENT_PURPOSE).decode(),
                vault.open(message.sealed_body, purpose=BODY_PURPOSE).decode(),
            )
        except NotSentError:
            message.state = "waiting" if message.attempts < MAX_ATTEMPTS else "failed"
        else:
            message.state, message.sent_at = "sent", wall
    session.flush()
    return Delivery(state=message.state, attempts=message.attempts)


def forget_messages(session: Session, *, before: datetime) -> None:
    """Delete messages that were made before then: their texts are nobody's business any more."""
    session.execute(delete(Message).where(Message.created_at < before))
