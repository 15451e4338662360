"""What points that changed hands cost: prices of a day, and obligations. Pure.

The issuer pays p for each of its points that was taken: the price of the terms on the lot. The
acceptor gets q: the face value of the day on which the capture was posted, less the fee of the
agreement it then had. The network takes p − q, plus or minus. Prices are minor units per point,
rounded half to even to the ten places in which they are stored, so that whoever reads an
obligation can multiply for himself.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple, TypeVar
from uuid import UUID

from network.clearing.facts import Agreement, FaceValue, Obligation, RedemptionSum
from network.clearing.parties import NETWORK_PARTY, clearing_id
from network.errors import PeyvandError
from network.points import MAX_AMOUNT, price_amount, round_half_even

_PLACES = 10
_TEXTS_KEPT = 10_000
_Dated = TypeVar("_Dated", Agreement, FaceValue)


class MissingPriceError(PeyvandError):
    """Points were taken for which no agreement or face value says what they cost."""

    code = "settlement_price_missing"


class AmountTooLargeError(PeyvandError):
    """An obligation is beyond what an amount can be (2⁶³ − 1 minor units)."""

    code = "settlement_amount_too_large"


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptorPrice:
    """What an acceptor is paid per point, and by which terms."""

    terms_id: UUID
    price: Decimal
    currency: str


class PriceBook:
    """The dated prices of a programme: approved agreements and face values."""

    def __init__(
        self, *, agreements: Iterable[Agreement], face_values: Iterable[FaceValue]
    ) -> None:
        self._terms: dict[UUID, Agreement] = {}
        by_merchant: defaultdict[UUID, list[Agreement]] = defaultdict(list)
        for agreement in agreements:
            self._terms[agreement.agreement_id] = agreement
            by_merchant[agreement.merchant_id].append(agreement)
        self._agreements = {
            merchant: sorted(found, key=lambda each: each.effective_from)
            for merchant, found in by_merchant.items()
        }
        self._face_values = sorted(face_values, key=lambda each: each.effective_from)

    def issuer_price(self, *, terms_id: UUID, currency: str) -> Decimal:
        """Return p of the terms that stand on a lot; raise MissingPriceError if unknown."""
        terms = self._terms.get(terms_id)
        if terms is None:
            raise MissingPriceError(f"no approved agreement {terms_id} stands behind these points")
        if terms.currency != currency:
            raise MissingPriceError(f"agreement {terms_id} is in {terms.currency}, not {currency}")
        return terms.issue_price

    def acceptor_price(self, *, merchant_id: UUID, day: date) -> AcceptorPrice:
        """Return q of an acceptor on ``day``; raise MissingPriceError where nothing says it."""
        agreement = _effective(self._agreements.get(merchant_id, []), day=day)
        if agreement is None:
            raise MissingPriceError(f"merchant {merchant_id} has no agreement on {day}")
        face_value = _effective(self._face_values, day=day)
        if face_value is None:
            raise MissingPriceError(f"no face value is in force on {day}")
        if face_value.currency != agreement.currency:
            raise MissingPriceError(
                f"the agreement of merchant {merchant_id} is in {agreement.currency}, "
                f"the face value of {day} in {face_value.currency}"
            )
        exact = Fraction(face_value.numerator, face_value.denominator) * (
            1 - Fraction(agreement.acceptance_fee)
        )
        return AcceptorPrice(
            terms_id=agreement.agreement_id,
            price=_ten_places(exact),
            currency=agreement.currency,
        )


def price_obligations(
    sums: Iterable[RedemptionSum], *, book: PriceBook, window_id: UUID
) -> list[Obligation]:
    """Return what is owed for ``sums``, in a fixed order and with ids that follow from the facts.

    Sums with the same parties, terms and prices become one obligation, which is priced once,
    rounded half to even; its margin is another one. Raises MissingPriceError and
    AmountTooLargeError.
    """
    merged: defaultdict[_Group, list[RedemptionSum]] = defaultdict(list)
    quotes: dict[tuple[UUID, date], AcceptorPrice] = {}
    paid: dict[tuple[UUID, str], Decimal] = {}
    for each in sums:
        asked = (each.acceptor_id, each.priced_on)
        quoted = quotes.get(asked)
        if quoted is None:
            quoted = quotes[asked] = book.acceptor_price(merchant_id=asked[0], day=asked[1])
        terms = (each.terms_id, quoted.currency)
        # What the network gives away in campaigns costs it what acceptors get: no margin on itself.
        p = quoted.price if each.issuer_id == NETWORK_PARTY else paid.get(terms)
        if p is None:
            p = paid[terms] = book.issuer_price(terms_id=terms[0], currency=terms[1])
        group = _Group(
            each.issuer_id,
            each.acceptor_id,
            each.terms_id,
            quoted.terms_id,
            p,
            quoted.price,
            quoted.currency,
            each.undone,
        )
        merged[group].append(each)
    pen = _Pen(window_id)
    found = [
        obligation for group, behind in merged.items() for obligation in pen.write(group, behind)
    ]
    # By numbers: comparing UUIDs themselves takes ten times as long.
    return sorted(
        found,
        key=lambda o: (
            o.issuer_id.int,
            o.acceptor_id.int,
            o.kind,
            o.terms_id.int,
            o.obligation_id.int,
        ),
    )


class _Group(NamedTuple):
    issuer_id: UUID
    acceptor_id: UUID
    terms_id: UUID
    acceptor_terms_id: UUID
    p: Decimal
    q: Decimal
    currency: str
    undone: bool


class _Pen:
    """Writes the obligations of one window; parties' names and prices come up again and again."""

    def __init__(self, window_id: UUID) -> None:
        self._window_id = window_id
        self._margins: dict[tuple[Decimal, Decimal], Decimal] = {}
        self._text = lru_cache(maxsize=_TEXTS_KEPT)(str)

    def write(self, group: _Group, behind: Sequence[RedemptionSum]) -> tuple[Obligation, ...]:
        """Return what an issuer owes for the points behind a group, and the network's margin.

        The network owes no margin for points of its own.
        """
        redemption, margin = (
            ("redeposit", "margin_return") if group.undone else ("redemption", "margin")
        )
        points = sum(each.points for each in behind)
        postings = sum(each.postings for each in behind)
        days = tuple(sorted({each.priced_on for each in behind}))
        prices = (group.p, group.q)
        between = self._margins.get(prices)
        if between is None:
            between = self._margins[prices] = _ten_places(Fraction(group.p) - Fraction(group.q))

        def owed(kind: str, *, payee: UUID, price: Decimal) -> Obligation:
            amount = price_amount(points=points, price=price)
            if abs(amount) > MAX_AMOUNT:
                raise AmountTooLargeError(f"{points} points at {price} are beyond 2⁶³ − 1")
            return Obligation(
                obligation_id=clearing_id(
                    "obligation",
                    self._text(self._window_id),
                    kind,
                    self._text(group.issuer_id),
                    self._text(group.acceptor_id),
                    self._text(group.terms_id),
                    self._text(group.acceptor_terms_id),
                    price,
                ),
                window_id=self._window_id,
                payer_id=group.issuer_id,
                payee_id=payee,
                issuer_id=group.issuer_id,
                acceptor_id=group.acceptor_id,
                kind=kind,
                terms_id=group.terms_id,
                acceptor_terms_id=group.acceptor_terms_id,
                priced_on=days,
                points=points,
                postings=postings,
                price=price,
                amount=amount,
                currency=group.currency,
            )

        taken = owed(redemption, payee=group.acceptor_id, price=group.q)
        if group.issuer_id == NETWORK_PARTY:
            return (taken,)
        return taken, owed(margin, payee=NETWORK_PARTY, price=between)


def _effective(dated: Sequence[_Dated], *, day: date) -> _Dated | None:
    position = bisect_right(dated, day, key=lambda each: each.effective_from)
    return dated[position - 1] if position else None


def _ten_places(price: Fraction) -> Decimal:
    return Decimal(round_half_even(price * 10**_PLACES)).scaleb(-_PLACES)
