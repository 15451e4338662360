"""Tables of clearing: windows, runs, obligations, net positions, statements, days' figures."""

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
    PrimaryKeyConstraint,
    UniqueConstraint,
    func,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from network.clearing.facts import OBLIGATION_KINDS
from network.clearing.parties import NETWORK_PARTY
from network.database.base import NETWORK_SCHEMA, Base

_NOW = text("clock_timestamp()")
_WINDOW = "network.settlement_window.window_id"


class SettlementWindow(Base):
    """Business days [first_day, end_day) that settle together."""

    __tablename__ = "settlement_window"
    __table_args__ = (
        PrimaryKeyConstraint("window_id"),
        CheckConstraint("first_day < end_day", name="period"),
        CheckConstraint(
            "state IN ('open', 'closing', 'closed', 'pending_settlement', 'settled', 'aborted')",
            name="state",
        ),
        CheckConstraint("(state = 'settled') = (settled_at IS NOT NULL)", name="settled_at"),
        CheckConstraint("attempt > 0", name="attempt"),
        UniqueConstraint("first_day", "attempt"),
        ExcludeConstraint(
            (func.daterange(literal_column("first_day"), literal_column("end_day")), "&&"),
            name="ex_settlement_window_period",
            using="gist",
            where=text("state <> 'aborted'"),
        ),
        {"schema": NETWORK_SCHEMA},
    )

    window_id: Mapped[UUID]
    first_day: Mapped[date]
    end_day: Mapped[date]
    attempt: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    state: Mapped[str]
    opened_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    settled_at: Mapped[datetime | None]


class SettlementRun(Base):
    """The night of one business day: who runs it, how far it is, how it ended."""

    __tablename__ = "settlement_run"
    __table_args__ = (
        PrimaryKeyConstraint("run_id"),
        Index(
            "uq_settlement_run_business_date",
            "business_date",
            unique=True,
            postgresql_where=text("state <> 'aborted'"),
        ),
        UniqueConstraint("run_key"),
        CheckConstraint(
            "state IN ('running', 'done', 'failed', 'stopped', 'aborted')", name="state"
        ),
        CheckConstraint("done >= 0 AND done <= total", name="progress"),
        CheckConstraint("octet_length(input_hash) = 32", name="input_hash"),
        {"schema": NETWORK_SCHEMA},
    )

    run_id: Mapped[UUID]
    business_date: Mapped[date]
    window_id: Mapped[UUID | None] = mapped_column(ForeignKey(_WINDOW))
    run_key: Mapped[str]
    version: Mapped[int]
    input_hash: Mapped[bytes | None]
    state: Mapped[str]
    step: Mapped[str]
    done: Mapped[int] = mapped_column(server_default=text("0"))
    total: Mapped[int] = mapped_column(server_default=text("0"))
    claim: Mapped[UUID]
    started_by: Mapped[str]
    started_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    heartbeat_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    finished_at: Mapped[datetime | None]
    control_totals: Mapped[dict[str, Any] | None]
    error_code: Mapped[str | None]
    error: Mapped[str | None]


class Obligation(Base):
    """What one account owes another for points of a window; undone points are negative.

    That its window is there and that its id follows from its facts, the audit says.
    """

    __tablename__ = "obligation"
    __table_args__ = (
        PrimaryKeyConstraint("obligation_id"),
        CheckConstraint(
            f"kind IN ({', '.join(map(repr, OBLIGATION_KINDS))})",
            name="kind",
        ),
        CheckConstraint(
            "CASE WHEN kind = 'rounding' THEN points = 0 AND postings = 0 AND amount <> 0"
            " ELSE points <> 0 AND postings > 0"
            " AND (points < 0) = (kind = 'redeposit' OR right(kind, 7) = '_return') END",
            name="sign",
        ),
        CheckConstraint(
            "payer_account IN ('settlement', 'deposit', 'pool', 'margin', 'rounding')"
            " AND payee_account IN ('settlement', 'pool', 'margin', 'vat', 'breakage')"
            f" AND (payer_account IN ('settlement', 'deposit')) = (payer_id <> '{NETWORK_PARTY}')"
            f" AND (payee_account = 'settlement') = (payee_id <> '{NETWORK_PARTY}')",
            name="accounts",
        ),
        CheckConstraint(
            "(cardinality(priced_on) > 0) = (kind NOT IN ('issuance', 'adjustment_up', 'clawback',"
            " 'adjustment_down', 'expiry', 'rounding'))",
            name="priced_on",
        ),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
        Index(None, "window_id", "payer_id"),
        Index(None, "window_id", "payee_id"),
        {"schema": NETWORK_SCHEMA},
    )

    obligation_id: Mapped[UUID]
    window_id: Mapped[UUID] = mapped_column(ForeignKey(_WINDOW))
    payer_id: Mapped[UUID]
    payer_account: Mapped[str]
    payee_id: Mapped[UUID]
    payee_account: Mapped[str]
    issuer_id: Mapped[UUID]
    acceptor_id: Mapped[UUID]
    kind: Mapped[str]
    terms_id: Mapped[UUID]
    acceptor_terms_id: Mapped[UUID]
    priced_on: Mapped[list[date]] = mapped_column(ARRAY(Date()))
    points: Mapped[int]
    postings: Mapped[int]
    price: Mapped[Decimal]
    amount: Mapped[int]
    currency: Mapped[str]
    taxed: Mapped[Decimal] = mapped_column(server_default=text("0"))
    vat_rate: Mapped[Decimal] = mapped_column(server_default=text("0"))


