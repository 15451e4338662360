"""Tables of the merchants' portal: people, links, sign-ins, and what was done at tills."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from network.database.base import NETWORK_SCHEMA, Base
from network.merchants.models import Merchant, Store
from network.operators.models import ProposalRow


class PortalUser(Base):
    """A person of a merchant. ``totp_step`` is the last step whose code was used.

    ``pin_misses`` counts wrong PINs in a row, over all tills.
    """

    __tablename__ = "portal_user"
    __table_args__ = (
        UniqueConstraint("login"),
        CheckConstraint(
            "login = lower(login) AND login ~ '^[^@[:space:]]+@[^@[:space:]]+$'"
            " AND length(login) <= 254",
            name="login",
        ),
        CheckConstraint("name <> '' AND length(name) <= 120", name="name"),
        CheckConstraint("role IN ('cashier', 'finance', 'administrator')", name="role"),
        CheckConstraint("status IN ('invited', 'active', 'suspended')", name="status"),
        CheckConstraint("locale IN ('fa', 'en')", name="locale"),
        CheckConstraint("totp_step >= 0", name="totp_step"),
        CheckConstraint(
            "(pin_hash IS NULL) = (pin_set_at IS NULL) AND pin_misses >= 0", name="pin"
        ),
        CheckConstraint(
            "status <> 'active' OR (password_hash IS NOT NULL"
            " AND (role = 'cashier' OR sealed_totp IS NOT NULL))",
            name="factors",
        ),
        Index(None, "merchant_id"),
        {"schema": NETWORK_SCHEMA},
    )

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    merchant_id: Mapped[UUID] = mapped_column(ForeignKey(Merchant.merchant_id))
    login: Mapped[str]
    name: Mapped[str]
    role: Mapped[str]
    status: Mapped[str]
    locale: Mapped[str | None]
    password_hash: Mapped[str | None]
    sealed_totp: Mapped[bytes | None]
    totp_step: Mapped[int]
    pin_hash: Mapped[str | None]
    pin_set_at: Mapped[datetime | None]
    pin_misses: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime]


class PortalLink(Base):
    """A way in: a code that sets a password, once. Only its digest is here.

    One with a ``proposal_id`` opens nothing before a second operator has approved that. ``again``:
    it takes the place of a way in that the person had. ``used_at`` is also when it was ended;
    ``taken``: it set a password.
    """

    __tablename__ = "portal_link"
    __table_args__ = (
        CheckConstraint("length(token_digest) = 32", name="token_digest"),
        CheckConstraint("expires_at > created_at", name="expires_at"),
        Index(None, "user_id"),
        {"schema": NETWORK_SCHEMA},
    )

    token_digest: Mapped[bytes] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey(PortalUser.user_id))
    sealed_totp: Mapped[bytes | None]
    made_by: Mapped[str]
    proposal_id: Mapped[UUID | None] = mapped_column(ForeignKey(ProposalRow.proposal_id))
    again: Mapped[bool]
    taken: Mapped[bool]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class PortalSession(Base):
    """A sign-in in one browser, and the till that the browser stands at.

    From ``shared_at`` on it asks for a PIN; who typed theirs acts in a sign-in with ``base_id``.
    """

    __tablename__ = "portal_session"
    __table_args__ = (
        UniqueConstraint("token_digest"),
        CheckConstraint("length(token_digest) = 32", name="token_digest"),
        CheckConstraint("expires_at > created_at", name="expires_at"),
        CheckConstraint("terminal IS NULL OR store_id IS NOT NULL", name="terminal"),
        CheckConstraint("base_id IS NULL OR shared_at IS NULL", name="base_id"),
        Index(
            "uq_portal_session_base_id",
            "base_id",
            unique=True,
            postgresql_where=text("base_id IS NOT NULL AND ended_at IS NULL"),
        ),
        Index("ix_portal_session_user_id", "user_id", "created_at"),
        {"schema": NETWORK_SCHEMA},
    )

    session_id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey(PortalUser.user_id))
    token_digest: Mapped[bytes]
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    user_agent: Mapped[str]
    address: Mapped[str]
    store_id: Mapped[UUID | None] = mapped_column(ForeignKey(Store.store_id))
    terminal: Mapped[str | None]
    shared_at: Mapped[datetime | None]
    base_id: Mapped[UUID | None] = mapped_column(ForeignKey("network.portal_session.session_id"))


class PortalAct(Base):
    """What a form of the till did; ``original_key`` is the act that it refunds or undoes."""

    __tablename__ = "portal_act"
    __table_args__ = (
        ForeignKeyConstraint(
            ["merchant_id", "original_key"],
            ["network.portal_act.merchant_id", "network.portal_act.key"],
        ),
        CheckConstraint("key ~ '^[A-Za-z0-9_-]{16,64}$'", name="key"),
        CheckConstraint(
            "kind IN ('earn', 'redeem', 'refund_earn', 'refund_redeem', 'undo', 'cancelled')",
            name="kind",
        ),
        CheckConstraint("points >= 0", name="points"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint(
            "(original_key IS NOT NULL) = (kind IN ('refund_earn', 'refund_redeem', 'undo'))",
            name="original_key",
        ),
        Index("ix_portal_act_recorded_at", "merchant_id", "recorded_at"),
        Index("ix_portal_act_day", "merchant_id", "business_date", "store_id"),
        Index("ix_portal_act_merchant_ref", "merchant_id", "merchant_ref"),
        Index(
            "ix_portal_act_original_key",
            "merchant_id",
            "original_key",
            postgresql_where=text("original_key IS NOT NULL"),
        ),
        Index(
            "ix_portal_act_member_id",
            "member_id",
            "sequence",
            postgresql_where=text("member_id IS NOT NULL"),
        ),
        {"schema": NETWORK_SCHEMA},
    )

    merchant_id: Mapped[UUID] = mapped_column(ForeignKey(Merchant.merchant_id), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    merchant_ref: Mapped[str]
    user_id: Mapped[UUID] = mapped_column(ForeignKey(PortalUser.user_id))
    session_id: Mapped[UUID] = mapped_column(ForeignKey(PortalSession.session_id))
    store_id: Mapped[UUID | None] = mapped_column(ForeignKey(Store.store_id))
    terminal: Mapped[str | None]
    recorded_at: Mapped[datetime]
    business_date: Mapped[date | None]
    member_id: Mapped[UUID | None]
    sequence: Mapped[int | None]
    points: Mapped[int | None]
    amount: Mapped[int | None]
    original_key: Mapped[str | None]
