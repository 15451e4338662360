"""Whom an identifier names: the read that every call of a till makes, in one round trip.

Statements are built once and bound per call; building one anew costs more than its round trip.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    LargeBinary,
    Select,
    Text,
    bindparam,
    func,
    literal_column,
    select,
)
from sqlalchemy.orm import Session

from network.database.driver import Channel, rows_of
from network.errors import InvariantError
from network.lean import lean
from network.members import codes, device_codes
from network.members.cards import normalise_card_number
from network.members.codes import VerifiedCode
from network.members.errors import CardBlockedError, InvalidCodeError, UnknownMemberError
from network.members.models import Card, Member, MemberCodeSecret, MemberKey, MemberMerge
from network.members.phones import normalise_phone
from network.members.queries import NAME_FIELD, SECRET_FIELD, masked_name
from network.members.sealing import open_person_key, phone_index
from network.vault import Vault

Method = Literal["phone", "card", "code"]

_member = Member.__table__
_named = Member.__table__.alias("named")
_merge = MemberMerge.__table__
_key = MemberKey.__table__
_card = Card.__table__
_secret = MemberCodeSecret.__table__


_ACTIVE: ColumnElement[str] = literal_column("'active'")
# Whose phone, card or code it is: who was merged leads to who remains.
_REMAINS = func.coalesce(_merge.c.into_id, _named.c.member_id)


def _statement(*more: Any) -> Select[Any]:
    return (
        select(
            _member.c.member_id, _member.c.locale, _member.c.sealed_name, _key.c.sealed_key, *more
        )
        .select_from(_named)
        .outerjoin(_merge, _merge.c.member_id == _named.c.member_id)
        .join(_member, _member.c.member_id == _REMAINS)
        .join(_key, _key.c.member_id == _member.c.member_id)
        .where(_named.c.status == _ACTIVE, _member.c.status == _ACTIVE)
    )


def _several(*more: Any) -> Select[Any]:
    return (
        select(_REMAINS.label("member_id"), *more)
        .select_from(_named)
        .outerjoin(_merge, _merge.c.member_id == _named.c.member_id)
        .where(_named.c.status == _ACTIVE)
    )


def _own(*more: Any) -> Select[Any]:
    """Return what leads to a member's own row and says whether they were merged into another.

    Nobody was, as good as always; then the row that was found by the phone or card is the one.
    """
    return (
        select(
            _member.c.member_id,
            _member.c.locale,
            _member.c.sealed_name,
            _key.c.sealed_key,
            _merge.c.into_id,
            *more,
        )
        .select_from(_member)
        .outerjoin(_key, _key.c.member_id == _member.c.member_id)
        .outerjoin(_merge, _merge.c.member_id == _member.c.member_id)
        .where(_member.c.status == _ACTIVE)
    )


_BY_PHONE = _own().where(_member.c.phone_index == bindparam("index"))
_BY_CARD = (
    _own(_card.c.blocked_at)
    .join(_card, _card.c.member_id == _member.c.member_id)
    .where(_card.c.card_number == bindparam("number"))
)
_REMAINING = (
    select(_member.c.member_id, _member.c.locale, _member.c.sealed_name, _key.c.sealed_key)
    .join(_key, _key.c.member_id == _member.c.member_id)
    .where(_member.c.member_id == bindparam("member_id"), _member.c.status == _ACTIVE)
)
_BY_PHONES = _several(_named.c.phone_index).where(
    _named.c.phone_index == func.any(bindparam("indexes", type_=ARRAY(LargeBinary())))
)
_BY_CARDS = (
    _several(_card.c.card_number, _card.c.blocked_at)
    .join(_card, _card.c.member_id == _named.c.member_id)
    .where(_card.c.card_number == func.any(bindparam("numbers", type_=ARRAY(Text()))))
)
_maker = MemberKey.__table__.alias("maker")
_BY_CODE = (
    _statement(
        _secret.c.sealed_secret,
        _named.c.member_id.label("maker_id"),
        _maker.c.sealed_key.label("maker_key"),
        _merge.c.merged_at,
    )
    .join(_secret, _secret.c.member_id == _named.c.member_id)
    .join(_maker, _maker.c.member_id == _named.c.member_id)
    .where(_named.c.code_handle == bindparam("handle"))
)
_KEY = select(_key.c.sealed_key).where(_key.c.member_id == bindparam("member_id"))


@lean
@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedMember:
    """Whom an identifier names, and how much that identifier proves."""

    member_id: UUID
    method: Method
    locale: str
    verified_code: VerifiedCode | None = None
    sealed_key: bytes = field(repr=False, compare=False)
    open_name: Callable[[], str | None] = field(repr=False, compare=False)

    @property
    def masked_name(self) -> str | None:
        """Return the member's initials, opened only when somebody asks."""
        name = self.open_name()
        return None if name is None else masked_name(name)


