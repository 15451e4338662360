"""Who does what on which day of the demo: pure, seeded, and blind to the gateway's answers.

A `Player` turns baskets into actions, one at a time and in order of time. The caller performs each
action before it asks for the next one, because a member who wants to pay with points looks at the
balance first, and the player learns it through the `balance` it was given.

    player = Player(baskets=load_baskets(first_day=day), first_day=day, balance=gateway_balance)
    for number in range(14):
        for action in player.actions(number):
            perform(action)
"""

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from functools import partial
from itertools import count
from random import Random

from config.demo import coalition, names
from config.demo.actions import (
    Action,
    Capture,
    Channel,
    Earn,
    Enrol,
    Line,
    Member,
    Redeem,
    RefundEarn,
    RefundRedeem,
    Void,
)
from config.demo.purchases import Basket, Part, share_out

DAYS = 14
SEED = 1403

# Shares of what may happen, out of 1.
PAYS_WITH_POINTS = 0.25
SPENDS_ALL = 0.3
BY_AMOUNT = 0.5
MANUAL_CAPTURE = 0.4
CAPTURE_WHOLE, CAPTURE_PARTIAL = 0.55, 0.25  # of manual ones; the rest is voided
REFUNDS_PURCHASE = 0.05
RETURNS_REDEEMED = 0.15
RETURNS_LAPSED = 0.6

FEWEST_POINTS = 20  # with less, nobody takes out the phone
MOST_OF_PURCHASE = Fraction(9, 10)
BETWEEN_PARTS = timedelta(minutes=3)
STEP = timedelta(seconds=30)

Step = Callable[[datetime], Action | None]


@dataclass(slots=True)
class _Purchase:
    """A part on its way through the till, and what became of it."""

    basket: Basket
    part: Part
    member: str
    reference: str
    channel: Channel
    lines: tuple[Line, ...]
    seed: float
    points: int = 0
    going_back: bool = False
    dice: Random | None = None

    @property
    def rng(self) -> Random:
        """Return what decides about this purchase; a year's dice at once would fill a gigabyte."""
        if self.dice is None:
            self.dice = Random(self.seed)  # noqa: S311 - a play, no secret
        return self.dice

    @property
    def paid(self) -> int:
        return sum(line.amount for line in self.lines)


