"""Reads of messages."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select, tuple_
from sqlalchemy.orm import Session

from network.messaging.models import Message
from network.messaging.service import BODY_PURPOSE, RECIPIENT_PURPOSE
from network.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageView:
    """A message with its text, for the outbox page of an installation that sends nothing."""

    message_id: UUID
    kind: str
    recipient: str = field(repr=False)
    body: str = field(repr=False)
    locale: str
    state: str
    created_at: datetime
    sent_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsent:
    """A message that did not leave; neither to whom nor what it says."""

    message_id: UUID
    kind: str
    channel: str
    locale: str
    created_at: datetime
    expires_at: datetime | None


def left_alone(session: Session, *, before: datetime, limit: int = 100) -> list[tuple[UUID, int]]:
    """Return waiting messages that should have been tried before then, the oldest first.

    Each with how often it was tried. Patient ones come after all others.
    """
    rows = session.execute(
        select(Message.message_id, Message.attempts)
        .where(Message.state == "waiting", Message.retry_at < before)
        .order_by(Message.patient, Message.retry_at)
        .limit(limit)
    )
    return [(row.message_id, row.attempts) for row in rows]


def unsent(session: Session, *, wall: datetime, limit: int = 200) -> list[Unsent]:
    """Return messages that failed and would still be worth sending, the newest first."""
    rows = session.execute(
        select(
            Message.message_id,
            Message.kind,
            Message.channel,
            Message.locale,
            Message.created_at,
            Message.expires_at,
        )
        .where(
            Message.state == "failed",
            or_(Message.expires_at.is_(None), Message.expires_at > wall),
        )
        .order_by(Message.created_at.desc(), Message.message_id.desc())
        .limit(limit)
    )
    return [Unsent(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def latest(
    session: Session, vault: Vault, *, limit: int = 20, before: tuple[datetime, UUID] | None = None
) -> list[MessageView]:
    """Return the newest messages, opened; those older than ``before`` (created_at, message_id)."""
    query = select(Message).order_by(Message.created_at.desc(), Message.message_id.desc())
    if before is not None:
        query = query.where(tuple_(Message.created_at, Message.message_id) < tuple_(*before))
    rows = session.scalars(query.limit(limit))
    return [
        MessageView(
            message_id=row.message_id,
            kind=row.kind,
            recipient=vault.open(row.sealed_recipient, purpose=RECIPIENT_PURPOSE).decode(),
            body=vault.open(row.sealed_body, purpose=BODY_PURPOSE).decode(),
            locale=row.locale,
            state=row.state,
            created_at=row.created_at,
            sent_at=row.sent_at,
        )
        for row in rows
    ]