class PoolBalance(Base):
    """What an issuer's points in the pool cost after a window in which they moved."""

    __tablename__ = "pool_balance"
    __table_args__ = (
        PrimaryKeyConstraint("window_id", "terms_id"),
        Index(None, "terms_id"),
        {"schema": NETWORK_SCHEMA},
    )

    window_id: Mapped[UUID] = mapped_column(ForeignKey(_WINDOW))
    terms_id: Mapped[UUID]
    issuer_id: Mapped[UUID]
    points: Mapped[int]
    price: Mapped[Decimal]
    amount: Mapped[int]
    currency: Mapped[str]


class NetPosition(Base):
    """One account's sums over a window: net = receivable − payable − fees (with their VAT)."""

    __tablename__ = "net_position"
    __table_args__ = (
        PrimaryKeyConstraint("window_id", "party_id", "account", "currency"),
        CheckConstraint("net = receivable - payable - fees", name="net"),
        {"schema": NETWORK_SCHEMA},
    )

    window_id: Mapped[UUID] = mapped_column(ForeignKey(_WINDOW))
    party_id: Mapped[UUID]
    account: Mapped[str]
    currency: Mapped[str]
    payable: Mapped[int]
    receivable: Mapped[int]
    fees: Mapped[int]
    vat: Mapped[int]
    net: Mapped[int]


class Statement(Base):
    """A merchant's account for a window: opening + net + returned − called − paid = closing."""

    __tablename__ = "statement"
    __table_args__ = (
        PrimaryKeyConstraint("statement_id"),
        UniqueConstraint("merchant_id", "window_id", "currency"),
        CheckConstraint("net = receivable - payable - fees", name="net"),
        CheckConstraint("closing = opening + net + returned - called - paid", name="closing"),
        CheckConstraint(
            "deposit_closing = deposit_opening + deposit_paid_in - deposit_used + called",
            name="deposit",
        ),
        CheckConstraint("lines >= 0", name="lines"),
        CheckConstraint(
            "carried IS NULL OR "
            "(carried IN ('no_account', 'cycle', 'minimum', 'default') AND paid = 0)",
            name="carried",
        ),
        CheckConstraint("octet_length(digest) = 32", name="digest"),
        Index(None, "window_id"),
        Index(None, "digest"),
        {"schema": NETWORK_SCHEMA},
    )

    statement_id: Mapped[UUID]
    window_id: Mapped[UUID] = mapped_column(ForeignKey(_WINDOW))
    merchant_id: Mapped[UUID]
    currency: Mapped[str]
    opening: Mapped[int]
    payable: Mapped[int]
    receivable: Mapped[int]
    fees: Mapped[int]
    vat: Mapped[int]
    net: Mapped[int]
    returned: Mapped[int]
    called: Mapped[int]
    paid: Mapped[int]
    closing: Mapped[int]
    deposit_opening: Mapped[int]
    deposit_paid_in: Mapped[int]
    deposit_used: Mapped[int]
    deposit_closing: Mapped[int]
    lines: Mapped[int]
    carried: Mapped[str | None]
    digest: Mapped[bytes]
    seal: Mapped[bytes]
    signed: Mapped[str]


class StatementReserve(Base):
    """What the network holds of a merchant that leaves, and by when it comes free."""

    __tablename__ = "statement_reserve"
    __table_args__ = (PrimaryKeyConstraint("statement_id"), {"schema": NETWORK_SCHEMA})

    statement_id: Mapped[UUID] = mapped_column(ForeignKey("network.statement.statement_id"))
    deposit: Mapped[int]
    reserve: Mapped[int]
    points: Mapped[int]
    months: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)


class DayFiguresRow(Base):
    """What a closed business day moved, in points; ``available`` to ``debt`` are changes."""

    __tablename__ = "day_figures"
    __table_args__ = (
        PrimaryKeyConstraint("business_date"),
        CheckConstraint(
            "least(issued, redeemed, given_back, expired, clawed_back) >= 0", name="counts"
        ),
        {"schema": NETWORK_SCHEMA},
    )

    business_date: Mapped[date] = mapped_column(ForeignKey("ledger.business_day.business_date"))
    issued: Mapped[int]
    redeemed: Mapped[int]
    given_back: Mapped[int]
    expired: Mapped[int]
    clawed_back: Mapped[int]
    available: Mapped[int]
    pending: Mapped[int]
    held: Mapped[int]
    debt: Mapped[int]
    kept_at: Mapped[datetime] = mapped_column(server_default=_NOW)
