"""The outbox: what happened, for whoever must be told."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import UserDefinedType

from network.database.base import NETWORK_SCHEMA, Base


class TransactionId(UserDefinedType[str]):
    """PostgreSQL's 64-bit transaction id (xid8), as text on this side."""

    cache_ok = True

    def get_col_spec(self, **_options: Any) -> str:
        """Return the type's name in SQL."""
        return "xid8"


class OutboxEvent(Base):
    """One event, written in the transaction in which it happened, until it was handed on."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index(
            "ix_outbox_waiting",
            "transaction_id",
            "event_id",
            postgresql_where=text("dispatched_at IS NULL"),
        ),
        {"schema": NETWORK_SCHEMA},
    )

    event_id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("uuidv7()"))
    transaction_id: Mapped[str] = mapped_column(
        TransactionId(), server_default=text("pg_current_xact_id()")
    )
    topic: Mapped[str]
    member_id: Mapped[UUID | None]
    merchant_id: Mapped[UUID | None]
    payload: Mapped[dict[str, Any]]
    recorded_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    dispatched_at: Mapped[datetime | None]
