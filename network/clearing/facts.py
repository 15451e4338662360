"""The values that clearing works with: frozen, free of the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple
from uuid import UUID

from network.clearing.tax_facts import StatedTax

Direction = Literal["receivable", "payable", "fee", "vat", "deposit"]
Carried = Literal["no_account", "cycle", "minimum", "default"]
"""Why a balance is not paid with its statement: nowhere to, another day, too small, stopped."""

OBLIGATION_KINDS = (
    "redemption",
    "redeposit",
    "margin",
    "margin_return",
    "vat",
    "vat_return",
    "acceptance_vat",
    "acceptance_vat_return",
    "issuance",
    "adjustment_up",
    "clawback",
    "adjustment_down",
    "expiry",
    "rounding",
)
MOVED_KINDS = frozenset({"redemption", "redeposit"})
"""What acceptors are paid; each redemption posting stands behind exactly one of them."""

MARGIN_KINDS = frozenset({"margin", "margin_return"})
VAT_KINDS = frozenset({"vat", "vat_return", "acceptance_vat", "acceptance_vat_return"})
FEE_KINDS = MARGIN_KINDS | VAT_KINDS
POOL_KINDS = frozenset({"issuance", "adjustment_up", "clawback", "adjustment_down", "expiry"})
"""What moves the pool when points on issue are given, taken back or lapse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What an agreement says about money: minor units per point, fees and VAT as rates.

    ``funding`` says when the issuer pays for its points (on_redemption, on_issue, prefunded),
    ``breakage_beneficiary`` who keeps the money of points that lapse in the pool (network, issuer),
    ``vat_on`` on which fee VAT falls (margin, acceptance_fee).
    """

    agreement_id: UUID
    merchant_id: UUID
    effective_from: date
    issue_price: Decimal
    acceptance_fee: Decimal
    currency: str
    funding: str = "on_redemption"
    breakage_beneficiary: str = "network"
    vat_rate: Decimal = Decimal(0)
    vat_on: str = "margin"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceValue:
    """What a point is worth from a day on: minor units per point, an exact fraction."""

    effective_from: date
    numerator: int
    denominator: int
    currency: str


class PostingSum(NamedTuple):
    """Points of one issuer and terms that moved on one account of the points ledger.

    ``points`` are signed as on that account: taken by an acceptor above zero and given back below,
    given to members below zero and taken back or lapsed above; ``negative`` tells them apart.
    ``acceptor_id`` and ``priced_on`` stand on redemptions only.
    """

    account: str
    issuer_id: UUID
    acceptor_id: UUID | None
    terms_id: UUID
    priced_on: date | None
    negative: bool
    points: int
    postings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation:
    """What ``payer`` owes ``payee``: points × price, rounded half to even, once.

    One of kind ``rounding`` has no points: it is what many roundings left over or short. One of VAT
    also says the fee per point that the tax falls on (``taxed``) and its rate.
    """

    obligation_id: UUID
    window_id: UUID
    payer_id: UUID
    payer_account: str
    payee_id: UUID
    payee_account: str
    issuer_id: UUID
    acceptor_id: UUID
    kind: str
    terms_id: UUID
    acceptor_terms_id: UUID
    priced_on: tuple[date, ...]
    points: int
    postings: int
    price: Decimal
    amount: int
    currency: str
    taxed: Decimal = Decimal(0)
    vat_rate: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolBalance:
    """What an issuer's points in the pool cost: outstanding points × price, half to even."""

    issuer_id: UUID
    terms_id: UUID
    points: int
    price: Decimal
    amount: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowView:
    """Business days [first_day, end_day) that settle together.

    ``attempt`` counts the windows of the same days: all before it were aborted.
    """

    window_id: UUID
    first_day: date
    end_day: date
    state: str
    settled_at: datetime | None
    attempt: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowTotals:
    """What a window comes to: its obligations, and what its statements are to pay and collect.

    ``to_pay`` and ``to_collect`` are minor units, ``None`` before there are statements.
    """

    obligations: int
    to_pay: int | None
    to_collect: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """The night of one business day: how far it is, or how it ended."""

    run_id: UUID
    business_date: date
    window_id: UUID | None
    run_key: str
    version: int
    input_hash: bytes | None
    state: str
    step: str
    done: int
    total: int
    started_by: str
    started_at: datetime
    heartbeat_at: datetime
    finished_at: datetime | None
    control_totals: dict[str, Any] | None
    error_code: str | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyView:
    """A party by its code and names; the network is one, by the code ``network``.

    ``kind`` is a merchant's: ``sponsor`` pays for points and sells nothing.
    """

    party_id: UUID
    code: str
    name_fa: str
    name_en: str
    kind: str = ""


