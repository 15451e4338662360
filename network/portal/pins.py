"""PINs: who of several cashiers stands at a till that somebody opened with a password.

A PIN is no way in. It is worth something in a browser in which somebody of the merchant signed in
with a password within the last hours; there it opens the till and nothing else, whatever else its
person may do elsewhere. Everybody has a sign-in of their own under that one, so each act at a till
names who did it. A PIN is chosen by its person, with their password; nobody else ever sees it.
What is kept is argon2id (RFC 9106) of a keyed digest: of the rows alone no PIN can be found.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Literal
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from network import ids
from network.language import ascii_digits
from network.merchants.queries import MerchantView
from network.merchants.queries import merchant as find_merchant
from network.operators import passwords, sessions
from network.operators.audit import record_act
from network.portal import roles, service, signing_in
from network.portal.errors import NoPinError, WeakPinError
from network.portal.models import PortalSession, PortalUser
from network.portal.queries import (
    MOST_MISSES,
    PREFIX,
    Browser,
    SessionView,
    UserView,
    user_view,
)
from network.tokens import token_digest
from network.vault import Vault

SHORTEST, LONGEST = 4, 8
ATTEMPTS_PER_TILL = 30
"""So many PINs are typed at one till in a quarter of an hour, of all people together."""

_PURPOSE, _THROTTLE_PURPOSE = "portal-pin", "portal-pin-throttle"
_LONGEST_AGENT = 300
_TOKEN_BYTES = 32

Outcome = Literal["done", "wrong", "locked", "throttled"]
"""A refusal is a value, not an exception: what was counted must be committed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlocking:
    """A PIN as it was typed at a till, for whom, and from where."""

    user_id: UUID
    pin: str
    user_agent: str
    address: str


def choose(
    session: Session, vault: Vault, *, user: UserView, password: str, pin: str, wall: datetime
) -> Outcome:
    """Set one's own PIN, with the password; raise WeakPinError."""
    typed = _checked(pin)

    def change(row: PortalUser) -> str:
        row.pin_hash = passwords.hash_password(_peppered(vault, row.user_id, typed))
        row.pin_set_at, row.pin_misses = wall, 0
        return "portal_user.pin_set"

    return _by_password(session, vault, user=user, password=password, wall=wall, change=change)


def drop(
    session: Session, vault: Vault, *, user: UserView, password: str, wall: datetime
) -> Outcome:
    """Go without a PIN again, with the password."""
    return _by_password(session, vault, user=user, password=password, wall=wall, change=_without)


def reset(
    session: Session, *, merchant: MerchantView, user_id: UUID, actor: str, wall: datetime
) -> UserView:
    """Take somebody's PIN away, and have them out of every till that it opened.

    They choose another one themselves, with their password. Raises UnknownPortalUserError.
    """
    row = service.locked(session, merchant_id=merchant.merchant_id, user_id=user_id)
    _without(row)
    session.flush()
    _end(session, user_id=user_id, wall=wall)
    service.record(session, merchant.code, row, "portal_user.pin_reset", actor, wall)
    return user_view(row)


def people(session: Session, *, merchant_id: UUID) -> list[UserView]:
    """Return who may open a till of a merchant by a PIN, locked ones too, by name."""
    rows = session.scalars(
        select(PortalUser)
        .where(
            PortalUser.merchant_id == merchant_id,
            PortalUser.status == "active",
            PortalUser.pin_hash.is_not(None),
        )
        .order_by(PortalUser.name, PortalUser.login)
    )
    return [user_view(row) for row in rows if roles.opens(row.role, roles.TILL)]


def last_at(session: Session, *, base: SessionView) -> str:
    """Return the public id of whoever stood at a till last, by PIN or by password."""
    found = session.scalar(
        select(PortalSession.user_id)
        .where(PortalSession.base_id == base.session_id)
        .order_by(PortalSession.created_at.desc())
        .limit(1)
    )
    return ids.encode(PREFIX, found or base.user_id)


def lock(session: Session, *, browser: Browser, wall: datetime) -> None:
    """Have a till ask for a PIN from now on; raise NoPinError where it would open for nobody."""
    if not people(session, merchant_id=browser.merchant.merchant_id):
        raise NoPinError("nobody has a PIN")
    _share(session, browser, wall=wall)


