"""From points that moved to money owed: obligations, the pool, and net positions.

Accounts have names: a merchant's own is its name, `merchant:deposit` what it paid in advance; the
network's are `network` (its margin), `network:pool`, `network:vat`, `network:breakage` and
`network:rounding`.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

NETWORK = "network"
POOL = "network:pool"
ROUNDING = "network:rounding"
TAKEN = ("redemption", "redeposit")
PLACES = 10**10  # prices are written down with ten decimal places


@dataclass(frozen=True)
class Movement:
    """Points of one lot that moved: p is the issuer's price frozen on the lot.

    `kind` is redemption or redeposit (< 0), with the acceptor, its terms and q, its price on the
    day of the capture; a redeposit carries both of the redemption that it undoes. Or it is
    issuance, clawback or expiry, where the acceptor is the issuer. `funding` and `beneficiary` are
    those of the lot's terms; the VAT is per point.
    """

    business_date: date
    kind: str
    issuer: str
    acceptor: str
    issuer_terms: str
    acceptor_terms: str
    p: Fraction
    q: Fraction
    points: int
    funding: str = "on_redemption"
    beneficiary: str = "network"
    issuer_vat: Fraction = Fraction(0)
    acceptor_vat: Fraction = Fraction(0)


@dataclass(frozen=True, order=True)
class Obligation:
    """Money one account owes another for a day's points; negative where points came back.

    `kind` is redemption or redeposit (s x q), or one of these with `_margin` (to the network,
    s x (p - q), plus or minus), `_vat` or `_acceptance_vat`; or issuance, clawback or expiry
    (s x p, into the pool and out of it), or rounding, without points. `acceptor` names whose
    acceptance it is about.
    """

    business_date: date
    payer: str
    payee: str
    kind: str
    acceptor: str
    issuer_terms: str
    acceptor_terms: str
    points: int
    amount: int


@dataclass(frozen=True)
class Position:
    """An account's day: `net` is what it gets (> 0) or pays (< 0)."""

    payable: int
    receivable: int

    @property
    def net(self) -> int:
        return self.receivable - self.payable


def half_even(value: Fraction) -> int:
    """Round to a whole minor unit, halves to the even neighbour."""
    below = value.numerator // value.denominator
    rest = value - below
    up = rest > Fraction(1, 2) or (rest == Fraction(1, 2) and below % 2 == 1)
    return below + 1 if up else below


def ten_places(price: Fraction) -> Fraction:
    """Round a price to the ten places in which prices are written down."""
    return Fraction(half_even(price * PLACES), PLACES)


def arrows(each: Movement) -> list[tuple[str, str, str, Fraction]]:
    """Return who owes whom for a movement, under which name, at which price per point."""
    issuer = f"{each.issuer}:deposit" if each.funding == "prefunded" else each.issuer
    if each.kind in TAKEN:
        payer = POOL if each.funding == "on_issue" else issuer
        found = [(payer, each.acceptor, each.kind, each.q)]
        if each.issuer == NETWORK:
            return found
        found.append((payer, NETWORK, f"{each.kind}_margin", each.p - each.q))
        for taxed, name, price in (
            (issuer, "vat", each.issuer_vat),
            (each.acceptor, "acceptance_vat", each.acceptor_vat),
        ):
            if price:
                found.append((taxed, "network:vat", f"{each.kind}_{name}", price))
        return found
    if each.funding != "on_issue":
        return []
    keeps = each.issuer if each.beneficiary == "issuer" else "network:breakage"
    payer, payee = {
        "issuance": (each.issuer, POOL),
        "clawback": (POOL, each.issuer),
        "expiry": (POOL, keeps),
    }[each.kind]
    return [(payer, payee, each.kind, each.p)]


def obligations(movements: Iterable[Movement]) -> list[Obligation]:
    """Return what is owed for points that moved, on all days."""
    by_day: defaultdict[date, list[Movement]] = defaultdict(list)
    for each in movements:
        by_day[each.business_date].append(each)
    books = Books()
    return sorted(each for _, moved in sorted(by_day.items()) for each in books.add_day(moved))


