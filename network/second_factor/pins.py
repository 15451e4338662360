"""A member's PIN: kept, tried, and the wait after wrong tries. All times are wall time.

What is kept is argon2id (RFC 9106) of a keyed digest: of the database alone no PIN can be found. A
try is counted under the row's lock, so that tries at the same moment are not each the first; a
wrong one is an outcome and not an exception, because the count must be committed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from network.operators import passwords
from network.second_factor.models import MemberPin
from network.second_factor.strength import plain_pin
from network.vault import Vault

MOST_MISSES = 8
WAITS = (0, 0, 0, 30, 120, 600, 3_600, 3_600)
"""Seconds after the so many-th wrong try until the next one is looked at; then it is locked."""

_PURPOSE = "member-pin"


@dataclass(frozen=True, slots=True, kw_only=True)
class PinState:
    """How a member's PIN stands."""

    set_at: datetime
    locked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PinRefused:
    """The PIN is wrong, is not looked at before ``again_at``, is locked, or there is none."""

    code: Literal["wrong", "wait", "locked", "none"]
    again_at: datetime | None = None


def state(session: Session, *, member_id: UUID) -> PinState | None:
    """Return how a member's PIN stands, ``None`` where there is none."""
    row = session.get(MemberPin, member_id, populate_existing=True)
    if row is None:
        return None
    return PinState(set_at=row.set_at, locked=row.misses >= MOST_MISSES)


def keep(session: Session, vault: Vault, *, member_id: UUID, pin: str, wall: datetime) -> None:
    """Keep a PIN that ``strength.checked_pin`` let pass, in the place of an earlier one."""
    facts = {
        "pin_hash": passwords.hash_password(_peppered(vault, member_id, pin)),
        "set_at": wall,
        "misses": 0,
        "again_at": None,
    }
    session.execute(
        insert(MemberPin)
        .values(member_id=member_id, **facts)
        .on_conflict_do_update(index_elements=["member_id"], set_=facts)
    )


def try_pin(
    session: Session, vault: Vault, *, member_id: UUID, pin: str, wall: datetime
) -> PinRefused | None:
    """Return ``None`` where the PIN is right. Commit a refusal too: it has been counted."""
    row = session.scalars(
        select(MemberPin)
        .where(MemberPin.member_id == member_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()
    if row is None:
        return PinRefused(code="none")
    if row.misses >= MOST_MISSES:
        return PinRefused(code="locked")
    if row.again_at is not None and wall < row.again_at:
        return PinRefused(code="wait", again_at=row.again_at)
    if passwords.matches(row.pin_hash, _peppered(vault, member_id, plain_pin(pin))):
        row.misses, row.again_at = 0, None
        session.flush()
        return None
    row.misses += 1
    if row.misses >= MOST_MISSES:
        row.again_at = None
        session.flush()
        return PinRefused(code="locked")
    wait = WAITS[row.misses]
    row.again_at = wall + timedelta(seconds=wait) if wait else None
    session.flush()
    return PinRefused(code="wrong", again_at=row.again_at)


def lift(session: Session, *, member_id: UUID) -> None:
    """Forget wrong tries: a one-time code has shown that the member has the phone."""
    session.execute(
        update(MemberPin)
        .where(MemberPin.member_id == member_id, MemberPin.misses > 0)
        .values(misses=0, again_at=None)
    )


def _peppered(vault: Vault, member_id: UUID, pin: str) -> str:
    """Return what is hashed of a PIN: its digest under a key that is not in the database."""
    return vault.blind_index(f"{member_id}:{pin}", purpose=_PURPOSE).hex()
