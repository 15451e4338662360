"""Joining at a till: a merchant asks for somebody, and the person says yes by a code.

Until then nobody has joined: there is no wallet, nothing is earned, and what the till was told is
sealed in a row that is deleted a week after it was last asked. The code is told to the cashier, and
its message says what telling it means; whoever would rather not opens the wallet at the address
below it. Locks are taken in one order: the phone's, rows, the merchant's. All times are wall time
unless named ``now``.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from network import ids
from network.database.pieces import delete_piece
from network.events.service import publish
from network.events.types import MEMBER_JOINED
from network.language import ascii_digits
from network.members.enrolment import (
    MEMBERSHIP,
    check_preferences,
    checked_consents,
    checked_name,
    enrol,
)
from network.members.errors import (
    AlreadyMemberError,
    EnrolmentCodeError,
    EnrolmentLapsedError,
    ThrottledError,
    UnknownEnrolmentError,
)
from network.members.models import Member, TillEnrolment
from network.members.pairwise import PairwiseNames
from network.members.phones import normalise_phone
from network.members.sealing import phone_index
from network.merchants import queries as merchants
from network.messaging.service import queue_sms
from network.messaging.texts import joining_text
from network.vault import Vault

LIFE = timedelta(days=7)
CODE_LIFE = timedelta(minutes=10)
CODE_DIGITS = 6
MAX_ATTEMPTS = 5
MOST_MESSAGES = 3
"""To one person for one merchant, in a day."""

AGAIN_AFTER = timedelta(minutes=1)
PHONE_LIMITS = ((4, timedelta(days=1)), (8, LIFE))
MERCHANT_LIMITS = ((300, timedelta(hours=1)), (2_000, timedelta(days=1)))
"""At most so many messages to a phone, and of a merchant, in the last so long; of a person who was
asked again earlier messages may count too. A phone's count is over all merchants: strangers'
numbers are nobody's to try out."""

MOST_VAIN_TRIES = 200
"""Of a merchant in a day, over all its codes: who guesses enrols a stranger in 5,000 days."""

PREFIX = "enr"
_CODE_PURPOSE, _PHONE_PURPOSE, _NAME_PURPOSE = "joining-code", "joining-phone", "joining-name"
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentView:
    """A person asked to join; ``member_id`` where they did, ``told`` where by this code."""

    enrolment_id: UUID
    requested_at: datetime
    code_expires_at: datetime
    expires_at: datetime
    member_id: UUID | None
    told: bool

    def state(self, *, wall: datetime) -> str:
        """Return ``active`` for who has joined, else ``pending``, or ``expired`` for good."""
        if self.member_id is not None:
            return "active"
        return "pending" if wall < self.expires_at else "expired"


def ask_to_join(
    session: Session,
    vault: Vault,
    *,
    merchant_id: UUID,
    store_id: UUID | None,
    phone: str,
    consents: Sequence[str],
    locale: str,
    name: str | None,
    wallet_url: str,
    wall: datetime,
) -> EnrolmentView:
    """Send the person a code to tell the cashier; asked again, another one for the same row.

    Raises InvalidPhoneError, InvalidMemberDataError, ConsentRequiredError, AlreadyMemberError and
    ThrottledError.
    """
    granted = sorted(checked_consents(consents))
    check_preferences(locale=locale, money_unit=None)
    plain_name = None if name is None else checked_name(name)
    number = normalise_phone(phone)
    index = phone_index(vault, phone=number)
    lock_phone(session, index)
    if _member_with(session, index) is not None:
        raise AlreadyMemberError("this phone belongs to a member", field="phone")
    row = _waiting(session, index, merchant_id=merchant_id, wall=wall)
    _throttle(session, row, index, merchant_id=merchant_id, wall=wall)
    if row is None:
        row = TillEnrolment(
            enrolment_id=ids.uuid7(),
            merchant_id=merchant_id,
            phone_index=index,
            sealed_phone=vault.seal(number.encode(), purpose=_PHONE_PURPOSE),
            requested_at=wall,
            messages=0,
            all_messages=0,
            all_tries=0,
        )
    elif row.sent_at <= wall - _DAY:
        row.messages = 0
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
    row.store_id = row.store_id or store_id
    row.sealed_name = None
    if plain_name is not None:
        row.sealed_name = vault.seal(plain_name.encode(), purpose=_NAME_PURPOSE)
    row.consents, row.locale, row.attempts = granted, locale, 0
    row.messages += 1
    row.all_messages += 1
    row.sent_at, row.expires_at = wall, wall + LIFE
    row.digest = _digest(vault, row.enrolment_id, code)
    session.add(row)
    session.flush()
    _tell(session, vault, row, number=number, code=code, wallet_url=wallet_url)
    return _view(row)


