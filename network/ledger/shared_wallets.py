"""Who belongs to a shared wallet, and since when: what the entries of joining and leaving say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from network.ledger.tables import entry, wallet


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """One stay of a person in a shared wallet; ``left_at`` is None while it lasts."""

    member_id: UUID
    joined_at: datetime
    left_at: datetime | None


def memberships(session: Session, *, pool_id: UUID) -> list[Membership]:
    """Return every stay in a shared wallet, in the order of joining."""
    rows = session.execute(
        select(entry.c.kind, entry.c.recorded_at, entry.c.explanation)
        .where(entry.c.member_id == pool_id, entry.c.kind.in_(["join", "leave"]))
        .order_by(entry.c.sequence)
    )
    stays: list[Membership] = []
    for kind, recorded_at, explanation in rows:
        if explanation[0]["reason"] == ("given" if kind == "join" else "received"):
            continue  # this wallet was itself the person's, in another pool
        person = UUID(explanation[0]["facts"]["member_id"])
        if kind == "join":
            stays.append(Membership(member_id=person, joined_at=recorded_at, left_at=None))
            continue
        stays = [
            Membership(member_id=person, joined_at=stay.joined_at, left_at=recorded_at)
            if stay.member_id == person and stay.left_at is None
            else stay
            for stay in stays
        ]
    return stays


def home(session: Session, *, member_id: UUID) -> UUID:
    """Return the wallet where a member's points are now: follows joins and merges."""
    while True:
        moved_to = session.execute(
            select(wallet.c.moved_to).where(wallet.c.member_id == member_id)
        ).scalar_one_or_none()
        if moved_to is None:
            return member_id
        member_id = moved_to
