"""A merchant's people: invited, let in by a code that sets a password, changed, suspended.

Services take the session first and never commit; each act lands in the audit log of the same unit
of work. ``actor`` is who does it: an operator (``opr_…``), a person of the merchant (``pus_…``) or
``system``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from network import ids
from network.language import LOCALES, normalise
from network.merchants.models import Merchant
from network.merchants.queries import MerchantView
from network.operators import passwords, totp
from network.operators.audit import record_act
from network.portal import links, roles
from network.portal.errors import (
    InvalidPortalUserError,
    LastAdministratorError,
    LoginTakenError,
    UnknownPortalUserError,
    WrongCodeError,
)
from network.portal.models import PortalLink, PortalSession, PortalUser
from network.portal.queries import UserView, user_view
from network.tokens import token_digest
from network.vault import Vault

ISSUER = "Peyvand"

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_SHOP_NAME = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*")
_LONGEST_LOGIN = 254
_LONGEST_NAME = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """Somebody with a code that lets them in; ``token`` is that code, known this once."""

    user: UserView
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """What a code opens: for whom, and the secret for an authenticator app where one is needed."""

    user: UserView
    merchant_id: UUID
    totp_secret: str | None = field(repr=False)
    totp_uri: str | None = field(repr=False)


def plain_login(text: str) -> str:
    """Return a sign-in name as it is stored and looked up."""
    return normalise(text).lower()


def login_of(text: str, *, merchant: MerchantView) -> str:
    """Return the sign-in name of somebody new: an e-mail address, or a name of the shop's own.

    A bare name becomes ``name@code`` with the merchant's code, which no e-mail address is, because
    codes have no dot. Raises InvalidPortalUserError.
    """
    typed = plain_login(text)
    if _SHOP_NAME.fullmatch(typed):
        typed = f"{typed}@{merchant.code}"
    name, _at, domain = typed.partition("@")
    own = domain == merchant.code and _SHOP_NAME.fullmatch(name) is not None
    if not own and not _EMAIL.fullmatch(typed):
        raise InvalidPortalUserError("this is no e-mail address and no plain name", field="login")
    if len(typed) > _LONGEST_LOGIN:
        raise InvalidPortalUserError("this sign-in name is too long", field="login")
    return typed


def invite(
    session: Session,
    vault: Vault,
    *,
    merchant: MerchantView,
    login: str,
    name: str,
    role: str,
    actor: str,
    now: datetime,
) -> Invited:
    """Add somebody to a merchant's people and return the code that lets them in.

    For its own administrators and the command line; operators go by ``ways_in``. Raises
    InvalidPortalUserError or LoginTakenError.
    """
    row = add_user(
        session, merchant=merchant, login=login, name=name, role=role, actor=actor, now=now
    )
    return Invited(
        user=user_view(row), token=links.make_link(session, vault, row, actor=actor, now=now)
    )


def add_user(
    session: Session,
    *,
    merchant: MerchantView,
    login: str,
    name: str,
    role: str,
    actor: str,
    now: datetime,
) -> PortalUser:
    """Add somebody who has no way in yet; raise InvalidPortalUserError or LoginTakenError."""
    typed, full_name = login_of(login, merchant=merchant), normalise(name)
    if not 1 <= len(full_name) <= _LONGEST_NAME:
        raise InvalidPortalUserError(f"a name has 1 to {_LONGEST_NAME} letters", field="name")
    if role not in roles.ROLES:
        raise InvalidPortalUserError(f"a role is one of {', '.join(roles.ROLES)}", field="role")
    row = PortalUser(
        user_id=ids.uuid7(),
        merchant_id=merchant.merchant_id,
        login=typed,
        name=full_name,
        role=role,
        status="invited",
        totp_step=0,
        pin_misses=0,
        created_at=now,
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        raise LoginTakenError("somebody signs in with this name", field="login") from error
    record(session, merchant.code, row, "portal_user.invited", actor, now, role=role, login=typed)
    return row


def new_link(
    session: Session,
    vault: Vault,
    *,
    merchant: MerchantView,
    user_id: UUID,
    actor: str,
    now: datetime,
) -> Invited:
    """Make another code for somebody who lost the first or forgot the password.

    Codes made before end now; the old password and secret stay until the new code is used.
    For the merchant's own administrators; operators go by ``ways_in``. Raises
    UnknownPortalUserError.
    """
    row = locked(session, merchant_id=merchant.merchant_id, user_id=user_id)
    refuse_suspended(row)
    links.end_links(session, user_id=user_id, now=now)
    token = links.make_link(session, vault, row, actor=actor, now=now)
    record(session, merchant.code, row, "portal_user.link", actor, now)
    link = session.get_one(PortalLink, token_digest(links.plain_code(token)))
    if link.again:
        links.tell(session, link, stage=links.MADE)
    return Invited(user=user_view(row), token=token)


def end_links(
    session: Session, *, merchant: MerchantView, user_id: UUID, actor: str, now: datetime
) -> None:
    """End every code that would let somebody in; raise UnknownPortalUserError."""
    row = locked(session, merchant_id=merchant.merchant_id, user_id=user_id)
    links.end_links(session, user_id=user_id, now=now)
    record(session, merchant.code, row, "portal_user.link_ended", actor, now)


def welcome(session: Session, vault: Vault, *, token: str, now: datetime) -> Welcome:
    """Return what a code opens; raise LinkEndedError."""
    link, row = links.living_link(session, token=token, now=now, lock=False)
    secret = None if link.sealed_totp is None else _opened(vault, link.sealed_totp)
    return Welcome(
        user=user_view(row),
        merchant_id=row.merchant_id,
        totp_secret=secret,
        totp_uri=secret and totp.provisioning_uri(secret=secret, email=row.login, issuer=ISSUER),
    )


def accept(
    session: Session, vault: Vault, *, token: str, password: str, code: str, now: datetime
) -> UserView:
    """Set a password (and prove the second factor) with a code, which ends; sign-ins end too.

    The one-time code that proves the second factor counts as used, so it signs nobody in. Raises
    LinkEndedError, WeakPasswordError or WrongCodeError.
    """
    hashed = passwords.hash_password(password)
    _, row = links.living_link(session, token=token, now=now, lock=False)
    # One at a time: of two ways in that operators made alone, the second then finds itself ended.
    merchant = session.get_one(Merchant, row.merchant_id, with_for_update=True)
    link, row = links.living_link(session, token=token, now=now, lock=True)
    if link.sealed_totp is not None:
        secret = _opened(vault, link.sealed_totp)
        step = totp.matching_step(secret=secret, code=code, wall=now, after=0)
        if step is None:
            raise WrongCodeError("the code does not come from this secret", field="code")
        row.sealed_totp, row.totp_step = link.sealed_totp, step
    row.password_hash, row.status = hashed, "active"
    row.pin_hash, row.pin_set_at, row.pin_misses = None, None, 0
    link.used_at, link.taken = now, True
    session.flush()
    links.end_links(session, user_id=row.user_id, now=now)
    if row.role == roles.ADMINISTRATOR:
        links.end_links_made_alone(session, merchant_id=row.merchant_id, now=now)
    end_sessions(session, user_id=row.user_id, wall=now)
    view = user_view(row)
    by = link.made_by
    record(session, merchant.code, row, "portal_user.let_in", view.public_id, now, code_by=by)
    if link.again:
        links.tell(session, link, stage=links.USED)
    return view


def change(
    session: Session,
    *,
    merchant: MerchantView,
    user_id: UUID,
    suspended: bool,
    actor: str,
    now: datetime,
) -> UserView:
    """Suspend somebody, whose sign-ins and links end at once, or let them in again.

    Raises UnknownPortalUserError, and LastAdministratorError where nobody would be left to manage
    the others.
    """
    # One change of a merchant's people at a time: two administrators can't suspend each other.
    session.get_one(Merchant, merchant.merchant_id, with_for_update=True)
    row = locked(session, merchant_id=merchant.merchant_id, user_id=user_id)
    if suspended and row.role == roles.ADMINISTRATOR and not _has_another(session, row):
        raise LastAdministratorError("nobody else is an administrator")
    if suspended:
        row.status = "suspended"
        links.end_links(session, user_id=user_id, now=now)
        end_sessions(session, user_id=user_id, wall=now)
    elif row.status == "suspended":
        row.status = "invited" if row.password_hash is None else "active"
    session.flush()
    act = "portal_user.suspended" if suspended else "portal_user.resumed"
    record(session, merchant.code, row, act, actor, now)
    return user_view(row)


def set_locale(session: Session, *, user: UserView, locale: str) -> None:
    """Keep the language in which somebody reads the portal."""
    if locale not in LOCALES:
        raise InvalidPortalUserError("a language is fa or en", field="locale")
    session.execute(
        update(PortalUser).where(PortalUser.user_id == user.user_id).values(locale=locale)
    )


def end_sessions(session: Session, *, user_id: UUID, wall: datetime) -> None:
    """End every sign-in of somebody, and whatever PINs opened under one."""
    own = select(PortalSession.session_id).where(PortalSession.user_id == user_id)
    session.execute(
        update(PortalSession)
        .where(
            or_(PortalSession.user_id == user_id, PortalSession.base_id.in_(own)),
            PortalSession.ended_at.is_(None),
        )
        .values(ended_at=wall),
        execution_options={"synchronize_session": False},
    )


def _has_another(session: Session, administrator: PortalUser) -> bool:
    others = exists().where(
        PortalUser.merchant_id == administrator.merchant_id,
        PortalUser.user_id != administrator.user_id,
        PortalUser.role == roles.ADMINISTRATOR,
        PortalUser.status == "active",
    )
    return bool(session.scalar(select(others)))


def locked(session: Session, *, merchant_id: UUID, user_id: UUID) -> PortalUser:
    """Return a person of a merchant, locked until the end; raise UnknownPortalUserError."""
    row = session.scalars(
        select(PortalUser)
        .where(PortalUser.user_id == user_id, PortalUser.merchant_id == merchant_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise UnknownPortalUserError("this merchant has no such person")
    return row


def refuse_suspended(row: PortalUser) -> None:
    """Raise UnknownPortalUserError for somebody whom the merchant has suspended."""
    if row.status == "suspended":
        raise UnknownPortalUserError("suspended people get no way in")


def _opened(vault: Vault, sealed: bytes) -> str:
    return vault.open(sealed, purpose=links.TOTP_PURPOSE).decode()


def record(
    session: Session,
    code: str,
    row: PortalUser,
    action: str,
    actor: str,
    now: datetime,
    **facts: str,
) -> None:
    """Write an act about somebody into the audit log of the merchant."""
    record_act(
        session,
        now=now,
        actor=actor,
        action=action,
        subject=f"merchant:{code}",
        facts={"user": user_view(row).public_id, **facts},
    )
