"""What a request's key and its reference stand for already; read before anything is posted."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from network.ids import EntryKey
from network.ledger import tables
from network.ledger.shared_wallets import home
from network.ledger.values import Claim

_REDEMPTION = "redemption"


def answered(session: Session, *, claim: Claim) -> EntryKey | None:
    """Return the entry that a request came to when it was sent before, ``None`` where to none."""
    table = tables.idempotency
    row = session.execute(
        select(table.c.member_id, table.c.sequence).where(
            table.c.client_id == claim.client_id, table.c.key == claim.key, table.c.sequence > 0
        )
    ).one_or_none()
    return None if row is None else EntryKey(row.member_id, row.sequence)


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