def resolve(
    session: Channel,
    vault: Vault,
    *,
    wall: datetime,
    phone: str | None = None,
    card: str | None = None,
    code: str | None = None,
    ask_above: Callable[[], int] | None = None,
) -> ResolvedMember:
    """Return the member that exactly one identifier names, in one round trip.

    A phone and a card identify and prove nothing; a code proves the wallet, and its consent may be
    over (``verified_code.expires_at``). A code that a device made without a network, and one that
    is not genuine, take a second look; the former then consents to no more than ``ask_above``, the
    installation's threshold, which is read for no other. Raises InvalidPhoneError,
    InvalidCardError, InvalidCodeError, CardBlockedError or UnknownMemberError.
    """
    if sum(given is not None for given in (phone, card, code)) != 1:
        raise InvariantError("resolve takes exactly one of phone, card and code")
    if code is not None:
        return _by_code(session, vault, code=code, ask_above=ask_above, wall=wall)
    if card is not None:
        return _by_card(session, vault, card=card)
    return _by_phone(session, vault, phone=phone or "")


def members_by_phone(
    session: Session | Connection, vault: Vault, *, phones: Collection[str]
) -> dict[str, UUID]:
    """Return the members with these phones (E.164), in one round trip; strangers are left out."""
    index = {phone_index(vault, phone=phone): phone for phone in phones}
    rows = session.execute(_BY_PHONES, {"indexes": list(index)})
    return {index[bytes(row.phone_index)]: row.member_id for row in rows}


def members_by_card(
    session: Session | Connection, *, numbers: Collection[str]
) -> dict[str, UUID | None]:
    """Return the members with these cards, in one round trip: None for a blocked card."""
    rows = session.execute(_BY_CARDS, {"numbers": list(numbers)})
    return {row.card_number: None if row.blocked_at else row.member_id for row in rows}


def sealed_key_of(session: Channel, *, member_id: UUID) -> bytes:
    """Return the key of a member as it is stored; raise UnknownMemberError where it is gone."""
    row = _first(session, _KEY, {"member_id": member_id})
    if row is None:
        raise UnknownMemberError("there is no such member")
    return bytes(row.sealed_key)


def _first(session: Channel, statement: Select[Any], values: dict[str, object]) -> Any:
    """Return the only row there can be, or None."""
    found = rows_of(session, statement, values)
    return found[0] if found else None


def _by_phone(session: Channel, vault: Vault, *, phone: str) -> ResolvedMember:
    index = phone_index(vault, phone=normalise_phone(phone))
    row = _remaining(session, _first(session, _BY_PHONE, {"index": index}))
    if row is None:
        raise UnknownMemberError("nobody is a member with this phone", field="phone")
    return _resolved(vault, row, method="phone")


def _by_card(session: Channel, vault: Vault, *, card: str) -> ResolvedMember:
    row = _first(session, _BY_CARD, {"number": normalise_card_number(card)})
    if row is None:
        raise UnknownMemberError("nobody has this card", field="card")
    if row.blocked_at is not None:
        raise CardBlockedError("this card is blocked", field="card")
    row = _remaining(session, row)
    if row is None:
        raise UnknownMemberError("nobody has this card", field="card")
    return _resolved(vault, row, method="card")


def _remaining(session: Channel, row: Any) -> Any:
    """Return the row of who was found, or of whom they were merged into; None where none is left.

    Who is merged again takes along who was merged into them, so one look leads there.
    """
    if row is not None and row.into_id is not None:
        return _first(session, _REMAINING, {"member_id": row.into_id})
    return None if row is None or row.sealed_key is None else row


def _by_code(
    session: Channel,
    vault: Vault,
    *,
    code: str,
    ask_above: Callable[[], int] | None,
    wall: datetime,
) -> ResolvedMember:
    parsed = codes.read_code(code)
    row = _first(session, _BY_CODE, {"handle": parsed.handle})
    if row is None:
        raise InvalidCodeError("this member code is not genuine, or too old", field="code")
    key = open_person_key(vault, member_id=row.maker_id, sealed_key=row.maker_key)
    secret = key.open(row.sealed_secret, name=SECRET_FIELD)
    try:
        verified = codes.verify(parsed, secret=secret, wall=wall)
    except InvalidCodeError:
        verified = device_codes.verify(
            session, parsed, secret=secret, member_id=row.maker_id, wall=wall
        )
        if ask_above is not None:
            verified = replace(verified, limit=min(verified.limit, ask_above()))
    if row.merged_at is not None:
        # What the member's devices show from then on consents to nothing; a till that missed an
        # answer still gets it.
        verified = replace(verified, expires_at=min(verified.expires_at, row.merged_at))
    return _resolved(vault, row, method="code", verified=verified)


def _resolved(
    vault: Vault,
    row: Any,
    *,
    method: Method,
    verified: VerifiedCode | None = None,
) -> ResolvedMember:
    def open_name() -> str | None:
        if row.sealed_name is None:
            return None
        key = open_person_key(vault, member_id=row.member_id, sealed_key=row.sealed_key)
        return key.open(row.sealed_name, name=NAME_FIELD).decode()

    return ResolvedMember(
        member_id=row.member_id,
        method=method,
        locale=row.locale,
        verified_code=verified,
        sealed_key=row.sealed_key,
        open_name=open_name,
    )
