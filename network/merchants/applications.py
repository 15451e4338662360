"""How a merchant gets in: it applies, gets a test key at once, and an operator decides.

An application makes a merchant row with a code of its own (``applicant-…``), so that a stranger
takes nobody's code, and is never asked whether one is taken. Approval gives the code to be known
by. Who is behind an application is sealed, and forgotten when it is declined.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import exists, func, literal, or_, select, text, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from network.ids import uuid7
from network.merchants.addresses import line_of
from network.merchants.errors import (
    ApplicationReviewedError,
    MerchantDataError,
    MerchantStateError,
    TooManyApplicationsError,
    UnknownApplicationError,
)
from network.merchants.inserting import refusal_of
from network.merchants.keys import TEST, NewKey, register_key, revoke_all
from network.merchants.locking import locked_merchant
from network.merchants.models import Application, Merchant, MerchantKey
from network.merchants.queries import APPLICANT_PREFIX
from network.merchants.service import register_merchant
from network.vault import Vault

KINDS = ("retail", "grocer", "restaurant", "pharmacy", "fashion", "travel", "online", "services")
"""What an applicant can say it is."""

PROGRAM, BROWSER = "program", "browser"
WAYS = (PROGRAM, BROWSER)
"""How it means to work: by a program with keys, or in the portal, with people alone."""

PER_ADDRESS = 5
ADDRESS_WINDOW = timedelta(days=1)
MOST_WAITING = 500
"""How many may wait for a decision altogether, those counted that are new or still in use."""

USED_WITHIN = timedelta(days=14)
"""For how long an application counts after it was sent, or after its key signed a call."""

CONTACT_PURPOSE = "merchant-application"
ADDRESS_PURPOSE = "merchant-application-address"
_DOOR_LOCK = 0x6170_706C_7921


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Who applies for a merchant, and what they wrote."""

    name: str
    email: str
    phone: str
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What an applicant gets: the application's id, and for a program a test key at once."""

    application_id: UUID
    merchant_id: UUID
    key: NewKey | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationView:
    """An application; ``contact`` is ``None`` once it was forgotten or where nobody opened it."""

    application_id: UUID
    merchant_id: UUID
    code: str
    name_fa: str
    name_en: str
    kind: str
    way: str
    state: str
    website: str | None
    locale: str
    applied_at: datetime
    reviewed_by: UUID | None
    reviewed_at: datetime | None
    reason: str | None
    contact: Contact | None = None

    def name(self, locale: str) -> str:
        """Return the name in a language."""
        return self.name_fa if locale == "fa" else self.name_en


def apply(
    session: Session,
    vault: Vault,
    *,
    name_fa: str,
    name_en: str,
    kind: str,
    contact: Contact,
    locale: Literal["fa", "en"],
    address: str,
    now: datetime,
    way: str = PROGRAM,
    website: str | None = None,
    public_key: bytes | None = None,
) -> Applied:
    """Write an application down and register the test key of a program.

    ``address`` is whom it came from; its line is kept as a keyed digest to count by. Without
    ``public_key`` the key is an HMAC secret, returned this once. Who works in the browser gets
    none. Raises TooManyApplicationsError, InvalidKeyError, MerchantDataError.
    """
    if kind not in KINDS:
        raise MerchantDataError("not a kind that applicants name", field="kind")
    if way not in WAYS or (way == BROWSER and public_key is not None):
        raise MerchantDataError("not a way to work, or one without keys", field="way")
    digest = vault.blind_index(line_of(address), purpose=ADDRESS_PURPOSE)
    _count_in(session, digest=digest, now=now)
    merchant_id = register_merchant(
        session,
        code=f"{APPLICANT_PREFIX}{secrets.token_hex(10)}",
        name_fa=name_fa,
        name_en=name_en,
        kind=kind,
        status="applied",
        now=now,
    )
    application = Application(
        application_id=uuid7(),
        merchant_id=merchant_id,
        state="waiting",
        sealed_contact=_sealed(vault, contact),
        website=website,
        way=way,
        locale=locale,
        address_digest=digest,
        applied_at=now,
    )
    session.add(application)
    key = None
    if way == PROGRAM:
        key = register_key(
            session,
            vault,
            merchant_id=merchant_id,
            environment=TEST,
            public_key=public_key,
            now=now,
        )
    return Applied(application_id=application.application_id, merchant_id=merchant_id, key=key)


def approve(
    session: Session, *, application_id: UUID, code: str, now: datetime, reviewed_by: UUID | None
) -> UUID:
    """Let an applicant in under ``code`` and return its merchant id.

    It takes part once it has an agreement in force, has signed a test call and has a live key.
    Raises ApplicationReviewedError, CodeTakenError, MerchantDataError, UnknownApplicationError, and
    MerchantStateError for one that was suspended meanwhile.
    """
    application = _waiting(session, application_id)
    merchant = locked_merchant(session, application.merchant_id)
    if merchant.status != "applied":
        raise MerchantStateError("it is suspended", facts={"status": merchant.status})
    if code.startswith(APPLICANT_PREFIX):
        raise MerchantDataError("this is no code to be known by", field="code")
    try:
        with session.begin_nested():
            merchant.code = code
            session.flush()
            merchant.status = "approved"
            merchant.joined_at = now
    except IntegrityError as error:
        raise refusal_of(error) from error
    _review(application, state="approved", now=now, reviewed_by=reviewed_by)
    session.flush()
    return merchant.merchant_id


