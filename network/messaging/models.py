"""The table of messages to people."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Integer, false, text
from sqlalchemy.orm import Mapped, mapped_column

from network.database.base import NETWORK_SCHEMA, Base


class Message(Base):
    """A message that is to leave, or has left; recipient and text are sealed.

    A ``patient`` one waits until ``retry_at`` and then behind all others.
    Until ``claimed_until`` it is the business of the worker that counted the last attempt. From
    ``retry_at`` on somebody should have tried: where nobody has, the schedule asks.
    """

    __tablename__ = "message"
    __table_args__ = (
        CheckConstraint("channel IN ('sms', 'email')", name="channel"),
        CheckConstraint("locale IN ('fa', 'en')", name="locale"),
        CheckConstraint("state IN ('waiting', 'sent', 'failed')", name="state"),
        CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name="sent_at"),
        CheckConstraint("attempts >= 0", name="attempts"),
        Index(None, "created_at"),
        Index(None, "recipient_index"),
        Index(
            "ix_message_waiting", "patient", "retry_at", postgresql_where=text("state = 'waiting'")
        ),
        {"schema": NETWORK_SCHEMA},
    )

    message_id: Mapped[UUID] = mapped_column(primary_key=True)
    channel: Mapped[str]
    kind: Mapped[str]
    sealed_recipient: Mapped[bytes]
    sealed_body: Mapped[bytes]
    recipient_index: Mapped[bytes]
    locale: Mapped[str]
    state: Mapped[str]
    attempts: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    claimed_until: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    retry_at: Mapped[datetime]
    patient: Mapped[bool] = mapped_column(server_default=false())
