"""From points that changed hands to money owed: obligations and net positions."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

NETWORK = "network"


@dataclass(frozen=True)
class Movement:
    """Points of one lot that an acceptor took (`redemption`) or gave back (`redeposit`, < 0).

    p is the issuer's price frozen on the lot, q the acceptor's price on the day of the capture;
    a redeposit carries both of the redemption that it undoes.
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


@dataclass(frozen=True, order=True)
class Obligation:
    """Money one party owes another for a day's points; negative where points came back.

    `kind` is redemption or redeposit (issuer to acceptor, s x q), or one of these with `_margin`
    (issuer to network, s x (p - q), plus or minus). `acceptor` names whose acceptance it is about.
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
    """A party's day: `net` is what it gets (> 0) or pays (< 0)."""

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


def obligations(movements: Iterable[Movement]) -> list[Obligation]:
    """Add up the points per day, pair, terms and kind, and price each sum once."""
    sums: defaultdict[tuple[date, str, str, str, str, str, Fraction, Fraction], int]
    sums = defaultdict(int)
    for each in movements:
        who = (each.business_date, each.kind, each.issuer, each.acceptor)
        sums[*who, each.issuer_terms, each.acceptor_terms, each.p, each.q] += each.points
    found = []
    for (day, kind, issuer, acceptor, issuer_terms, acceptor_terms, p, q), points in sums.items():
        for payee, name, price in ((acceptor, kind, q), (NETWORK, f"{kind}_margin", p - q)):
            if issuer == payee == NETWORK:
                continue
            found.append(
                Obligation(
                    business_date=day,
                    payer=issuer,
                    payee=payee,
                    kind=name,
                    acceptor=acceptor,
                    issuer_terms=issuer_terms,
                    acceptor_terms=acceptor_terms,
                    points=points,
                    amount=half_even(points * price),
                )
            )
    return sorted(found)


def by_pair(found: Iterable[Obligation]) -> dict[tuple[date, str, str], tuple[int, int]]:
    """Return points and amount per (day, issuer, acceptor), margins left aside."""
    pairs: dict[tuple[date, str, str], tuple[int, int]] = {}
    for each in found:
        if not each.kind.endswith("_margin"):
            key = (each.business_date, each.payer, each.payee)
            points, amount = pairs.get(key, (0, 0))
            pairs[key] = (points + each.points, amount + each.amount)
    return pairs


def positions(found: Iterable[Obligation]) -> dict[date, dict[str, Position]]:
    """Return each party's position by day; the network is a party, a day's nets sum to zero."""
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
