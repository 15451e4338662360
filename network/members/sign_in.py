"""Signing in with a one-time code by text message. All times are wall time unless named ``now``.

Whether a phone belongs to a member cannot be told from outside: asking for a code does the same
for every phone, and only who has read the message learns more. A wrong try is an outcome and not
an exception, so that the unit of work commits the count.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, TypeAlias
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from network.database.pieces import delete_piece
from network.ids import uuid7
from network.language import ascii_digits
from network.members import code_limits
from network.members.enrolment import MEMBERSHIP, enrol
from network.members.joining import lock_phone, note_joined
from network.members.models import Member, MemberMerge, MemberSession, OneTimeCode
from network.members.phones import normalise_phone
from network.members.queries import DEVICE_FIELD, person_key
from network.members.sealing import phone_index
from network.messaging.service import queue_sms
from network.messaging.texts import sign_in_text
from network.second_factor import pins
from network.tokens import token_digest
from network.vault import Vault

CODE_DIGITS = 6
CODE_LIFE = timedelta(minutes=3)
CONSENT_LIFE = timedelta(minutes=15)
"""How long a person whose phone is proven may read the consent texts."""

MAX_ATTEMPTS = 5
SESSION_LIFE = timedelta(days=90)
SEEN_EVERY = timedelta(hours=1)
MAX_DEVICE_CHARACTERS = 200
_CODE_PURPOSE = "one-time-code"
_ADDRESS_PURPOSE = "address"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeSent:
    """A code is on its way; another one may be asked for at ``again_at``."""

    expires_at: datetime
    again_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """The person is signed in; ``token`` goes into the browser's cookie and nowhere else."""

    member_id: UUID
    session_id: UUID
    token: str = field(repr=False)
    expires_at: datetime
    joined: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentNeeded:
    """The code is right and the phone is new: ask for consent, then confirm the same code again."""

    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRefused:
    """The code is wrong (``attempts_left`` more tries), or no longer works."""

    code: Literal["code_wrong", "code_lapsed"]
    attempts_left: int


Confirmation: TypeAlias = SignedIn | ConsentNeeded | CodeRefused


def request_code(
    session: Session,
    vault: Vault,
    *,
    phone: str,
    address: str | None,
    locale: str,
    domain: str,
    wall: datetime,
    browser: str | None = None,
) -> CodeSent:
    """Send a sign-in code to ``phone``, in ``locale``, bound to the wallet's ``domain``.

    ``address`` is the asker's network address and ``browser`` the token of a browser that this
    phone's member has signed in on (``code_limits``), both for the throttle. An earlier code that
    was asked for alike stops working. Raises InvalidPhoneError or ThrottledError.
    """
    return send_code(
        session,
        vault,
        phone=phone,
        address=address,
        locale=locale,
        wall=wall,
        kind="sign_in",
        lane=code_limits.known_browser(vault, phone=phone, token=browser),
        body=lambda code: sign_in_text(
            code=code, minutes=CODE_LIFE // timedelta(minutes=1), domain=domain, locale=locale
        ),
    )


def send_code(
    session: Session,
    vault: Vault,
    *,
    phone: str,
    address: str | None,
    locale: str,
    wall: datetime,
    kind: str,
    body: Callable[[str], str],
    purpose: str = "",
    lane: bytes | None = None,
) -> CodeSent:
    """Send a one-time code in a message that says what it is good for.

    A code of one ``purpose`` confirms no other, and who asks for one is signed in; ``body`` makes
    the message of the code. Throttles count those purposes together. ``lane`` is a known
    browser's. Raises InvalidPhoneError or ThrottledError.
    """
    number = normalise_phone(phone)
    index = phone_index(vault, phone=number)
    origin = None if address is None else vault.blind_index(address, purpose=_ADDRESS_PURPOSE)
    lane = code_limits.signed_in(vault, phone=number) if purpose else lane
    code_limits.check(session, phone=index, address=origin, lane=lane, wall=wall)
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
    code_id = uuid7()
    expires_at = wall + CODE_LIFE
    session.add(
        OneTimeCode(
            one_time_code_id=code_id,
            phone_index=index,
            address_index=origin,
            lane=lane,
            digest=_digest(vault, code_id=code_id, code=code, purpose=purpose),
            attempts=0,
            requested_at=wall,
            expires_at=expires_at,
        )
    )
    session.flush()
    queue_sms(
        session,
        vault,
        recipient=number,
        body=body(code),
        kind=kind,
        locale=locale,
        wall=wall,
        expires_at=expires_at,
    )
    return CodeSent(expires_at=expires_at, again_at=wall + code_limits.PHONE_LIMITS[0][1])


def read_code(
    session: Session,
    vault: Vault,
    *,
    phone: str,
    code: str,
    wall: datetime,
    purpose: str = "",
    lane: bytes | None = None,
) -> OneTimeCode | CodeRefused:
    """Return the code's row, locked and not used up, where what was typed is right.

    Commit a refusal too: it has been counted.
    """
    number = normalise_phone(phone)
    lane = code_limits.signed_in(vault, phone=number) if purpose else lane
    sent = _live(session, phone_index(vault, phone=number), lane=lane, wall=wall)
    if sent is None:
        return CodeRefused(code="code_lapsed", attempts_left=0)
    typed = "".join(ascii_digits(code).split())
    wanted = _digest(vault, code_id=sent.one_time_code_id, code=typed, purpose=purpose)
    if hmac.compare_digest(wanted, sent.digest):
        return sent
    sent.attempts += 1
    session.flush()
    return CodeRefused(code="code_wrong", attempts_left=MAX_ATTEMPTS - sent.attempts)


