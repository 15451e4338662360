"""What an administrator does about other operators: role, suspension, sessions, a way back in.

Nobody does any of it to himself, so the last administrator can't lock everybody out: whoever acts
is one. A way in for somebody else would make one person two, so where there is another
administrator, that one has to confirm it.
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from network import ids
from network.errors import PeyvandError
from network.language import ascii_digits
from network.operators import passkeys, passwords, service, totp
from network.operators.audit import SYSTEM, record_act
from network.operators.errors import InvalidOperatorError
from network.operators.models import AuditLog, Operator, OperatorRecovery
from network.operators.queries import OperatorView
from network.operators.queries import operator as find_operator
from network.operators.roles import ADMINISTRATOR, ROLES
from network.operators.sessions import end_all, end_one
from network.vault import Vault

RECOVERY_LIFE = timedelta(hours=24)
DEMOTION_COUNTS = timedelta(days=30)
_CODE_BYTES = 20


class OwnAccountError(PeyvandError):
    """An administrator can't do this to the own account, or is none any more."""

    code = "own_account"


class RecoveryError(PeyvandError):
    """A way back in is not open: unknown, used, too old, or not confirmed yet."""

    code = "recovery_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A way in that was begun; ``code`` is shown this once."""

    recovery_id: UUID
    code: str = field(repr=False)
    needs_second: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryView:
    """A way in that is open, or waits for a second administrator."""

    recovery_id: UUID
    operator_id: UUID
    begun_by: UUID | None
    begun_at: datetime
    expires_at: datetime
    waits: bool

    @property
    def public_id(self) -> str:
        """Return the id by which pages and the audit log name it."""
        return ids.encode("rcv", self.recovery_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class WayIn:
    """What the owner of a code sees: who it is for, and the secret for the authenticator app."""

    operator: OperatorView
    totp_secret: str = field(repr=False)
    totp_uri: str = field(repr=False)


def add(
    session: Session,
    *,
    vault: Vault,
    wall: datetime,
    by: OperatorView,
    email: str,
    name: str,
    role: str,
) -> tuple[OperatorView, Begun]:
    """Add an operator, who chooses the password by the code that is returned.

    Raises InvalidOperatorError and OperatorExistsError.
    """
    _acting(session, by=by)
    added = service.add_operator(
        session,
        vault=vault,
        now=wall,
        email=email,
        name=name,
        role=role,
        password=passwords.generate(),
        actor=by.public_id,
    )
    operator_id = added.operator.operator_id
    return added.operator, begin_recovery(
        session, vault=vault, wall=wall, by=by, operator_id=operator_id
    )


def change_role(
    session: Session, *, wall: datetime, by: OperatorView, operator_id: UUID, role: str
) -> None:
    """Give another operator a role; sessions that are open follow it at once."""
    if role not in ROLES:
        raise InvalidOperatorError(f"a role is one of {', '.join(ROLES)}", field="role")
    row = _other(session, by=by, operator_id=operator_id)
    before, row.role = row.role, role
    session.flush()
    _record(session, wall, by, row, "operator.role", {"from": before, "to": role})


def suspend(session: Session, *, wall: datetime, by: OperatorView, operator_id: UUID) -> None:
    """Keep another operator out: every session ends, and no new one opens."""
    row = _other(session, by=by, operator_id=operator_id)
    row.status = "suspended"
    session.flush()
    ended = end_all(session, wall=wall, operator_id=operator_id)
    _record(session, wall, by, row, "operator.suspended", {"sessions": ended})


def resume(session: Session, *, wall: datetime, by: OperatorView, operator_id: UUID) -> None:
    """Let another operator in again."""
    row = _other(session, by=by, operator_id=operator_id)
    row.status = "active"
    session.flush()
    _record(session, wall, by, row, "operator.resumed", {})


def end_session(
    session: Session, *, wall: datetime, by: OperatorView, operator_id: UUID, session_id: UUID
) -> bool:
    """End a session of another operator; return whether there was one to end."""
    _other(session, by=by, operator_id=operator_id)
    return end_one(
        session,
        wall=wall,
        actor=by.public_id,
        operator_id=operator_id,
        session_id=session_id,
        action="session.ended",
    )


def begin_recovery(
    session: Session, *, vault: Vault, wall: datetime, by: OperatorView | None, operator_id: UUID
) -> Begun:
    """Make a code by which another operator chooses a new password and authenticator.

    Earlier codes end. ``by`` is ``None`` for the command line, which acts for the house. Until the
    code is used, what the operator has goes on working.
    """
    row = _target(session, by=by, operator_id=operator_id)
    others = [Operator.operator_id != operator_id]
    if by is not None:
        others.append(Operator.operator_id != by.operator_id)
    another = session.execute(
        # Whoever was suspended counts, or lost the role lately: no administrator makes himself
        # the only one.
        select(func.count()).where(
            or_(Operator.role == ADMINISTRATOR, Operator.operator_id.in_(_demoted(session, wall))),
            *others,
        )
    ).scalar_one()
    session.execute(
        update(OperatorRecovery)
        .where(OperatorRecovery.operator_id == operator_id, OperatorRecovery.ended_at.is_(None))
        .values(ended_at=wall)
    )
    code = base64.b32encode(secrets.token_bytes(_CODE_BYTES)).decode().lower()
    made = OperatorRecovery(
        recovery_id=ids.uuid7(),
        operator_id=operator_id,
        code_digest=_digest(code),
        sealed_totp=vault.seal(totp.new_secret().encode(), purpose=service.TOTP_PURPOSE),
        begun_by=None if by is None else by.operator_id,
        begun_at=wall,
        expires_at=wall + RECOVERY_LIFE,
        needs_second=by is not None and another > 0,
    )
    session.add(made)
    session.flush()
    _record(session, wall, by, row, "recovery.begun", {"needs_second": made.needs_second})
    shown = "-".join(code[start : start + 4] for start in range(0, len(code), 4))
    return Begun(recovery_id=made.recovery_id, code=shown, needs_second=made.needs_second)


def _demoted(session: Session, wall: datetime) -> list[UUID]:
    """Return who lost an administrator's role in the last month."""
    subjects = session.scalars(
        select(AuditLog.subject).where(
            AuditLog.action == "operator.role",
            AuditLog.recorded_at > wall - DEMOTION_COUNTS,
            AuditLog.facts["from"].astext == ADMINISTRATOR,
        )
    )
    return [ids.decode("opr", subject) for subject in subjects]


def confirm_recovery(
    session: Session, *, wall: datetime, by: OperatorView, recovery_id: UUID
) -> None:
    """Let a code work, as another administrator than who made it; raise RecoveryError."""
    made = session.get(OperatorRecovery, recovery_id, with_for_update=True, populate_existing=True)
    if made is None or not made.needs_second or made.ended_at or made.confirmed_at:
        raise RecoveryError("there is nothing to confirm")
    if made.begun_by == by.operator_id or made.expires_at <= wall:
        raise RecoveryError("whoever made a code can't confirm it, and it must be in time")
    row = _other(session, by=by, operator_id=made.operator_id)
    made.confirmed_by, made.confirmed_at = by.operator_id, wall
    session.flush()
    _record(session, wall, by, row, "recovery.confirmed", {})


def open_recoveries(session: Session, *, wall: datetime) -> list[RecoveryView]:
    """Return the ways in that are open or wait, the newest first."""
    rows = session.scalars(
        select(OperatorRecovery)
        .where(OperatorRecovery.ended_at.is_(None), OperatorRecovery.expires_at > wall)
        .order_by(OperatorRecovery.begun_at.desc())
    )
    return [
        RecoveryView(
            recovery_id=row.recovery_id,
            operator_id=row.operator_id,
            begun_by=row.begun_by,
            begun_at=row.begun_at,
            expires_at=row.expires_at,
            waits=row.needs_second and row.confirmed_at is None,
        )
        for row in rows
    ]


def way_in(session: Session, *, vault: Vault, wall: datetime, code: str) -> WayIn:
    """Return what a code opens; raise RecoveryError where it opens nothing."""
    made = _open(session, wall=wall, code=code)
    found = find_operator(session, operator_id=made.operator_id)
    if found is None or found.status != "active":
        raise RecoveryError("this code opens nothing")
    secret = vault.open(made.sealed_totp, purpose=service.TOTP_PURPOSE).decode()
    uri = totp.provisioning_uri(secret=secret, email=found.email, issuer=service.ISSUER)
    return WayIn(operator=found, totp_secret=secret, totp_uri=uri)


def complete_recovery(
    session: Session,
    *,
    vault: Vault,
    wall: datetime,
    code: str,
    password: str,
    one_time_code: str,
) -> None:
    """Take over the new password and authenticator; passkeys go, and every session ends.

    Raises RecoveryError, WeakPasswordError, and InvalidOperatorError where the one-time code is
    not what the authenticator shows (``field`` is ``one_time_code``).
    """
    found = way_in(session, vault=vault, wall=wall, code=code)
    made = _open(session, wall=wall, code=code, lock=True)
    step = totp.matching_step(
        secret=found.totp_secret,
        code=ascii_digits(one_time_code).strip().replace(" ", ""),
        wall=wall,
        after=0,
    )
    if step is None:
        raise InvalidOperatorError("the one-time code is wrong", field="one_time_code")
    row = session.get_one(Operator, made.operator_id, with_for_update=True, populate_existing=True)
    row.password_hash = passwords.hash_password(password)
    row.sealed_totp, row.totp_step, made.ended_at = made.sealed_totp, step, wall
    session.flush()
    removed = passkeys.remove_all(session, operator_id=row.operator_id)
    ended = end_all(session, wall=wall, operator_id=row.operator_id)
    record_act(
        session,
        now=wall,
        actor=found.operator.public_id,
        action="recovery.used",
        subject=found.operator.public_id,
        facts={"passkeys": removed, "sessions": ended},
    )


def _open(session: Session, *, wall: datetime, code: str, lock: bool = False) -> OperatorRecovery:
    query = select(OperatorRecovery).where(
        OperatorRecovery.code_digest == _digest(code),
        OperatorRecovery.ended_at.is_(None),
        OperatorRecovery.expires_at > wall,
        or_(~OperatorRecovery.needs_second, OperatorRecovery.confirmed_at.is_not(None)),
    )
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    made = session.scalars(query).one_or_none()
    if made is None:
        raise RecoveryError("this code opens nothing")
    return made


def _other(session: Session, *, by: OperatorView, operator_id: UUID) -> Operator:
    if operator_id == by.operator_id:
        raise OwnAccountError("nobody does this to the own account")
    return _target(session, by=by, operator_id=operator_id)


def _target(session: Session, *, by: OperatorView | None, operator_id: UUID) -> Operator:
    """Return the operator to act on, both rows locked in one order."""
    wanted = {operator_id} | ({by.operator_id} if by is not None else set())
    rows = {
        row.operator_id: row
        for row in session.scalars(
            select(Operator)
            .where(Operator.operator_id.in_(wanted))
            .order_by(Operator.operator_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    }
    if by is not None:
        if operator_id == by.operator_id:
            raise OwnAccountError("nobody does this to the own account")
        _still_administrator(rows.get(by.operator_id))
    if operator_id not in rows:
        raise InvalidOperatorError("there is no such operator")
    return rows[operator_id]


def _acting(session: Session, *, by: OperatorView) -> None:
    _still_administrator(
        session.get(Operator, by.operator_id, with_for_update=True, populate_existing=True)
    )


def _still_administrator(row: Operator | None) -> None:
    """Two administrators may act on each other at the same moment: one of them is none any more."""
    if row is None or row.role != ADMINISTRATOR or row.status != "active":
        raise OwnAccountError("whoever acts is no administrator any more")


def _record(
    session: Session,
    wall: datetime,
    by: OperatorView | None,
    row: Operator,
    action: str,
    facts: dict[str, object],
) -> None:
    record_act(
        session,
        now=wall,
        actor=SYSTEM if by is None else by.public_id,
        action=action,
        subject=ids.encode("opr", row.operator_id),
        facts=facts,
    )


def _digest(code: str) -> bytes:
    plain = "".join(each for each in code.lower() if each.isalnum())
    return sha256(plain.encode()).digest()