def _tell(
    session: Session, vault: Vault, row: TillEnrolment, *, number: str, code: str, wallet_url: str
) -> None:
    """Send the person the code, with who asks and what they would agree to."""
    queue_sms(
        session,
        vault,
        recipient=number,
        body=joining_text(
            code=code,
            merchant=merchants.merchant(session, merchant_id=row.merchant_id).name(row.locale),
            consents=[each for each in row.consents if each != MEMBERSHIP],
            minutes=CODE_LIFE // timedelta(minutes=1),
            days=LIFE.days,
            address=wallet_url,
            locale=row.locale,
        ),
        kind="joining",
        locale=row.locale,
        wall=row.sent_at,
        expires_at=row.sent_at + CODE_LIFE,
    )


def count_try(session: Session, *, enrolment_id: UUID, merchant_id: UUID, wall: datetime) -> None:
    """Count a try before it is made, so that tries beside each other count too; commit it first.

    For who has joined nothing is counted, and their enrolment lapses with its days. Raises
    UnknownEnrolmentError, EnrolmentLapsedError and ThrottledError.
    """
    row = _own(session, enrolment_id, merchant_id)
    joined = row.joined_at is not None
    too_late = wall >= (row.expires_at if joined else row.sent_at + CODE_LIFE)
    if too_late or (not joined and row.attempts >= MAX_ATTEMPTS):
        raise EnrolmentLapsedError("the code works no longer", field="code")
    if joined:
        return
    _throttle_tries(session, merchant_id=merchant_id, wall=wall)
    row.attempts += 1
    row.all_tries += 1
    session.flush()


def join_by_code(
    session: Session,
    vault: Vault,
    *,
    enrolment_id: UUID,
    merchant_id: UUID,
    code: str,
    now: datetime,
    wall: datetime,
) -> UUID:
    """Make the person who told the code a member, and return the member's id.

    The caller has counted the try. Who has joined meanwhile needs no code any more. Raises
    UnknownEnrolmentError and EnrolmentCodeError.
    """
    row = _own(session, enrolment_id, merchant_id)
    if row.member_id is not None:
        return row.member_id
    typed = "".join(ascii_digits(code).split())
    if not hmac.compare_digest(_digest(vault, enrolment_id, typed), row.digest):
        left = MAX_ATTEMPTS - row.attempts
        raise EnrolmentCodeError(
            "this is not the code that was sent", field="code", facts={"attempts_left": left}
        )
    row.all_tries -= 1  # This one was not in vain.
    phone = vault.open(row.sealed_phone or b"", purpose=_PHONE_PURPOSE).decode()
    member_id = _member_with(session, phone_index(vault, phone=phone))
    if member_id is None:
        name = None
        if row.sealed_name is not None:
            name = vault.open(row.sealed_name, purpose=_NAME_PURPOSE).decode()
        member_id = enrol(
            session,
            vault,
            phone=phone,
            consents=row.consents,
            locale=row.locale,
            name=name,
            now=now,
        )
    note_joined(session, vault, phone=phone, member_id=member_id, wall=wall, told=enrolment_id)
    return member_id


def note_joined(
    session: Session,
    vault: Vault,
    *,
    phone: str,
    member_id: UUID,
    wall: datetime,
    told: UUID | None = None,
) -> None:
    """Tell every merchant that asked for this phone (E.164) that its owner is a member now.

    ``told`` is the enrolment whose code was told; the others hear that it was elsewhere, and not
    where. What was kept of the person for it goes. The caller holds the phone's lock.
    """
    index = phone_index(vault, phone=phone)
    rows = session.scalars(
        select(TillEnrolment)
        .where(TillEnrolment.phone_index == index, TillEnrolment.expires_at > wall)
        .order_by(TillEnrolment.enrolment_id)
        .with_for_update()
    ).all()
    names = PairwiseNames(vault)
    for row in rows:
        by = "code" if row.enrolment_id == told else "elsewhere"
        row.phone_index = row.sealed_phone = row.sealed_name = None
        row.member_id, row.joined_at, row.joined_by = member_id, wall, by
        publish(
            session,
            topic=MEMBER_JOINED,
            merchant_id=row.merchant_id,
            payload={
                "id": ids.encode(PREFIX, row.enrolment_id),
                "member": names.name(member_id=member_id, merchant_id=row.merchant_id),
                "by": by,
            },
        )
    session.flush()


def enrolment(session: Session, *, enrolment_id: UUID, merchant_id: UUID) -> EnrolmentView:
    """Return what became of a person whom this merchant asked; raise UnknownEnrolmentError."""
    row = session.get(TillEnrolment, enrolment_id)
    if row is None or row.merchant_id != merchant_id:
        raise UnknownEnrolmentError("this merchant asked nobody under that id")
    return _view(row)


