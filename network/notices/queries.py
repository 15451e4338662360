"""Reads of what a member was told."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import func, select, tuple_, update
from sqlalchemy.orm import Session

from network.members.queries import DEVICE_FIELD, everyone, person_key
from network.notices.models import MemberNotice
from network.vault import Vault

PREFIX = "ntc"
MOST_UNREAD = 99


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeView:
    """A notice as the member reads it; ``days`` are last days with how many points."""

    notice_id: UUID
    kind: str
    wallet_id: UUID | None
    sequence: int | None
    points: int
    owed: int
    merchant_id: UUID | None
    other_id: UUID | None
    days: tuple[tuple[date, int], ...]
    device: str = field(default="", repr=False)
    created_at: datetime
    read_at: datetime | None


def page(
    session: Session, vault: Vault, *, member_id: UUID, before: UUID | None = None, limit: int
) -> list[NoticeView]:
    """Return a person's notices, the newest first, older than the one called ``before``."""
    whose = MemberNotice.member_id.in_(everyone(session, member_id=member_id))
    query = select(MemberNotice).where(whose)
    if before is not None:
        last = select(MemberNotice.created_at, MemberNotice.notice_id).where(
            whose, MemberNotice.notice_id == before
        )
        query = query.where(
            tuple_(MemberNotice.created_at, MemberNotice.notice_id) < last.scalar_subquery()
        )
    rows = session.scalars(
        query.order_by(MemberNotice.created_at.desc(), MemberNotice.notice_id.desc()).limit(limit)
    )
    return [_view(session, vault, row) for row in rows]


def unread(session: Session, *, member_id: UUID) -> int:
    """Return how many notices a person has not seen, at most 99."""
    found = (
        select(MemberNotice.notice_id)
        .where(
            MemberNotice.member_id.in_(everyone(session, member_id=member_id)),
            MemberNotice.read_at.is_(None),
        )
        .limit(MOST_UNREAD)
    )
    return session.scalar(select(func.count()).select_from(found.subquery())) or 0


def mark_read(session: Session, *, member_id: UUID, until: datetime, wall: datetime) -> None:
    """Note that a person has seen their notices up to a moment."""
    session.execute(
        update(MemberNotice)
        .where(
            MemberNotice.member_id.in_(everyone(session, member_id=member_id)),
            MemberNotice.read_at.is_(None),
            MemberNotice.created_at <= until,
        )
        .values(read_at=wall),
        execution_options={"synchronize_session": False},
    )


def _view(session: Session, vault: Vault, row: MemberNotice) -> NoticeView:
    device = ""
    if row.sealed_device is not None:
        key = person_key(session, vault, member_id=row.member_id)
        device = key.open(row.sealed_device, name=DEVICE_FIELD).decode()
    return NoticeView(
        notice_id=row.notice_id,
        kind=row.kind,
        wallet_id=row.wallet_id,
        sequence=row.sequence,
        points=row.points or 0,
        owed=row.owed or 0,
        merchant_id=row.merchant_id,
        other_id=row.other_id,
        days=tuple((date.fromisoformat(day), points) for day, points in row.days or ()),
        device=device,
        created_at=row.created_at,
        read_at=row.read_at,
    )