def decline(
    session: Session,
    vault: Vault,
    *,
    application_id: UUID,
    reason: str,
    now: datetime,
    reviewed_by: UUID | None,
) -> UUID:
    """Turn an applicant away: its keys are revoked and its persons forgotten. Return its id.

    Raises MerchantDataError without a reason, ApplicationReviewedError, UnknownApplicationError.
    """
    if not reason.strip():
        raise MerchantDataError("a refusal has a reason", field="reason")
    application = _waiting(session, application_id)
    merchant = locked_merchant(session, application.merchant_id)
    merchant.status = "declined"
    application.reason = reason.strip()
    application.sealed_contact = _sealed(vault, Contact(name="", email="", phone=""))
    _review(application, state="declined", now=now, reviewed_by=reviewed_by)
    session.flush()
    revoke_all(session, merchant_id=merchant.merchant_id, now=now)
    return merchant.merchant_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an application stands among all: those that wait come first, then the latest."""

    waits: bool
    applied_at: datetime
    application_id: UUID


def applications(
    session: Session,
    *,
    state: str | None = None,
    words: str = "",
    after: Place | None = None,
    limit: int | None = None,
) -> list[ApplicationView]:
    """Return applications without their persons: those that wait first, the latest first.

    ``words`` keeps those whose names, kind or code have them; ``after`` those that stand behind.
    """
    order = (Application.state == "waiting", Application.applied_at, Application.application_id)
    query = (
        select(Application, Merchant)
        .join(Merchant, Merchant.merchant_id == Application.merchant_id)
        .order_by(*(each.desc() for each in order))
        .limit(limit)
    )
    if state is not None:
        query = query.where(Application.state == state)
    if words:
        named = (Merchant.name_fa, Merchant.name_en, Merchant.kind, Merchant.code)
        query = query.where(or_(*(each.icontains(words, autoescape=True) for each in named)))
    if after is not None:
        place = (after.waits, after.applied_at, after.application_id)
        query = query.where(tuple_(*order) < tuple_(*map(literal, place)))
    return [_view(row[0], row[1]) for row in session.execute(query)]


def place_of(found: ApplicationView) -> Place:
    """Return where an application stands."""
    return Place(
        waits=found.state == "waiting",
        applied_at=found.applied_at,
        application_id=found.application_id,
    )


def way_of(session: Session, *, merchant_id: UUID) -> str | None:
    """Return how a merchant said it means to work, ``None`` where it never applied."""
    return session.scalar(select(Application.way).where(Application.merchant_id == merchant_id))


def waiting(session: Session) -> int:
    """Return how many applications wait for a decision."""
    counted = session.scalar(select(func.count()).where(Application.state == "waiting"))
    return counted or 0


def application(session: Session, vault: Vault, *, application_id: UUID) -> ApplicationView:
    """Return an application with its persons; raise UnknownApplicationError."""
    row = session.execute(
        select(Application, Merchant)
        .join(Merchant, Merchant.merchant_id == Application.merchant_id)
        .where(Application.application_id == application_id)
    ).one_or_none()
    if row is None:
        raise UnknownApplicationError("there is no such application")
    sealed = json.loads(vault.open(row[0].sealed_contact, purpose=CONTACT_PURPOSE))
    return _view(row[0], row[1], contact=Contact(**sealed) if sealed["name"] else None)


def of_merchant(session: Session, vault: Vault, *, merchant_id: UUID) -> ApplicationView | None:
    """Return a merchant's application with its persons, ``None`` where it never applied."""
    found = session.scalar(
        select(Application.application_id).where(Application.merchant_id == merchant_id)
    )
    return None if found is None else application(session, vault, application_id=found)


def _count_in(session: Session, *, digest: bytes, now: datetime) -> None:
    """Let so many in: one at a time, so that those who come together are counted too."""
    session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _DOOR_LOCK})
    mine = session.scalar(
        select(func.count()).where(
            Application.address_digest == digest, Application.applied_at > now - ADDRESS_WINDOW
        )
    )
    if (mine or 0) >= PER_ADDRESS or _count_in_use(session, now=now) >= MOST_WAITING:
        raise TooManyApplicationsError("no more applications for now")


def _count_in_use(session: Session, *, now: datetime) -> int:
    """Return how many wait and are meant: a pile that nobody uses must not shut the door."""
    since = now - USED_WITHIN
    used = exists().where(
        MerchantKey.merchant_id == Application.merchant_id,
        MerchantKey.last_used_on >= since.date(),
    )
    counted = session.scalar(
        select(func.count()).where(
            Application.state == "waiting", or_(Application.applied_at > since, used)
        )
    )
    return counted or 0


def _waiting(session: Session, application_id: UUID) -> Application:
    found = session.scalars(
        select(Application)
        .where(Application.application_id == application_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()
    if found is None:
        raise UnknownApplicationError("there is no such application")
    if found.state != "waiting":
        raise ApplicationReviewedError("this application is decided")
    return found


def _review(
    application: Application, *, state: str, now: datetime, reviewed_by: UUID | None
) -> None:
    application.state = state
    application.reviewed_at = now
    application.reviewed_by = reviewed_by


def _sealed(vault: Vault, contact: Contact) -> bytes:
    facts = {
        "name": contact.name,
        "email": contact.email,
        "phone": contact.phone,
        "message": contact.message,
    }
    return vault.seal(json.dumps(facts, ensure_ascii=False).encode(), purpose=CONTACT_PURPOSE)


def _view(
    application: Application, merchant: Merchant, *, contact: Contact | None = None
) -> ApplicationView:
    return ApplicationView(
        application_id=application.application_id,
        merchant_id=application.merchant_id,
        code=merchant.code,
        name_fa=merchant.name_fa,
        name_en=merchant.name_en,
        kind=merchant.kind,
        way=application.way,
        state=application.state,
        website=application.website,
        locale=application.locale,
        applied_at=application.applied_at,
        reviewed_by=application.reviewed_by,
        reviewed_at=application.reviewed_at,
        reason=application.reason,
        contact=contact,
    )
