"""Tables of shared wallets as people know them; who is in one is the ledger's to know."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from network.database.base import NETWORK_SCHEMA, Base
from network.members.models import Member


class Pool(Base):
    """A family's or a company's shared wallet; ``pool_id`` is the wallet's id in the ledger."""

    __tablename__ = "pool"
    __table_args__ = (
        CheckConstraint("kind IN ('family', 'company')", name="kind"),
        Index(None, "owner_id"),
        {"schema": NETWORK_SCHEMA},
    )

    pool_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    owner_id: Mapped[UUID] = mapped_column(ForeignKey(Member.member_id))
    tells_owner: Mapped[bool]
    made_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class PoolInvitation(Base):
    """An invitation for whoever has a phone; the phone is sealed with the inviter's key."""

    __tablename__ = "pool_invitation"
    __table_args__ = (
        CheckConstraint("length(phone_index) = 32", name="phone_index"),
        CheckConstraint("state IN ('open', 'accepted', 'declined', 'withdrawn')", name="state"),
        Index(None, "phone_index"),
        Index(None, "pool_id"),
        {"schema": NETWORK_SCHEMA},
    )

    invitation_id: Mapped[UUID] = mapped_column(primary_key=True)
    pool_id: Mapped[UUID] = mapped_column(ForeignKey(Pool.pool_id))
    phone_index: Mapped[bytes]
    sealed_phone: Mapped[bytes]
    state: Mapped[str]
    invited_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]


class PoolParting(Base):
    """How many points a person asks to take along; the owner agrees or does not."""

    __tablename__ = "pool_parting"
    __table_args__ = (
        CheckConstraint("points > 0", name="points"),
        CheckConstraint("state IN ('open', 'agreed', 'declined', 'withdrawn')", name="state"),
        Index(None, "pool_id"),
        {"schema": NETWORK_SCHEMA},
    )

    parting_id: Mapped[UUID] = mapped_column(primary_key=True)
    pool_id: Mapped[UUID] = mapped_column(ForeignKey(Pool.pool_id))
    member_id: Mapped[UUID] = mapped_column(ForeignKey(Member.member_id))
    points: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str]
    asked_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
