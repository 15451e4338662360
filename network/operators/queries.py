"""Reads of operators, their sign-ins and the audit log: frozen values."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, false, func, or_, select, text
from sqlalchemy.orm import Session

from network import ids
from network.operators.models import AuditLog, Operator, OperatorSession
from network.operators.roles import holds
from network.tokens import token_digest

IDLE = timedelta(hours=1)
"""A session that nobody used for this long has ended by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorView:
    """An operator as pages show one."""

    operator_id: UUID
    email: str
    name: str
    role: str
    status: str
    locale: str | None
    created_at: datetime
    notices: str

    @property
    def public_id(self) -> str:
        """Return the id by which the audit log names this operator."""
        return ids.encode("opr", self.operator_id)

    def may(self, role: str) -> bool:
        """Return whether this operator holds ``role`` or one above it."""
        return holds(self.role, role)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    """A sign-in: since when, from where, with what."""

    session_id: UUID
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    user_agent: str
    address: str

    @property
    def public_id(self) -> str:
        """Return the id by which a page names this session."""
        return ids.encode("ses", self.session_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Who is behind a token, and the session it opened."""

    operator: OperatorView
    session: SessionView


@dataclass(frozen=True, slots=True, kw_only=True)
class ActView:
    """One row of the audit log; ``actor_name`` is an operator's name where it was one."""

    sequence: int
    recorded_at: datetime
    actor: str
    actor_name: str | None
    action: str
    subject: str
    facts: Mapping[str, Any]
    hash: bytes


def by_session(session: Session, *, token: str, wall: datetime) -> SignedIn | None:
    """Return the operator of a living session, or nothing: ended, expired, idle, suspended."""
    row = session.execute(
        select(Operator, OperatorSession)
        .join(OperatorSession, OperatorSession.operator_id == Operator.operator_id)
        .where(
            OperatorSession.token_digest == token_digest(token),
            Operator.status == "active",
            _alive(wall),
        )
    ).one_or_none()
    if row is None:
        return None
    return SignedIn(operator=_operator(row.Operator), session=_session(row.OperatorSession))


def previous_sign_in(
    session: Session, *, current: SessionView, operator_id: UUID
) -> datetime | None:
    """Return when the operator signed in before the present session."""
    return session.execute(
        select(OperatorSession.created_at)
        .where(
            OperatorSession.operator_id == operator_id,
            OperatorSession.created_at < current.created_at,
        )
        .order_by(OperatorSession.created_at.desc())
        .limit(1)
    ).scalar_one_or_none()


def sessions(session: Session, *, operator_id: UUID, wall: datetime) -> list[SessionView]:
    """Return an operator's living sessions, the newest first."""
    rows = session.execute(
        select(OperatorSession)
        .where(OperatorSession.operator_id == operator_id, _alive(wall))
        .order_by(OperatorSession.created_at.desc())
    ).scalars()
    return [_session(row) for row in rows]


def operator(
    session: Session, *, operator_id: UUID | None = None, email: str | None = None
) -> OperatorView | None:
    """Return an operator by id or e-mail."""
    where = Operator.operator_id == operator_id if operator_id else Operator.email == email
    row = session.execute(select(Operator).where(where)).scalar_one_or_none()
    return None if row is None else _operator(row)


def all_operators(session: Session) -> list[OperatorView]:
    """Return every operator, by name."""
    rows = session.execute(select(Operator).order_by(Operator.name, Operator.email)).scalars()
    return [_operator(row) for row in rows]


def last_seen(session: Session) -> dict[UUID, datetime]:
    """Return when each operator was last seen, of those who ever signed in."""
    rows = session.execute(
        select(OperatorSession.operator_id, func.max(OperatorSession.seen_at)).group_by(
            OperatorSession.operator_id
        )
    )
    return {row[0]: row[1] for row in rows}


def acts(
    session: Session,
    *,
    before: int | None = None,
    limit: int,
    actor: str | None = None,
    action: str | None = None,
    subject: str | None = None,
    actors: Collection[str] | None = None,
    or_action: str = "",
) -> list[ActView]:
    """Return rows of the audit log, the newest first, numbered below ``before``.

    ``actors`` keeps what these did, and whatever begins with ``or_action`` whoever did it.
    """
    wanted: list[ColumnElement[bool]] = []
    if before is not None:
        wanted.append(AuditLog.sequence < before)
    if actor:
        wanted.append(AuditLog.actor == actor)
    if action:
        wanted.append(AuditLog.action == action)
    if subject:
        wanted.append(AuditLog.subject == subject)
    if actors is not None:
        named = AuditLog.action.startswith(or_action, autoescape=True) if or_action else false()
        wanted.append(or_(AuditLog.actor.in_(actors), named))
    rows = session.execute(
        select(AuditLog).where(and_(True, *wanted)).order_by(AuditLog.sequence.desc()).limit(limit)
    ).scalars()
    names = {found.public_id: found.name for found in all_operators(session)}
    return [
        ActView(
            sequence=row.sequence,
            recorded_at=row.recorded_at,
            actor=row.actor,
            actor_name=names.get(row.actor),
            action=row.action,
            subject=row.subject,
            facts=row.facts,
            hash=row.hash,
        )
        for row in rows
    ]


def last_act(session: Session, *, action: str, subject: str) -> ActView | None:
    """Return the newest act of a kind on a subject."""
    found = acts(session, limit=1, action=action, subject=subject)
    return found[0] if found else None


def actions(session: Session) -> list[str]:
    """Return the kinds of acts that the log holds."""
    # From one kind to the next by the index: a DISTINCT would read every row there is.
    return list(
        session.scalars(
            text("""
                WITH RECURSIVE kind AS (
                    (SELECT action FROM network.audit_log ORDER BY action LIMIT 1)
                    UNION ALL
                    SELECT (SELECT l.action FROM network.audit_log AS l
                            WHERE l.action > k.action ORDER BY l.action LIMIT 1)
                    FROM kind AS k WHERE k.action IS NOT NULL
                )
                SELECT action FROM kind WHERE action IS NOT NULL
            """)
        )
    )


def _alive(wall: datetime) -> ColumnElement[bool]:
    return and_(
        OperatorSession.ended_at.is_(None),
        OperatorSession.expires_at > wall,
        OperatorSession.seen_at > wall - IDLE,
    )


def _operator(row: Operator) -> OperatorView:
    return OperatorView(
        operator_id=row.operator_id,
        email=row.email,
        name=row.name,
        role=row.role,
        status=row.status,
        locale=row.locale,
        created_at=row.created_at,
        notices=row.notices,
    )


def _session(row: OperatorSession) -> SessionView:
    return SessionView(
        session_id=row.session_id,
        created_at=row.created_at,
        seen_at=row.seen_at,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
        user_agent=row.user_agent,
        address=row.address,
    )
