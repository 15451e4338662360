"""Notices: what a member is told at once, by text message and in the member's language.

Each is made by a job that may run twice, so its message has an id that follows from what it is
about: the second run finds it stored and sends nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy.orm import Session

from network.ledger import queries as ledger
from network.members import queries as members
from network.members.errors import UnknownMemberError
from network.members.queries import MemberView
from network.merchants import queries as merchants
from network.messaging.service import queue_sms
from network.messaging.texts import redemption_text, shared_spend_text
from network.pools import queries as pools
from network.pools.queries import PoolView
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
    now: datetime,
    wall: datetime,
) -> list[UUID]:
    """Tell whoever spent points where that was and what is left; once per entry.

    Of a shared wallet its owner is told too, unless they would rather not be. ``sequence`` is the
    redemption's or the capture's entry in the wallet ``member_id``. Returns the messages' ids, none
    where there is nobody to tell any more.
    """
    wallet = ledger.wallet(session, member_id=member_id, now=now, wall=wall)
    entry = ledger.entry(session, member_id=member_id, sequence=sequence)
    if wallet is None or entry is None:
        return []
    merchant = merchants.merchant(session, merchant_id=merchant_id)
    shared = pools.pool(session, pool_id=member_id)
    sent: list[UUID] = []
    for told in _told(session, vault, entry.person_id, shared):
        about: dict[str, Any] = {
            "points": points,
            "merchant": merchant.name(told.locale),
            "balance": wallet.available,
            "address": wallet_url,
            "locale": told.locale,
        }
        by_other = told.member_id != entry.person_id
        if by_other:
            about["person"] = pools.shown_name(session, vault, member_id=entry.person_id)
        key = f"{REDEEMED}\n{member_id}\n{sequence}" + ("\nowner" if by_other else "")
        sent.append(
            queue_sms(
                session,
                vault,
                recipient=told.phone,
                body=shared_spend_text(**about) if by_other else redemption_text(**about),
                kind=REDEEMED,
                locale=told.locale,
                wall=wall,
                message_id=uuid5(_NAMESPACE, key),
            )
        )
    return sent


def _told(
    session: Session, vault: Vault, person_id: UUID, shared: PoolView | None
) -> list[MemberView]:
    """Return who is told of what a person spent: the person, and a shared wallet's owner."""
    ids = [person_id]
    if shared is not None and shared.tells_owner and shared.ended_at is None:
        ids.append(shared.owner_id)
    found = []
    for each in dict.fromkeys(ids):
        try:
            found.append(members.member(session, vault, member_id=each))
        except UnknownMemberError:
            continue
    return found
