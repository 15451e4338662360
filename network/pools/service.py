"""Shared wallets: making one, inviting, joining, limits, leaving, ending.

Points move by the ledger's own calls, one for each act. Every act that changes who may spend holds
the shared wallet's row, so that two of them come one after the other; each is written to the audit
log. What could take points from somebody is confirmed by a one-time code (``acts``). Whom the
network has frozen neither decides here nor is brought in or let go: ``MemberFrozenError``.
``now`` is programme time, ``wall`` wall time.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from network import ids
from network.ids import shared_wallet_id, uuid7
from network.ledger import operations_members, shared_wallets
from network.ledger.errors import OpenDebt
from network.ledger.operations import open_wallet
from network.ledger.values import Claim, Posted
from network.members import queries as members
from network.members.freezing import hold_free
from network.members.phones import normalise_phone
from network.members.queries import MemberView
from network.members.sealing import phone_index
from network.operators.audit import record_act
from network.pools import locked, queries
from network.pools.errors import (
    AlreadyInAPoolError,
    InvitationGoneError,
    OneselfInvitedError,
    OthersInPoolError,
    PartingGoneError,
    PoolFullError,
    PoolsOwnerError,
    TooManyInvitationsError,
)
from network.pools.models import Pool, PoolInvitation, PoolParting
from network.pools.queries import INVITED_PHONE, PartingView, PoolView
from network.vault import Vault

MOST_PEOPLE = 12
"""People in one shared wallet and invited to it, together."""

INVITATIONS_A_DAY = 5
INVITATION_LIFE = timedelta(days=7)


def make(
    session: Session, *, member_id: UUID, kind: str, now: datetime, wall: datetime
) -> PoolView:
    """Make a shared wallet; all points of its owner go there.

    Raises AlreadyInAPoolError, and the ledger's OpenHolds and OpenDebt.
    """
    hold_free(session, people=[member_id])
    if queries.pool_of(session, member_id=member_id) is not None:
        raise AlreadyInAPoolError("one shared wallet at a time")
    row = Pool(
        pool_id=shared_wallet_id(),
        kind=kind,
        owner_id=member_id,
        tells_owner=True,
        made_at=now,
        ended_at=None,
    )
    session.add(row)
    session.flush()
    _record(session, member_id, row.pool_id, "pool.made", wall, kind=kind)
    open_wallet(session, member_id=row.pool_id)
    _bring(session, member_id, row.pool_id, now=now, wall=wall)
    return queries.view(row)


def check_invitation(
    session: Session, *, inviter: MemberView, phone: str, wall: datetime
) -> PoolView:
    """Return the shared wallet that a phone (E.164) may be invited to.

    Raises NotInAPoolError, NotThePoolsOwnerError, OneselfInvitedError, PoolFullError and
    TooManyInvitationsError. Whether somebody has the phone is not told.
    """
    hold_free(session, people=[inviter.member_id])
    pool = queries.view(locked.owned(session, inviter.member_id))
    if phone == inviter.phone:
        raise OneselfInvitedError("that is oneself", field="phone")
    made = PoolInvitation
    today = session.scalar(
        select(func.count()).where(
            made.pool_id == pool.pool_id, made.invited_at > wall - timedelta(days=1)
        )
    )
    if (today or 0) >= INVITATIONS_A_DAY:
        raise TooManyInvitationsError("enough for a day", facts={"most": INVITATIONS_A_DAY})
    waiting = session.scalar(
        select(func.count()).where(
            made.pool_id == pool.pool_id, made.state == "open", made.expires_at > wall
        )
    )
    there = len(shared_wallets.stays(session, pool_id=pool.pool_id))
    if there + (waiting or 0) >= MOST_PEOPLE:
        raise PoolFullError("there is no room", facts={"most": MOST_PEOPLE})
    return pool


def invite(
    session: Session, vault: Vault, *, inviter: MemberView, phone: str, wall: datetime
) -> UUID:
    """Invite whoever has a phone, for a week; an earlier invitation of it ends."""
    number = normalise_phone(phone)
    pool = check_invitation(session, inviter=inviter, phone=number, wall=wall)
    index = phone_index(vault, phone=number)
    session.execute(
        update(PoolInvitation)
        .where(
            PoolInvitation.pool_id == pool.pool_id,
            PoolInvitation.phone_index == index,
            PoolInvitation.state == "open",
        )
        .values(state="withdrawn", decided_at=wall)
    )
    key = members.person_key(session, vault, member_id=inviter.member_id)
    row = PoolInvitation(
        invitation_id=uuid7(),
        pool_id=pool.pool_id,
        phone_index=index,
        sealed_phone=key.seal(number.encode(), name=INVITED_PHONE),
        state="open",
        invited_at=wall,
        expires_at=wall + INVITATION_LIFE,
        decided_at=None,
    )
    session.add(row)
    session.flush()
    _record(session, inviter.member_id, pool.pool_id, "pool.invited", wall)
    return row.invitation_id


def withdraw(session: Session, *, owner_id: UUID, invitation_id: UUID, wall: datetime) -> None:
    """Take an invitation back; raises InvitationGoneError."""
    pool = locked.owned(session, owner_id)
    row = session.get(PoolInvitation, invitation_id, with_for_update=True, populate_existing=True)
    if row is None or row.pool_id != pool.pool_id or row.state != "open":
        raise InvitationGoneError("it is no more")
    row.state, row.decided_at = "withdrawn", wall
    session.flush()
    _record(session, owner_id, pool.pool_id, "pool.invitation_withdrawn", wall)


def decline(
    session: Session, vault: Vault, *, person: MemberView, invitation_id: UUID, wall: datetime
) -> None:
    """Say no to an invitation; raises InvitationGoneError."""
    row = locked.invited(session, vault, person, invitation_id, wall)
    row.state, row.decided_at = "declined", wall
    session.flush()
    _record(session, person.member_id, row.pool_id, "pool.declined", wall)


def join(
    session: Session,
    vault: Vault,
    *,
    person: MemberView,
    invitation_id: UUID,
    now: datetime,
    wall: datetime,
) -> PoolView:
    """Join by an invitation: everything in the person's wallet goes along.

    Raises InvitationGoneError, AlreadyInAPoolError, PoolFullError, and the ledger's OpenHolds and
    OpenDebt: what is owed stays with whom it belongs to.
    """
    hold_free(session, people=[person.member_id])
    named = session.get(PoolInvitation, invitation_id)
    pool = (
        None
        if named is None
        else session.get(Pool, named.pool_id, with_for_update=True, populate_existing=True)
    )
    row = locked.invited(session, vault, person, invitation_id, wall)
    if pool is None or pool.ended_at is not None:
        raise InvitationGoneError("the wallet is no more")
    if queries.pool_of(session, member_id=person.member_id) is not None:
        raise AlreadyInAPoolError("one shared wallet at a time")
    if len(shared_wallets.stays(session, pool_id=pool.pool_id)) >= MOST_PEOPLE:
        raise PoolFullError("there is no room", facts={"most": MOST_PEOPLE})
    row.state, row.decided_at = "accepted", wall
    session.flush()
    _record(session, person.member_id, pool.pool_id, "pool.joined", wall)
    _bring(session, person.member_id, pool.pool_id, now=now, wall=wall)
    return queries.view(pool)


def limit(
    session: Session, *, owner_id: UUID, person_id: UUID, most: int | None, wall: datetime
) -> None:
    """Set what one person may spend in 30 days, None for all; raises the ledger's NotInPool."""
    hold_free(session, people=[owner_id])
    pool = locked.owned(session, owner_id)
    _record(session, owner_id, pool.pool_id, "pool.limited", wall, person=person_id, limit=most)
    shared_wallets.limit_person(session, member_id=person_id, pool_id=pool.pool_id, limit=most)


