"""A second, independent implementation of the network, to hold against the first.

It imports nothing of the product. It reads the coalition (see `coalition.py`) and the requests as
they were sent, and works out points, lots, debts, obligations and net positions with exact
fractions. It never reads points out of an answer, only whether the request was accepted.

A record is one JSON object, in the order in which the network accepted the requests:

    at              programme time, ISO 8601 with offset (for people; the day below decides)
    business_date   the day that the network posted it on; never runs backwards
    kind            earn | authorise | capture | void | redeem | refund_earn | refund_redeem
    member          any stable name of the member (not for capture and void)
    merchant        the merchant's name as in the coalition
    merchant_ref    the reference of this request (not for capture and void)
    original_ref    what capture, void and the refunds are about
    amount          minor units: what was paid (earn), is to be paid with points (redeem,
                    authorise), or goes back (refunds)
    points          whole points instead of an amount (redeem, authorise, capture, refund_redeem)
    lines           [{"sku", "category", "quantity", "amount"}]; of an earn they sum to `amount`,
                    of a refund_earn they name the lines that go back by `sku`
    status          the HTTP status; anything but 2xx moved nothing
    replayed        true for the stored answer to a repeated key: moved nothing again

Missing fields and null mean the same. A capture without points takes the whole hold. A refund
without amount, points and lines takes all that is left. A redemption captured at once is one
`redeem`. A hold that ran out is recorded as a `void`.

How the rules were read where several readings are possible:
- A category's rate stands in the place of the base rate. Each line is rounded down once.
- Points earned on day d become active on d + pending_days and lapse on d + pending_days +
  expiry_days, which is the first day on which they can't be used.
- On a new day points lapse first, then pending ones become active.
- A purchase is refunded by amount or by lines, not by both; refunds by lines count line by line.
- A redemption refunded by amount gives back that amount's points, rounded up once over all such
  refunds, at most the rest.
- A point that its own issuer accepts is an obligation of the merchant to itself.
- What a refund takes back is shared by what each issuer has not yet had back, ties to whoever
  joined first, the network before all. Campaigns are read in `campaigns.py`.
- For its own points the network pays what acceptors get, and no margin.
- What is repaid of a debt left a lot like anything clawed back; the debt itself costs nobody.
- VAT on the margin is reckoned per point, on what is left of p - q where the acceptor's VAT falls
  on its fee; where the network adds to a price there is none.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from tests.scenarios.oracle.campaigns import Given
from tests.scenarios.oracle.coalition import Coalition, Terms
from tests.scenarios.oracle.money import (
    NETWORK,
    Books,
    Movement,
    Obligation,
    Position,
    obligations,
    positions,
    ten_places,
)
from tests.scenarios.oracle.purchase import EarnedPart, Purchase
from tests.scenarios.oracle.wallet import Balance, DisagreementError, Lot, Slice, Wallet


@dataclass
class Taken:
    """Points that a redemption took from one lot, at which prices, and how many came back."""

    lot: Lot
    points: int
    acceptor_terms: str
    q: Fraction
    issuer_vat: Fraction = Fraction(0)
    acceptor_vat: Fraction = Fraction(0)
    returned: int = 0


@dataclass
class Redemption:
    """An accepted authorisation or redemption."""

    member: str
    slices: list[Slice]
    open: bool = True
    taken: list[Taken] = field(default_factory=list)
    refunded: int = 0
    back_by_amount: int = 0

    @property
    def left(self) -> int:
        """Return the points that can still come back."""
        return sum(each.points - each.returned for each in self.taken)


class Oracle:
    """Takes records one by one; everything it knows is in its attributes."""

    def __init__(self, coalition: Coalition, *, keep_balances: bool = True) -> None:
        """Begin without wallets; a year need not keep everybody's balance at each day's end."""
        self._keep_balances = keep_balances
        self.coalition = coalition
        self.campaigns = coalition.campaigns
        self.wallets: dict[str, Wallet] = {}
        self.movements: list[Movement] = []
        self.books = Books()
        self.day_ends: dict[date, dict[str, Balance]] = {}
        self.purchases: dict[tuple[str, str], Purchase] = {}
        self.redemptions: dict[tuple[str, str], Redemption] = {}
        self.refunds: set[tuple[str, str, str]] = set()
        self.day: date | None = None
        self._lots = 0
        self._agreed: dict[str, Terms] = {}
        self._gone: list[tuple[str, Lot, int]] = []

    def run(self, records: Iterable[dict[str, Any]]) -> list[int]:
        """Apply records in order and return the points that each of them moved."""
        return [self.apply(record) for record in records]

    def apply(self, record: dict[str, Any]) -> int:
        """Apply one record and return the points it moved (0 for a refusal or a replay).

        Earned, held, captured, released, redeemed, clawed back (debt included) or given back.
        Raises DisagreementError where an accepted request can't have been.
        """
        day = date.fromisoformat(record["business_date"])
        self.advance_to(day)
        accepted = 200 <= int(record["status"]) < 300
        if not accepted or record.get("replayed"):
            return 0
        operations = {
            "earn": self._earn,
            "authorise": self._authorise,
            "redeem": self._redeem,
            "capture": self._capture,
            "void": self._void,
            "refund_earn": self._refund_earn,
            "refund_redeem": self._refund_redeem,
        }
        points = operations[record["kind"]](record, day)
        self._watch(day)
        return points

    def advance_to(self, day: date) -> None:
        """End all days before `day`: keep their balances, then retire and activate."""
        if self.day is not None and day < self.day:
            raise DisagreementError(f"{day} was posted after {self.day}")
        while self.day is not None and self.day < day:
            if self._keep_balances:
                self.day_ends[self.day] = {
                    member: wallet.balance() for member, wallet in sorted(self.wallets.items())
                }
            self.day += timedelta(days=1)
            for wallet in self.wallets.values():
                wallet.begin_day(self.day)
            self._watch(self.day)
        self.day = day

    def balance(self, member: str) -> Balance:
        """Return a member's balance now."""
        return self._wallet(member).balance()

    def obligations(self) -> list[Obligation]:
        """Return the obligations of all days."""
        return obligations(self.movements)

    def settle(self) -> list[Obligation]:
        """Return the obligations of the day that ends, and forget its movements.

        For who wants each day as it ends, in its order, and never all of them.
        """
        moved, self.movements = self.movements, []
        return self.books.add_day(moved)

    def positions(self) -> dict[date, dict[str, Position]]:
        """Return the net positions of all days on which points changed hands."""
        return positions(self.obligations())

    def _wallet(self, member: str) -> Wallet:
        if member not in self.wallets:
            self.wallets[member] = Wallet(gone=self._gone)
        return self.wallets[member]

    def _next_lot(self) -> int:
        self._lots += 1
        return self._lots

    def _earn(self, record: dict[str, Any], day: date) -> int:
        key = (record["merchant"], record["merchant_ref"])
        if key in self.purchases:
            raise DisagreementError(f"{key} earned twice")
        terms = self.coalition.terms(record["merchant"], day)
        amount = int(record["amount"])
        plain = record.get("lines") or [{"sku": "", "category": None, "amount": amount}]
        amounts = [int(line["amount"]) for line in plain]
        if sum(amounts) != amount:
            raise DisagreementError(f"{key}: the lines don't sum to {amount}")
        exact = [exact_points_of(line, terms) for line in plain]
        given = self.campaigns.give(
            member=record["member"],
            merchant=record["merchant"],
            day=day,
            amounts=amounts,
            exact=exact,
        )
        own = [
            Given("", record["merchant"], line, points.numerator // points.denominator)
            for line, points in enumerate(exact)
        ]
        lots: dict[tuple[str, str], Lot] = {}
        for each in (*own, *given):
            named = (each.campaign, each.funder)
            if each.points and named not in lots:
                total = sum(e.points for e in (*own, *given) if (e.campaign, e.funder) == named)
                lots[named] = self._new_lot(each, terms, total, day)
        for lot in lots.values():
            self._count("issuance", lot, lot.granted, day)
            self._wallet(record["member"]).credit(lot)
        self.purchases[key] = Purchase(
            member=record["member"],
            skus=[str(line["sku"]) for line in plain],
            bases=amounts,
            parts=[
                EarnedPart(
                    each.line,
                    each.funder,
                    lots[each.campaign, each.funder] if each.points else None,
                    each.points,
                )
                for each in (*own, *given)
            ],
            refunded=[0 for _ in plain],
        )
        return sum(each.points for each in (*own, *given))

    def _new_lot(self, given: Given, terms: Terms, points: int, day: date) -> Lot:
        """Make a lot that lives as long as the shop's points, at its funder's price."""
        active_from = day + timedelta(days=terms.pending_days)
        if given.funder == NETWORK:  # the campaign itself is its terms; the price is settled by q
            terms_id, price = given.campaign, self.coalition.face_value
        else:
            agreed = self.coalition.terms(given.funder, day)
            terms_id, price = agreed.id, agreed.price
            self._agreed[terms_id] = agreed
        return Lot(
            number=self._next_lot(),
            issuer=given.funder,
            terms_id=terms_id,
            price=price,
            active_from=active_from,
            expires_on=active_from + timedelta(days=terms.expiry_days),
            granted=points,
            active=active_from <= day,
        )

    def _points_asked(self, record: dict[str, Any]) -> int:
        if record.get("points") is not None:
            return int(record["points"])
        return points_for(int(record["amount"]), self.coalition.face_value)

    def _authorise(self, record: dict[str, Any], _day: date) -> int:
        key = (record["merchant"], record["merchant_ref"])
        if key in self.redemptions:
            raise DisagreementError(f"{key} redeemed twice")
        points = self._points_asked(record)
        slices = self._wallet(record["member"]).hold(points)
        self.redemptions[key] = Redemption(record["member"], slices)
        return points

    def _redeem(self, record: dict[str, Any], day: date) -> int:
        points = self._authorise(record, day)
        self._take(record["merchant"], record["merchant_ref"], points, day)
        return points

    def _capture(self, record: dict[str, Any], day: date) -> int:
        points = record.get("points")
        if points is None and record.get("amount") is not None:
            points = points_for(int(record["amount"]), self.coalition.face_value)
        return self._take(record["merchant"], record["original_ref"], points, day)

    def _take(self, merchant: str, reference: str, points: int | None, day: date) -> int:
        redemption = self._open_hold(merchant, reference)
        if points is None:
            points = sum(each.points for each in redemption.slices)
        wallet = self._wallet(redemption.member)
        terms = self.coalition.terms(merchant, day)
        q = self.coalition.acceptor_price(merchant, day)
        redemption.open = False
        for each in wallet.capture(redemption.slices, points, day):
            taken = Taken(each.lot, each.points, terms.id, q, *self._taxes(each.lot, terms, q))
            redemption.taken.append(taken)
            self._move(merchant, taken, each.points, day, "redemption")
        return points

    def _void(self, record: dict[str, Any], day: date) -> int:
        redemption = self._open_hold(record["merchant"], record["original_ref"])
        self._wallet(redemption.member).capture(redemption.slices, 0, day)
        del self.redemptions[record["merchant"], record["original_ref"]]  # its reference is free
        return sum(each.points for each in redemption.slices)

    def _open_hold(self, merchant: str, reference: str) -> Redemption:
        redemption = self.redemptions.get((merchant, reference))
        if redemption is None or not redemption.open:
            raise DisagreementError(f"{merchant} {reference}: no open hold")
        return redemption

    def _refund_earn(self, record: dict[str, Any], _day: date) -> int:
        purchase = self.purchases[record["merchant"], record["original_ref"]]
        self._once(record)
        named = record.get("lines") or []
        way = "lines" if named else "amount"
        if purchase.refunded_by not in {None, way}:
            raise DisagreementError(f"{record['original_ref']}: refunded by amount and by lines")
        purchase.refunded_by = way
        issuers = [NETWORK, *self.coalition.joined]
        taken: list[tuple[EarnedPart, int]] = []
        if named:
            if len(set(purchase.skus)) != len(purchase.skus):
                raise DisagreementError(f"{record['original_ref']}: a product on two lines")
            for line in named:
                place = purchase.skus.index(str(line["sku"]))
                taken += purchase.take_back(int(line["amount"]), line=place, issuers=issuers)
        else:
            left = sum(purchase.bases) - purchase.refunded_in_all
            amount = record.get("amount")
            asked = left if amount is None else int(amount)
            taken = purchase.take_back(asked, line=None, issuers=issuers)
        back: dict[int, tuple[Lot, int]] = {}
        for part, points in taken:
            if points and part.lot is not None:
                before = back.get(part.lot.number, (part.lot, 0))[1]
                back[part.lot.number] = (part.lot, before + points)
        wallet = self._wallet(purchase.member)
        order = sorted(back.values(), key=lambda b: (issuers.index(b[0].issuer), b[0].number))
        for lot, points in order:
            wallet.claw_back(earned=lot, points=points)
        return sum(points for _, points in taken)

    def _refund_redeem(self, record: dict[str, Any], day: date) -> int:
        redemption = self.redemptions[record["merchant"], record["original_ref"]]
        self._once(record)
        points = redemption.left
        if record.get("points") is not None:
            points = int(record["points"])
        elif record.get("amount") is not None:
            redemption.refunded += int(record["amount"])
            asked = points_for(redemption.refunded, self.coalition.face_value)
            points = min(asked - redemption.back_by_amount, redemption.left)
            redemption.back_by_amount += points
        if not 0 <= points <= redemption.left or redemption.left == 0:
            raise DisagreementError(f"{points} points refunded, {redemption.left} left")
        wallet = self._wallet(redemption.member)
        missing = points
        for taken in reversed(redemption.taken):
            back = min(missing, taken.points - taken.returned)
            if back:
                taken.returned += back
                missing -= back
                self._move(record["merchant"], taken, -back, day, "redeposit")
                wallet.redeposit(
                    Slice(taken.lot, back),
                    day=day,
                    grace_days=self.coalition.grace_days,
                    number=self._next_lot(),
                )
        return points

    def _once(self, record: dict[str, Any]) -> None:
        key = (record["kind"], record["merchant"], record["merchant_ref"])
        if key in self.refunds:
            raise DisagreementError(f"{key} refunded twice")
        self.refunds.add(key)

    def _taxes(self, lot: Lot, acceptor: Terms, q: Fraction) -> tuple[Fraction, Fraction]:
        """Return the VAT per point that the issuer and the acceptor pay."""
        agreed = self._agreed.get(lot.terms_id)
        if agreed is None:  # the network's own points: nobody pays a fee
            return Fraction(0), Fraction(0)
        given_up, fee, accepting = self.coalition.face_value - q, agreed.price - q, Fraction(0)
        if acceptor.vat_on == "acceptance_fee" and acceptor.vat_rate:
            accepting = ten_places(given_up * acceptor.vat_rate)
            fee -= given_up
        if agreed.vat_on != "margin" or fee <= 0:
            return Fraction(0), accepting
        return ten_places(fee * agreed.vat_rate), accepting

    def _watch(self, day: date) -> None:
        """Count what left lots without being spent since this was asked before."""
        for kind, lot, points in self._gone:
            self._count(kind, lot, points, day)
        self._gone.clear()

    def _count(self, kind: str, lot: Lot, points: int, day: date) -> None:
        agreed = self._agreed.get(lot.terms_id)
        if agreed is None or agreed.funding != "on_issue":
            return  # nobody pays before these points are taken
        self.movements.append(
            Movement(
                business_date=day,
                kind=kind,
                issuer=lot.issuer,
                acceptor=lot.issuer,
                issuer_terms=lot.terms_id,
                acceptor_terms=lot.terms_id,
                p=lot.price,
                q=lot.price,
                points=points,
                funding=agreed.funding,
                beneficiary=agreed.beneficiary,
            )
        )

    def _move(self, acceptor: str, taken: Taken, points: int, day: date, kind: str) -> None:
        agreed = self._agreed.get(taken.lot.terms_id)
        self.movements.append(
            Movement(
                business_date=day,
                kind=kind,
                issuer=taken.lot.issuer,
                acceptor=acceptor,
                issuer_terms=taken.lot.terms_id,
                acceptor_terms=taken.acceptor_terms,
                p=taken.lot.price,
                q=taken.q,
                points=points,
                funding="on_redemption" if agreed is None else agreed.funding,
                issuer_vat=taken.issuer_vat,
                acceptor_vat=taken.acceptor_vat,
            )
        )


def read_records(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Read records from JSON lines; empty lines are passed over."""
    return (json.loads(line) for line in lines if line.strip())


def exact_points_of(line: dict[str, Any], terms: Terms) -> Fraction:
    """Return what a line earns before rounding: its amount times the category's or base rate."""
    rate = terms.category_rates.get(line.get("category") or "", terms.base_rate)
    return int(line["amount"]) * rate


def points_for(amount: int, face_value: Fraction) -> int:
    """Return the whole points that pay an amount, rounded up."""
    exact = amount / face_value
    return -(-exact.numerator // exact.denominator)
