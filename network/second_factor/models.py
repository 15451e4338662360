"""Tables of what a member adds to a session: PIN, passkeys, and what was proven with them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from network.database.base import NETWORK_SCHEMA, Base
from network.members.models import Member, MemberSession


class MemberPin(Base):
    """A member's PIN as argon2id of its keyed digest, and the wrong tries since a right one."""

    __tablename__ = "member_pin"
    __table_args__ = (
        CheckConstraint("pin_hash LIKE '$argon2id$%'", name="pin_hash"),
        CheckConstraint("misses BETWEEN 0 AND 8", name="misses"),
        {"schema": NETWORK_SCHEMA},
    )

    member_id: Mapped[UUID] = mapped_column(ForeignKey(Member.member_id), primary_key=True)
    pin_hash: Mapped[str]
    set_at: Mapped[datetime]
    misses: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    again_at: Mapped[datetime | None]


class MemberProof(Base):
    """One act that a member has proven themselves for in one session, up to so many points."""

    __tablename__ = "member_proof"
    __table_args__ = (
        CheckConstraint(
            "act IN ('code', 'request', 'gift', 'pool', 'threshold', 'passkey', 'unlock')",
            name="act",
        ),
        CheckConstraint("points >= 0", name="points"),
        CheckConstraint("proven_by IN ('pin', 'passkey')", name="proven_by"),
        CheckConstraint("expires_at > proven_at", name="expires_at"),
        Index(None, "session_id", "act"),
        Index(None, "member_id"),
        Index(None, "expires_at"),
        {"schema": NETWORK_SCHEMA},
    )

    proof_id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID] = mapped_column(ForeignKey(Member.member_id))
    session_id: Mapped[UUID] = mapped_column(
        ForeignKey(MemberSession.session_id, ondelete="CASCADE")
    )
    act: Mapped[str]
    subject: Mapped[str]
    points: Mapped[int]
    proven_by: Mapped[str]
    proven_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class MemberPasskey(Base):
    """A member's passkey: its public half, and what its owner calls it."""

    __tablename__ = "member_passkey"
    __table_args__ = (
        UniqueConstraint("credential_id"),
        CheckConstraint("sign_count >= 0", name="sign_count"),
        Index(None, "member_id"),
        {"schema": NETWORK_SCHEMA},
    )

    passkey_id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID] = mapped_column(ForeignKey(Member.member_id))
    credential_id: Mapped[bytes]
    public_key: Mapped[bytes]
    sign_count: Mapped[int]
    sealed_name: Mapped[bytes]
    backed_up: Mapped[bool]
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class MemberChallenge(Base):
    """A challenge that a member's passkey has answered, by its digest."""

    __tablename__ = "member_challenge"
    __table_args__ = (
        CheckConstraint("length(digest) = 32", name="digest"),
        Index(None, "used_at"),
        {"schema": NETWORK_SCHEMA},
    )

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    used_at: Mapped[datetime]