def tell_owner(session: Session, *, owner_id: UUID, wanted: bool, wall: datetime) -> None:
    """Choose whether the owner gets a message about what the others spend."""
    pool = locked.owned(session, owner_id)
    pool.tells_owner = wanted
    session.flush()
    _record(session, owner_id, pool.pool_id, "pool.notices", wall, wanted=wanted)


def ask_to_leave(session: Session, *, person_id: UUID, points: int, wall: datetime) -> None:
    """Ask the owner for points to take along; an earlier request ends.

    Raises NotInAPoolError and PoolsOwnerError.
    """
    hold_free(session, people=[person_id])
    pool = locked.left(session, person_id)
    _end_requests(session, pool.pool_id, person_id, "withdrawn", wall)
    session.add(
        PoolParting(
            parting_id=uuid7(),
            pool_id=pool.pool_id,
            member_id=person_id,
            points=points,
            state="open",
            asked_at=wall,
            decided_at=None,
        )
    )
    session.flush()
    _record(session, person_id, pool.pool_id, "pool.parting_asked", wall, points=points)


def leave(session: Session, *, person_id: UUID, now: datetime, wall: datetime) -> PoolView:
    """Leave at once, with nothing; raises NotInAPoolError and PoolsOwnerError."""
    hold_free(session, people=[person_id])
    pool = locked.left(session, person_id)
    _part(session, pool, person_id, 0, by=person_id, now=now, wall=wall)
    return queries.view(pool)


