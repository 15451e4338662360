"""Tables of money: the money ledger, payments, their release, and the bank's answers."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from network.clearing.models import SettlementWindow
from network.database.base import NETWORK_SCHEMA, Base
from network.merchants.models import Merchant


class MoneyEntry(Base):
    """One event in money: a window's netting, an instruction to pay, the bank's answer to it."""

    __tablename__ = "money_entry"
    __table_args__ = (
        PrimaryKeyConstraint("money_entry_id"),
        Index(None, "window_id"),
        Index(None, "payment_id"),
        Index(None, "business_date"),
        {"schema": NETWORK_SCHEMA},
    )

    money_entry_id: Mapped[UUID]
    kind: Mapped[str]
    business_date: Mapped[date]
    window_id: Mapped[UUID | None] = mapped_column(ForeignKey(SettlementWindow.window_id))
    payment_id: Mapped[UUID | None]
    proposal_id: Mapped[UUID | None]
    correction_id: Mapped[UUID | None]
    recorded_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class MoneyPosting(Base):
    """A line of a money entry, minor units; above zero the house owes the party."""

    __tablename__ = "money_posting"
    __table_args__ = (
        PrimaryKeyConstraint("money_entry_id", "line"),
        Index(
            "ix_money_posting_account",
            "account",
            "party_id",
            "currency",
            postgresql_include=["amount"],
        ),
        {"schema": NETWORK_SCHEMA},
    )

    money_entry_id: Mapped[UUID] = mapped_column(ForeignKey("network.money_entry.money_entry_id"))
    line: Mapped[int]
    account: Mapped[str]
    party_id: Mapped[UUID]
    reason: Mapped[str]
    currency: Mapped[str]
    amount: Mapped[int]


class MoneyKept(Base):
    """What a party's account came to when the last day that is kept of ended."""

    __tablename__ = "money_kept"
    __table_args__ = (
        PrimaryKeyConstraint("account", "party_id", "currency"),
        {"schema": NETWORK_SCHEMA},
    )

    account: Mapped[str]
    party_id: Mapped[UUID]
    currency: Mapped[str]
    amount: Mapped[int]


class MoneyKeptThrough(Base):
    """The one row that says up to which day money is added up."""

    __tablename__ = "money_kept_through"
    __table_args__ = (CheckConstraint("only_row", name="only_row"), {"schema": NETWORK_SCHEMA})

    only_row: Mapped[bool] = mapped_column(primary_key=True, server_default=text("true"))
    through: Mapped[date | None]


class Payment(Base):
    """What one merchant is paid, or pays, for one window."""

    __tablename__ = "payment"
    __table_args__ = (
        PrimaryKeyConstraint("payment_id"),
        UniqueConstraint("window_id", "merchant_id", "currency"),
        UniqueConstraint("end_to_end_id"),
        Index(None, "merchant_id"),
        Index(
            "ix_payment_under_way",
            "merchant_id",
            postgresql_where=text("state IN ('prepared', 'released')"),
        ),
        {"schema": NETWORK_SCHEMA},
    )

    payment_id: Mapped[UUID]
    window_id: Mapped[UUID] = mapped_column(ForeignKey(SettlementWindow.window_id))
    merchant_id: Mapped[UUID] = mapped_column(ForeignKey(Merchant.merchant_id))
    direction: Mapped[str]
    currency: Mapped[str]
    amount: Mapped[int]
    iban: Mapped[str]
    holder: Mapped[str]
    mandate_id: Mapped[str | None]
    mandate_signed_on: Mapped[date | None]
    end_to_end_id: Mapped[str]
    state: Mapped[str] = mapped_column(server_default=text("'prepared'"))


class PaymentRelease(Base):
    """Two people's word that a window's payments may leave the house."""

    __tablename__ = "payment_release"
    __table_args__ = (PrimaryKeyConstraint("window_id"), {"schema": NETWORK_SCHEMA})

    window_id: Mapped[UUID] = mapped_column(ForeignKey(SettlementWindow.window_id))
    payouts: Mapped[int]
    payout_total: Mapped[int]
    collections: Mapped[int]
    collection_total: Mapped[int]
    directs: Mapped[int]
    direct_total: Mapped[int]
    proposed_by: Mapped[UUID]
    proposed_at: Mapped[datetime]
    approved_by: Mapped[UUID | None]
    approved_at: Mapped[datetime | None]


class PaymentFileRow(Base):
    """A payment file as it was given out: its bytes, the payments in it, who had it made."""

    __tablename__ = "payment_file"
    __table_args__ = (
        PrimaryKeyConstraint("window_id", "kind"),
        CheckConstraint("kind IN ('pain.001', 'pain.008', 'table')", name="kind"),
        CheckConstraint("cardinality(payments) > 0", name="payments"),
        CheckConstraint("octet_length(digest) = 32", name="digest"),
        {"schema": NETWORK_SCHEMA},
    )

    window_id: Mapped[UUID] = mapped_column(ForeignKey(SettlementWindow.window_id))
    kind: Mapped[str]
    name: Mapped[str]
    message_id: Mapped[str]
    payments: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()))
    control_sum: Mapped[int]
    content: Mapped[bytes]
    digest: Mapped[bytes]
    made_by: Mapped[UUID]
    made_at: Mapped[datetime]


