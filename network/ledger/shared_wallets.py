"""Who belongs to a shared wallet, and since when: what the entries of joining and leaving say."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, select, text
from sqlalchemy.orm import Session

from network.database.arrays import array
from network.ledger.arguments import MEMBER
from network.ledger.calling import function, one
from network.ledger.tables import entry, shared_person
from network.ledger.views import WalletView

_SET_LOCK = function("set_spend_lock", MEMBER, "p_locked => CAST(:locked AS boolean)")
_LIMIT = function(
    "limit_person",
    MEMBER,
    "p_pool => CAST(:pool AS uuid)",
    "p_limit => CAST(:limit AS bigint)",
)
LIMIT_DAYS = 30
"""The business days, today's included, that a person's limit counts (``ledger.check_person``)."""

_WHEREABOUTS = text("SELECT * FROM ledger.whereabouts_of(CAST(:member_id AS uuid))")
_PERSONS = text("""
    SELECT m.member_id, (ledger.whereabouts_of(m.member_id)).person
    FROM unnest(CAST(:member_ids AS uuid[])) AS m (member_id)
""")
_SPENT = text("""
    SELECT ledger.spent_by(CAST(:pool AS uuid), CAST(:member_id AS uuid), d.business_date - :days)
    FROM ledger.business_day AS d WHERE d.flipped_at IS NULL
""")
SPEND_LOCKED = "spend_locked"
_STAYS = select(
    *(
        shared_person.c[name]
        for name in ("member_id", "pool_id", "spend_limit", "locked", "sequence", "joined_at")
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """Where a member's points are (``home``), and who the member is there (``person``)."""

    home: UUID
    person: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """A person in a shared wallet since its entry ``sequence``; what they may spend there."""

    member_id: UUID
    pool_id: UUID
    spend_limit: int | None
    locked: bool
    sequence: int
    joined_at: datetime


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
    return whereabouts(session, member_id=member_id).home


def person(session: Session, *, member_id: UUID) -> UUID:
    """Return the member that a person is where their points are: another only after a merge."""
    return whereabouts(session, member_id=member_id).person


def persons(session: Session, *, member_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Return for each person what ``person`` does, in one statement."""
    rows = session.execute(_PERSONS, {"member_ids": array(member_ids)})
    return {row.member_id: row.person for row in rows}


def whereabouts(session: Session, *, member_id: UUID) -> Whereabouts:
    """Return where a member's points are now, and who the member is there."""
    row = session.execute(_WHEREABOUTS, {"member_id": member_id}).one()
    return Whereabouts(home=row.home, person=row.person)


def left_to(session: Session, own: Stay) -> int | None:
    """Return how many points a person may still spend of a shared wallet today, None for all."""
    if own.spend_limit is None:
        return None
    return max(0, own.spend_limit - spent(session, pool_id=own.pool_id, member_id=own.member_id))


def stay(session: Session, *, member_id: UUID) -> Stay | None:
    """Return a person's place in the shared wallet that they are in, None where in none."""
    row = session.execute(_STAYS.where(shared_person.c.member_id == member_id)).one_or_none()
    return None if row is None else Stay(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name


def stays(session: Session, *, pool_id: UUID) -> list[Stay]:
    """Return who is in a shared wallet now, in the order of joining."""
    rows = session.execute(
        _STAYS.where(shared_person.c.pool_id == pool_id).order_by(shared_person.c.sequence)
    )
    return [Stay(**row._mapping) for row in rows]  # noqa: SLF001 - the same


def spent(session: Session, *, pool_id: UUID, member_id: UUID) -> int:
    """Return the points that a person spent of a shared wallet in the days that a limit counts."""
    return int(
        session.execute(
            _SPENT, {"pool": pool_id, "member_id": member_id, "days": LIMIT_DAYS - 1}
        ).scalar_one()
    )


def set_spend_lock(connection: Connection | Session, *, member_id: UUID, locked: bool) -> None:
    """Lock a person's spending or unlock it; in a shared wallet theirs alone."""
    one(connection, _SET_LOCK, {"member_id": member_id, "locked": locked})


def limit_person(
    connection: Connection | Session, *, member_id: UUID, pool_id: UUID, limit: int | None
) -> None:
    """Set how much a person may spend of a shared wallet in 30 days, None for all of it.

    Raises NotInPool.
    """
    one(connection, _LIMIT, {"member_id": member_id, "pool": pool_id, "limit": limit})


def seen_by(session: Session, wallet: WalletView, *, member_id: UUID) -> WalletView:
    """Return a wallet as one person may use it: a shared one locked for who locked themselves, and
    with no more to spend than their limit leaves."""
    if wallet.member_id == member_id:
        return wallet
    own = stay(session, member_id=person(session, member_id=member_id))
    if own is None:
        return wallet
    left = left_to(session, own)
    return replace(
        wallet,
        status=SPEND_LOCKED if own.locked and wallet.status == "active" else wallet.status,
        spendable=wallet.spendable if left is None else min(wallet.spendable, left),
    )
