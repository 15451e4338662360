"""How obligations add up to a net position, and how one was reckoned from its prices. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from network.clearing.facts import (
    FEE_KINDS,
    MARGIN_KINDS,
    MOVED_KINDS,
    POOL_KINDS,
    Agreement,
    FaceValue,
    Obligation,
    PositionView,
)
from network.clearing.owed import Portion
from network.clearing.parties import Account
from network.clearing.terms import TermsView
from settlement.console.taxing import MarginTax, margin_tax
from settlement.pricing import MissingPriceError, PriceBook, taxes


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What obligations come to for one party: net = receivable − payable − fees, minor units."""

    receivable: int
    payable: int
    fees: int

    @property
    def net(self) -> int:
        """Return what the party gets (above zero) or pays (below)."""
        return self.receivable - self.payable - self.fees

    def agree(self, position: PositionView | None) -> bool:
        """Return whether the party's net position says the same; one of nothing needs none."""
        if position is None:
            return (self.receivable, self.payable, self.fees) == (0, 0, 0)
        stated = (position.receivable, position.payable, position.fees)
        return (self.receivable, self.payable, self.fees) == stated


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoning:
    """The prices behind an obligation, minor units per point, and the product before rounding.

    ``paid`` is what the acceptor is paid (q), ``price`` what the issuer pays (p); ``vat_rate`` is
    the rate of a VAT and ``taxed`` the fee that it falls on. ``margin_tax`` says how VAT meets the
    margin, whatever the obligation is for.
    """

    face_value: Fraction
    fee: Decimal
    paid: Decimal
    price: Decimal
    exact: Decimal
    margin_tax: MarginTax
    vat_rate: Decimal = Decimal(0)
    taxed: Decimal = Decimal(0)

    @property
    def margin(self) -> Decimal:
        """Return what the network keeps per point, below zero what it adds."""
        return self.price - self.paid


def directions(fact: Obligation, *, account: Account) -> tuple[str, ...]:
    """Return in which of an account's sums an obligation stands.

    ``receivable``, ``payable`` or ``fee`` (VAT too); both of the first where a merchant's own
    points were taken in its own shop, and none where it is not the account's to pay or to get.
    """
    found = []
    if (fact.payee_id, fact.payee_account) == account:
        found.append("receivable")
    if (fact.payer_id, fact.payer_account) == account:
        fee = fact.kind in FEE_KINDS and fact.payer_account == "settlement"
        found.append("fee" if fee else "payable")
    return tuple(found)


def counted(fact: Obligation, *, account: Account) -> int:
    """Return by how much an obligation changes an account's net position."""
    signs = {"receivable": 1, "payable": -1, "fee": -1}
    return sum(signs[name] * fact.amount for name in directions(fact, account=account))


def sums(found: Iterable[Portion]) -> Sums:
    """Return the subtotals of the account that portions were asked for."""
    totals = {"receivable": 0, "payable": 0, "fee": 0}
    for each in found:
        for name in each.directions:
            totals[name] += each.amount
    return Sums(receivable=totals["receivable"], payable=totals["payable"], fees=totals["fee"])


def reckoning(
    fact: Obligation, *, terms: Mapping[UUID, TermsView], face_values: Iterable[FaceValue]
) -> Reckoning | None:
    """Return how the price of points that were taken came about; ``None`` for other kinds.

    Also ``None`` where the sources do not say so any more: the arithmetic is that of the night, and
    is shown only if it gives the stored price again.
    """
    issuer, acceptor = terms.get(fact.terms_id), terms.get(fact.acceptor_terms_id)
    values = list(face_values)
    if issuer is None or acceptor is None or not fact.priced_on:
        return None
    day = max(fact.priced_on)
    book = PriceBook(agreements=[_agreement(acceptor, fact.currency)], face_values=values)
    try:
        quoted = book.acceptor_price(merchant_id=acceptor.merchant_id, day=day)
    except MissingPriceError:
        return None
    value = max(
        (each for each in values if each.effective_from <= day),
        key=lambda each: each.effective_from,
    )
    terms_of_issuer = _agreement(issuer, fact.currency)
    vat, acceptance_vat = taxes(issuer=terms_of_issuer, acceptor=quoted)
    found = Reckoning(
        face_value=Fraction(value.numerator, value.denominator),
        fee=acceptor.acceptance_fee,
        paid=quoted.price,
        price=issuer.issue_price,
        exact=fact.points * fact.price,
        margin_tax=margin_tax(issuer=terms_of_issuer, acceptor=quoted),
    )
    kind = fact.kind.removesuffix("_return")
    tax = {"vat": vat, "acceptance_vat": acceptance_vat}.get(kind)
    if tax is not None:
        found = replace(found, vat_rate=tax.rate, taxed=tax.fee)
        return found if tax.price == fact.price else None
    return found if (found.margin if kind == "margin" else found.paid) == fact.price else None


def totals(found: Iterable[Portion]) -> dict[str, int]:
    """Return what obligations come to by what they are for; points are those that were taken.

    ``pool`` is what went into the pool for points that were given, less what came back of it.
    """
    sums = dict.fromkeys(("points", "acceptors", "margins", "vat", "pool"), 0)
    for each in found:
        if each.kind in MOVED_KINDS:
            sums["points"] += each.points
            sums["acceptors"] += each.amount
        elif each.kind in MARGIN_KINDS:
            sums["margins"] += each.amount
        elif each.kind in FEE_KINDS:
            sums["vat"] += each.amount
        elif each.kind in POOL_KINDS:
            sums["pool"] += each.amount if each.into_pool else -each.amount
    return sums


def _agreement(terms: TermsView, currency: str) -> Agreement:
    return Agreement(
        agreement_id=terms.agreement_id,
        merchant_id=terms.merchant_id,
        effective_from=terms.effective_from,
        issue_price=terms.issue_price,
        acceptance_fee=terms.acceptance_fee,
        currency=currency,
        funding=terms.funding,
        breakage_beneficiary=terms.breakage_beneficiary,
        vat_rate=terms.vat_rate,
        vat_on=terms.vat_on,
    )
