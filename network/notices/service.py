"""Notices: what a member is told of what happened to their points, on a page and by message.

A notice is made by a job that may run twice, so its id follows from what it is about: the second
run finds it stored and sends nothing. Its message has the same id and leaves in the same unit of
work. What is security leaves at once; the rest is patient (``messaging.service.queue_patiently``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from network.database.pieces import delete_piece
from network.ledger import queries as ledger
from network.ledger.views import EntryView
from network.members import queries as members
from network.members.queries import MemberView
from network.merchants import queries as merchants
from network.messaging.service import queue_sms
from network.messaging.texts import redemption_text, shared_spend_text
from network.notices.choices import REDEEMED
from network.notices.models import MemberNotice, UntoldSpending
from network.pools import queries as pools
from network.vault import Vault

NAMESPACE = UUID("1f1c6a0e-3f55-5c0b-8f0a-5a4be0b6f7d1")
PAGE_KEPT = timedelta(days=365)
"""So long a notice stands on the wallet's page; the movements stay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What one member is told: ``days`` are last days with points, the device is sealed."""

    notice_id: UUID
    member_id: UUID
    kind: str
    wallet_id: UUID | None = None
    sequence: int | None = None
    points: int | None = None
    owed: int | None = None
    merchant_id: UUID | None = None
    other_id: UUID | None = None
    days: Sequence[tuple[date, int]] = ()
    sealed_device: bytes | None = field(default=None, repr=False)


def write_down(session: Session, news: Sequence[News], *, wall: datetime) -> set[UUID]:
    """Put news on members' pages in this order; return the ids of those that were not there."""
    if not news:
        return set()
    rows: list[dict[str, Any]] = [
        {
            "notice_id": each.notice_id,
            "member_id": each.member_id,
            "kind": each.kind,
            "wallet_id": each.wallet_id,
            "sequence": each.sequence,
            "points": each.points,
            "owed": each.owed,
            "merchant_id": each.merchant_id,
            "other_id": each.other_id,
            "days": [[day.isoformat(), points] for day, points in each.days] or None,
            "sealed_device": each.sealed_device,
            "created_at": wall + place * timedelta.resolution,
        }
        for place, each in enumerate(news)
    ]
    stored = session.scalars(
        insert(MemberNotice)
        .on_conflict_do_nothing(index_elements=[MemberNotice.notice_id])
        .returning(MemberNotice.notice_id),
        rows,
    )
    return set(stored)


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
    where there is nobody to tell any more. From then on the schedule asks for it no more.
    """
    session.execute(
        delete(UntoldSpending).where(UntoldSpending.notice_id == redemption_id(member_id, sequence))
    )
    wallet = ledger.wallet(session, member_id=member_id, now=now, wall=wall)
    entry = ledger.entry(session, member_id=member_id, sequence=sequence)
    if wallet is None or entry is None:
        return []
    merchant = merchants.merchant(session, merchant_id=merchant_id)
    sent: list[UUID] = []
    for told in _spenders(session, vault, entry):
        by_other = told.member_id != entry.person_id
        about = {
            "points": points,
            "merchant": merchant.name(told.locale),
            "balance": wallet.available,
            "address": wallet_url,
            "locale": told.locale,
        }
        news = News(
            notice_id=redemption_id(member_id, sequence, by_other=by_other),
            member_id=told.member_id,
            kind=REDEEMED,
            wallet_id=member_id,
            sequence=sequence,
            points=points,
            merchant_id=merchant_id,
            other_id=entry.person_id if by_other else None,
        )
        write_down(session, [news], wall=wall)
        sent.append(
            queue_sms(
                session,
                vault,
                recipient=told.phone,
                body=_spent_text(session, vault, about, by=entry.person_id if by_other else None),
                kind=REDEEMED,
                locale=told.locale,
                wall=wall,
                message_id=news.notice_id,
            )
        )
    return sent


def forget_notices(session: Session, *, wall: datetime, limit: int) -> int:
    """Delete up to ``limit`` notices that stood on pages for a year; return how many."""
    return delete_piece(
        session, MemberNotice, MemberNotice.created_at < wall - PAGE_KEPT, limit=limit
    )


def redemption_id(wallet_id: UUID, sequence: int, *, by_other: bool = False) -> UUID:
    """Return the id of what somebody is told of an entry; ``by_other``: of another's, the owner."""
    key = f"{REDEEMED}\n{wallet_id}\n{sequence}" + ("\nowner" if by_other else "")
    return uuid5(NAMESPACE, key)


def _spent_text(session: Session, vault: Vault, about: dict[str, Any], *, by: UUID | None) -> str:
    if by is None:
        return redemption_text(**about)
    return shared_spend_text(**about, person=pools.shown_name(session, vault, member_id=by))


def _spenders(session: Session, vault: Vault, entry: EntryView) -> list[MemberView]:
    """Return who is told of what a person spent: the person, and a shared wallet's owner.

    Only members, who cannot leave until the notice is stored with the rest.
    """
    ids = [entry.person_id]
    shared = pools.pool(session, pool_id=entry.member_id)
    if shared is not None and shared.tells_owner and shared.ended_at is None:
        ids.append(shared.owner_id)
    held = members.hold_active(session, member_ids=ids)
    told = [each for each in dict.fromkeys(ids) if each in held]
    return [members.member(session, vault, member_id=each) for each in told]
