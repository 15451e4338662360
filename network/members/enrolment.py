"""Joining: a person becomes a member with a wallet, a card and the secret of their codes."""

from __future__ import annotations

import os
import secrets
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from network.ids import uuid7
from network.language import LOCALES, MONEY_UNITS, normalise
from network.ledger.operations import open_wallet
from network.members.cards import new_card_number
from network.members.codes import HANDLE_BITS, SECRET_BYTES
from network.members.errors import (
    AlreadyMemberError,
    ConsentRequiredError,
    InvalidMemberDataError,
)
from network.members.models import Card, Member, MemberCodeSecret, MemberConsent, MemberKey
from network.members.phones import normalise_phone
from network.members.queries import NAME_FIELD, PHONE_FIELD, SECRET_FIELD
from network.members.sealing import new_person_key, phone_index
from network.vault import Vault

MEMBERSHIP = "membership"
PURPOSES = (MEMBERSHIP, "offers", "research")
"""What consent is asked for: being a member at all, offers, and statistics about purchases."""

WORDING = "1"
"""The version of the consent texts; it moves when a text changes its meaning."""

MAX_NAME_CHARACTERS = 80


def enrol(
    session: Session,
    vault: Vault,
    *,
    phone: str,
    consents: Iterable[str],
    locale: str,
    now: datetime,
    name: str | None = None,
    money_unit: str = "toman",
) -> UUID:
    """Make a person a member and return the member's id.

    ``phone`` in any written form, ``consents`` the purposes that the person said yes to; the
    others are recorded as no. Opens the wallet and issues a card. Raises InvalidPhoneError,
    InvalidMemberDataError, ConsentRequiredError, AlreadyMemberError.
    """
    granted = checked_consents(consents)
    check_preferences(locale=locale, money_unit=money_unit)
    plain_name = None if name is None else checked_name(name)
    number = normalise_phone(phone)
    member_id = uuid7()
    key, sealed_key = new_person_key(vault, member_id=member_id)
    member = Member(
        member_id=member_id,
        code_handle=_new_handle(session),
        phone_index=phone_index(vault, phone=number),
        sealed_phone=key.seal(number.encode(), name=PHONE_FIELD),
        sealed_name=(
            None if plain_name is None else key.seal(plain_name.encode(), name=NAME_FIELD)
        ),
        locale=locale,
        money_unit=money_unit,
        spend_limit=0,
        joined_at=now,
        status="active",
    )
    _insert(session, member)
    session.add_all(
        [
            MemberKey(member_id=member_id, sealed_key=sealed_key, created_at=now),
            MemberCodeSecret(
                member_id=member_id,
                sealed_secret=key.seal(os.urandom(SECRET_BYTES), name=SECRET_FIELD),
                created_at=now,
            ),
        ]
    )
    for purpose in PURPOSES:
        record_consent(
            session, member_id=member_id, purpose=purpose, granted=purpose in granted, now=now
        )
    issue_card(session, member_id=member_id, now=now)
    open_wallet(session.connection(), member_id=member_id)
    return member_id


def record_consent(
    session: Session, *, member_id: UUID, purpose: str, granted: bool, now: datetime
) -> None:
    """Write down a yes or a no of a member for a purpose; the newest holds."""
    if purpose not in PURPOSES:
        raise InvalidMemberDataError("there is no such purpose", field="purpose")
    if purpose == MEMBERSHIP and not granted:
        raise ConsentRequiredError("to end a membership, close the account", field="purpose")
    session.add(
        MemberConsent(
            consent_id=uuid7(),
            member_id=member_id,
            purpose=purpose,
            granted=granted,
            wording=WORDING,
            recorded_at=now,
        )
    )
    session.flush()


def issue_card(session: Session, *, member_id: UUID, now: datetime) -> str:
    """Give a member a new card and return its number."""
    number = new_card_number()
    while session.scalar(select(exists().where(Card.card_number == number))):
        number = new_card_number()
    session.add(Card(card_number=number, member_id=member_id, issued_at=now))
    session.flush()
    return number


def checked_name(name: str) -> str:
    """Return a name as it is stored; raise InvalidMemberDataError where it cannot be one."""
    plain = normalise(name)
    if not 1 <= len(plain) <= MAX_NAME_CHARACTERS:
        raise InvalidMemberDataError(
            f"a name has 1 to {MAX_NAME_CHARACTERS} characters", field="name"
        )
    if any(unicodedata.category(letter) in {"Cc", "Cs", "Co", "Cn"} for letter in plain):
        raise InvalidMemberDataError("a name has no control characters", field="name")
    return plain


def check_preferences(*, locale: str | None, money_unit: str | None) -> None:
    """Raise InvalidMemberDataError for a language or a money unit that there is none of."""
    if locale is not None and locale not in LOCALES:
        raise InvalidMemberDataError("there is no such language", field="locale")
    if money_unit is not None and money_unit not in MONEY_UNITS:
        raise InvalidMemberDataError("there is no such unit", field="money_unit")


def checked_consents(consents: Iterable[str]) -> frozenset[str]:
    """Return the purposes that somebody said yes to; membership must be among them.

    Raises InvalidMemberDataError and ConsentRequiredError.
    """
    granted = frozenset(consents)
    if not granted <= set(PURPOSES):
        raise InvalidMemberDataError("there is no such purpose", field="consents")
    if MEMBERSHIP not in granted:
        raise ConsentRequiredError("membership itself needs the person's yes", field="consents")
    return granted


def _insert(session: Session, member: Member) -> None:
    try:
        with session.begin_nested():
            session.add(member)
    except IntegrityError as error:
        if getattr(error.orig, "sqlstate", None) != "23505":
            raise
        # Not "from error": its text has the values of the row.
        raise AlreadyMemberError("this phone belongs to a member", field="phone") from None


def _new_handle(session: Session) -> int:
    handle = secrets.randbits(HANDLE_BITS)
    while session.scalar(select(exists().where(Member.code_handle == handle))):
        handle = secrets.randbits(HANDLE_BITS)
    return handle
