"""Signing in to the portal and out: password, and a one-time code for whoever needs one.

Attempts are slowed down like those at the console. A browser of a shop stays signed in through the
day; which till it stands at is kept with the session.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from network import ids
from network.language import ascii_digits
from network.merchants.addresses import line_of
from network.merchants.models import Merchant
from network.operators import passwords, sessions, totp
from network.operators.audit import record_act
from network.operators.sessions import ATTEMPTS_PER_ADDRESS, ATTEMPTS_PER_EMAIL
from network.portal import roles
from network.portal.links import TOTP_PURPOSE
from network.portal.models import PortalSession, PortalUser
from network.portal.queries import (
    MAY_SIGN_IN,
    PREFIX,
    SESSION_PREFIX,
    Browser,
    SessionView,
    browser,
)
from network.portal.service import plain_login
from network.tokens import token_digest
from network.vault import Vault

SESSION_LIFE = timedelta(hours=12)
_THROTTLE_PURPOSE = "portal-throttle"
_LONGEST_LOGIN = 254
_LONGEST_AGENT = 300
_SEEN_EVERY = timedelta(minutes=1)
_STAND_IN_SECRET = totp.new_secret()


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """How an attempt ended: a token, or none and whether it was one attempt too many.

    A refusal is a value, not an exception: what was counted must be committed.
    """

    token: str | None = field(repr=False)
    throttled: bool = False


def sign_in(
    session: Session,
    *,
    vault: Vault,
    wall: datetime,
    login: str,
    password: str,
    code: str,
    user_agent: str,
    address: str,
) -> SignIn:
    """Check name, password and, where the role needs one, the one-time code: all of them.

    Whatever is wrong looks the same and takes the same time; somebody suspended or of a merchant
    that is gone as well.
    """
    typed = plain_login(login)[:_LONGEST_LOGIN]
    line = f"address:{line_of(address)}"
    subjects = [
        by_login(vault, typed),
        (vault.blind_index(line, purpose=_THROTTLE_PURPOSE), ATTEMPTS_PER_ADDRESS),
    ]
    if sessions.one_too_many(session, subjects=subjects, wall=wall):
        return SignIn(token=None, throttled=True)
    row = session.execute(
        select(PortalUser, Merchant)
        .join(Merchant, Merchant.merchant_id == PortalUser.merchant_id)
        .where(PortalUser.login == typed)
        .with_for_update(of=PortalUser)
    ).one_or_none()
    user = None if row is None else row.PortalUser
    right = passwords.matches(None if user is None else user.password_hash, password)
    step = _step_of(vault, user, code=code, wall=wall)
    if row is None or not right or step is None or not _may_enter(row.PortalUser, row.Merchant):
        known = "unknown" if user is None else ids.encode(PREFIX, user.user_id)
        record_act(
            session,
            now=wall,
            actor=known,
            action="portal.refused",
            subject=known,
            facts={"address": address},
        )
        return SignIn(token=None)
    # Used up only now: a mistyped password leaves the code to the next attempt.
    row.PortalUser.totp_step, row.PortalUser.pin_misses = step, 0
    sessions.forget_attempts(session, subject=subjects[0][0])
    user_id = row.PortalUser.user_id
    token, session_id = _open_session(
        session, user_id=user_id, wall=wall, user_agent=user_agent, address=address
    )
    record_act(
        session,
        now=wall,
        actor=ids.encode(PREFIX, user_id),
        action="portal.signed_in",
        subject=f"merchant:{row.Merchant.code}",
        facts={"session": ids.encode(SESSION_PREFIX, session_id), "address": address},
    )
    return SignIn(token=token)


def forget_places(session: Session, *, before: datetime, limit: int) -> int:
    """Forget browser and address of up to ``limit`` sign-ins that ended before then.

    The sign-in itself stays: evidence of what was done in it names its person by it. Returns how
    many there were.
    """
    ended = or_(PortalSession.ended_at < before, PortalSession.expires_at < before)
    told = or_(PortalSession.user_agent != "", PortalSession.address != "")
    found = select(PortalSession.session_id).where(ended, told).limit(limit)
    gone = session.execute(
        update(PortalSession)
        .where(PortalSession.session_id.in_(found))
        .values(user_agent="", address="")
        .returning(PortalSession.session_id),
        execution_options={"synchronize_session": False},
    )
    return len(gone.all())


def by_login(vault: Vault, login: str) -> tuple[bytes, int]:
    """Return what attempts at somebody's password are counted as, and how many there may be."""
    return vault.blind_index(f"login:{login}", purpose=_THROTTLE_PURPOSE), ATTEMPTS_PER_EMAIL


