"""Notices: what a member is told at once, by text message and in the member's language.

Each is made by a job that may run twice, so its message has an id that follows from what it is
about: the second run finds it stored and sends nothing.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid5

from sqlalchemy.orm import Session

from network.ledger import queries as ledger
from network.members import queries as members
from network.members.errors import UnknownMemberError
from network.merchants import queries as merchants
from network.messaging.service import queue_sms
from network.messaging.texts import redemption_text
from network.vault import Vault

REDEEMED = "redeemed"
_NAMESPACE = UUID("1f1c6a0e-3f55-5c0b-8f0a-5a4be0b6f7d1")


def announce_redemption(
    session: Session,
    vault: Vault,
    *,
    member_id: UUID,
    sequence: int,
    points: int,
    merchant_id: UUID,
    wallet_url: str,
    wall: datetime,
) -> UUID | None:
    """Tell a member that points were spent, where, and what is left; once per entry.

    ``sequence`` is the redemption's or the capture's entry. Returns the message's id, ``None``
    where there is nobody to tell any more.
    """
    wallet = ledger.wallet(session, member_id=member_id)
    try:
        person = members.member(session, vault, member_id=member_id)
    except UnknownMemberError:
        return None
    if wallet is None:
        return None
    merchant = merchants.merchant(session, merchant_id=merchant_id)
    return queue_sms(
        session,
        vault,
        recipient=person.phone,
        body=redemption_text(
            points=points,
            merchant=merchant.name(person.locale),
            balance=wallet.available,
            address=wallet_url,
            locale=person.locale,
        ),
        kind=REDEEMED,
        locale=person.locale,
        wall=wall,
        message_id=uuid5(_NAMESPACE, f"{REDEEMED}\n{member_id}\n{sequence}"),
    )
