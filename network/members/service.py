"""What members do: join, sign in, and decide how their points may be spent."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from network.members import freezing
from network.members.codes import coded_limit
from network.members.enrolment import (
    check_preferences,
    checked_name,
    enrol,
    issue_card,
    record_consent,
)
from network.members.errors import InvalidMemberDataError, UnknownMemberError
from network.members.models import Card, Member
from network.members.queries import NAME_FIELD, everyone, person_key
from network.members.sign_in import (
    CodeRefused,
    CodeSent,
    Confirmation,
    ConsentNeeded,
    SignedIn,
    confirm_code,
    end_session,
    forget_codes,
    forget_sessions,
    request_code,
    start_session,
    touch_session,
)
from network.points import MAX_AMOUNT
from network.vault import Vault

__all__ = [
    "CodeRefused",
    "CodeSent",
    "Confirmation",
    "ConsentNeeded",
    "SignedIn",
    "block_card",
    "confirm_code",
    "end_session",
    "enrol",
    "forget_codes",
    "forget_sessions",
    "issue_card",
    "record_consent",
    "request_code",
    "set_name",
    "set_preferences",
    "set_spend_limit",
    "set_spend_lock",
    "start_session",
    "touch_session",
]


def set_spend_lock(session: Session, *, member_id: UUID, locked: bool) -> None:
    """Lock spending with one switch, or unlock it; a locked wallet goes on earning.

    The lock is kept in the ledger and checked there where points move. In a shared wallet it is
    the person's own and leaves the others alone. Raises MemberFrozenError where the network has
    locked it and the member would unlock; a wish to lock is kept for when the network lets go.
    """
    freezing.set_switch(session, member_id=member_id, locked=locked)


def set_spend_limit(session: Session, *, member_id: UUID, limit: int) -> int:
    """Set how many points a member's codes consent to, 0 for none; return what codes will carry.

    A code carries at most four digits, rounded down. Raises InvalidMemberDataError.
    """
    if not 0 <= limit <= MAX_AMOUNT:
        raise InvalidMemberDataError("this limit is out of range", field="limit")
    carried = coded_limit(limit)
    _locked(session, member_id).spend_limit = carried
    session.flush()
    return carried


def set_preferences(
    session: Session,
    *,
    member_id: UUID,
    locale: str | None = None,
    money_unit: str | None = None,
) -> None:
    """Choose the language of pages and messages, and the unit that amounts are shown in."""
    check_preferences(locale=locale, money_unit=money_unit)
    member = _locked(session, member_id)
    if locale is not None:
        member.locale = locale
    if money_unit is not None:
        member.money_unit = money_unit
    session.flush()


def set_name(session: Session, vault: Vault, *, member_id: UUID, name: str | None) -> None:
    """Set or remove a member's name; raises InvalidMemberDataError."""
    key = person_key(session, vault, member_id=member_id)
    sealed = None if name is None else key.seal(checked_name(name).encode(), name=NAME_FIELD)
    _locked(session, member_id).sealed_name = sealed
    session.flush()


def block_card(session: Session, *, member_id: UUID, card_number: str, now: datetime) -> None:
    """Make a card identify nobody any more; raise UnknownMemberError where it is not theirs."""
    card = session.scalars(
        select(Card)
        .where(
            Card.card_number == card_number,
            Card.member_id.in_(everyone(session, member_id=member_id)),
        )
        .with_for_update()
    ).first()
    if card is None:
        raise UnknownMemberError("this member has no such card", field="card")
    if card.blocked_at is None:
        card.blocked_at = now
        session.flush()


def _locked(session: Session, member_id: UUID) -> Member:
    member = session.scalars(
        select(Member)
        .where(Member.member_id == member_id, Member.status == "active")
        .with_for_update()
    ).first()
    if member is None:
        raise UnknownMemberError("there is no such member")
    return member
