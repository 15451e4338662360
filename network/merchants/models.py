"""Tables of merchants: who takes part, where they stand, how they sign, what they agreed to."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from network.database.base import NETWORK_SCHEMA, Base


class Merchant(Base):
    """A partner of the network: it funds points (issuer), takes them (acceptor), or both."""

    __tablename__ = "merchant"
    __table_args__ = (
        UniqueConstraint("code"),
        CheckConstraint("code ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(code) <= 40", name="code"),
        CheckConstraint("name_fa <> '' AND name_en <> ''", name="names"),
        CheckConstraint("kind ~ '^[a-z0-9]+(_[a-z0-9]+)*$'", name="kind"),
        CheckConstraint(
            "status IN ('applied', 'declined', 'approved', 'active', 'suspended', 'leaving',"
            " 'left')",
            name="status",
        ),
        CheckConstraint(
            "leaves_on IS NOT NULL OR status NOT IN ('leaving', 'left')", name="leaves_on"
        ),
        CheckConstraint("issuing IN ('open', 'limit', 'default')", name="issuing"),
        {"schema": NETWORK_SCHEMA},
    )

    merchant_id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str]
    name_fa: Mapped[str]
    name_en: Mapped[str]
    kind: Mapped[str]
    status: Mapped[str]
    joined_at: Mapped[datetime]
    leaves_on: Mapped[date | None]
    portal_since: Mapped[datetime | None]
    issuing: Mapped[str] = mapped_column(server_default=text("'open'"))
    directory_fa: Mapped[str | None]
    directory_en: Mapped[str | None]
    directory_url: Mapped[str | None]


class Store(Base):
    """A place of a merchant, a web shop included."""

    __tablename__ = "store"
    __table_args__ = (
        UniqueConstraint("merchant_id", "code"),
        CheckConstraint("code <> '' AND length(code) <= 64", name="code"),
        CheckConstraint("name_fa <> '' AND name_en <> ''", name="names"),
        {"schema": NETWORK_SCHEMA},
    )

    store_id: Mapped[UUID] = mapped_column(primary_key=True)
    merchant_id: Mapped[UUID] = mapped_column(ForeignKey(Merchant.merchant_id))
    code: Mapped[str]
    name_fa: Mapped[str]
    name_en: Mapped[str]
    city_fa: Mapped[str]
    city_en: Mapped[str]
    closed_at: Mapped[datetime | None]


class Terminal(Base):
    """A till of a store, by the code that its calls carry."""

    __tablename__ = "terminal"
    __table_args__ = (
        UniqueConstraint("store_id", "code"),
        CheckConstraint("code <> '' AND length(code) <= 64", name="code"),
        CheckConstraint("name <> '' AND length(name) <= 120", name="name"),
        {"schema": NETWORK_SCHEMA},
    )

    terminal_id: Mapped[UUID] = mapped_column(primary_key=True)
    store_id: Mapped[UUID] = mapped_column(ForeignKey(Store.store_id))
    code: Mapped[str]
    name: Mapped[str]
    added_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class Application(Base):
    """A site that asked to join; what names persons is sealed."""

    __tablename__ = "merchant_application"
    __table_args__ = (
        UniqueConstraint("merchant_id"),
        CheckConstraint("state IN ('waiting', 'approved', 'declined')", name="state"),
        CheckConstraint("(state = 'waiting') = (reviewed_at IS NULL)", name="reviewed"),
        CheckConstraint(
            "(state = 'declined') = (reason IS NOT NULL) AND reason <> ''", name="reason"
        ),
        CheckConstraint("way IN ('program', 'browser')", name="way"),
        CheckConstraint("locale IN ('fa', 'en')", name="locale"),
        CheckConstraint("length(address_digest) = 32", name="address_digest"),
        Index(None, "state", "applied_at"),
        Index(
            "ix_merchant_application_place",
            text("(state = 'waiting')"),
            "applied_at",
            "application_id",
        ),
        Index(None, "address_digest", "applied_at"),
        {"schema": NETWORK_SCHEMA},
    )

    application_id: Mapped[UUID] = mapped_column(primary_key=True)
    merchant_id: Mapped[UUID] = mapped_column(ForeignKey(Merchant.merchant_id))
    state: Mapped[str]
    sealed_contact: Mapped[bytes]
    website: Mapped[str | None]
    way: Mapped[str]
    locale: Mapped[str]
    address_digest: Mapped[bytes]
    applied_at: Mapped[datetime]
    reviewed_by: Mapped[UUID | None]
    reviewed_at: Mapped[datetime | None]
    reason: Mapped[str | None]


class MerchantKey(Base):
    """A key that a merchant signs requests with; the secret of an HMAC key is sealed."""

    __tablename__ = "merchant_key"
    __table_args__ = (
        CheckConstraint("key_id ~ '^mk_(live|test)_[a-z2-7]{16}$'", name="key_id"),
        CheckConstraint(
            "environment IN ('live', 'test') AND split_part(key_id, '_', 2) = environment",
            name="environment",
        ),
        CheckConstraint(
            "(algorithm = 'ed25519' AND public_key IS NOT NULL AND length(public_key) = 32"
            " AND sealed_secret IS NULL)"
            " OR (algorithm = 'hmac-sha256' AND sealed_secret IS NOT NULL"
            " AND public_key IS NULL)",
            name="material",
        ),
        CheckConstraint(
            "cardinality(scopes) > 0 AND scopes <@ ARRAY['members', 'earnings', 'redemptions',"
            " 'refunds', 'transactions', 'settlements', 'webhooks', 'keys']",
            name="scopes",
        ),
        CheckConstraint("expires_at >= created_at", name="expires_at"),
        Index(None, "merchant_id"),
        {"schema": NETWORK_SCHEMA},
    )

    key_id: Mapped[str] = mapped_column(primary_key=True)
    merchant_id: Mapped[UUID] = mapped_column(ForeignKey(Merchant.merchant_id))
    environment: Mapped[str]
    algorithm: Mapped[str]
    public_key: Mapped[bytes | None]
    sealed_secret: Mapped[bytes | None]
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_on: Mapped[date | None]


class Agreement(Base):
    """Prices between the network and a merchant, in force from a day until the next approved one.

    ``issue_price`` is rials per point that the merchant funded; ``acceptance_fee`` the share of
    the face value that it gives up on points it takes (0.02 is 2 %). ``funding``, the issue price
    and who gets the money of points that lapse stand behind every point given under it.
    """

    __tablename__ = "agreement"
    __table_args__ = (
        UniqueConstraint("merchant_id", "version"),
        CheckConstraint("version > 0", name="version"),
        CheckConstraint("issue_price > 0", name="issue_price"),
        CheckConstraint("acceptance_fee >= 0 AND acceptance_fee < 1", name="acceptance_fee"),
        CheckConstraint("funding IN ('on_redemption', 'on_issue', 'prefunded')", name="funding"),
        CheckConstraint(
            "breakage_beneficiary IN ('network', 'issuer')", name="breakage_beneficiary"
        ),
        CheckConstraint(
            "vat_rate >= 0 AND vat_rate < 1 AND vat_on IN ('margin', 'acceptance_fee')", name="vat"
        ),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
        CheckConstraint(
            "settlement_iban ~ '^[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}$'", name="settlement_iban"
        ),
        CheckConstraint(
            "account_holder <> '' AND length(account_holder) <= 70", name="account_holder"
        ),
        CheckConstraint("credit_cap >= 0", name="credit_cap"),
        CheckConstraint(
            "settlement_cycle IN ('daily', 'weekly', 'calendar')"
            " AND (settlement_cycle = 'weekly') = (settlement_weekday IS NOT NULL)"
            " AND (settlement_cycle = 'calendar') = (cardinality(settlement_days) > 0)",
            name="settlement_cycle",
        ),
        CheckConstraint("settlement_weekday BETWEEN 1 AND 7", name="settlement_weekday"),
        CheckConstraint("minimum_payment >= 0", name="minimum_payment"),
        CheckConstraint("(mandate_id IS NULL) = (mandate_signed_on IS NULL)", name="mandate"),
        CheckConstraint(
            "(approved_by IS NULL OR approved_at IS NOT NULL)"
            " AND (approved_at IS NULL OR proposed_by IS NULL OR approved_by IS NOT NULL)"
            " AND (approved_by IS NULL OR proposed_by IS NULL OR approved_by <> proposed_by)",
            name="two_people",
        ),
        Index(
            "uq_agreement_merchant_id_effective_from",
            "merchant_id",
            "effective_from",
            unique=True,
            postgresql_where=text("approved_at IS NOT NULL"),
        ),
        {"schema": NETWORK_SCHEMA},
    )

    agreement_id: Mapped[UUID] = mapped_column(primary_key=True)
    merchant_id: Mapped[UUID] = mapped_column(ForeignKey(Merchant.merchant_id))
    version: Mapped[int] = mapped_column(Integer)
    effective_from: Mapped[date]
    issue_price: Mapped[Decimal]
    acceptance_fee: Mapped[Decimal]
    funding: Mapped[str]
    breakage_beneficiary: Mapped[str] = mapped_column(server_default=text("'network'"))
    vat_rate: Mapped[Decimal] = mapped_column(server_default=text("0"))
    vat_on: Mapped[str] = mapped_column(server_default=text("'margin'"))
    named: Mapped[bool] = mapped_column(server_default=text("false"))
    currency: Mapped[str]
    settlement_iban: Mapped[str | None]
    account_holder: Mapped[str | None]
    account_salt: Mapped[bytes] = mapped_column(server_default=text("uuid_send(gen_random_uuid())"))
    credit_cap: Mapped[int | None]
    settlement_cycle: Mapped[str] = mapped_column(server_default=text("'daily'"))
    settlement_weekday: Mapped[int | None] = mapped_column(Integer)
    settlement_days: Mapped[list[date]] = mapped_column(ARRAY(Date), server_default=text("'{}'"))
    settlement_holidays: Mapped[list[date]] = mapped_column(
        ARRAY(Date), server_default=text("'{}'")
    )
    minimum_payment: Mapped[int] = mapped_column(server_default=text("0"))
    mandate_id: Mapped[str | None]
    mandate_signed_on: Mapped[date | None]
    proposed_by: Mapped[UUID | None]
    proposed_at: Mapped[datetime]
    approved_by: Mapped[UUID | None]
    approved_at: Mapped[datetime | None]


class Nonce(Base):
    """The digest of a nonce that a key has used, kept while a signature with it could be valid."""

    __tablename__ = "nonce"
    __table_args__ = (Index(None, "expires_at"), {"schema": NETWORK_SCHEMA})

    key_id: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[bytes] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime]


class NonceStore(Base):
    """One row: which of the two stores of nonces is believed, and since when (see nonces.py)."""

    __tablename__ = "nonce_store"
    __table_args__ = (
        CheckConstraint("only_row", name="one_row"),
        {"schema": NETWORK_SCHEMA},
    )

    only_row: Mapped[bool] = mapped_column(primary_key=True, server_default=text("true"))
    valkey: Mapped[str | None]
    valkey_from: Mapped[datetime | None]
    database_from: Mapped[datetime | None]
    database_until: Mapped[datetime] = mapped_column(server_default=text("'epoch'"))


class KeptAnswer(Base):
    """The answer to a POST that moved no points, for whoever sends it again with its key."""

    __tablename__ = "kept_answer"
    __table_args__ = (
        CheckConstraint("length(fingerprint) = 32", name="fingerprint"),
        Index(None, "kept_at"),
        {"schema": NETWORK_SCHEMA},
    )

    client_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes]
    status: Mapped[int] = mapped_column(Integer)
    answer: Mapped[dict[str, Any]]
    kept_at: Mapped[datetime]
