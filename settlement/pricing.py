"""What points that moved cost: prices of a day, and obligations. Pure.

The night prices a window in the database, all of it at once (``network.clearing.owing``); this is
what it means, one obligation at a time, and what its control totals reckon again.

The issuer pays p for each of its points: the price of the terms on the lot. The acceptor gets q:
the face value of the day on which the capture was posted, less the fee of the agreement it then
had. The network takes p − q, plus or minus. Who pays, and when, says the funding of the terms on
the lot; ``settlement.routes`` has the table. Prices are minor units per point, rounded half to even
to the ten places in which they are stored, so that whoever reads an obligation can multiply for
himself.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple, TypeVar
from uuid import UUID

from network.clearing.facts import Agreement, FaceValue, Obligation, PostingSum
from network.clearing.parties import NETWORK_PARTY, obligation_key
from network.errors import PeyvandError
from network.points import MAX_AMOUNT, price_amount, round_half_even
from settlement import routes
from settlement.routes import Route

_PLACES = 10
_PRICES_KEPT = 65_536
_NOTHING = Decimal(0)
_Dated = TypeVar("_Dated", Agreement, FaceValue)


class MissingPriceError(PeyvandError):
    """Points were taken for which no agreement or face value says what they cost."""

    code = "settlement_price_missing"


class AmountTooLargeError(PeyvandError):
    """An obligation is beyond what an amount can be (2⁶³ − 1 minor units)."""

    code = "settlement_amount_too_large"


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptorPrice:
    """What an acceptor is paid per point and gives up of the face value, and by which terms."""

    terms: Agreement
    price: Decimal
    given_up: Decimal

    @property
    def currency(self) -> str:
        """Return the currency in which the acceptor is paid."""
        return self.terms.currency


class Tax(NamedTuple):
    """VAT per point, rounded to ten places: the fee per point that it falls on, and the rate."""

    price: Decimal
    fee: Decimal
    rate: Decimal


UNTAXED = Tax(_NOTHING, _NOTHING, _NOTHING)


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
        self._quotes: dict[tuple[UUID, date], AcceptorPrice] = {}

    def issuer_terms(self, terms_id: UUID) -> Agreement:
        """Return the terms that stand on a lot; raise MissingPriceError if unknown."""
        terms = self._terms.get(terms_id)
        if terms is None:
            raise MissingPriceError(f"no approved agreement {terms_id} stands behind these points")
        return terms

    def acceptor_price(self, *, merchant_id: UUID, day: date) -> AcceptorPrice:
        """Return q of an acceptor on ``day``; raise MissingPriceError where nothing says it."""
        asked = (merchant_id, day)
        found = self._quotes.get(asked)
        if found is None:
            found = self._quotes[asked] = self._quote(merchant_id=merchant_id, day=day)
        return found

    def _quote(self, *, merchant_id: UUID, day: date) -> AcceptorPrice:
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
        worth = Fraction(face_value.numerator, face_value.denominator)
        price = ten_places(worth * (1 - Fraction(agreement.acceptance_fee)))
        return AcceptorPrice(
            terms=agreement, price=price, given_up=ten_places(worth - Fraction(price))
        )


def price_obligations(
    sums: Iterable[PostingSum], *, book: PriceBook, window_id: UUID
) -> list[Obligation]:
    """Return what is owed for ``sums``, in a fixed order and with ids that follow from the facts.

    Sums with the same parties, terms and prices become one obligation of each kind, which is priced
    once, rounded half to even. Raises MissingPriceError and AmountTooLargeError.
    """
    merged: defaultdict[_Group, list[PostingSum]] = defaultdict(list)
    sorter = _Sorter(book)
    for each in sums:
        group = sorter.group(each)
        if group is not None:
            merged[group].append(each)
    pen = _Pen(window_id, book=book)
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
    """What makes postings one: parties, terms and prices. q and its terms are of redemptions."""

    account: str
    issuer_id: UUID
    acceptor_id: UUID
    terms_id: UUID
    acceptor_terms_id: UUID
    p: Decimal
    q: Decimal
    vat: Tax
    acceptance_vat: Tax
    currency: str
    negative: bool


class _Sorter:
    """Finds the group of a sum; the taxes on two parties' prices come up again and again."""

    def __init__(self, book: PriceBook) -> None:
        self._book = book
        self._vat: dict[tuple[UUID, Decimal, UUID, Decimal], tuple[Tax, Tax]] = {}

    def group(self, each: PostingSum) -> _Group | None:
        """Return the group, ``None`` where no money follows these points."""
        if each.account == "redemption":
            return self._redemption(each)
        terms = self._book.issuer_terms(each.terms_id)
        if terms.funding != "on_issue":
            return None
        p = terms.issue_price
        return _Group(
            each.account,
            each.issuer_id,
            each.issuer_id,
            each.terms_id,
            each.terms_id,
            p,
            p,
            UNTAXED,
            UNTAXED,
            terms.currency,
            each.negative,
        )

    def _redemption(self, each: PostingSum) -> _Group:
        if each.acceptor_id is None or each.priced_on is None:
            raise MissingPriceError("a redemption names neither its acceptor nor its day")
        quoted = self._book.acceptor_price(merchant_id=each.acceptor_id, day=each.priced_on)
        p, vat, acceptance_vat = quoted.price, UNTAXED, UNTAXED
        # What the network gives away in campaigns costs it what acceptors get: no fee on itself.
        if each.issuer_id != NETWORK_PARTY:
            terms = self._book.issuer_terms(each.terms_id)
            if terms.currency != quoted.currency:
                raise MissingPriceError(
                    f"agreement {each.terms_id} is in {terms.currency}, not {quoted.currency}"
                )
            p = terms.issue_price
            if terms.vat_rate or quoted.terms.vat_rate:
                vat, acceptance_vat = self._taxes(terms, quoted)
        return _Group(
            each.account,
            each.issuer_id,
            each.acceptor_id,
            each.terms_id,
            quoted.terms.agreement_id,
            p,
            quoted.price,
            vat,
            acceptance_vat,
            quoted.currency,
            each.negative,
        )

    def _taxes(self, terms: Agreement, quoted: AcceptorPrice) -> tuple[Tax, Tax]:
        asked = (terms.agreement_id, terms.issue_price, quoted.terms.agreement_id, quoted.price)
        found = self._vat.get(asked)
        if found is None:
            found = self._vat[asked] = taxes(issuer=terms, acceptor=quoted)
        return found


