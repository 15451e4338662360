"""The table of the network's own signing keys."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from network.database.base import NETWORK_SCHEMA, Base


class SigningKey(Base):
    """An Ed25519 key of the network; the private half is sealed, a retired one stays published."""

    __tablename__ = "signing_key"
    __table_args__ = (
        CheckConstraint("purpose IN ('answers', 'tokens', 'seals')", name="purpose"),
        CheckConstraint("length(public_key) = 32", name="public_key"),
        Index(
            "uq_signing_key_purpose",
            "purpose",
            unique=True,
            postgresql_where=text("retired_at IS NULL"),
        ),
        {"schema": NETWORK_SCHEMA},
    )

    key_id: Mapped[str] = mapped_column(primary_key=True)
    purpose: Mapped[str]
    public_key: Mapped[bytes]
    sealed_private: Mapped[bytes]
    created_at: Mapped[datetime]
    signs_from: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]
