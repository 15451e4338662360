"""How obligations add up to a net position, and how one was reckoned from its prices. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from network.clearing.facts import Agreement, FaceValue, Obligation, ObligationView, PositionView
from network.clearing.terms import TermsView
from settlement.pricing import MissingPriceError, PriceBook

FEES = frozenset({"margin", "margin_return"})
TWINS = {
    "redemption": "margin",
    "redeposit": "margin_return",
    "margin": "redemption",
    "margin_return": "redeposit",
}
"""The obligation that a kind comes with: the same points at the other price."""


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

    ``paid`` is what the acceptor is paid (q), ``price`` what the issuer pays (p).
    """

    face_value: Fraction
    fee: Decimal
    paid: Decimal
    price: Decimal
    exact: Decimal

    @property
    def margin(self) -> Decimal:
        """Return what the network keeps per point, below zero what it adds."""
        return self.price - self.paid


def directions(fact: Obligation, *, party_id: UUID) -> tuple[str, ...]:
    """Return in which of a party's sums an obligation stands.

    ``receivable``, ``payable`` or ``fee``; both of the first where its own points were taken in
    its own shop, and none where it is not the party's to pay or to get.
    """
    found = []
    if fact.payee_id == party_id:
        found.append("receivable")
    if fact.payer_id == party_id:
        found.append("fee" if fact.kind in FEES else "payable")
    return tuple(found)


def counted(fact: Obligation, *, party_id: UUID) -> int:
    """Return by how much an obligation changes a party's net position."""
    signs = {"receivable": 1, "payable": -1, "fee": -1}
    return sum(signs[name] * fact.amount for name in directions(fact, party_id=party_id))


def sums(found: Iterable[ObligationView], *, party_id: UUID) -> Sums:
    """Return a party's subtotals over obligations."""
    totals = {"receivable": 0, "payable": 0, "fee": 0}
    for each in found:
        for name in directions(each.fact, party_id=party_id):
            totals[name] += each.fact.amount
    return Sums(receivable=totals["receivable"], payable=totals["payable"], fees=totals["fee"])


def reckoning(
    fact: Obligation, *, terms: Mapping[UUID, TermsView], face_values: Iterable[FaceValue]
) -> Reckoning | None:
    """Return how an obligation's price came about, ``None`` where its sources say so no more.

    The arithmetic is that of the night: it is shown only if it gives the stored price again.
    """
    issuer, acceptor = terms.get(fact.terms_id), terms.get(fact.acceptor_terms_id)
    values = list(face_values)
    if issuer is None or acceptor is None:
        return None
    day = max(fact.priced_on)
    book = PriceBook(
        agreements=[
            Agreement(
                agreement_id=acceptor.agreement_id,
                merchant_id=acceptor.merchant_id,
                effective_from=acceptor.effective_from,
                issue_price=acceptor.issue_price,
                acceptance_fee=acceptor.acceptance_fee,
                currency=fact.currency,
            )
        ],
        face_values=values,
    )
    try:
        paid = book.acceptor_price(merchant_id=acceptor.merchant_id, day=day).price
    except MissingPriceError:
        return None
    value = max(
        (each for each in values if each.effective_from <= day),
        key=lambda each: each.effective_from,
    )
    found = Reckoning(
        face_value=Fraction(value.numerator, value.denominator),
        fee=acceptor.acceptance_fee,
        paid=paid,
        price=issuer.issue_price,
        exact=fact.points * fact.price,
    )
    stated = found.margin if fact.kind in FEES else found.paid
    return found if stated == fact.price else None


def twin(fact: Obligation, *, found: Iterable[ObligationView]) -> ObligationView | None:
    """Return the other obligation of the same points: the margin of a redemption, and back."""
    same = ("issuer_id", "acceptor_id", "terms_id", "acceptor_terms_id", "points", "priced_on")
    return next(
        (
            each
            for each in found
            if each.fact.kind == TWINS[fact.kind]
            and all(getattr(each.fact, name) == getattr(fact, name) for name in same)
        ),
        None,
    )
