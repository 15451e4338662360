"""The table of sandboxes: which databases there are, and whose each is."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from network.database.base import NETWORK_SCHEMA, Base
from network.merchants.models import Merchant


class Sandbox(Base):
    """A database of made-up data that one merchant's test keys open; a spare has no merchant yet.

    ``due_at`` is when a worker has to look into it; it ends with ``discarded_at``, after which the
    database is dropped and then the row. ``signing_keys`` are its own, as JWKs: what they signed is
    a test, for anybody who is shown it.
    """

    __tablename__ = "sandbox"
    __table_args__ = (
        CheckConstraint("length(schema_digest) = 32", name="schema_digest"),
        CheckConstraint(
            "(merchant_id IS NULL) = (taken_at IS NULL)"
            " AND (taken_at IS NULL OR made_at IS NOT NULL)"
            " AND (furnished_at IS NULL OR taken_at IS NOT NULL)",
            name="taken",
        ),
        Index(
            "uq_sandbox_merchant_id",
            "merchant_id",
            unique=True,
            postgresql_where=text("discarded_at IS NULL"),
        ),
        Index(
            "ix_sandbox_due_at",
            "due_at",
            postgresql_where=text("due_at IS NOT NULL AND discarded_at IS NULL"),
        ),
        {"schema": NETWORK_SCHEMA},
    )

    sandbox_id: Mapped[UUID] = mapped_column(primary_key=True)
    merchant_id: Mapped[UUID | None] = mapped_column(ForeignKey(Merchant.merchant_id))
    schema_digest: Mapped[bytes]
    begun_at: Mapped[datetime]
    made_at: Mapped[datetime | None]
    taken_at: Mapped[datetime | None]
    furnished_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    discarded_at: Mapped[datetime | None]
    signing_keys: Mapped[list[dict[str, str]] | None] = mapped_column(JSONB)
