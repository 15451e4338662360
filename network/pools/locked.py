"""Rows of shared wallets, locked until the unit of work ends, for whoever is to change them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from network.members.queries import MemberView
from network.members.sealing import phone_index
from network.pools import queries
from network.pools.errors import (
    InvitationGoneError,
    NotInAPoolError,
    NotThePoolsOwnerError,
    PoolsOwnerError,
)
from network.pools.models import Pool, PoolInvitation
from network.vault import Vault


def owned(session: Session, owner_id: UUID) -> Pool:
    """Lock the shared wallet that a person made and is in; raise NotThePoolsOwnerError."""
    pool = shared(session, owner_id)
    if pool.owner_id != owner_id:
        raise NotThePoolsOwnerError("only its owner decides this")
    return pool


def left(session: Session, person_id: UUID) -> Pool:
    """Lock the shared wallet that a person who did not make it is in; raise PoolsOwnerError."""
    pool = shared(session, person_id)
    if pool.owner_id == person_id:
        raise PoolsOwnerError("the owner ends the wallet")
    return pool


def shared(session: Session, person_id: UUID) -> Pool:
    """Lock the shared wallet that a person is in; raise NotInAPoolError."""
    found = queries.pool_of(session, member_id=person_id)
    if found is None:
        raise NotInAPoolError("in no shared wallet")
    pool = session.get(Pool, found[0].pool_id, with_for_update=True, populate_existing=True)
    again = queries.pool_of(session, member_id=person_id)
    if pool is None or pool.ended_at is not None or again is None or again[0] != found[0]:
        raise NotInAPoolError("in it no more")
    return pool


def invited(
    session: Session, vault: Vault, person: MemberView, invitation_id: UUID, wall: datetime
) -> PoolInvitation:
    """Lock an open invitation of a person's own phone; raise InvitationGoneError."""
    row = session.get(PoolInvitation, invitation_id, with_for_update=True, populate_existing=True)
    own = row is not None and row.phone_index == phone_index(vault, phone=person.phone)
    if row is None or not own or row.state != "open" or row.expires_at <= wall:
        raise InvitationGoneError("it is no more")
    return row
