"""What an operator sees of a wallet that several people share; the people are masked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from network import ids
from network.ledger import shared_wallets
from network.members import merging
from network.members import queries as members
from network.members.errors import UnknownMemberError
from network.members.queries import masked_name
from network.pools import queries as pools
from network.pools.queries import PoolView
from settlement.console import access
from settlement.console.proposing import Waiting, shown


@dataclass(frozen=True, slots=True, kw_only=True)
class SharerView:
    """A person in a shared wallet, or one who was in it: then ``left_at`` says until when."""

    public_id: str
    name: str | None
    owner: bool
    joined_at: datetime
    left_at: datetime | None
    limit: int | None = None
    spent: int = 0
    locked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeView:
    """A merge that waits for a second person, and the public ids of who goes and who remains."""

    waiting: Waiting
    goes: str
    remains: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """Where a member's points are (``home``, None for their own), and who shares a wallet."""

    home: str | None
    pool: PoolView | None
    people: tuple[SharerView, ...]


def merges(session: Session, *, member_id: UUID) -> list[MergeView]:
    """Return the merges that wait and that a member has a part in."""
    return [
        MergeView(
            waiting=each,
            goes=ids.encode("mem", each.proposal.subject_id),
            remains=ids.encode("mem", UUID(each.proposal.terms["into"])),
        )
        for each in shown(session, merging.waiting(session, member_id=member_id))
    ]


def sharing(session: Session, *, member_id: UUID) -> Sharing:
    """Return what a member's page tells of sharing: where the points went, who is or was there."""
    home = shared_wallets.home(session, member_id=member_id)
    stays = {each.member_id: each for each in shared_wallets.stays(session, pool_id=member_id)}
    pool = pools.pool(session, pool_id=member_id)
    people = []
    for each in shared_wallets.memberships(session, pool_id=member_id):
        stay = stays.get(each.member_id) if each.left_at is None else None
        people.append(
            SharerView(
                public_id=ids.encode("mem", each.member_id),
                name=_masked(session, each.member_id),
                owner=pool is not None and pool.owner_id == each.member_id,
                joined_at=each.joined_at,
                left_at=each.left_at,
                limit=None if stay is None else stay.spend_limit,
                spent=0
                if stay is None
                else shared_wallets.spent(session, pool_id=member_id, member_id=each.member_id),
                locked=stay is not None and stay.locked,
            )
        )
    return Sharing(
        home=None if home == member_id else ids.encode("mem", home), pool=pool, people=tuple(people)
    )


def _masked(session: Session, member_id: UUID) -> str | None:
    try:
        person = members.member(session, access.services().vault, member_id=member_id)
    except UnknownMemberError:
        return None
    return masked_name(person.name) if person.name else None