def parting(session: Session, *, owner_id: UUID, parting_id: UUID) -> PartingView:
    """Return an open request to leave the owner's shared wallet; raises PartingGoneError."""
    pool = locked.owned(session, owner_id)
    for each in queries.partings(session, pool_id=pool.pool_id):
        if each.parting_id == parting_id:
            return each
    raise PartingGoneError("it is no more")


def refuse_parting(session: Session, *, owner_id: UUID, parting_id: UUID, wall: datetime) -> None:
    """Say no to what somebody asks to take along; they stay. Raises PartingGoneError."""
    asked = parting(session, owner_id=owner_id, parting_id=parting_id)
    _end_requests(session, asked.pool_id, asked.member_id, "declined", wall)
    _record(session, owner_id, asked.pool_id, "pool.parting_refused", wall, points=asked.points)


def part(
    session: Session, *, owner_id: UUID, person_id: UUID, points: int, now: datetime, wall: datetime
) -> PoolView:
    """Let a person go with points, on the owner's word.

    Raises NotInAPoolError, PoolsOwnerError, and the ledger's InsufficientPoints.
    """
    hold_free(session, people=[owner_id, person_id])
    pool = locked.owned(session, owner_id)
    if person_id == owner_id:
        raise PoolsOwnerError("the owner ends the wallet")
    _part(session, pool, person_id, points, by=owner_id, now=now, wall=wall)
    return queries.view(pool)


def end(session: Session, *, owner_id: UUID, now: datetime, wall: datetime) -> None:
    """End a shared wallet in which its owner is alone: all that is in it is the owner's again.

    Raises NotInAPoolError, NotThePoolsOwnerError, OthersInPoolError and the ledger's OpenHolds.
    """
    hold_free(session, people=[owner_id])
    pool = locked.owned(session, owner_id)
    if len(shared_wallets.stays(session, pool_id=pool.pool_id)) > 1:
        raise OthersInPoolError("others are in it")
    pool.ended_at = now
    session.execute(
        update(PoolInvitation)
        .where(PoolInvitation.pool_id == pool.pool_id, PoolInvitation.state == "open")
        .values(state="withdrawn", decided_at=wall)
    )
    session.flush()
    _record(session, owner_id, pool.pool_id, "pool.ended", wall)
    # Both calls lock the same two wallets, so nothing comes between them.
    facts: dict[str, Any] = {"now": now, "wall": wall}
    operations_members.leave_pool(
        session,
        **facts,
        claim=_claim(owner_id, "end-leave"),
        member_id=owner_id,
        pool=pool.pool_id,
        points=0,
    )
    operations_members.merge(
        session,
        **facts,
        claim=_claim(owner_id, "end-merge"),
        member_id=pool.pool_id,
        into=owner_id,
        actor=f"member:{owner_id}",
    )


def _bring(
    session: Session, person_id: UUID, pool_id: UUID, *, now: datetime, wall: datetime
) -> Posted:
    posted = operations_members.join_pool(
        session,
        now=now,
        wall=wall,
        claim=_claim(person_id, "join"),
        member_id=person_id,
        pool=pool_id,
    )
    if posted.result["debt"]:
        raise OpenDebt(OpenDebt.sentence, facts={"debt": posted.result["debt"]})
    return posted


def _part(
    session: Session,
    pool: Pool,
    person_id: UUID,
    points: int,
    *,
    by: UUID,
    now: datetime,
    wall: datetime,
) -> None:
    state = "agreed" if by != person_id else "withdrawn"
    _end_requests(session, pool.pool_id, person_id, state, wall)
    _record(session, by, pool.pool_id, "pool.left", wall, person=person_id, points=points)
    operations_members.leave_pool(
        session,
        now=now,
        wall=wall,
        claim=_claim(person_id, "leave"),
        member_id=person_id,
        pool=pool.pool_id,
        points=points,
    )


def _end_requests(
    session: Session, pool_id: UUID, person_id: UUID, state: str, wall: datetime
) -> None:
    session.execute(
        update(PoolParting)
        .where(
            PoolParting.pool_id == pool_id,
            PoolParting.member_id == person_id,
            PoolParting.state == "open",
        )
        .values(state=state, decided_at=wall)
    )


def _claim(member_id: UUID, act: str) -> Claim:
    key = f"pool-{act}-{uuid7()}"
    return Claim(client_id=member_id, key=key, fingerprint=sha256(key.encode()).digest())


def _record(
    session: Session, by: UUID, pool_id: UUID, action: str, wall: datetime, **facts: Any
) -> None:
    said = {
        name: ids.encode("mem", value) if isinstance(value, UUID) else value
        for name, value in facts.items()
    }
    record_act(
        session,
        now=wall,
        actor=ids.encode("mem", by),
        action=action,
        subject=ids.encode("mem", pool_id),
        facts=said,
    )
