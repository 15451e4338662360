"""Corrections of a merchant's balance that two people agreed on."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy.orm import Session

from network.clearing.parties import NETWORK_PARTY
from network.money.service import Entry, Line, post


def post_correction(
    session: Session,
    *,
    correction_id: UUID,
    merchant_id: UUID,
    currency: str,
    amount: int,
    business_date: date,
) -> None:
    """Post a correction of a merchant's balance: above zero the network pays, out of its margin.

    It stands on the merchant's statement of ``business_date``, which must still be open.
    """
    sides = (("settlement", merchant_id, amount), ("margin", NETWORK_PARTY, -amount))
    entry = Entry(
        kind="correction",
        facts=(correction_id,),
        business_date=business_date,
        correction_id=correction_id,
        lines=[
            Line(
                account=account,
                party_id=party_id,
                reason="correction",
                currency=currency,
                amount=moved,
            )
            for account, party_id, moved in sides
        ],
    )
    post(session, entries=[entry])