def code_of(names: Mapping[UUID, PartyView], party_id: UUID) -> str:
    """Return a party's code for a file, or its id where nobody is known by it."""
    return names[party_id].code if party_id in names else str(party_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObligationView:
    """An obligation with its parties' names."""

    fact: Obligation
    issuer: PartyView
    acceptor: PartyView
    payer: PartyView
    payee: PartyView


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolView:
    """What an issuer's points in the pool cost, with its name."""

    issuer: PartyView
    fact: PoolBalance


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionView:
    """An account's sums over a window, minor units: net = receivable − payable − fees.

    ``vat`` is what of the fees is VAT. A party's main account is ``settlement``, the network's
    ``margin``.
    """

    party: PartyView
    currency: str
    payable: int
    receivable: int
    fees: int
    net: int
    vat: int = 0
    account: str = "settlement"


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixCell:
    """Points of ``issuer`` that ``acceptor`` took in a window, and what it is owed for them."""

    issuer: PartyView
    acceptor: PartyView
    currency: str
    points: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LinePlace:
    """Where a line stands among those of a statement, in the order of recording."""

    recorded_at: datetime
    member_id: UUID
    sequence: int
    line: int
    obligation_id: UUID
    direction: str


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One posting as one side of an obligation, on the statement of that side.

    ``counterparty`` is the other side's code (for its own points in its own shop the merchant's
    own), ``None`` where it is the network or may not be named.
    Made by position from a row, since a night makes three of them for each redemption posting.
    """

    merchant_id: UUID
    obligation_id: UUID
    member_id: UUID
    sequence: int
    line: int
    recorded_at: datetime
    kind: str
    direction: Direction
    counterparty: str | None
    merchant_ref: str | None
    points: int
    price: Decimal
    share: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryLine:
    """A statement's line without its amount, by the ``line`` of the entry's posting behind it."""

    line: int
    kind: str
    direction: Direction
    points: int
    price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """A statement's sums, minor units: opening + net + returned − called − paid = closing.

    ``returned`` is what the bank sent back, and what two people corrected, since the statement
    before; ``paid`` is what is instructed with this one, below zero where it is collected, and
    ``carried`` says why a balance is not paid; ``called`` went to the deposit because it did not
    suffice. ``vat`` is what of the fees is VAT. The deposit has figures of its own: opening + paid
    in − used + called = closing.
    """

    currency: str
    opening: int
    receivable: int
    payable: int
    fees: int
    net: int
    returned: int
    paid: int
    closing: int
    lines: int
    carried: Carried | None = None
    vat: int = 0
    called: int = 0
    deposit_opening: int = 0
    deposit_paid_in: int = 0
    deposit_used: int = 0
    deposit_closing: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SealView:
    """The signed head of the chain of closed days, as it stood after ``business_date``."""

    business_date: date
    head: bytes
    key_id: str
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveMonth:
    """What of a leaving merchant's cover comes free by the end of a month, and what stays."""

    month: date
    points: int
    frees: int
    stays: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveView:
    """What the network holds of a merchant that leaves, as of its statement's last day.

    ``points`` are those of its own that were out; ``months`` say when its cover comes free at the
    latest. Amounts are minor units.
    """

    deposit: int
    reserve: int
    points: int
    months: tuple[ReserveMonth, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementView:
    """A published statement: its totals, the digest of its lines and totals, its last day's seal.

    ``seal_head`` is the head as published, ``seal`` what the ledger says of that day now, and
    ``signed`` the JWS that the network published with it (``signed_statements``); ``reserve`` is
    there for a merchant that leaves, ``taxes`` where it pays VAT.
    """

    statement_id: UUID
    window: WindowView
    merchant: PartyView
    totals: Totals
    digest: bytes
    seal_head: bytes
    seal: SealView | None
    signed: str
    reserve: ReserveView | None = None
    taxes: tuple[StatedTax, ...] = ()