def forget_unanswered(session: Session, *, wall: datetime, limit: int) -> int:
    """Delete up to ``limit`` who never said yes, once their days are over; return how many."""
    unanswered = (TillEnrolment.joined_at.is_(None), TillEnrolment.expires_at <= wall)
    return delete_piece(session, TillEnrolment, *unanswered, limit=limit)


def _view(row: TillEnrolment) -> EnrolmentView:
    return EnrolmentView(
        enrolment_id=row.enrolment_id,
        requested_at=row.requested_at,
        code_expires_at=row.sent_at + CODE_LIFE,
        expires_at=row.expires_at,
        member_id=row.member_id,
        told=row.joined_by == "code",
    )


def _own(session: Session, enrolment_id: UUID, merchant_id: UUID) -> TillEnrolment:
    """Return the row locked, and with it its phone, whose lock comes first as everywhere."""
    own = (TillEnrolment.enrolment_id == enrolment_id, TillEnrolment.merchant_id == merchant_id)
    index = session.scalar(select(TillEnrolment.phone_index).where(*own))
    if index is not None:
        lock_phone(session, index)
    row = session.scalars(select(TillEnrolment).where(*own).with_for_update()).first()
    if row is None:
        raise UnknownEnrolmentError("this merchant asked nobody under that id")
    return row


def lock_phone(session: Session, index: bytes) -> None:
    """Let one of all who ask for a phone, or join with it, through at a time."""
    session.execute(select(func.pg_advisory_xact_lock(int.from_bytes(index[:8], signed=True))))


def _member_with(session: Session, index: bytes) -> UUID | None:
    return session.scalar(
        select(Member.member_id).where(Member.phone_index == index, Member.status == "active")
    )


def _waiting(
    session: Session, index: bytes, *, merchant_id: UUID, wall: datetime
) -> TillEnrolment | None:
    return session.scalars(
        select(TillEnrolment)
        .where(
            TillEnrolment.phone_index == index,
            TillEnrolment.merchant_id == merchant_id,
            TillEnrolment.expires_at > wall,
        )
        .with_for_update()
    ).first()


def _throttle(
    session: Session,
    row: TillEnrolment | None,
    index: bytes,
    *,
    merchant_id: UUID,
    wall: datetime,
) -> None:
    """Raise ThrottledError where one message more is too much for the person or the shop."""
    free_at = [wall]
    if row is not None:
        many = row.messages >= MOST_MESSAGES
        free_at.append(row.sent_at + (_DAY if many else AGAIN_AFTER))
    for whose, limits in (
        (TillEnrolment.phone_index == index, PHONE_LIMITS),
        (TillEnrolment.merchant_id == merchant_id, MERCHANT_LIMITS),
    ):
        for most, span in limits:
            # The daily counter begins anew after a day without a message, so it misses none.
            counter = TillEnrolment.messages if span <= _DAY else TillEnrolment.all_messages
            count, first = session.execute(
                select(func.sum(counter), func.min(TillEnrolment.sent_at)).where(
                    whose, TillEnrolment.sent_at > wall - span
                )
            ).one()
            if (count or 0) >= most:
                free_at.append(first + span)
    seconds = _seconds(wall, max(free_at))
    if seconds > 0:
        raise ThrottledError("too many were asked; wait", facts={"retry_after": seconds})


def _throttle_tries(session: Session, *, merchant_id: UUID, wall: datetime) -> None:
    """Raise ThrottledError where too many codes that a merchant typed were wrong.

    Its tries beside this one wait until this one is counted.
    """
    key = func.hashtextextended(f"joining:{merchant_id}", 0)
    session.execute(select(func.pg_advisory_xact_lock(key)))
    span = _DAY + CODE_LIFE
    count, first = session.execute(
        select(func.sum(TillEnrolment.all_tries), func.min(TillEnrolment.sent_at)).where(
            TillEnrolment.merchant_id == merchant_id,
            TillEnrolment.sent_at > wall - span,
            TillEnrolment.all_tries > 0,
        )
    ).one()
    if (count or 0) >= MOST_VAIN_TRIES:
        seconds = _seconds(wall, first + span)
        raise ThrottledError(
            "too many codes were wrong; wait", field="code", facts={"retry_after": seconds}
        )


def _seconds(wall: datetime, until: datetime) -> int:
    """Return the whole seconds to wait, rounded up."""
    return -((wall - until) // timedelta(seconds=1))


def _digest(vault: Vault, enrolment_id: UUID, code: str) -> bytes:
    return vault.blind_index(f"{enrolment_id}:{code}", purpose=_CODE_PURPOSE)
