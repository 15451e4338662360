"""What was spent and has not been told yet: a row for each, from the relay to the notice.

The relay takes the event away once its job is queued, and a queue may lose a job, or the job fail
for longer than it is tried. So the relay leaves a row in the transaction that removes the event,
the notice takes it away in its own, and for what stays the schedule asks again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, exists, select, text, update
from sqlalchemy.orm import Session

from network.database.arrays import array
from network.database.pieces import delete_piece
from network.events.queries import Event
from network.notices.models import MemberNotice, UntoldSpending
from network.notices.service import redemption_id

TOPICS = frozenset({"ledger.redemption", "ledger.capture"})
LEFT_ALONE = timedelta(minutes=2)
"""So long after the relay the schedule asks for what is untold."""

AGAIN = timedelta(minutes=15)
"""The pause before it asks once more: longer than the tries of the job that it asked for."""

MOST = 100

_NOTE = text("""
    INSERT INTO network.untold_spending
        (notice_id, wallet_id, sequence, points, merchant_id, noted_at, ask_at)
    SELECT n, w, s, p, m, :wall, :ask_at
    FROM unnest(CAST(:notices AS uuid[]), CAST(:wallets AS uuid[]), CAST(:sequences AS bigint[]),
                CAST(:points AS bigint[]), CAST(:merchants AS uuid[])) AS t (n, w, s, p, m)
    ON CONFLICT DO NOTHING
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Untold:
    """An entry of a wallet that spent points at a merchant; ``notice_id`` is who spent's notice."""

    notice_id: UUID
    wallet_id: UUID
    sequence: int
    points: int
    merchant_id: UUID


def note(session: Session, *, events: Sequence[Event], wall: datetime) -> None:
    """Keep in mind what these events say was spent; in the transaction that removes them."""
    spent = [
        (event.member_id, event.payload["sequence"], event.payload["points"], event.merchant_id)
        for event in events
        if event.topic in TOPICS and event.member_id is not None
    ]
    if not spent:
        return
    facts = {
        "notices": array(redemption_id(wallet, sequence) for wallet, sequence, _, _ in spent),
        "wallets": array(wallet for wallet, _, _, _ in spent),
        "sequences": array(sequence for _, sequence, _, _ in spent),
        "points": array(points for _, _, points, _ in spent),
        "merchants": array(merchant for _, _, _, merchant in spent),
    }
    session.execute(_NOTE, {**facts, "wall": wall, "ask_at": wall + LEFT_ALONE})


def take_due(session: Session, *, wall: datetime, limit: int = MOST) -> list[Untold]:
    """Return what should have been told by now, the oldest first, and put it off.

    A job can be done before the relay's transaction: what has its notice is taken away unasked.
    """
    told = exists().where(MemberNotice.notice_id == UntoldSpending.notice_id)
    session.execute(delete(UntoldSpending).where(UntoldSpending.ask_at <= wall, told))
    due = (
        select(UntoldSpending.notice_id)
        .where(UntoldSpending.ask_at <= wall)
        .order_by(UntoldSpending.ask_at, UntoldSpending.notice_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = session.execute(
        update(UntoldSpending)
        .where(UntoldSpending.notice_id.in_(due.scalar_subquery()))
        .values(ask_at=wall + AGAIN)
        .returning(
            UntoldSpending.notice_id,
            UntoldSpending.wallet_id,
            UntoldSpending.sequence,
            UntoldSpending.points,
            UntoldSpending.merchant_id,
        )
    )
    return [Untold(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def forget_untold(session: Session, *, before: datetime, limit: int) -> int:
    """Delete up to ``limit`` that could not be told since then; return how many."""
    return delete_piece(session, UntoldSpending, UntoldSpending.noted_at < before, limit=limit)
