"""Changes of the table of sandboxes: made ahead, taken by a merchant, tended, discarded.

Whoever may act as the owner makes spares and drops what was discarded. A merchant that comes takes
a spare, which costs one statement, and furnishes it itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session

from network.errors import InvariantError
from network.ids import uuid7
from network.merchants.models import Merchant
from network.sandboxes.models import Sandbox
from network.sandboxes.queries import SandboxView, sandbox_of, sandbox_view

KEPT_UNUSED = timedelta(days=30)
"""After that a sandbox is dropped; the next call with a test key opens a new one."""

ROOM_AFTER = timedelta(days=7)
ROOM_AFTER_OF_APPLICANTS = timedelta(hours=1)
"""Unused for so long, a sandbox makes room for another where there may be no more of them."""

MAKING_TAKES = timedelta(minutes=10)
LEASE = timedelta(minutes=2)
"""For so long one worker has a sandbox; longer than it begins anything in it."""

_TAKE_LOCK = 0x7361_6E64


def begin(session: Session, *, schema_digest: bytes, now: datetime) -> UUID:
    """Write down that a database is about to be made, so that none is left behind unknown."""
    row = Sandbox(sandbox_id=uuid7(), schema_digest=schema_digest, begun_at=now)
    session.add(row)
    session.flush()
    return row.sandbox_id


def finish(session: Session, *, sandbox_id: UUID, schema_digest: bytes, now: datetime) -> None:
    """Write down that a database is made, or is at other migrations now."""
    row = session.get_one(Sandbox, sandbox_id)
    row.made_at = row.made_at or now
    row.schema_digest = schema_digest
    session.flush()


def take(
    session: Session, *, merchant_id: UUID, schema_digest: bytes, now: datetime
) -> SandboxView | None:
    """Give a merchant the oldest spare at these migrations; return the one it has already.

    ``None`` where there is no spare. Two calls of one merchant at once take one.
    """
    session.execute(
        text("SELECT pg_advisory_xact_lock(:space, :lock)"),
        {"space": _TAKE_LOCK, "lock": int.from_bytes(merchant_id.bytes[-4:], signed=True)},
    )
    found = sandbox_of(session, merchant_id=merchant_id)
    if found is not None:
        return found
    row = session.scalars(
        select(Sandbox)
        .where(
            Sandbox.taken_at.is_(None),
            Sandbox.made_at.is_not(None),
            Sandbox.discarded_at.is_(None),
            Sandbox.schema_digest == schema_digest,
        )
        .order_by(Sandbox.begun_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).first()
    if row is None:
        return None
    row.merchant_id, row.taken_at, row.used_at = merchant_id, now, now
    session.flush()
    return sandbox_view(row)


def note_furnished(
    session: Session, *, sandbox_id: UUID, keys: Sequence[Mapping[str, str]], now: datetime
) -> SandboxView:
    """Write down that a sandbox holds what its merchant needs, and the JWKs that it signs with."""
    row = session.get_one(Sandbox, sandbox_id)
    row.furnished_at = row.furnished_at or now
    row.signing_keys = [dict(each) for each in keys]
    session.flush()
    return sandbox_view(row)


def note_use(session: Session, *, sandbox_id: UUID, now: datetime, due_at: datetime | None) -> None:
    """Remember when a sandbox was used, and have a worker look into it at ``due_at``."""
    session.execute(
        text(
            "UPDATE network.sandbox SET used_at = :now, "
            "due_at = least(coalesce(due_at, :due_at), :due_at) WHERE sandbox_id = :sandbox_id"
        ),
        {"sandbox_id": sandbox_id, "now": now, "due_at": due_at},
    )


def lease_due(session: Session, *, now: datetime) -> SandboxView | None:
    """Let the caller alone look into a sandbox that is due, for LEASE; ``None`` where none is."""
    row = session.scalars(
        select(Sandbox)
        .where(
            Sandbox.due_at <= now,
            Sandbox.furnished_at.is_not(None),
            Sandbox.discarded_at.is_(None),
        )
        .order_by(Sandbox.due_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).first()
    if row is None:
        return None
    row.due_at = now + LEASE
    session.flush()
    return sandbox_view(row)


def end_lease(
    session: Session, *, sandbox_id: UUID, leased_until: datetime, next_at: datetime | None
) -> None:
    """Say when the next look is due; a call that asked for one meanwhile has its way."""
    session.execute(
        update(Sandbox)
        .where(Sandbox.sandbox_id == sandbox_id, Sandbox.due_at == leased_until)
        .values(due_at=next_at)
    )


def discard(session: Session, *, sandbox_id: UUID, now: datetime) -> None:
    """Have a sandbox dropped: nobody opens it from here on."""
    session.execute(
        update(Sandbox)
        .where(Sandbox.sandbox_id == sandbox_id, Sandbox.discarded_at.is_(None))
        .values(discarded_at=now, due_at=None)
    )


def reset(
    session: Session, *, merchant_id: UUID, schema_digest: bytes, now: datetime
) -> SandboxView | None:
    """Give a merchant a fresh sandbox in place of the one it has.

    ``None`` where no spare is ready; nothing is changed then once the caller rolls back.
    """
    found = sandbox_of(session, merchant_id=merchant_id)
    if found is not None:
        discard(session, sandbox_id=found.sandbox_id, now=now)
    return take(session, merchant_id=merchant_id, schema_digest=schema_digest, now=now)


def to_drop(session: Session, *, now: datetime) -> list[SandboxView]:
    """Return what was discarded, and what somebody began to make and never finished."""
    rows = session.scalars(
        select(Sandbox).where(
            Sandbox.discarded_at.is_not(None)
            | (Sandbox.made_at.is_(None) & (Sandbox.begun_at < now - MAKING_TAKES))
        )
    )
    return [sandbox_view(row) for row in rows]


def forget(session: Session, *, sandbox_id: UUID) -> None:
    """Delete the row of a sandbox whose database is gone."""
    session.execute(delete(Sandbox).where(Sandbox.sandbox_id == sandbox_id))


def behind(session: Session, *, schema_digest: bytes) -> Sequence[SandboxView]:
    """Return the sandboxes at other migrations, spares first, then those used last."""
    rows = session.scalars(
        select(Sandbox)
        .where(
            Sandbox.made_at.is_not(None),
            Sandbox.discarded_at.is_(None),
            Sandbox.schema_digest != schema_digest,
        )
        .order_by(Sandbox.used_at.desc().nulls_first())
    )
    return [sandbox_view(row) for row in rows]


def discard_unused(session: Session, *, now: datetime) -> int:
    """Discard the sandboxes that nobody has used for KEPT_UNUSED; return how many."""
    done = session.execute(
        update(Sandbox)
        .where(
            Sandbox.taken_at.is_not(None),
            Sandbox.discarded_at.is_(None),
            Sandbox.used_at < now - KEPT_UNUSED,
        )
        .values(discarded_at=now, due_at=None)
        .returning(Sandbox.sandbox_id)
    )
    return len(done.all())


def make_room(session: Session, *, now: datetime) -> bool:
    """Discard the sandbox that is missed least, where one has rested long enough.

    Those of applicants go first: whoever asks for a key gets one.
    """
    applied = Merchant.status == "applied"
    row = session.execute(
        select(Sandbox.sandbox_id)
        .join(Merchant, Merchant.merchant_id == Sandbox.merchant_id)
        .where(
            Sandbox.discarded_at.is_(None),
            (Sandbox.used_at < now - ROOM_AFTER)
            | (applied & (Sandbox.used_at < now - ROOM_AFTER_OF_APPLICANTS)),
        )
        .order_by(applied.desc(), Sandbox.used_at)
        .limit(1)
    ).first()
    if row is None:
        return False
    discard(session, sandbox_id=row.sandbox_id, now=now)
    return True


def owner_of(view: SandboxView) -> UUID:
    """Return the merchant that has a sandbox; raise InvariantError for a spare."""
    if view.merchant_id is None:
        raise InvariantError("a spare belongs to nobody")
    return view.merchant_id
