"""Sign-ins of operators: attempts that are counted, sessions that open and end."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import case, delete, exists, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from network import ids
from network.database.pieces import delete_piece
from network.merchants.addresses import line_of
from network.operators.audit import record_act
from network.operators.models import OperatorSession, OperatorThrottle
from network.tokens import token_digest
from network.vault import Vault

SESSION_LIFE = timedelta(hours=12)
THROTTLE_PERIOD = timedelta(minutes=15)
ATTEMPTS_PER_EMAIL = 5
ATTEMPTS_PER_ADDRESS = 30

_THROTTLE_PURPOSE = "operator-throttle"
_LONGEST_AGENT = 300


def email_subject(vault: Vault, email: str) -> tuple[bytes, int]:
    """Return what attempts under an e-mail are counted as, and how many there may be."""
    return vault.blind_index(f"email:{email}", purpose=_THROTTLE_PURPOSE), ATTEMPTS_PER_EMAIL


def address_subject(vault: Vault, address: str) -> tuple[bytes, int]:
    """Return what attempts from an address's line are counted as, and how many there may be."""
    line = f"address:{line_of(address)}"
    return vault.blind_index(line, purpose=_THROTTLE_PURPOSE), ATTEMPTS_PER_ADDRESS


def one_too_many(
    session: Session, *, subjects: Sequence[tuple[bytes, int]], wall: datetime
) -> bool:
    """Count an attempt under each subject; return whether any had more than it may.

    Counted before anything is checked, under a lock, so that guesses side by side do not slip
    past the limit.
    """
    counts = [_count(session, subject=subject, wall=wall) for subject, _ in subjects]
    return any(count > most for count, (_, most) in zip(counts, subjects, strict=True))


def forget_attempts(session: Session, *, subject: bytes) -> None:
    """Begin to count anew, after an attempt that was right."""
    session.execute(delete(OperatorThrottle).where(OperatorThrottle.subject == subject))


def forget_ended(session: Session, *, before: datetime, limit: int) -> int:
    """Delete up to ``limit`` sign-ins that ended before then; return how many.

    Each operator's newest stays: it says when the operator was last seen.
    """
    newer = aliased(OperatorSession)
    return delete_piece(
        session,
        OperatorSession,
        or_(OperatorSession.ended_at < before, OperatorSession.expires_at < before),
        exists()
        .where(newer.operator_id == OperatorSession.operator_id)
        .where(newer.created_at > OperatorSession.created_at),
        limit=limit,
    )


def _count(session: Session, *, subject: bytes, wall: datetime) -> int:
    """Count an attempt and return how many there were in the period that runs."""
    fresh = OperatorThrottle.first_at <= wall - THROTTLE_PERIOD
    table = insert(OperatorThrottle).values(subject=subject, attempts=1, first_at=wall)
    counted = session.execute(
        table.on_conflict_do_update(
            index_elements=[OperatorThrottle.subject],
            set_={
                "attempts": case((fresh, 1), else_=OperatorThrottle.attempts + 1),
                "first_at": case((fresh, wall), else_=OperatorThrottle.first_at),
            },
        ).returning(OperatorThrottle.attempts)
    ).scalar_one()
    if counted == 1:
        _forget_old(session, wall=wall)
    return counted


def _forget_old(session: Session, *, wall: datetime) -> None:
    """Drop counts that no longer count; rows that another attempt holds are left alone."""
    old = (
        select(OperatorThrottle.subject)
        .where(OperatorThrottle.first_at < wall - 2 * THROTTLE_PERIOD)
        .limit(100)
        .with_for_update(skip_locked=True)
    )
    session.execute(delete(OperatorThrottle).where(OperatorThrottle.subject.in_(old)))


def open_session(
    session: Session, *, operator_id: UUID, wall: datetime, user_agent: str, address: str
) -> str:
    """Open a session and return its token, which only the browser keeps."""
    token = secrets.token_urlsafe(32)
    session_id = ids.uuid7()
    session.add(
        OperatorSession(
            session_id=session_id,
            operator_id=operator_id,
            token_digest=token_digest(token),
            created_at=wall,
            seen_at=wall,
            expires_at=wall + SESSION_LIFE,
            user_agent=user_agent[:_LONGEST_AGENT].replace("\x00", ""),
            address=address,
        )
    )
    session.flush()
    record_act(
        session,
        now=wall,
        actor=ids.encode("opr", operator_id),
        action="signed_in",
        subject=ids.encode("ses", session_id),
        facts={"address": address},
    )
    return token


def end_one(
    session: Session,
    *,
    wall: datetime,
    actor: str,
    operator_id: UUID,
    session_id: UUID,
    action: str,
) -> bool:
    """End a session of an operator; return whether there was one to end."""
    ended = session.execute(
        update(OperatorSession)
        .where(
            OperatorSession.session_id == session_id,
            OperatorSession.operator_id == operator_id,
            OperatorSession.ended_at.is_(None),
        )
        .values(ended_at=wall)
        .returning(OperatorSession.session_id)
    ).scalar_one_or_none()
    if ended is None:
        return False
    subject = ids.encode("ses", session_id)
    record_act(session, now=wall, actor=actor, action=action, subject=subject)
    return True


def end_all(session: Session, *, wall: datetime, operator_id: UUID) -> int:
    """End every session of an operator, for an act that is logged by itself; return how many."""
    ended = session.execute(
        update(OperatorSession)
        .where(OperatorSession.operator_id == operator_id, OperatorSession.ended_at.is_(None))
        .values(ended_at=wall)
        .returning(OperatorSession.session_id)
    )
    return len(ended.all())
