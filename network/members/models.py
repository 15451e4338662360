"""Tables of members. What a person told us is sealed with that member's own key."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from network.database.base import NETWORK_SCHEMA, Base
from network.merchants.models import Merchant, Store


class Tier(Base):
    """A step of the programme's ladder; everybody begins on that of rank 0."""

    __tablename__ = "tier"
    __table_args__ = (
        UniqueConstraint("rank"),
        CheckConstraint("code ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(code) <= 40", name="code"),
        CheckConstraint("rank >= 0", name="rank"),
        CheckConstraint("name_fa <> '' AND name_en <> ''", name="names"),
        {"schema": NETWORK_SCHEMA},
    )

    code: Mapped[str] = mapped_column(primary_key=True)
    rank: Mapped[int] = mapped_column(Integer)
    name_fa: Mapped[str]
    name_en: Mapped[str]


class Member(Base):
    """A person (later also a company) with a wallet. Mapped objects show nothing personal."""

    __tablename__ = "member"
    __table_args__ = (
        UniqueConstraint("code_handle"),
        UniqueConstraint("phone_index"),
        CheckConstraint("code_handle BETWEEN 0 AND 1099511627775", name="code_handle"),
        CheckConstraint("length(phone_index) = 32", name="phone_index"),
        CheckConstraint("locale IN ('fa', 'en')", name="locale"),
        CheckConstraint("money_unit IN ('toman', 'rial')", name="money_unit"),
        CheckConstraint("spend_limit >= 0", name="spend_limit"),
        CheckConstraint("status IN ('active', 'closed')", name="status"),
        CheckConstraint("ask_above >= 0", name="ask_above"),
        CheckConstraint(
            "status = 'closed' OR (phone_index IS NOT NULL AND sealed_phone IS NOT NULL)",
            name="reachable",
        ),
        {"schema": NETWORK_SCHEMA},
    )

    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    code_handle: Mapped[int]
    phone_index: Mapped[bytes | None]
    sealed_phone: Mapped[bytes | None]
    sealed_name: Mapped[bytes | None]
    locale: Mapped[str]
    money_unit: Mapped[str]
    spend_limit: Mapped[int]
    joined_at: Mapped[datetime]
    status: Mapped[str]
    tier: Mapped[str] = mapped_column(ForeignKey(Tier.code), server_default=text("'member'"))
    ask_above: Mapped[int | None]


class MemberKey(Base):
    """The key that a member's personal data is sealed with, itself sealed by the vault."""

    __tablename__ = "member_key"
    __table_args__ = ({"schema": NETWORK_SCHEMA},)

    member_id: Mapped[UUID] = mapped_column(ForeignKey(Member.member_id), primary_key=True)
    sealed_key: Mapped[bytes]
    created_at: Mapped[datetime]


class MemberCodeSecret(Base):
    """The secret that a member's rotating codes are made from, sealed with the member's key."""

    __tablename__ = "member_code_secret"
    __table_args__ = ({"schema": NETWORK_SCHEMA},)

    member_id: Mapped[UUID] = mapped_column(ForeignKey(Member.member_id), primary_key=True)
    sealed_secret: Mapped[bytes]
    created_at: Mapped[datetime]


class Card(Base):
    """A card number that identifies a member for earning; it never spends."""

    __tablename__ = "card"
    __table_args__ = (
        CheckConstraint("card_number ~ '^9[0-9]{15}$'", name="card_number"),
        Index(None, "member_id"),
        {"schema": NETWORK_SCHEMA},
    )

    card_number: Mapped[str] = mapped_column(primary_key=True)
    member_id: Mapped[UUID] = mapped_column(ForeignKey(Member.member_id))
    issued_at: Mapped[datetime]
    blocked_at: Mapped[datetime | None]


