"""One member's lots and debts, moved by hand: no postings, no database, only what must come out.

The order in which points are taken, where they come back to and who is repaid first follow the
rules of the ledger, written down a second time.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction


class DisagreementError(Exception):
    """The network accepted what the oracle holds to be impossible."""


@dataclass
class Lot:
    """Points of one issuer with one expiry; `number` is the order of creation in the network."""

    number: int
    issuer: str
    terms_id: str
    price: Fraction
    active_from: date
    expires_on: date
    granted: int
    active: bool
    remaining: int = 0
    held: int = 0
    redeemed: int = 0
    expired: int = 0
    clawed_back: int = 0
    moved: int = 0

    def __post_init__(self) -> None:
        self.remaining = self.granted

    def balanced(self) -> bool:
        """Tell whether every granted point is in exactly one place."""
        places = (self.remaining, self.held, self.redeemed, self.expired, self.clawed_back)
        return self.granted == sum(places) + self.moved and min(*places, self.moved) >= 0


@dataclass(frozen=True)
class Slice:
    """Some points of one lot."""

    lot: Lot
    points: int


@dataclass(frozen=True)
class Balance:
    """What a member sees; `spendable` is what is available beyond the debts."""

    available: int
    pending: int
    held: int
    debt: int

    @property
    def spendable(self) -> int:
        return max(0, self.available - self.debt)


@dataclass
class Wallet:
    """All lots of one member, in order of creation, and the debts by issuer."""

    lots: list[Lot] = field(default_factory=list)
    debts: dict[str, int] = field(default_factory=dict)
    gone: list[tuple[str, Lot, int]] = field(default_factory=list)
    """What left lots without being spent: kind, lot, points. Whoever watches takes it out."""

    calendar: dict[date, list[Lot]] = field(default_factory=dict)
    """The lots that lapse or become active on a day to come, in order of creation."""

    def balance(self) -> Balance:
        """Return the sums over lots and debts."""
        return Balance(
            available=sum(lot.remaining for lot in self.lots if lot.active),
            pending=sum(lot.remaining for lot in self.lots if not lot.active),
            held=sum(lot.held for lot in self.lots),
            debt=sum(self.debts.values()),
        )

    def begin_day(self, day: date) -> None:
        """Retire what lapses on this day, then activate what was pending until now.

        Every day has to begin, in its order.
        """
        due = self.calendar.pop(day, [])
        for lot in due:
            if lot.expires_on <= day:
                self._went("expiry", lot, lot.remaining)
                lot.expired += lot.remaining
                lot.remaining = 0
        for lot in due:
            if not lot.active and lot.active_from <= day:
                lot.active = True
                self._repay(lot, lot.remaining)

    def credit(self, lot: Lot) -> None:
        """Add a new lot; active points first repay what is owed to their issuer."""
        self.lots.append(lot)
        for day in {lot.active_from, lot.expires_on}:
            self.calendar.setdefault(day, []).append(lot)
        if lot.active:
            self._repay(lot, lot.remaining)

    def hold(self, points: int) -> list[Slice]:
        """Take points into a hold: earliest expiry first, then order of creation."""
        if points > self.balance().spendable:
            raise DisagreementError(f"{points} points asked, {self.balance()}")
        slices = []
        for lot in sorted(self.lots, key=lambda each: (each.expires_on, each.number)):
            taken = min(points, lot.remaining) if lot.active else 0
            if taken:
                lot.remaining -= taken
                lot.held += taken
                points -= taken
                slices.append(Slice(lot, taken))
        return slices

    def capture(self, slices: list[Slice], points: int, day: date) -> list[Slice]:
        """Redeem the first `points` of a hold, release the rest, return what was redeemed."""
        if points > sum(each.points for each in slices):
            raise DisagreementError(f"{points} points captured out of a smaller hold")
        redeemed = []
        for each in slices:
            taken = min(points, each.points)
            points -= taken
            each.lot.held -= each.points
            each.lot.redeemed += taken
            if taken:
                redeemed.append(Slice(each.lot, taken))
            self._release(each.lot, each.points - taken, day)
        return redeemed

    def redeposit(self, part: Slice, *, day: date, grace_days: int, number: int) -> None:
        """Give redeemed points back to their lot, or to a child of it if it has lapsed."""
        lot = part.lot
        lot.redeemed -= part.points
        if lot.expires_on > day:
            lot.remaining += part.points
            self._repay(lot, part.points)
            return
        lot.moved += part.points
        self.credit(
            Lot(
                number=number,
                issuer=lot.issuer,
                terms_id=lot.terms_id,
                price=lot.price,
                active_from=day,
                expires_on=day + timedelta(days=grace_days),
                granted=part.points,
                active=True,
            )
        )

    def claw_back(self, *, earned: Lot, points: int) -> int:
        """Take back points of one issuer and return how many became a debt.

        The earned lot gives first, then the issuer's other lots in taking order, pending ones
        included; what is missing is owed to the issuer.
        """
        others = [lot for lot in self.lots if lot.issuer == earned.issuer and lot is not earned]
        others.sort(key=lambda each: (each.expires_on, each.number))
        for lot in (earned, *others):
            taken = min(points, lot.remaining)
            lot.remaining -= taken
            lot.clawed_back += taken
            points -= taken
            self._went("clawback", lot, taken)
        if points:
            self.debts[earned.issuer] = self.debts.get(earned.issuer, 0) + points
        return points

    def _release(self, lot: Lot, points: int, day: date) -> None:
        if lot.expires_on <= day:
            lot.expired += points
            self._went("expiry", lot, points)
            return
        lot.remaining += points
        self._repay(lot, points)

    def _repay(self, lot: Lot, credited: int) -> None:
        """Whatever an issuer credits first repays the debt with that issuer."""
        repaid = min(credited, self.debts.get(lot.issuer, 0))
        if repaid:
            lot.remaining -= repaid
            lot.clawed_back += repaid
            self.debts[lot.issuer] -= repaid
            self._went("clawback", lot, repaid)

    def _went(self, kind: str, lot: Lot, points: int) -> None:
        if points:
            self.gone.append((kind, lot, points))
