"""Reads of a merchant's people and their sign-ins: frozen values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session

from network import ids
from network.merchants.models import Merchant
from network.merchants.queries import MerchantView
from network.merchants.queries import merchant as find_merchant
from network.portal import roles
from network.portal.errors import UnknownPortalUserError
from network.portal.models import PortalSession, PortalUser
from network.tokens import token_digest

PREFIX, SESSION_PREFIX = "pus", "pse"
MOST_MISSES = 5
"""So many wrong PINs in a row lock it, until a password or an administrator opens it again."""

IDLE = timedelta(hours=1)
"""A session of the office that nobody used for this long has ended by itself; a till waits."""

TILL_IDLE = timedelta(minutes=5)
"""A till that nobody used this long asks for a PIN, where whoever stands there has one."""

MAY_SIGN_IN = ("approved", "active", "leaving", "suspended")
"""The states of a merchant in which its people may look at what there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserView:
    """A person of a merchant as pages show one."""

    user_id: UUID
    merchant_id: UUID
    login: str
    name: str
    role: str
    status: str
    locale: str | None
    pin_set_at: datetime | None
    pin_misses: int
    created_at: datetime

    @property
    def pin_state(self) -> str:
        """Return ``none``, ``set``, or ``locked`` after too many wrong ones in a row."""
        if self.pin_set_at is None:
            return "none"
        return "set" if self.pin_misses < MOST_MISSES else "locked"

    @property
    def public_id(self) -> str:
        """Return the id by which the audit log and the evidence name this person."""
        return ids.encode(PREFIX, self.user_id)

    def opens(self, area: str) -> bool:
        """Return whether this person may open pages of an area."""
        return roles.opens(self.role, area)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    """A sign-in: since when, from where, with what, and at which till.

    One with ``base_id`` was opened by a PIN under that sign-in; from ``shared_at`` on this one asks
    for PINs.
    """

    session_id: UUID
    user_id: UUID
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    user_agent: str
    address: str
    store_id: UUID | None
    terminal: str | None
    shared_at: datetime | None
    base_id: UUID | None

    @property
    def public_id(self) -> str:
        """Return the id by which pages and the evidence name this sign-in."""
        return ids.encode(SESSION_PREFIX, self.session_id)

    @property
    def by_pin(self) -> bool:
        """Return whether a PIN opened it."""
        return self.base_id is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Who is behind a token, of which merchant, and the session it opened."""

    user: UserView
    session: SessionView
    merchant: MerchantView

    @property
    def idles(self) -> bool:
        """Return whether this sign-in asks for a PIN after TILL_IDLE without use."""
        cashier = self.user.role == roles.CASHIER
        return self.session.by_pin or (cashier and self.user.pin_state == "set")


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """A browser in which somebody signed in by password, and who acts in it now.

    ``acting`` is ``None`` while it asks for a PIN.
    """

    base: SessionView
    owner: UserView
    merchant: MerchantView
    acting: SignedIn | None


def by_session(session: Session, *, token: str, wall: datetime) -> SignedIn | None:
    """Return who acts in a living session, or nothing: ended, expired, idle, suspended, locked."""
    found = browser(session, token=token, wall=wall)
    return None if found is None else found.acting


def browser(session: Session, *, token: str, wall: datetime) -> Browser | None:
    """Return the browser behind a living session, or nothing: ended, expired, idle, suspended."""
    row = session.execute(
        select(PortalUser, PortalSession)
        .join(PortalSession, PortalSession.user_id == PortalUser.user_id)
        .join(Merchant, Merchant.merchant_id == PortalUser.merchant_id)
        .where(
            PortalSession.token_digest == token_digest(token),
            PortalUser.status == "active",
            Merchant.status.in_(MAY_SIGN_IN),
            _alive(wall),
        )
    ).one_or_none()
    if row is None:
        return None
    owner, base = user_view(row.PortalUser), _session(row.PortalSession)
    merchant = find_merchant(session, merchant_id=owner.merchant_id)
    acting: SignedIn | None = SignedIn(user=owner, session=base, merchant=merchant)
    if base.shared_at is not None:
        acting = _by_pin(session, base=base, merchant=merchant)
    if acting is not None and acting.idles and acting.session.seen_at <= wall - TILL_IDLE:
        acting = None
    return Browser(base=base, owner=owner, merchant=merchant, acting=acting)


def _by_pin(session: Session, *, base: SessionView, merchant: MerchantView) -> SignedIn | None:
    """Return who stands at a shared till; by a PIN everybody is a cashier, and nothing more."""
    row = session.execute(
        select(PortalUser, PortalSession)
        .join(PortalSession, PortalSession.user_id == PortalUser.user_id)
        .where(
            PortalSession.base_id == base.session_id,
            PortalSession.ended_at.is_(None),
            PortalUser.merchant_id == merchant.merchant_id,
            PortalUser.status == "active",
        )
    ).one_or_none()
    if row is None or not roles.opens(row.PortalUser.role, roles.TILL):
        return None
    return SignedIn(
        user=replace(user_view(row.PortalUser), role=roles.CASHIER),
        session=_session(row.PortalSession),
        merchant=merchant,
    )


def user(session: Session, *, merchant_id: UUID, user_id: UUID) -> UserView:
    """Return a person of a merchant; raise UnknownPortalUserError."""
    row = session.scalars(
        select(PortalUser).where(
            PortalUser.user_id == user_id, PortalUser.merchant_id == merchant_id
        )
    ).one_or_none()
    if row is None:
        raise UnknownPortalUserError("this merchant has no such person")
    return user_view(row)


def users(session: Session, *, merchant_id: UUID) -> list[UserView]:
    """Return everybody of a merchant, by name."""
    rows = session.scalars(
        select(PortalUser)
        .where(PortalUser.merchant_id == merchant_id)
        .order_by(PortalUser.name, PortalUser.login)
    )
    return [user_view(row) for row in rows]


def merchants_without_administrator(session: Session) -> list[str]:
    """Return the codes of active merchants for whom no administrator can sign in."""
    has_one = exists().where(
        PortalUser.merchant_id == Merchant.merchant_id,
        PortalUser.role == roles.ADMINISTRATOR,
        PortalUser.status == "active",
    )
    rows = session.scalars(
        select(Merchant.code).where(Merchant.status == "active", ~has_one).order_by(Merchant.code)
    )
    return list(rows)


def names(session: Session, *, merchant_id: UUID) -> Mapping[UUID, str]:
    """Return the names of everybody of a merchant by their ids."""
    return {each.user_id: each.name for each in users(session, merchant_id=merchant_id)}


def names_by_sign_in(
    session: Session, *, merchant_id: UUID, wanted: Iterable[str]
) -> dict[str, str]:
    """Return the names of a merchant's people by the public ids of sign-ins of theirs.

    What of ``wanted`` is no sign-in of this merchant's is left out: keys, other people.
    """
    begin = f"{SESSION_PREFIX}_"
    named = {ids.decode(SESSION_PREFIX, each) for each in wanted if each.startswith(begin)}
    rows = session.execute(
        select(PortalSession.session_id, PortalUser.name)
        .join(PortalUser, PortalUser.user_id == PortalSession.user_id)
        .where(PortalUser.merchant_id == merchant_id, PortalSession.session_id.in_(named))
    )
    return {ids.encode(SESSION_PREFIX, row.session_id): row.name for row in rows}


def sessions(
    session: Session, *, merchant_id: UUID, wall: datetime, user_id: UUID | None = None
) -> list[SessionView]:
    """Return the living sign-ins of a merchant's people, or of one, the newest first."""
    query = (
        select(PortalSession)
        .join(PortalUser, PortalUser.user_id == PortalSession.user_id)
        .where(PortalUser.merchant_id == merchant_id, PortalUser.status == "active", _alive(wall))
        .order_by(PortalSession.created_at.desc())
    )
    if user_id is not None:
        query = query.where(PortalSession.user_id == user_id)
    return [_session(row) for row in session.scalars(query)]


def user_view(row: PortalUser) -> UserView:
    """Return the values of a mapped person."""
    return UserView(
        user_id=row.user_id,
        merchant_id=row.merchant_id,
        login=row.login,
        name=row.name,
        role=row.role,
        status=row.status,
        locale=row.locale,
        pin_set_at=row.pin_set_at,
        pin_misses=row.pin_misses,
        created_at=row.created_at,
    )


def _alive(wall: datetime) -> ColumnElement[bool]:
    return and_(
        PortalSession.ended_at.is_(None),
        PortalSession.expires_at > wall,
        or_(
            PortalUser.role == roles.CASHIER,
            # What asks for PINs opens no office, and waits like a till.
            PortalSession.shared_at.is_not(None),
            PortalSession.base_id.is_not(None),
            PortalSession.seen_at > wall - IDLE,
        ),
    )


def _session(row: PortalSession) -> SessionView:
    return SessionView(
        session_id=row.session_id,
        user_id=row.user_id,
        created_at=row.created_at,
        seen_at=row.seen_at,
        expires_at=row.expires_at,
        user_agent=row.user_agent,
        address=row.address,
        store_id=row.store_id,
        terminal=row.terminal,
        shared_at=row.shared_at,
        base_id=row.base_id,
    )
