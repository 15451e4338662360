"""Reads of the table of sandboxes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import false, func, or_, select
from sqlalchemy.orm import Session

from network.sandboxes.models import Sandbox


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxView:
    """One sandbox; ``schema_digest`` says which migrations its database has."""

    sandbox_id: UUID
    merchant_id: UUID | None
    schema_digest: bytes
    made_at: datetime | None
    taken_at: datetime | None
    furnished_at: datetime | None
    used_at: datetime | None
    due_at: datetime | None

    @property
    def database_name(self) -> str:
        """Return the name of its database: ids differ, so installations can share a server."""
        return f"sandbox_{self.sandbox_id.hex}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many sandboxes merchants have, how many are ready for one, how many are to be dropped."""

    taken: int
    spare: int
    discarded: int


def sandbox_of(session: Session, *, merchant_id: UUID) -> SandboxView | None:
    """Return a merchant's sandbox, ``None`` where it has none."""
    row = session.scalars(
        select(Sandbox).where(Sandbox.merchant_id == merchant_id, Sandbox.discarded_at.is_(None))
    ).first()
    return None if row is None else sandbox_view(row)


def taken(session: Session) -> list[SandboxView]:
    """Return every sandbox that a merchant has, the one used last first."""
    rows = session.scalars(
        select(Sandbox)
        .where(Sandbox.furnished_at.is_not(None), Sandbox.discarded_at.is_(None))
        .order_by(Sandbox.used_at.desc().nulls_last(), Sandbox.sandbox_id)
    )
    return [sandbox_view(row) for row in rows]


def made(session: Session) -> list[SandboxView]:
    """Return every sandbox that has a database, spares too, those to be dropped left out."""
    rows = session.scalars(
        select(Sandbox).where(Sandbox.made_at.is_not(None), Sandbox.discarded_at.is_(None))
    )
    return [sandbox_view(row) for row in rows]


def counts(session: Session) -> Counts:
    """Return how many sandboxes there are of each kind."""
    discarded = Sandbox.discarded_at.is_not(None)
    spare = Sandbox.taken_at.is_(None) & Sandbox.made_at.is_not(None) & ~discarded
    row = session.execute(
        select(
            func.count().filter(Sandbox.taken_at.is_not(None), ~discarded),
            func.count().filter(spare),
            func.count().filter(discarded),
        ).select_from(Sandbox)
    ).one()
    return Counts(taken=row[0], spare=row[1], discarded=row[2])


def any_due(session: Session, *, now: datetime) -> bool:
    """Return whether a worker has to look into a sandbox."""
    due = select(Sandbox.sandbox_id).where(Sandbox.due_at <= now, Sandbox.discarded_at.is_(None))
    return session.scalars(due.limit(1)).first() is not None


def keys_of_signers(session: Session, *, key_ids: Collection[str]) -> list[list[dict[str, str]]]:
    """Return the JWKs of each sandbox that has a key with one of these ids, sandbox by sandbox."""
    wanted = [Sandbox.signing_keys.contains([{"kid": each}]) for each in key_ids]
    found = session.scalars(
        select(Sandbox.signing_keys).where(or_(false(), *wanted)).order_by(Sandbox.sandbox_id)
    )
    return [list(keys or ()) for keys in found]


def sandbox_view(row: Sandbox) -> SandboxView:
    """Return the values of a mapped sandbox."""
    return SandboxView(
        sandbox_id=row.sandbox_id,
        merchant_id=row.merchant_id,
        schema_digest=row.schema_digest,
        made_at=row.made_at,
        taken_at=row.taken_at,
        furnished_at=row.furnished_at,
        used_at=row.used_at,
        due_at=row.due_at,
    )
