"""Three days on which points of all three funding models are given, taken, undone and corrected."""

from __future__ import annotations

from datetime import date, timedelta

from network.ledger import operations
from tests.integration.settlement.coalition import (
    BAKER,
    CINEMA,
    DAY,
    GROCER,
    NEXT_DAY,
    THIRD_DAY,
    Coalition,
    member,
)
from tests.integration.settlement.till import Till

FOURTH_DAY = THIRD_DAY + timedelta(days=1)
FAR = DAY + timedelta(days=300)


def play(coalition: Coalition, till: Till) -> None:
    """Play three days; the cinema's first points lapse with the third."""
    one, two, three = member(1), member(2), member(3)
    bought = till.earn(10, by=one, issuer=CINEMA, active=DAY, expires=THIRD_DAY)
    till.earn(6, by=two, issuer=GROCER, active=DAY, expires=FAR)
    till.earn(4, by=three, issuer=BAKER, active=DAY, expires=FAR)
    spent = till.redeem(3, by=one, acceptor=BAKER)
    till.redeem(5, by=two, acceptor=BAKER)
    till.redeem(4, by=three, acceptor=GROCER)
    flip(coalition, till, NEXT_DAY)
    till.refund(1, by=one, acceptor=BAKER, original=spent.sequence)
    till.refund_purchase(200, by=one, merchant=CINEMA, original=bought.sequence)
    till.adjust(2, by=two, issuer=CINEMA, expires=FAR)
    till.adjust(-1, by=two, issuer=CINEMA, expires=FAR)
    flip(coalition, till, THIRD_DAY)
    coalition.programme.move(coalition.at(FOURTH_DAY))


def flip(coalition: Coalition, till: Till, day: date) -> None:
    coalition.programme.move(coalition.at(day))
    with till.database.ledger() as connection:
        operations.flip_day(connection, now=coalition.at(day))