class OneTimeCode(Base):
    """A sign-in code that was sent to a phone; only its keyed digest is kept."""

    __tablename__ = "one_time_code"
    __table_args__ = (
        CheckConstraint("length(phone_index) = 32", name="phone_index"),
        CheckConstraint("length(digest) = 32", name="digest"),
        CheckConstraint("attempts BETWEEN 0 AND 5", name="attempts"),
        CheckConstraint("expires_at > requested_at", name="expires_at"),
        Index(None, "phone_index", "requested_at"),
        Index(None, "address_index", "requested_at"),
        Index(None, "requested_at"),
        {"schema": NETWORK_SCHEMA},
    )

    one_time_code_id: Mapped[UUID] = mapped_column(primary_key=True)
    phone_index: Mapped[bytes]
    address_index: Mapped[bytes | None]
    lane: Mapped[bytes | None]  # of code_limits
    digest: Mapped[bytes]
    attempts: Mapped[int] = mapped_column(Integer)
    requested_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class MemberSession(Base):
    """A sign-in on one device. The token is in the browser, its digest here."""

    __tablename__ = "member_session"
    __table_args__ = (
        UniqueConstraint("token_digest"),
        CheckConstraint("length(token_digest) = 32", name="token_digest"),
        CheckConstraint("expires_at > created_at", name="expires_at"),
        CheckConstraint("offline_limit >= 0", name="offline_limit"),
        Index(None, "member_id"),
        {"schema": NETWORK_SCHEMA},
    )

    session_id: Mapped[UUID] = mapped_column(primary_key=True)
    token_digest: Mapped[bytes]
    member_id: Mapped[UUID] = mapped_column(ForeignKey(Member.member_id))
    sealed_device: Mapped[bytes | None]
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    offline_limit: Mapped[int] = mapped_column(server_default=text("0"))


class MemberConsent(Base):
    """One yes or no of a member for one purpose; the newest of a purpose holds."""

    __tablename__ = "member_consent"
    __table_args__ = (
        CheckConstraint("purpose IN ('membership', 'offers', 'research')", name="purpose"),
        Index(None, "member_id", "purpose", "consent_id"),
        {"schema": NETWORK_SCHEMA},
    )

    consent_id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID] = mapped_column(ForeignKey(Member.member_id))
    purpose: Mapped[str]
    granted: Mapped[bool]
    wording: Mapped[str]
    recorded_at: Mapped[datetime]


class TillEnrolment(Base):
    """A person whom a till asked to join; nothing personal stays once there is an answer."""

    __tablename__ = "till_enrolment"
    __table_args__ = (
        Index(None, "phone_index", "sent_at"),
        Index(None, "merchant_id", "sent_at"),
        Index(None, "expires_at", postgresql_where=text("joined_at IS NULL")),
        Index(None, "member_id"),
        {"schema": NETWORK_SCHEMA},
    )

    enrolment_id: Mapped[UUID] = mapped_column(primary_key=True)
    merchant_id: Mapped[UUID] = mapped_column(ForeignKey(Merchant.merchant_id))
    store_id: Mapped[UUID | None] = mapped_column(ForeignKey(Store.store_id))
    phone_index: Mapped[bytes | None]
    sealed_phone: Mapped[bytes | None]
    sealed_name: Mapped[bytes | None]
    consents: Mapped[list[Any]]
    locale: Mapped[str]
    digest: Mapped[bytes]
    attempts: Mapped[int] = mapped_column(Integer)
    messages: Mapped[int] = mapped_column(Integer)
    all_messages: Mapped[int] = mapped_column(Integer)
    all_tries: Mapped[int] = mapped_column(Integer)
    requested_at: Mapped[datetime]
    sent_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    member_id: Mapped[UUID | None] = mapped_column(ForeignKey(Member.member_id))
    joined_at: Mapped[datetime | None]
    joined_by: Mapped[str | None]


class MemberFreeze(Base):
    """A member whose spending the network has locked, and how their own switch stood."""

    __tablename__ = "member_freeze"
    __table_args__ = (
        CheckConstraint("reason <> '' AND length(reason) <= 300", name="reason"),
        {"schema": NETWORK_SCHEMA},
    )

    member_id: Mapped[UUID] = mapped_column(ForeignKey(Member.member_id), primary_key=True)
    reason: Mapped[str]
    was_locked: Mapped[bool]
    frozen_by: Mapped[UUID] = mapped_column(ForeignKey("network.operator.operator_id"))
    frozen_at: Mapped[datetime]


class MemberMerge(Base):
    """A member who turned out to be another one, and who remains of the two."""

    __tablename__ = "member_merge"
    __table_args__ = (
        CheckConstraint("member_id <> into_id", name="another"),
        Index(None, "into_id"),
        {"schema": NETWORK_SCHEMA},
    )

    member_id: Mapped[UUID] = mapped_column(ForeignKey(Member.member_id), primary_key=True)
    into_id: Mapped[UUID] = mapped_column(ForeignKey(Member.member_id))
    proposal_id: Mapped[UUID] = mapped_column(ForeignKey("network.proposal.proposal_id"))
    merged_at: Mapped[datetime]