def end_session(
    session: Session, *, code: str, actor: str, merchant_id: UUID, session_id: UUID, wall: datetime
) -> bool:
    """End a sign-in of a merchant's people; return whether there was a living one to end.

    What a PIN opened under it ends as well. ``code`` is the merchant's, ``actor`` who ends it: its
    owner or an administrator.
    """
    ended = session.execute(
        update(PortalSession)
        .where(
            or_(PortalSession.session_id == session_id, PortalSession.base_id == session_id),
            PortalSession.ended_at.is_(None),
            PortalSession.user_id.in_(
                select(PortalUser.user_id).where(PortalUser.merchant_id == merchant_id)
            ),
        )
        .values(ended_at=wall)
        .returning(PortalSession.session_id),
        execution_options={"synchronize_session": False},
    ).all()
    if not ended:
        return False
    record_act(
        session,
        now=wall,
        actor=actor,
        action="portal.ended",
        subject=f"merchant:{code}",
        facts={"session": ids.encode(SESSION_PREFIX, session_id)},
    )
    return True


def is_due(view: SessionView, *, wall: datetime) -> bool:
    """Return whether the use of a session has to be noted again: once a minute."""
    return wall - view.seen_at >= _SEEN_EVERY


def touch(session: Session, *, wall: datetime, view: SessionView) -> None:
    """Note that a session is in use, and the one that a PIN opened it under."""
    session.execute(
        update(PortalSession)
        .where(PortalSession.session_id.in_([view.session_id, view.base_id or view.session_id]))
        .values(seen_at=wall),
        execution_options={"synchronize_session": False},
    )


def stand_at(
    session: Session, *, view: SessionView, store_id: UUID | None, terminal: str | None
) -> None:
    """Keep the till that this browser stands at; whether there is one the caller has looked up."""
    session.execute(
        update(PortalSession)
        .where(PortalSession.session_id.in_([view.session_id, view.base_id or view.session_id]))
        .values(store_id=store_id, terminal=terminal if store_id else None),
        execution_options={"synchronize_session": False},
    )


def follow(session: Session, *, token: str, before: Browser, wall: datetime) -> None:
    """Have the sign-in of ``token`` take the place of the one that its browser had before.

    That one ends, with what PINs opened under it; at the same merchant the new one stands where it
    stood.
    """
    end_session(
        session,
        code=before.merchant.code,
        actor=before.owner.public_id,
        merchant_id=before.merchant.merchant_id,
        session_id=before.base.session_id,
        wall=wall,
    )
    found = browser(session, token=token, wall=wall)
    if found is not None and found.merchant.merchant_id == before.merchant.merchant_id:
        was = before.base
        stand_at(session, view=found.base, store_id=was.store_id, terminal=was.terminal)


def _may_enter(user: PortalUser, merchant: Merchant) -> bool:
    return user.status == "active" and merchant.status in MAY_SIGN_IN


def _step_of(vault: Vault, user: PortalUser | None, *, code: str, wall: datetime) -> int | None:
    """Return the step of a one-time code that is right and was not used, else ``None``.

    Where the role needs no code, that is the step of the last one that was used.
    """
    secret = _STAND_IN_SECRET
    if user is not None and user.sealed_totp is not None:
        secret = vault.open(user.sealed_totp, purpose=TOTP_PURPOSE).decode()
    step = totp.matching_step(
        secret=secret,
        code=ascii_digits(code).strip().replace(" ", ""),
        wall=wall,
        after=0 if user is None else user.totp_step,
    )
    if user is not None and not roles.needs_second_factor(user.role):
        return user.totp_step
    return None if user is None or user.sealed_totp is None else step


def _open_session(
    session: Session, *, user_id: UUID, wall: datetime, user_agent: str, address: str
) -> tuple[str, UUID]:
    token = secrets.token_urlsafe(32)
    row = PortalSession(
        session_id=ids.uuid7(),
        user_id=user_id,
        token_digest=token_digest(token),
        created_at=wall,
        seen_at=wall,
        expires_at=wall + SESSION_LIFE,
        user_agent=user_agent[:_LONGEST_AGENT].replace("\x00", ""),
        address=address,
    )
    session.add(row)
    session.flush()
    return token, row.session_id
