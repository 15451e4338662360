"""The values that money works with: frozen, free of the database. Amounts are minor units."""

from __future__ import annotations

from base64 import b32encode
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from network.clearing.facts import PartyView
from network.clearing.parties import clearing_id

Direction = Literal["payout", "collection"]
PaymentState = Literal["prepared", "released", "settled", "returned", "cancelled"]
DirectState = Literal["prepared", "released", "confirmed", "failed"]
Mode = Literal["hub", "direct"]
FileKind = Literal["pain.001", "pain.008", "table"]
Outcome = Literal["settled", "returned", "mismatched", "duplicate", "unknown", "late"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentDetails:
    """Where a merchant is paid or collected from: an account, and a mandate to debit it.

    ``settles`` says whether its balance is paid with this window, ``minimum`` from which amount.
    """

    iban: str
    holder: str
    mandate_id: str | None = None
    mandate_signed_on: date | None = None
    settles: bool = True
    minimum: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFact:
    """What one merchant is paid (``payout``) or pays (``collection``) for one window.

    ``amount`` is above zero. A collection without a mandate is awaited: the merchant transfers it,
    naming the end-to-end id.
    """

    payment_id: UUID
    window_id: UUID
    merchant_id: UUID
    direction: Direction
    currency: str
    amount: int
    iban: str
    holder: str
    mandate_id: str | None
    mandate_signed_on: date | None
    end_to_end_id: str

    @property
    def awaited(self) -> bool:
        """Return whether the merchant transfers the amount itself: no file asks for it."""
        return self.direction == "collection" and self.mandate_id is None

    @property
    def signed_amount(self) -> int:
        """Return what the merchant's balance goes down by: above zero for a payout."""
        return self.amount if self.direction == "payout" else -self.amount


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentView:
    """A payment with its merchant's name, the window's first day and how far it is."""

    fact: PaymentFact
    state: PaymentState
    merchant: PartyView
    first_day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectFact:
    """What one merchant pays another for one window, to the payee's account.

    ``amount`` is above zero; the payer names ``reference`` when it transfers.
    """

    direct_payment_id: UUID
    window_id: UUID
    payer_id: UUID
    payee_id: UUID
    currency: str
    amount: int
    iban: str
    holder: str
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectView:
    """A direct payment with both merchants' names, the window's first day and how far it is."""

    fact: DirectFact
    state: DirectState
    payer: PartyView
    payee: PartyView
    first_day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseTotals:
    """Count and sum of a window's payouts, its collections, and what merchants pay each other."""

    payouts: int
    payout_total: int
    collections: int
    collection_total: int
    directs: int = 0
    direct_total: int = 0

    @property
    def count(self) -> int:
        """Return how many payments there are."""
        return self.payouts + self.collections + self.directs


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseView:
    """Who let a window's payments leave, and the totals that both saw."""

    window_id: UUID
    totals: ReleaseTotals
    proposed_by: UUID
    proposed_at: datetime
    approved_by: UUID | None
    approved_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFile:
    """A payment file as it was given out; ``control_sum`` is in minor units.

    ``withdrawn`` counts the payments in it that came back since: what the bank must not be sent.
    """

    window_id: UUID
    kind: FileKind
    name: str
    message_id: str
    payments: tuple[UUID, ...]
    control_sum: int
    content: bytes
    digest: bytes
    made_by: UUID
    made_at: datetime
    withdrawn: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BankLine:
    """One booked movement of the bank's statement.

    ``bank_ref`` is the bank's own reference of the booking, with single spaces, and ``place`` the
    movement's place in it; ``credit`` says that money came in; ``returned`` that it undoes an
    earlier one.
    """

    account: str
    bank_ref: str
    place: int
    end_to_end_id: str | None
    credit: bool
    amount: int
    currency: str
    booked_on: date
    returned: bool
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """What a line of the bank's statement means: for which payment, and how far that was before."""

    line: BankLine
    outcome: Outcome
    payment: PaymentFact | None
    before: PaymentState | None

    @property
    def moves(self) -> bool:
        """Return whether money moves; anything else is a finding for a person."""
        return self.outcome in {"settled", "returned", "late"}

    @property
    def after(self) -> PaymentState | None:
        """Return how far the payment is afterwards, ``None`` where it stays as it is."""
        if not self.moves:
            return None
        return "returned" if self.outcome == "returned" else "settled"

    @property
    def needs_two(self) -> bool:
        """Return whether it may stand only on two people's word.

        That is money that came in or came back, and a booking of what was cancelled. A booked
        payout is what two people let out.
        """
        inward = self.payment is not None and self.payment.direction == "collection"
        return self.moves and (self.outcome != "settled" or inward)


@dataclass(frozen=True, slots=True, kw_only=True)
class BankAnswerView:
    """A line of the bank's statement and what it meant."""

    bank_answer_id: UUID
    line: BankLine
    outcome: Outcome
    payment_id: UUID | None
    imported_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyLine:
    """A line of the money ledger: above zero the house owes the party."""

    kind: str
    business_date: date
    recorded_at: datetime
    account: str
    party_id: UUID
    currency: str
    amount: int


def payment_fact(
    *,
    window_id: UUID,
    merchant_id: UUID,
    currency: str,
    balance: int,
    details: PaymentDetails,
) -> PaymentFact:
    """Return the payment that brings a balance to zero; its ids follow from the facts."""
    payment_id = clearing_id("payment", window_id, merchant_id, currency)
    return PaymentFact(
        payment_id=payment_id,
        window_id=window_id,
        merchant_id=merchant_id,
        direction="payout" if balance > 0 else "collection",
        currency=currency,
        amount=abs(balance),
        iban=details.iban,
        holder=details.holder,
        mandate_id=None if balance > 0 else details.mandate_id,
        mandate_signed_on=None if balance > 0 else details.mandate_signed_on,
        end_to_end_id=end_to_end_id(payment_id),
    )


def direct_fact(
    *,
    window_id: UUID,
    payer_id: UUID,
    payee_id: UUID,
    currency: str,
    amount: int,
    details: PaymentDetails,
) -> DirectFact:
    """Return a direct payment to the payee's account (``details``); its ids follow from facts."""
    payment_id = clearing_id("direct", window_id, payer_id, payee_id, currency)
    return DirectFact(
        direct_payment_id=payment_id,
        window_id=window_id,
        payer_id=payer_id,
        payee_id=payee_id,
        currency=currency,
        amount=amount,
        iban=details.iban,
        holder=details.holder,
        reference=end_to_end_id(payment_id),
    )


def end_to_end_id(payment_id: UUID) -> str:
    """Return the reference that the bank hands back: 28 of the 35 characters of Max35Text."""
    return "PV" + b32encode(payment_id.bytes).decode("ascii").rstrip("=")