class Player:
    """Plays the baskets day by day; the same seed and balances give the same actions.

    `balance(member)` must return the points the member can spend now, as the gateway reports it.
    """

    def __init__(
        self,
        *,
        baskets: tuple[Basket, ...],
        first_day: date,
        balance: Callable[[str], int],
        seed: int = SEED,
        days: int = DAYS,
    ) -> None:
        self._first_day = first_day
        self._balance = balance
        self._seed = seed
        self._days = days
        self._partners = {partner.slug: partner for partner in coalition.PARTNERS}
        self._queue: list[tuple[datetime, bool, int, Step]] = []
        self._counter = count()
        self._bought: defaultdict[str, list[_Purchase]] = defaultdict(list)
        self._short_lived: defaultdict[str, list[int]] = defaultdict(list)
        self._enrolled: set[int] = set()
        self._baskets: defaultdict[int, list[Basket]] = defaultdict(list)
        for basket in sorted(baskets, key=lambda each: (each.bought_at, each.basket_id)):
            self._baskets[basket.day].append(basket)

    def actions(self, day: int) -> Iterator[Action]:
        """Yield the actions of a day, counted from 0; days are asked for in order."""
        last = self._first_day + timedelta(days=day)
        for basket in self._baskets.pop(day, ()):
            if basket.household_id not in self._enrolled:
                self._enrolled.add(basket.household_id)
                self._plan_enrolment(basket)
            self._plan_basket(basket)
        while self._queue and self._queue[0][0].date() <= last:
            at, _, _, step = heapq.heappop(self._queue)
            action = step(at)
            if action is not None:
                yield action

    def _plan(self, at: datetime, step: Step, *, follows: bool = True) -> None:
        """Plan a step; of two at one time what was bought goes before what follows from it."""
        heapq.heappush(self._queue, (at, follows, next(self._counter), step))

    def _day(self, at: datetime) -> int:
        return (at.date() - self._first_day).days

    def _plan_enrolment(self, basket: Basket) -> None:
        household = basket.household_id
        member = Member(
            key=_member_key(household),
            household_id=household,
            name=names.member_name(household),
            phone=names.member_phone(household),
        )
        self._plan(
            basket.bought_at - STEP,
            lambda at: Enrol(occurred_at=at, member=member),
            follows=False,
        )

    def _plan_basket(self, basket: Basket) -> None:
        rng = Random(f"{self._seed}:{basket.basket_id}")  # noqa: S311 - a play, no secret
        channel: Channel = rng.choices(("in_store", "online", "app"), (80, 15, 5))[0]
        with_points = rng.random() < PAYS_WITH_POINTS
        with_points_at = rng.choice(basket.parts).merchant
        for number, part in enumerate(basket.parts):
            purchase = _Purchase(
                basket=basket,
                part=part,
                member=_member_key(basket.household_id),
                reference=str(basket.basket_id),
                channel=channel,
                lines=part.lines,
                seed=rng.random(),
            )
            at = basket.bought_at + number * BETWEEN_PARTS
            pays = self._redeem if with_points and part.merchant == with_points_at else self._earn
            self._plan(at, partial(pays, purchase), follows=False)

    def _earn(self, purchase: _Purchase, at: datetime) -> Action | None:
        if not purchase.paid:
            return None
        terms = self._partners[purchase.part.merchant].terms_on(self._day(at))
        lapses = self._day(at) + terms.pending_days + terms.expiry_days
        if lapses < self._days:
            self._short_lived[purchase.member].append(lapses)
        self._bought[purchase.member].append(purchase)
        if not purchase.going_back and purchase.rng.random() < REFUNDS_PURCHASE:
            self._plan_refund(purchase, at)
        purchase.dice = None  # nothing is left to decide about it
        return Earn(
            occurred_at=at,
            member=purchase.member,
            merchant=purchase.part.merchant,
            merchant_ref=purchase.reference,
            amount=purchase.paid,
            lines=purchase.lines,
            store=str(purchase.basket.store_id),
            channel=purchase.channel,
        )

    def _redeem(self, purchase: _Purchase, at: datetime) -> Action | None:
        rng = purchase.rng
        available = self._balance(purchase.member)
        most = min(available, int(purchase.part.amount * MOST_OF_PURCHASE / coalition.FACE_VALUE))
        if most < FEWEST_POINTS:
            return self._earn(purchase, at)
        points = most if rng.random() < SPENDS_ALL else rng.randint(FEWEST_POINTS // 2, most)
        amount = int(points * coalition.FACE_VALUE)
        by_amount = rng.random() < BY_AMOUNT
        if by_amount:
            amount -= rng.randrange(int(coalition.FACE_VALUE))  # rounds up to the same points
        manual = rng.random() < MANUAL_CAPTURE
        if manual:
            self._plan_capture(purchase, at, points=points, amount=amount)
        else:
            self._settle(purchase, at, points=points, amount=amount)
        if points == available and not manual:
            self._plan_return_of_spent_points(purchase, at)
        return Redeem(
            occurred_at=at,
            member=purchase.member,
            merchant=purchase.part.merchant,
            merchant_ref=_paid_reference(purchase),
            amount=amount if by_amount else None,
            points=None if by_amount else points,
            capture="manual" if manual else "auto",
            store=str(purchase.basket.store_id),
            channel=purchase.channel,
        )

    def _plan_capture(self, purchase: _Purchase, at: datetime, *, points: int, amount: int) -> None:
        outcome = purchase.rng.random()
        facts = {"member": purchase.member, "merchant": purchase.part.merchant}
        reference = _paid_reference(purchase)
        if outcome < CAPTURE_WHOLE:
            self._plan(
                at + STEP,
                lambda at: Capture(occurred_at=at, original_ref=reference, points=None, **facts),
            )
            self._settle(purchase, at + STEP, points=points, amount=amount)
        elif outcome < CAPTURE_WHOLE + CAPTURE_PARTIAL:
            taken = purchase.rng.randint(1, points - 1)
            self._plan(
                at + STEP,
                lambda at: Capture(occurred_at=at, original_ref=reference, points=taken, **facts),
            )
            worth = int(taken * coalition.FACE_VALUE)
            self._settle(purchase, at + STEP, points=taken, amount=worth)
        else:
            self._plan(at + STEP, lambda at: Void(occurred_at=at, original_ref=reference, **facts))
            self._plan(at + 2 * STEP, lambda at: self._earn(purchase, at))

    def _settle(self, purchase: _Purchase, at: datetime, *, points: int, amount: int) -> None:
        """Note what was paid with points, let the rest earn, and plan whether it comes back."""
        purchase.points = points
        purchase.lines = share_out(amount=purchase.part.amount - amount, lines=purchase.part.lines)
        rng = purchase.rng
        today = self._day(at)
        lapses = [day for day in self._short_lived.pop(purchase.member, []) if day > today]
        if lapses and max(lapses) < self._days and rng.random() < RETURNS_LAPSED:
            latest = min(max(lapses) + 1, self._days - 1)
            self._plan_return(purchase, at, days=rng.randint(max(lapses), latest) - today)
        elif rng.random() < RETURNS_REDEEMED:
            self._plan_return(purchase, at, days=rng.randint(0, 6))
        self._plan(at + STEP, lambda at: self._earn(purchase, at))

    def _plan_return(self, purchase: _Purchase, at: datetime, *, days: int) -> None:
        """Return a purchase paid with points: all of it, or some of the points."""
        back = _later(at, days=days, rng=purchase.rng)
        whole = purchase.points == 1 or purchase.rng.random() < 2 / 3
        points = None if whole else purchase.rng.randint(1, purchase.points - 1)
        self._plan(
            back,
            lambda at: RefundRedeem(
                occurred_at=at,
                member=purchase.member,
                merchant=purchase.part.merchant,
                merchant_ref=f"{_paid_reference(purchase)}-r1",
                original_ref=_paid_reference(purchase),
                points=points,
            ),
        )
        purchase.going_back = True
        if whole:
            self._plan_refund_earn(purchase, back + STEP, amount=purchase.paid)

    def _plan_refund(self, purchase: _Purchase, at: datetime) -> None:
        """Return a purchase paid in money: whole, in one or two parts, or by lines."""
        rng = purchase.rng
        purchase.going_back = True
        back = _later(at, days=rng.randint(0, 4), rng=rng)
        kind = rng.choice(("whole", "part", "parts", "lines"))
        if kind == "lines" and len(purchase.lines) > 1:
            lines = tuple(rng.sample(purchase.lines, rng.randint(1, len(purchase.lines) - 1)))
            amount = sum(line.amount for line in lines)
            self._plan_refund_earn(purchase, back, amount=amount, lines=lines)
        elif kind in {"part", "parts"}:
            self._plan_refund_earn(purchase, back, amount=_some(purchase.paid, rng))
            if kind == "parts":
                back = _later(back, days=rng.randint(0, 3), rng=rng)
                amount = _some(purchase.paid, rng)
                self._plan_refund_earn(purchase, back, amount=amount, number=2)
        else:
            self._plan_refund_earn(purchase, back, amount=purchase.paid)

    def _plan_return_of_spent_points(self, purchase: _Purchase, at: datetime) -> None:
        """After spending everything, take an earlier purchase back: its points are gone."""
        here = {part.merchant for part in purchase.basket.parts}
        for earlier in reversed(self._bought[purchase.member]):
            terms = self._partners[earlier.part.merchant].terms_on(earlier.basket.day)
            at_once = terms.pending_days == 0 and earlier.part.merchant not in here
            if at_once and not earlier.going_back:
                earlier.going_back = True
                self._plan_refund_earn(earlier, at + 20 * STEP, amount=earlier.paid)
                return

    def _plan_refund_earn(
        self,
        purchase: _Purchase,
        at: datetime,
        *,
        amount: int,
        lines: tuple[Line, ...] = (),
        number: int = 1,
    ) -> None:
        self._plan(
            at,
            lambda at: RefundEarn(
                occurred_at=at,
                member=purchase.member,
                merchant=purchase.part.merchant,
                merchant_ref=f"{purchase.reference}-r{number}",
                original_ref=purchase.reference,
                amount=amount,
                lines=lines,
            ),
        )


def _member_key(household_id: int) -> str:
    return f"household-{household_id}"


def _paid_reference(purchase: _Purchase) -> str:
    return f"{purchase.reference}-p"


def _some(amount: int, rng: Random) -> int:
    """Return a fifth to a half of an amount, so that two such refunds always fit."""
    return max(1, amount * rng.randint(20, 50) // 100)


def _later(at: datetime, *, days: int, rng: Random) -> datetime:
    """Return a time on a later day, or half an hour on if it is to be the same day."""
    if days == 0:
        return at + timedelta(minutes=30)
    moment = at.replace(hour=rng.randint(9, 20), minute=rng.randint(0, 59))
    return moment + timedelta(days=days)