class Books:
    """Days one after the other: what the pool is to hold is carried from each to the next."""

    def __init__(self) -> None:
        self.pool = 0
        self._prices: dict[str, Fraction] = {}
        self._points: defaultdict[str, int] = defaultdict(int)
        self._amounts: defaultdict[str, int] = defaultdict(int)

    def add_day(self, movements: Iterable[Movement]) -> list[Obligation]:
        """Return the obligations of a day, which comes after those that were added before.

        The points are added up per pair, terms, price and kind, and each sum is priced once.
        """
        sums: defaultdict[tuple[date, str, str, str, str, str, str, Fraction], int]
        sums = defaultdict(int)
        for each in movements:
            self._prices[each.issuer_terms] = each.p
            for payer, payee, kind, price in arrows(each):
                who = (each.business_date, payer, payee, kind, each.acceptor)
                sums[*who, each.issuer_terms, each.acceptor_terms, price] += each.points
        found = [
            Obligation(
                business_date=day,
                payer=payer,
                payee=payee,
                kind=kind,
                acceptor=acceptor,
                issuer_terms=issuer_terms,
                acceptor_terms=acceptor_terms,
                points=points,
                amount=half_even(points * price),
            )
            for (
                day,
                payer,
                payee,
                kind,
                acceptor,
                issuer_terms,
                acceptor_terms,
                price,
            ), points in sums.items()
        ]
        found += self._rounding(found)
        self.pool += pool(found)
        return found

    def _rounding(self, found: list[Obligation]) -> list[Obligation]:
        """Return what brings the pool, for each terms, to points times p."""
        moving: defaultdict[str, list[Obligation]] = defaultdict(list)
        for each in found:
            if POOL in {each.payer, each.payee}:
                moving[each.issuer_terms].append(each)
        result = []
        for terms, flows in sorted(moving.items()):
            self._points[terms] += sum(pool_points(each) for each in flows)
            self._amounts[terms] += pool(flows)
            missing = half_even(self._points[terms] * self._prices[terms]) - self._amounts[terms]
            if missing:
                self._amounts[terms] += missing
                day = flows[0].business_date
                result.append(
                    Obligation(day, ROUNDING, POOL, "rounding", "", terms, terms, 0, missing)
                )
        return result


def pool_points(each: Obligation) -> int:
    """Return the points that an obligation brings into the pool."""
    if each.payee == POOL:
        return each.points
    return 0 if each.kind.endswith("_margin") else -each.points


def pool(found: Iterable[Obligation], *, until: date = date.max) -> int:
    """Return what obligations bring into the pool, those after a day left aside."""
    return sum(
        each.amount * ((each.payee == POOL) - (each.payer == POOL))
        for each in found
        if each.business_date <= until
    )


def by_pair(found: Iterable[Obligation]) -> dict[tuple[date, str, str], tuple[int, int]]:
    """Return points and amount per (day, issuer, acceptor), margins left aside."""
    pairs: dict[tuple[date, str, str], tuple[int, int]] = {}
    for each in found:
        if each.kind in TAKEN:
            key = (each.business_date, each.payer, each.payee)
            points, amount = pairs.get(key, (0, 0))
            pairs[key] = (points + each.points, amount + each.amount)
    return pairs


def positions(found: Iterable[Obligation]) -> dict[date, dict[str, Position]]:
    """Return each account's position by day; with the network's a day's nets sum to zero."""
    owed: defaultdict[date, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    due: defaultdict[date, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for each in found:
        owed[each.business_date][each.payer] += each.amount
        due[each.business_date][each.payee] += each.amount
    return {
        day: {
            party: Position(payable=owed[day][party], receivable=due[day][party])
            for party in sorted({*owed[day], *due[day]})
        }
        for day in sorted(owed)
    }
