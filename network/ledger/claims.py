"""What a request's key and its reference stand for already; read before anything is posted."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from network.errors import PeyvandError
from network.ledger import tables
from network.ledger.errors import IdempotencyConflict
from network.ledger.shared_wallets import home
from network.ledger.values import Claim, Posted
from network.ledger.writers import await_writers, writers_now

PATIENCE_SECONDS = 1.0
"""How long a refusal waits for those who post: many times what one takes that has its wallet."""

_REDEMPTION = "redemption"


class RequestInProgressError(PeyvandError):
    """A request with this key may be at work at this moment: what it comes to is not known."""

    code = "request_in_progress"


def answered(session: Session, *, claim: Claim) -> Posted | None:
    """Return what a request came to when it was sent before, ``None`` where to no entry.

    It is what the ledger's own functions answer to it, without asking whom it names: the
    fingerprint says that. Raises IdempotencyConflict where the key stands for another request.
    """
    table = tables.idempotency
    row = session.execute(
        select(
            table.c.member_id,
            table.c.sequence,
            table.c.business_date,
            table.c.fingerprint,
            table.c.result,
        ).where(table.c.client_id == claim.client_id, table.c.key == claim.key)
    ).one_or_none()
    if row is None:
        return None
    if row.fingerprint != claim.fingerprint:
        raise IdempotencyConflict(IdempotencyConflict.sentence)
    if row.sequence == 0:  # a request that moves no points: its answer is kept elsewhere
        return None
    return Posted(
        member_id=row.member_id,
        sequence=row.sequence,
        business_date=row.business_date,
        replayed=True,
        result=row.result,
    )


def settled(
    session: Session, *, claim: Claim, patience_seconds: float = PATIENCE_SECONDS
) -> Posted | None:
    """Return what ``answered`` does, once nobody is posting any more who was when this was called.

    A call that waits for its wallet has not written its key yet, so this is asked before another
    one with that key is refused: what the first comes to is not known before it has ended.
    ``session`` is in autocommit and holds no wallet. Raises RequestInProgressError after
    ``patience_seconds``, IdempotencyConflict where the key stands for another request.
    """
    connection = session.connection()
    older = writers_now(connection)
    still = await_writers(connection, writers=older, patience_seconds=patience_seconds)
    found = answered(session, claim=claim)
    if found is None and still:
        raise RequestInProgressError("a request with this key may be waiting for its wallet")
    return found


def may_redeem_under(
    session: Session, *, member_id: UUID, merchant_id: UUID, merchant_ref: str
) -> bool:
    """Return whether a redemption could have this reference: it is new, or a void gave it back."""
    table = tables.reference
    taken = exists().where(
        table.c.member_id == home(session, member_id=member_id),
        table.c.merchant_id == merchant_id,
        table.c.kind == _REDEMPTION,
        table.c.merchant_ref == merchant_ref,
        table.c.state != "free",
    )
    return not session.execute(select(taken)).scalar_one()