def confirm_code(
    session: Session,
    vault: Vault,
    *,
    phone: str,
    code: str,
    wall: datetime,
    now: datetime,
    locale: str,
    consents: Iterable[str] = (),
    name: str | None = None,
    money_unit: str = "toman",
    device: str | None = None,
    browser: str | None = None,
) -> Confirmation:
    """Sign in the person who read the code; a phone that is new joins with ``consents``.

    ``code`` in any digits; ``device`` is what the browser says of itself, ``browser`` what
    the code was asked for with. Commit whatever is returned: a refusal has been counted. Raises
    InvalidPhoneError, and for who joins what ``enrol`` raises; then nothing is used up.
    """
    number = normalise_phone(phone)
    index = phone_index(vault, phone=number)
    lock_phone(session, index)
    lane = code_limits.known_browser(vault, phone=number, token=browser)
    sent = read_code(session, vault, phone=number, code=code, wall=wall, lane=lane)
    if isinstance(sent, CodeRefused):
        return sent
    member_id = member_at(session, index)
    joins = member_id is None
    if member_id is None:
        agreed = frozenset(consents)
        if MEMBERSHIP not in agreed:
            sent.expires_at = max(sent.expires_at, sent.requested_at + CONSENT_LIFE)
            session.flush()
            return ConsentNeeded(expires_at=sent.expires_at)
        member_id = enrol(
            session,
            vault,
            phone=number,
            consents=agreed,
            locale=locale,
            now=now,
            name=name,
            money_unit=money_unit,
        )
        note_joined(session, vault, phone=number, member_id=member_id, wall=wall)
    sent.used_at = wall
    pins.lift(session, member_id=member_id)
    return start_session(
        session, vault, member_id=member_id, wall=wall, device=device, joined=joins
    )


def member_at(session: Session, index: bytes) -> UUID | None:
    """Return whom a phone signs in, by its blind index: after a merge, who was merged into."""
    return session.scalar(
        select(func.coalesce(MemberMerge.into_id, Member.member_id))
        .select_from(Member)
        .outerjoin(MemberMerge, MemberMerge.member_id == Member.member_id)
        .where(Member.phone_index == index, Member.status == "active")
    )


def start_session(
    session: Session,
    vault: Vault,
    *,
    member_id: UUID,
    wall: datetime,
    device: str | None,
    joined: bool = False,
) -> SignedIn:
    """Sign a member in on one device, for 90 days; the caller has made sure who it is."""
    token = secrets.token_urlsafe(32)
    row = MemberSession(
        session_id=uuid7(),
        token_digest=token_digest(token),
        member_id=member_id,
        created_at=wall,
        seen_at=wall,
        expires_at=wall + SESSION_LIFE,
    )
    if device:
        key = person_key(session, vault, member_id=member_id)
        row.sealed_device = key.seal(device[:MAX_DEVICE_CHARACTERS].encode(), name=DEVICE_FIELD)
    session.add(row)
    session.flush()
    return SignedIn(
        member_id=member_id,
        session_id=row.session_id,
        token=token,
        expires_at=row.expires_at,
        joined=joined,
    )


def end_session(session: Session, *, member_id: UUID, session_id: UUID, wall: datetime) -> bool:
    """End one sign-in of a member; return whether there was one to end."""
    row = session.scalars(
        select(MemberSession)
        .where(
            MemberSession.session_id == session_id,
            MemberSession.member_id == member_id,
            MemberSession.ended_at.is_(None),
        )
        .with_for_update()
    ).first()
    if row is None:
        return False
    row.ended_at = wall
    session.flush()
    return True


def touch_session(session: Session, *, session_id: UUID, wall: datetime) -> None:
    """Note that a sign-in is in use, at most once an hour."""
    row = session.get(MemberSession, session_id)
    if row is not None and row.seen_at <= wall - SEEN_EVERY:
        row.seen_at = wall
        session.flush()


def forget_codes(session: Session, *, wall: datetime, limit: int) -> int:
    """Delete up to ``limit`` codes that no throttle counts any more; return how many."""
    counted = OneTimeCode.requested_at < wall - code_limits.DAY
    return delete_piece(session, OneTimeCode, counted, limit=limit)


def forget_sessions(session: Session, *, before: datetime, limit: int) -> int:
    """Delete up to ``limit`` sessions that ended before then; return how many."""
    ended = or_(MemberSession.ended_at < before, MemberSession.expires_at < before)
    return delete_piece(session, MemberSession, ended, limit=limit)


def _live(
    session: Session, index: bytes, *, lane: bytes | None, wall: datetime
) -> OneTimeCode | None:
    """Return the newest code of a phone's lane, locked, if it works; earlier ones never do."""
    newest = session.scalars(
        select(OneTimeCode)
        .where(OneTimeCode.phone_index == index, OneTimeCode.lane.is_not_distinct_from(lane))
        .order_by(OneTimeCode.requested_at.desc(), OneTimeCode.one_time_code_id.desc())
        .limit(1)
        .with_for_update()
    ).first()
    if newest is None or newest.used_at is not None or newest.expires_at <= wall:
        return None
    return newest if newest.attempts < MAX_ATTEMPTS else None


def _digest(vault: Vault, *, code_id: UUID, code: str, purpose: str) -> bytes:
    bound = f"{code_id}:{code}:{purpose}" if purpose else f"{code_id}:{code}"
    return vault.blind_index(bound, purpose=_CODE_PURPOSE)
