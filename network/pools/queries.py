"""Reads of shared wallets: whose they are, who is in them, who is invited or asks to leave."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from network.ledger import shared_wallets
from network.ledger.shared_wallets import Stay
from network.members import queries as members
from network.members.errors import UnknownMemberError
from network.members.sealing import phone_index
from network.pools.models import Pool, PoolInvitation, PoolParting
from network.vault import Vault

INVITED_PHONE = "invited-phone"
_PHONE_END = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolView:
    """A shared wallet: family or company, who made it, and until when it was there."""

    pool_id: UUID
    kind: str
    owner_id: UUID
    tells_owner: bool
    made_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonView:
    """One of the people of a shared wallet as the others see them: a name, or a number's end.

    ``spent`` are the points of the days that a limit counts; ``limit`` is None for no limit.
    """

    member_id: UUID
    name: str = field(repr=False)
    owner: bool
    joined_at: datetime
    limit: int | None
    spent: int
    locked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationView:
    """An open invitation: for the inviter the end of the number, for the invited who invites."""

    invitation_id: UUID
    pool_id: UUID
    kind: str
    name: str = field(repr=False)
    invited_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PartingView:
    """What a person asks to take along."""

    parting_id: UUID
    pool_id: UUID
    member_id: UUID
    points: int
    asked_at: datetime


def pool(session: Session, *, pool_id: UUID) -> PoolView | None:
    """Return a shared wallet, None where there is none of this id."""
    row = session.get(Pool, pool_id)
    return None if row is None else view(row)


def pool_of(session: Session, *, member_id: UUID) -> tuple[PoolView, Stay] | None:
    """Return the shared wallet that a person is in and their place in it, None where in none."""
    own = shared_wallets.stay(
        session, member_id=shared_wallets.person(session, member_id=member_id)
    )
    found = None if own is None else pool(session, pool_id=own.pool_id)
    return None if own is None or found is None else (found, own)


def people(session: Session, vault: Vault, *, pool: PoolView) -> list[PersonView]:
    """Return who is in a shared wallet, in the order of joining."""
    return [
        PersonView(
            member_id=each.member_id,
            name=shown_name(session, vault, member_id=each.member_id),
            owner=each.member_id == pool.owner_id,
            joined_at=each.joined_at,
            limit=each.spend_limit,
            spent=shared_wallets.spent(session, pool_id=pool.pool_id, member_id=each.member_id),
            locked=each.locked,
        )
        for each in shared_wallets.stays(session, pool_id=pool.pool_id)
    ]


def names(session: Session, vault: Vault, *, pool_id: UUID) -> dict[UUID, str]:
    """Return what those are called who are, or were, in a shared wallet."""
    known = {each.member_id for each in shared_wallets.memberships(session, pool_id=pool_id)}
    return {each: shown_name(session, vault, member_id=each) for each in known}


def shown_name(session: Session, vault: Vault, *, member_id: UUID) -> str:
    """Return a person's name, or the end of their number, empty for who is no member any more."""
    try:
        person = members.member(session, vault, member_id=member_id)
    except UnknownMemberError:
        return ""
    return person.name or ending(person.phone)


def ending(phone: str) -> str:
    """Return the end of a phone number, which is enough for who knows it."""
    return f"…{phone[-_PHONE_END:]}"


def invitations(
    session: Session, vault: Vault, *, pool: PoolView, wall: datetime
) -> list[InvitationView]:
    """Return the open invitations to a shared wallet, the newest first, as its owner sees them."""
    key = members.person_key(session, vault, member_id=pool.owner_id)
    rows = session.scalars(
        select(PoolInvitation)
        .where(
            PoolInvitation.pool_id == pool.pool_id,
            PoolInvitation.state == "open",
            PoolInvitation.expires_at > wall,
        )
        .order_by(PoolInvitation.invited_at.desc())
    )
    return [
        InvitationView(
            invitation_id=row.invitation_id,
            pool_id=row.pool_id,
            kind=pool.kind,
            name=ending(key.open(row.sealed_phone, name=INVITED_PHONE).decode()),
            invited_at=row.invited_at,
            expires_at=row.expires_at,
        )
        for row in rows
    ]


def invited(session: Session, vault: Vault, *, phone: str, wall: datetime) -> list[InvitationView]:
    """Return the open invitations for a phone (E.164), the newest first, with who invites."""
    rows = session.execute(
        select(PoolInvitation, Pool)
        .join(Pool, Pool.pool_id == PoolInvitation.pool_id)
        .where(
            PoolInvitation.phone_index == phone_index(vault, phone=phone),
            PoolInvitation.state == "open",
            PoolInvitation.expires_at > wall,
            Pool.ended_at.is_(None),
        )
        .order_by(PoolInvitation.invited_at.desc())
    )
    return [
        InvitationView(
            invitation_id=row.invitation_id,
            pool_id=row.pool_id,
            kind=made.kind,
            name=shown_name(session, vault, member_id=made.owner_id),
            invited_at=row.invited_at,
            expires_at=row.expires_at,
        )
        for row, made in rows
    ]


def partings(session: Session, *, pool_id: UUID) -> list[PartingView]:
    """Return who asks to leave with how many points, the oldest request first."""
    rows = session.scalars(
        select(PoolParting)
        .where(PoolParting.pool_id == pool_id, PoolParting.state == "open")
        .order_by(PoolParting.asked_at)
    )
    return [
        PartingView(**{name: getattr(row, name) for name in PartingView.__dataclass_fields__})
        for row in rows
    ]


def view(row: Pool) -> PoolView:
    """Return a row as it is read."""
    return PoolView(**{name: getattr(row, name) for name in PoolView.__dataclass_fields__})
