"""The audit log: each row holds the SHA-256 of the row before it, so a change shows.

A row's hash is SHA-256(previous hash ‖ canonical form), where the canonical form is JSON in UTF-8
with sorted keys and no spaces; the first row follows 32 zero bytes. Removing the newest rows
leaves a shorter chain that still holds: whoever wants to notice that keeps the head elsewhere,
which is why ``verify`` returns it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from network.errors import InvariantError
from network.operators.models import AuditLog

GENESIS = bytes(32)
SYSTEM = "system"
"""The actor of what a command or the schedule did."""

BACKUPS = "backup"
BACKUP_MADE = "backup.made"
BACKUP_RESTORED = "backup.restored"
"""The subject and the acts of backups, by which the last one is known."""

_CHAIN_LOCK = 0x6175_6469_74
_BATCH_ROWS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainCheck:
    """What a walk over the whole log found; ``broken_at`` is the first row that does not fit."""

    rows: int
    head: bytes
    broken_at: int | None

    @property
    def intact(self) -> bool:
        """Return whether every row fits the one before it."""
        return self.broken_at is None


def await_turn(session: Session) -> None:
    """Wait until no other unit of work records; from here to the commit none does.

    For an act whose facts are only known once wallets are held, which others hold after this.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CHAIN_LOCK})


def record_act(
    session: Session,
    *,
    now: datetime,
    actor: str,
    action: str,
    subject: str,
    facts: Mapping[str, Any] | None = None,
) -> int:
    """Append an act to the log, in the caller's unit of work, and return its number.

    ``actor`` is an operator's public id (``opr_…``) or ``system``; ``facts`` hold text, whole
    numbers, booleans, lists and objects of these, and neither secrets nor members' personal data.
    Acts of different units of work wait for each other from here to their commit.
    """
    kept = dict(facts or {})
    _refuse_inexact(kept)
    await_turn(session)
    last = session.execute(
        select(AuditLog.sequence, AuditLog.hash).order_by(AuditLog.sequence.desc()).limit(1)
    ).one_or_none()
    sequence, previous = (1, GENESIS) if last is None else (last.sequence + 1, last.hash)
    row = AuditLog(
        sequence=sequence,
        recorded_at=now.astimezone(UTC),
        actor=actor,
        action=action,
        subject=subject,
        facts=kept,
        previous_hash=previous,
    )
    row.hash = chained(previous, canonical(row))
    session.add(row)
    session.flush()
    return sequence


def canonical(row: AuditLog) -> bytes:
    """Return the bytes of a row that its hash covers."""
    form = {
        "sequence": row.sequence,
        "recorded_at": row.recorded_at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": row.actor,
        "action": row.action,
        "subject": row.subject,
        "facts": row.facts,
    }
    return json.dumps(form, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def chained(previous: bytes, form: bytes) -> bytes:
    """Return the hash of a row from the hash before it and its canonical form."""
    return sha256(previous + form).digest()


def verify(session: Session) -> ChainCheck:
    """Walk the whole log in order and recompute every hash; memory stays flat."""
    return _walk(session, start=0, head=GENESIS)


def every_row(session: Session, *, after: int = 0) -> Iterator[AuditLog]:
    """Yield the rows in their order, those above ``after``; memory stays flat."""
    while batch := _after(session, sequence=after):
        yield from batch
        after = batch[-1].sequence
        for row in batch:
            session.expunge(row)


def _walk(session: Session, *, start: int, head: bytes) -> ChainCheck:
    last = start
    for row in every_row(session, after=start):
        fits = row.sequence == last + 1 and row.previous_hash == head
        if not fits or row.hash != chained(head, canonical(row)):
            return ChainCheck(rows=last - start, head=head, broken_at=row.sequence)
        last, head = row.sequence, row.hash
    return ChainCheck(rows=last - start, head=head, broken_at=None)


def verify_newest(session: Session, *, rows: int) -> ChainCheck:
    """Walk the newest rows only, from the hash that the row before them states."""
    last = session.scalar(select(func.max(AuditLog.sequence))) or 0
    start = max(0, last - rows)
    head = GENESIS
    if start:
        stated = session.scalar(select(AuditLog.hash).where(AuditLog.sequence == start))
        if stated is None:
            return ChainCheck(rows=0, head=GENESIS, broken_at=start)
        head = stated
    return _walk(session, start=start, head=head)


def _after(session: Session, *, sequence: int) -> Sequence[AuditLog]:
    return session.scalars(
        select(AuditLog)
        .where(AuditLog.sequence > sequence)
        .order_by(AuditLog.sequence)
        .limit(_BATCH_ROWS)
    ).all()


def _refuse_inexact(value: object) -> None:
    """Raise where a fact would not come back from JSON as the same bytes."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            if not isinstance(key, str):
                raise InvariantError("a fact of the audit log has a name that is not text")
            _refuse_inexact(part)
    elif isinstance(value, list | tuple):
        for part in value:
            _refuse_inexact(part)
    elif value is not None and not isinstance(value, str | bool | int):
        raise InvariantError(f"a fact of the audit log is a {type(value).__name__}")
