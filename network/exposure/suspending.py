"""Stopping an issuer that does not pay: its right to give points, then the points it gave.

Two people take its right to give points, and give it back. Its points stay good at the others, and
are owed for as before: what it owes is drawn from its deposit, then its reserve (``cover``). A
limit that is reached stops it by itself; this one lasts until two people end it.

Where that is not enough, two people suspend its points: nobody's points of its are spent or given
away, and none come into being, until two people lift it (``network.ledger.suspending``). What a
merchant was promised stands: a hold made before is captured still.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from network.ledger import suspending as ledger
from network.merchants import access_epoch
from network.merchants.locking import locked_merchant
from network.merchants.queries import ISSUING_OPEN
from network.money.errors import MoneyError

SUSPENDED = "default"


class SuspensionError(MoneyError):
    """An issuer, or its points, are suspended already, or are not."""

    code = "issuer_suspension_refused"


def check_suspension(present: str, *, wanted: bool) -> None:
    """Raise SuspensionError where ``merchant.issuing`` says what is wanted already."""
    if (present == SUSPENDED) == wanted:
        raise SuspensionError(
            "it is suspended already" if wanted else "it is not suspended",
            reason="suspended" if wanted else "not_suspended",
        )


def check_resuming(session: Session, *, merchant_id: UUID) -> None:
    """Raise SuspensionError where an issuer can't give points because they are suspended."""
    if merchant_id in ledger.suspended_issuers(session):
        raise SuspensionError("its points are suspended", reason="points_first")


def set_suspended(session: Session, *, merchant_id: UUID, wanted: bool) -> None:
    """Stop an issuer from giving points, or let it give them again; two people want it.

    A limit that it has reached meanwhile stops it with the next measurement. Raises
    SuspensionError, also to let it give points that are suspended. After the commit
    ``access_epoch.announce`` makes the very next request meet it.
    """
    merchant = locked_merchant(session, merchant_id)
    check_suspension(merchant.issuing, wanted=wanted)
    if not wanted:
        check_resuming(session, merchant_id=merchant_id)
    merchant.issuing = SUSPENDED if wanted else ISSUING_OPEN
    session.flush()
    access_epoch.note_change(session, merchant_id=merchant_id)


def check_points(session: Session, *, merchant_id: UUID, wanted: bool) -> None:
    """Raise SuspensionError where an issuer's points are suspended, or not, as is wanted."""
    if (merchant_id in ledger.suspended_issuers(session)) == wanted:
        raise SuspensionError(
            "its points are suspended already" if wanted else "its points are not suspended",
            reason="points_suspended" if wanted else "points_not_suspended",
        )


def set_points_suspended(
    session: Session, *, merchant_id: UUID, wanted: bool, proposal_id: UUID, now: datetime
) -> None:
    """Suspend an issuer's points, or lift that; ``proposal_id`` is what two people agreed on.

    Who is suspended gives no points either, and goes on giving none once it is lifted, until two
    people want that too. Raises SuspensionError. ``access_epoch.announce`` is owed as in
    ``set_suspended``.
    """
    merchant = locked_merchant(session, merchant_id)
    check_points(session, merchant_id=merchant_id, wanted=wanted)
    if wanted:
        ledger.suspend_issuer(session, issuer_id=merchant_id, proposal_id=proposal_id, now=now)
        merchant.issuing = SUSPENDED
        session.flush()
    else:
        ledger.resume_issuer(session, issuer_id=merchant_id, proposal_id=proposal_id)
    access_epoch.note_change(session, merchant_id=merchant_id)


def stopped_issuers(session: Session) -> frozenset[UUID]:
    """Return the issuers that two people stopped because they do not pay."""
    return frozenset(
        session.scalars(
            text("SELECT merchant_id FROM network.merchant WHERE issuing = :stopped"),
            {"stopped": SUSPENDED},
        )
    )
