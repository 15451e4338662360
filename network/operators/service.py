"""Operators: add one, sign in with password and one-time code, sign out, end a session.

Services take the session first and never commit; each act lands in the audit log of the same unit
of work.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from network import ids
from network.language import LOCALES, ascii_digits, normalise
from network.members.phones import normalise_phone
from network.operators import passwords, totp
from network.operators.audit import SYSTEM, record_act
from network.operators.errors import InvalidOperatorError, OperatorExistsError
from network.operators.models import Operator, OperatorSession
from network.operators.queries import OperatorView, SessionView
from network.operators.queries import operator as find_operator
from network.operators.roles import ROLES
from network.operators.sessions import (
    address_subject,
    email_subject,
    end_one,
    forget_attempts,
    one_too_many,
    open_session,
)
from network.vault import Vault

ISSUER = "Peyvand"
NOTICES = ("none", "email", "sms")
PHONE_PURPOSE = "operator-phone"

TOTP_PURPOSE = "operator-totp"
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_LONGEST_EMAIL = 254
_LONGEST_NAME = 120
_SEEN_EVERY = timedelta(minutes=1)
_STAND_IN_SECRET = totp.new_secret()


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """A new operator; secret and address for the authenticator app are shown this once."""

    operator: OperatorView
    totp_secret: str
    totp_uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """How an attempt ended: a token, or none and whether it was one attempt too many.

    A refusal is a value, not an exception: what was counted must be committed.
    """

    token: str | None
    throttled: bool = False


def add_operator(
    session: Session,
    *,
    vault: Vault,
    now: datetime,
    email: str,
    name: str,
    role: str,
    password: str,
    actor: str = SYSTEM,
) -> Added:
    """Add an operator and return the secret for the authenticator app, the only time it is shown.

    Raises InvalidOperatorError, OperatorExistsError or WeakPasswordError.
    """
    address, full_name = plain_email(email), normalise(name)
    if not _EMAIL.fullmatch(address) or len(address) > _LONGEST_EMAIL:
        raise InvalidOperatorError("this is not an e-mail address", field="email")
    if not 1 <= len(full_name) <= _LONGEST_NAME:
        raise InvalidOperatorError(f"a name has 1 to {_LONGEST_NAME} characters", field="name")
    if role not in ROLES:
        raise InvalidOperatorError(f"a role is one of {', '.join(ROLES)}", field="role")
    secret = totp.new_secret()
    row = {
        "operator_id": ids.uuid7(),
        "email": address,
        "name": full_name,
        "role": role,
        "status": "active",
        "password_hash": passwords.hash_password(password),
        "sealed_totp": vault.seal(secret.encode(), purpose=TOTP_PURPOSE),
        "totp_step": 0,
        "created_at": now,
    }
    added = session.execute(
        insert(Operator).values(row).on_conflict_do_nothing().returning(Operator.operator_id)
    ).scalar_one_or_none()
    view = find_operator(session, email=address)
    if added is None or view is None:
        raise OperatorExistsError(f"there is an operator {address} already", field="email")
    record_act(
        session,
        now=now,
        actor=actor,
        action="operator.added",
        subject=view.public_id,
        facts={"role": role},
    )
    uri = totp.provisioning_uri(secret=secret, email=address, issuer=ISSUER)
    return Added(operator=view, totp_secret=secret, totp_uri=uri)


def sign_in(
    session: Session,
    *,
    vault: Vault,
    wall: datetime,
    email: str,
    password: str,
    code: str,
    user_agent: str,
    address: str,
) -> SignIn:
    """Check e-mail, password and one-time code, all of them, whatever the first one says.

    A wrong e-mail, a wrong password, a wrong or used code and a suspended operator look the same
    and take the same time.
    """
    typed = plain_email(email)[:_LONGEST_EMAIL]
    subjects = (email_subject(vault, typed), address_subject(vault, address))
    if one_too_many(session, subjects=subjects, wall=wall):
        return SignIn(token=None, throttled=True)
    row = session.execute(
        select(Operator).where(Operator.email == typed).with_for_update()
    ).scalar_one_or_none()
    right = passwords.matches(None if row is None else row.password_hash, password)
    step = totp.matching_step(
        secret=_STAND_IN_SECRET if row is None else _secret(vault, row),
        code=ascii_digits(code).strip().replace(" ", ""),
        wall=wall,
        after=0 if row is None else row.totp_step,
    )
    if row is None or not right or step is None or row.status != "active":
        known = "unknown" if row is None else ids.encode("opr", row.operator_id)
        facts = {"address": address}
        record_act(
            session, now=wall, actor=known, action="sign_in.refused", subject=known, facts=facts
        )
        return SignIn(token=None)
    row.totp_step = step
    forget_attempts(session, subject=subjects[0][0])
    token = open_session(
        session, operator_id=row.operator_id, wall=wall, user_agent=user_agent, address=address
    )
    return SignIn(token=token)


def sign_out(
    session: Session, *, wall: datetime, operator: OperatorView, view: SessionView
) -> None:
    """End the session that the operator uses."""
    end_one(
        session,
        wall=wall,
        actor=operator.public_id,
        operator_id=operator.operator_id,
        session_id=view.session_id,
        action="signed_out",
    )


def end_session(
    session: Session, *, wall: datetime, operator: OperatorView, session_id: UUID
) -> bool:
    """End another session of the same operator; return whether there was one to end."""
    return end_one(
        session,
        wall=wall,
        actor=operator.public_id,
        operator_id=operator.operator_id,
        session_id=session_id,
        action="session.ended",
    )


def touch(session: Session, *, wall: datetime, view: SessionView) -> None:
    """Note that a session is in use, at most once a minute."""
    if is_due(view, wall=wall):
        session.execute(
            update(OperatorSession)
            .where(OperatorSession.session_id == view.session_id)
            .values(seen_at=wall)
        )


def is_due(view: SessionView, *, wall: datetime) -> bool:
    """Return whether the use of a session has to be noted again."""
    return wall - view.seen_at >= _SEEN_EVERY


def set_locale(session: Session, *, now: datetime, operator: OperatorView, locale: str) -> None:
    """Keep the language in which an operator reads the console."""
    if locale not in LOCALES:
        raise InvalidOperatorError("a language is fa or en", field="locale")
    session.execute(
        update(Operator).where(Operator.operator_id == operator.operator_id).values(locale=locale)
    )
    record_act(
        session,
        now=now,
        actor=operator.public_id,
        action="operator.language",
        subject=operator.public_id,
        facts={"locale": locale},
    )


def set_notices(
    session: Session,
    *,
    vault: Vault,
    now: datetime,
    operator: OperatorView,
    notices: str,
    phone: str = "",
) -> None:
    """Keep by which way an operator is told of the nights: ``none``, ``email`` or ``sms``.

    An empty ``phone`` leaves the one that is stored. Raises InvalidPhoneError, and
    InvalidOperatorError where there is no such way, or no number for text messages.
    """
    if notices not in NOTICES:
        raise InvalidOperatorError(f"a way is one of {', '.join(NOTICES)}", field="notices")
    row = session.get_one(
        Operator, operator.operator_id, with_for_update=True, populate_existing=True
    )
    if phone.strip():
        row.sealed_phone = vault.seal(normalise_phone(phone).encode(), purpose=PHONE_PURPOSE)
    if notices == "sms" and row.sealed_phone is None:
        raise InvalidOperatorError("a text message needs a number", field="phone")
    row.notices = notices
    session.flush()
    record_act(
        session,
        now=now,
        actor=operator.public_id,
        action="operator.notices",
        subject=operator.public_id,
        facts={"notices": notices},
    )


def plain_email(email: str) -> str:
    """Return an e-mail address as it is stored and looked up."""
    return normalise(email).lower()


def _secret(vault: Vault, row: Operator) -> str:
    return vault.open(row.sealed_totp, purpose=TOTP_PURPOSE).decode()
