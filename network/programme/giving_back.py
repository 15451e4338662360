"""What a refund of a redemption by amount gives back, over all its refunds together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from fractions import Fraction

from sqlalchemy.orm import Session

from network.clock import local_date
from network.ids import EntryKey
from network.ledger import queries, refunds
from network.ledger.errors import UnknownOriginal
from network.ledger.operations_campaigns import lock_wallets
from network.programme.worth import GivenBack, points_back
from network.settings import PROGRAMME_ZONE


def points_for_refund(
    session: Session,
    *,
    redemption: EntryKey,
    amount: int,
    now: datetime,
    face_value: Callable[[date], Fraction],
) -> int:
    """Return the points that a refund of ``amount`` minor units gives back, perhaps none.

    The redemption's own wallet stays locked until the transaction ends, so that no other refund
    comes between: the one that the refund posts to, even where its points have moved to another
    since (``ledger.forward`` takes them along). ``face_value`` answers from memory, because it is
    asked meanwhile. What is all back gives one point, which the ledger refuses. Raises
    UnknownOriginal and WorthOutOfRangeError.
    """
    today = face_value(local_date(now, zone=PROGRAMME_ZONE))
    lock_wallets(session, member_ids=[redemption.member_id])
    found = queries.redemption(
        session, member_id=redemption.member_id, sequence=redemption.sequence
    )
    if found is None:
        raise UnknownOriginal(UnknownOriginal.sentence)
    remaining = found.captured - found.refunded
    if remaining < 1:
        return 1
    return points_back(
        amount=amount,
        face_value=today,
        remaining=remaining,
        before=[
            GivenBack(
                amount=int(each.amount),
                points=int(each.points),
                face_value=face_value(each.day),
            )
            for each in refunds.refunded_by_amount(session, redemption=found)
        ],
    )