def unlock(
    session: Session, vault: Vault, *, browser: Browser, typed: Unlocking, wall: datetime
) -> Outcome:
    """Let whoever's PIN it is stand at the till, in the place of whoever stood there before."""
    till = vault.blind_index(browser.base.public_id, purpose=_THROTTLE_PURPOSE)
    if sessions.one_too_many(session, subjects=[(till, ATTEMPTS_PER_TILL)], wall=wall):
        return "throttled"
    row = session.scalars(
        select(PortalUser)
        .where(
            PortalUser.user_id == typed.user_id,
            PortalUser.merchant_id == browser.merchant.merchant_id,
            PortalUser.status == "active",
            PortalUser.pin_hash.is_not(None),
        )
        .with_for_update()
    ).one_or_none()
    if row is None or not roles.opens(row.role, roles.TILL):
        return "wrong"
    if row.pin_misses >= MOST_MISSES:
        return "locked"
    if not passwords.matches(row.pin_hash, _peppered(vault, row.user_id, _plain(typed.pin))):
        return _missed(session, row, browser, wall=wall)
    row.pin_misses = 0
    sessions.forget_attempts(session, subject=till)
    _share(session, browser, wall=wall)
    _stand(session, row, browser, typed, wall=wall)
    return "done"


def _missed(session: Session, row: PortalUser, browser: Browser, *, wall: datetime) -> Outcome:
    row.pin_misses += 1
    over = row.pin_misses >= MOST_MISSES
    record_act(
        session,
        now=wall,
        actor=browser.base.public_id,
        action="portal_user.pin_locked" if over else "portal_user.pin_refused",
        subject=f"merchant:{browser.merchant.code}",
        facts={"user": ids.encode(PREFIX, row.user_id)},
    )
    return "locked" if over else "wrong"


def _share(session: Session, browser: Browser, *, wall: datetime) -> None:
    """Have a browser ask for PINs, and nobody stand at it; one change at a time."""
    row = session.get_one(
        PortalSession, browser.base.session_id, with_for_update=True, populate_existing=True
    )
    row.shared_at = row.shared_at or wall
    session.flush()
    session.execute(
        update(PortalSession)
        .where(PortalSession.base_id == row.session_id, PortalSession.ended_at.is_(None))
        .values(ended_at=wall),
        execution_options={"synchronize_session": False},
    )


def _stand(
    session: Session, row: PortalUser, browser: Browser, typed: Unlocking, *, wall: datetime
) -> None:
    base = session.get_one(PortalSession, browser.base.session_id)
    session.add(
        PortalSession(
            session_id=ids.uuid7(),
            user_id=row.user_id,
            token_digest=token_digest(secrets.token_urlsafe(_TOKEN_BYTES)),  # which nobody gets
            created_at=wall,
            seen_at=wall,
            expires_at=base.expires_at,
            user_agent=typed.user_agent[:_LONGEST_AGENT].replace("\x00", ""),
            address=typed.address,
            store_id=base.store_id,
            terminal=base.terminal,
            base_id=base.session_id,
        )
    )
    base.seen_at = wall
    session.flush()


def _by_password(
    session: Session,
    vault: Vault,
    *,
    user: UserView,
    password: str,
    wall: datetime,
    change: Callable[[PortalUser], str],
) -> Outcome:
    """Change somebody's PIN if the password is right; attempts count as those of a sign-in."""
    subject = signing_in.by_login(vault, user.login)
    if sessions.one_too_many(session, subjects=[subject], wall=wall):
        return "throttled"
    row = service.locked(session, merchant_id=user.merchant_id, user_id=user.user_id)
    if not passwords.matches(row.password_hash, password):
        return "wrong"
    sessions.forget_attempts(session, subject=subject[0])
    action = change(row)
    session.flush()
    view = user_view(row)
    merchant = find_merchant(session, merchant_id=user.merchant_id)
    service.record(session, merchant.code, row, action, view.public_id, wall)
    return "done"


def _without(row: PortalUser) -> str:
    row.pin_hash, row.pin_set_at, row.pin_misses = None, None, 0
    return "portal_user.pin_dropped"


def _end(session: Session, *, user_id: UUID, wall: datetime) -> None:
    session.execute(
        update(PortalSession)
        .where(
            PortalSession.user_id == user_id,
            PortalSession.base_id.is_not(None),
            PortalSession.ended_at.is_(None),
        )
        .values(ended_at=wall),
        execution_options={"synchronize_session": False},
    )


def _peppered(vault: Vault, user_id: UUID, pin: str) -> str:
    """Return what is hashed of a PIN: its digest under a key that is not in the database."""
    return vault.blind_index(f"{user_id}:{pin}", purpose=_PURPOSE).hex()


def _plain(pin: str) -> str:
    return ascii_digits(pin).strip()[: LONGEST + 1]


def _checked(pin: str) -> str:
    typed = _plain(pin)
    if not (typed.isascii() and typed.isdigit() and SHORTEST <= len(typed) <= LONGEST):
        raise WeakPinError(f"a PIN has {SHORTEST} to {LONGEST} digits", field="pin")
    steps = {int(later) - int(earlier) for earlier, later in pairwise(typed)}
    if len(steps) == 1 and steps <= {-1, 0, 1}:
        raise WeakPinError("everybody tries a run or one digit first", field="pin")
    return typed
