"""Tables of what members were told or are to be, what they choose, and where they signed in."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, JSON, BigInteger, CheckConstraint, ForeignKey, Index, Integer, Text
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from network.database.base import NETWORK_SCHEMA, Base

_MEMBER = "network.member.member_id"


class MemberNotice(Base):
    """What a member was told: figures and ids; ``notice_id`` follows from what it is about.

    ``wallet_id`` and ``sequence`` name the entry behind it, ``other_id`` who else acted, ``days``
    the last days of points that expire. The device is sealed with the member's own key.
    """

    __tablename__ = "member_notice"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('redeemed', 'refunded', 'taken_back', 'available', 'expiring', 'device')",
            name="kind",
        ),
        CheckConstraint("(wallet_id IS NULL) = (sequence IS NULL)", name="entry"),
        Index(None, "member_id", "created_at", "notice_id"),
        Index("ix_member_notice_unread", "member_id", postgresql_where=sql("read_at IS NULL")),
        Index(None, "created_at"),
        {"schema": NETWORK_SCHEMA},
    )

    notice_id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID] = mapped_column(ForeignKey(_MEMBER))
    kind: Mapped[str]
    wallet_id: Mapped[UUID | None]
    sequence: Mapped[int | None] = mapped_column(BigInteger)
    points: Mapped[int | None] = mapped_column(BigInteger)
    owed: Mapped[int | None] = mapped_column(BigInteger)
    merchant_id: Mapped[UUID | None]
    other_id: Mapped[UUID | None]
    days: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    sealed_device: Mapped[bytes | None]
    created_at: Mapped[datetime]
    read_at: Mapped[datetime | None]


class MemberNoticeChoice(Base):
    """What a member wants no message of, and the hours in which none may come."""

    __tablename__ = "member_notice_choice"
    __table_args__ = (
        CheckConstraint(
            "muted <@ ARRAY['refunded', 'taken_back', 'available', 'expiring']", name="muted"
        ),
        CheckConstraint(
            "quiet_from BETWEEN 0 AND 23 AND quiet_until BETWEEN 0 AND 23", name="quiet"
        ),
        {"schema": NETWORK_SCHEMA},
    )

    member_id: Mapped[UUID] = mapped_column(ForeignKey(_MEMBER), primary_key=True)
    muted: Mapped[list[str]] = mapped_column(ARRAY(Text))
    quiet_from: Mapped[int] = mapped_column(Integer)
    quiet_until: Mapped[int] = mapped_column(Integer)


class MemberDevice(Base):
    """A browser on which a member has signed in, by the digest of a token that it keeps."""

    __tablename__ = "member_device"
    __table_args__ = (
        CheckConstraint("length(token_digest) = 32", name="token_digest"),
        Index(None, "seen_at"),
        {"schema": NETWORK_SCHEMA},
    )

    member_id: Mapped[UUID] = mapped_column(ForeignKey(_MEMBER), primary_key=True)
    token_digest: Mapped[bytes] = mapped_column(primary_key=True)
    first_seen_at: Mapped[datetime]
    seen_at: Mapped[datetime]


class UntoldSpending(Base):
    """An entry that spent points, until whoever it concerns was told; ids and figures.

    ``notice_id`` is the notice's of who spent. From ``ask_at`` on the schedule asks for it.
    """

    __tablename__ = "untold_spending"
    __table_args__ = (
        Index(None, "ask_at"),
        {"schema": NETWORK_SCHEMA},
    )

    notice_id: Mapped[UUID] = mapped_column(primary_key=True)
    wallet_id: Mapped[UUID]
    sequence: Mapped[int] = mapped_column(BigInteger)
    points: Mapped[int] = mapped_column(BigInteger)
    merchant_id: Mapped[UUID]
    noted_at: Mapped[datetime]
    ask_at: Mapped[datetime]


class ExpiryRun(Base):
    """How far a day's news of expiring points has come, and of which days it tells."""

    __tablename__ = "expiry_run"
    __table_args__ = (
        CheckConstraint("since < business_date", name="since"),
        CheckConstraint("told >= 0", name="told"),
        {"schema": NETWORK_SCHEMA},
    )

    business_date: Mapped[date] = mapped_column(primary_key=True)
    since: Mapped[date]
    after_member: Mapped[UUID | None]
    told: Mapped[int] = mapped_column(BigInteger)
    finished_at: Mapped[datetime | None]
