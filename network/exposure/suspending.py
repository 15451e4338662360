"""Stopping an issuer that does not pay: two people take its right to give points, and give it back.

Its points stay good at the others, and are owed for as before: what it owes is drawn from its
deposit, then its reserve (``cover``). A limit that is reached stops it by itself; this one lasts
until two people end it.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from network.merchants import access
from network.merchants.queries import ISSUING_OPEN
from network.merchants.service import locked_merchant
from network.money.errors import MoneyError

SUSPENDED = "default"


class SuspensionError(MoneyError):
    """An issuer is suspended already, or is not."""

    code = "issuer_suspension_refused"


def check_suspension(present: str, *, wanted: bool) -> None:
    """Raise SuspensionError where ``merchant.issuing`` says what is wanted already."""
    if (present == SUSPENDED) == wanted:
        raise SuspensionError(
            "it is suspended already" if wanted else "it is not suspended",
            reason="suspended" if wanted else "not_suspended",
        )


def set_suspended(session: Session, *, merchant_id: UUID, wanted: bool) -> None:
    """Stop an issuer from giving points, or let it give them again; two people want it.

    A limit that it has reached meanwhile stops it with the next measurement. Raises
    SuspensionError. After the commit ``access.announce`` makes the very next request meet it.
    """
    merchant = locked_merchant(session, merchant_id)
    check_suspension(merchant.issuing, wanted=wanted)
    merchant.issuing = SUSPENDED if wanted else ISSUING_OPEN
    session.flush()
    access.note_change(session, merchant_id=merchant_id)


def stopped_issuers(session: Session) -> frozenset[UUID]:
    """Return the issuers that two people stopped because they do not pay."""
    return frozenset(
        session.scalars(
            text("SELECT merchant_id FROM network.merchant WHERE issuing = :stopped"),
            {"stopped": SUSPENDED},
        )
    )