def taxes(*, issuer: Agreement, acceptor: AcceptorPrice) -> tuple[Tax, Tax]:
    """Return the VAT per point that the issuer and the acceptor pay on the network's fee.

    The acceptor's falls on what it gives up of the face value, the issuer's on the margin p − q,
    less what the acceptor's falls on, so that no fee is taxed twice. Where the network adds to a
    price instead of keeping a part there is no fee, and no VAT.
    """
    accepting = acceptance_tax(acceptor)
    fee = Fraction(issuer.issue_price) - Fraction(acceptor.price) - Fraction(accepting.fee)
    if issuer.vat_on != "margin" or not issuer.vat_rate or fee <= 0:
        return UNTAXED, accepting
    return _tax(ten_places(fee), rate=issuer.vat_rate), accepting


def acceptance_tax(acceptor: AcceptorPrice) -> Tax:
    """Return the VAT per point that an acceptor pays on what it gives up of the face value."""
    if acceptor.terms.vat_on != "acceptance_fee" or not acceptor.terms.vat_rate:
        return UNTAXED
    return _tax(acceptor.given_up, rate=acceptor.terms.vat_rate)


def _tax(fee: Decimal, *, rate: Decimal) -> Tax:
    return Tax(price=ten_places(Fraction(fee) * Fraction(rate)), fee=fee, rate=rate)


class _Pen:
    """Writes the obligations of one window."""

    def __init__(self, window_id: UUID, *, book: PriceBook) -> None:
        self._window_id = window_id
        self._book = book

    def write(self, group: _Group, behind: Sequence[PostingSum]) -> Iterator[Obligation]:
        """Yield what is owed for the points behind a group, one obligation per kind."""
        own = group.issuer_id == NETWORK_PARTY
        terms = None if own else self._book.issuer_terms(group.terms_id)
        points = sum(each.points for each in behind)
        if group.account != "redemption":
            points = abs(points)
        for route in routes.routes(
            account=group.account,
            negative=group.negative,
            issuer_id=group.issuer_id,
            acceptor_id=group.acceptor_id,
            funding="on_redemption" if terms is None else terms.funding,
            beneficiary="network" if terms is None else terms.breakage_beneficiary,
        ):
            tax = {"vat": group.vat, "acceptance_vat": group.acceptance_vat}.get(route.per)
            price = self._price(route, group) if tax is None else tax.price
            if price or tax is None:
                yield self._owed(
                    route, group, behind, points=points, price=price, tax=tax or UNTAXED
                )

    def _price(self, route: Route, group: _Group) -> Decimal:
        if route.per == "margin":
            return _between(group.p, group.q)
        return group.p if route.per == "p" else group.q

    def _owed(
        self,
        route: Route,
        group: _Group,
        behind: Sequence[PostingSum],
        *,
        points: int,
        price: Decimal,
        tax: Tax,
    ) -> Obligation:
        amount = check_amount(points=points, price=price)
        return Obligation(
            obligation_id=obligation_key(
                window_id=self._window_id,
                kind=route.kind,
                issuer_id=group.issuer_id,
                acceptor_id=group.acceptor_id,
                terms_id=group.terms_id,
                acceptor_terms_id=group.acceptor_terms_id,
                price=price,
            ),
            window_id=self._window_id,
            payer_id=route.payer.party_id,
            payer_account=route.payer.name,
            payee_id=route.payee.party_id,
            payee_account=route.payee.name,
            issuer_id=group.issuer_id,
            acceptor_id=group.acceptor_id,
            kind=route.kind,
            terms_id=group.terms_id,
            acceptor_terms_id=group.acceptor_terms_id,
            priced_on=tuple(sorted({each.priced_on for each in behind if each.priced_on})),
            points=points,
            postings=sum(each.postings for each in behind),
            price=price,
            amount=amount,
            currency=group.currency,
            taxed=tax.fee,
            vat_rate=tax.rate,
        )


def check_amount(*, points: int, price: Decimal) -> int:
    """Return points × price, half to even; raise AmountTooLargeError beyond what is stored."""
    amount = price_amount(points=points, price=price)
    if abs(amount) > MAX_AMOUNT:
        raise AmountTooLargeError(f"{points} points at {price} are beyond 2⁶³ − 1")
    return amount


def _effective(dated: Sequence[_Dated], *, day: date) -> _Dated | None:
    position = bisect_right(dated, day, key=lambda each: each.effective_from)
    return dated[position - 1] if position else None


@lru_cache(maxsize=_PRICES_KEPT)
def _between(p: Decimal, q: Decimal) -> Decimal:
    """Return the network's margin; the same two prices meet in issuer after issuer."""
    return ten_places(Fraction(p) - Fraction(q))


def ten_places(price: Fraction) -> Decimal:
    """Return a price rounded half to even to the ten places in which prices are stored."""
    return Decimal(round_half_even(price * 10**_PLACES)).scaleb(-_PLACES)