class BankFile(Base):
    """The lines of a bank's statement that waits for a second person: money came in or back."""

    __tablename__ = "bank_file"
    __table_args__ = (
        CheckConstraint("octet_length(digest) = 32", name="digest"),
        {"schema": NETWORK_SCHEMA},
    )

    bank_file_id: Mapped[UUID] = mapped_column(primary_key=True)
    digest: Mapped[bytes]
    lines: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    uploaded_by: Mapped[UUID]
    uploaded_at: Mapped[datetime]


class BankAnswer(Base):
    """One line of the bank's statement, and what it meant for a payment."""

    __tablename__ = "bank_answer"
    __table_args__ = (
        PrimaryKeyConstraint("bank_answer_id"),
        UniqueConstraint("account", "bank_ref", "place", name="uq_bank_answer_line"),
        CheckConstraint(
            r"bank_ref = btrim(regexp_replace(bank_ref, '\s+', ' ', 'g'))", name="bank_ref"
        ),
        Index(None, "payment_id"),
        Index("ix_bank_answer_bank_ref", text("upper(bank_ref)")),
        Index(None, "imported_at"),
        {"schema": NETWORK_SCHEMA},
    )

    bank_answer_id: Mapped[UUID]
    account: Mapped[str]
    bank_ref: Mapped[str]
    place: Mapped[int]
    end_to_end_id: Mapped[str | None]
    credit: Mapped[bool]
    amount: Mapped[int]
    currency: Mapped[str]
    booked_on: Mapped[date]
    returned: Mapped[bool]
    reason: Mapped[str | None]
    outcome: Mapped[str]
    payment_id: Mapped[UUID | None] = mapped_column(ForeignKey("network.payment.payment_id"))
    document_digest: Mapped[bytes]
    imported_by: Mapped[UUID]
    imported_at: Mapped[datetime]


class BankAnswerAgain(Base):
    """A line of the bank's statement that moved nothing then, and that two people let count."""

    __tablename__ = "bank_answer_again"
    __table_args__ = (
        PrimaryKeyConstraint("bank_answer_id"),
        CheckConstraint("outcome IN ('settled', 'returned', 'late')", name="outcome"),
        {"schema": NETWORK_SCHEMA},
    )

    bank_answer_id: Mapped[UUID] = mapped_column(ForeignKey("network.bank_answer.bank_answer_id"))
    outcome: Mapped[str]
    proposal_id: Mapped[UUID] = mapped_column(ForeignKey("network.proposal.proposal_id"))
    taken_at: Mapped[datetime]


class PaymentModeRow(Base):
    """How merchants are paid from a business day on: through the network, or by each other."""

    __tablename__ = "payment_mode"
    __table_args__ = (
        CheckConstraint("mode IN ('hub', 'direct')", name="mode"),
        {"schema": NETWORK_SCHEMA},
    )

    effective_from: Mapped[date] = mapped_column(primary_key=True)
    mode: Mapped[str]
    proposal_id: Mapped[UUID] = mapped_column(ForeignKey("network.proposal.proposal_id"))
    decided_at: Mapped[datetime]


class DirectPaymentRow(Base):
    """What one merchant pays another for one window."""

    __tablename__ = "direct_payment"
    __table_args__ = (
        PrimaryKeyConstraint("direct_payment_id"),
        UniqueConstraint(
            "window_id", "payer_id", "payee_id", "currency", name="uq_direct_payment_parties"
        ),
        UniqueConstraint("reference"),
        CheckConstraint("payer_id <> payee_id", name="parties"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("state IN ('prepared', 'released', 'confirmed', 'failed')", name="state"),
        Index(None, "payer_id"),
        Index(None, "payee_id"),
        Index(
            "ix_direct_payment_under_way",
            "payer_id",
            postgresql_where=text("state IN ('prepared', 'released')"),
        ),
        {"schema": NETWORK_SCHEMA},
    )

    direct_payment_id: Mapped[UUID]
    window_id: Mapped[UUID] = mapped_column(ForeignKey(SettlementWindow.window_id))
    payer_id: Mapped[UUID] = mapped_column(ForeignKey(Merchant.merchant_id))
    payee_id: Mapped[UUID] = mapped_column(ForeignKey(Merchant.merchant_id))
    currency: Mapped[str]
    amount: Mapped[int]
    iban: Mapped[str]
    holder: Mapped[str]
    reference: Mapped[str]
    state: Mapped[str] = mapped_column(server_default=text("'prepared'"))
    answered_on: Mapped[date | None]


class DirectReceiptRow(Base):
    """What a payee said of a direct payment, with the signed request that said it."""

    __tablename__ = "direct_receipt"
    __table_args__ = (
        PrimaryKeyConstraint("direct_receipt_id"),
        Index(None, "direct_payment_id"),
        {"schema": NETWORK_SCHEMA},
    )

    direct_receipt_id: Mapped[UUID]
    direct_payment_id: Mapped[UUID] = mapped_column(
        ForeignKey("network.direct_payment.direct_payment_id")
    )
    arrived: Mapped[bool]
    said_by: Mapped[str]
    said_at: Mapped[datetime]
    signature_base: Mapped[bytes]
    signature: Mapped[bytes]
    body: Mapped[bytes]
