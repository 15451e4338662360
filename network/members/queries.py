"""Reads of members: by session, by what a till sends, and what a member may see of themselves."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from network.members import codes
from network.members.errors import UnknownMemberError
from network.members.models import (
    Card,
    Member,
    MemberCodeSecret,
    MemberConsent,
    MemberKey,
    MemberMerge,
    MemberSession,
)
from network.members.sealing import PersonKey, open_person_key
from network.tokens import token_digest
from network.vault import Vault

SECRET_FIELD, PHONE_FIELD, NAME_FIELD, DEVICE_FIELD = "code-secret", "phone", "name", "device"
_VEIL = "•••"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberView:
    """A member as the member sees it; nothing personal shows in its representation."""

    member_id: UUID
    phone: str = field(repr=False)
    name: str | None = field(repr=False)
    locale: str
    money_unit: str
    spend_limit: int
    joined_at: datetime
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    """One sign-in of a member; ``device`` is what the browser said of itself."""

    session_id: UUID
    member_id: UUID
    device: str | None = field(default=None, repr=False)
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CardView:
    """A card of a member."""

    card_number: str = field(repr=False)
    issued_at: datetime
    blocked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentCode:
    """The rotating code to show now: its text, the limit it really carries, when it changes."""

    text: str = field(repr=False)
    limit: int
    changes_at: datetime


def member(session: Session, vault: Vault, *, member_id: UUID) -> MemberView:
    """Return a member; raise UnknownMemberError where there is none, or none any more."""
    row = session.execute(
        select(Member, MemberKey.sealed_key)
        .join(MemberKey, MemberKey.member_id == Member.member_id)
        .where(Member.member_id == member_id)
    ).first()
    if row is None or row[0].sealed_phone is None:
        raise UnknownMemberError("there is no such member")
    found: Member = row[0]
    key = open_person_key(vault, member_id=member_id, sealed_key=row[1])
    return MemberView(
        member_id=member_id,
        phone=key.open(found.sealed_phone or b"", name=PHONE_FIELD).decode(),
        name=_opened_name(key, found.sealed_name),
        locale=found.locale,
        money_unit=found.money_unit,
        spend_limit=found.spend_limit,
        joined_at=found.joined_at,
        status=found.status,
    )


def hold_active(session: Session, *, member_ids: Collection[UUID]) -> set[UUID]:
    """Return which of them are members, none of whom can leave before this transaction ends.

    For whatever stores something about them beside what a person does: who leaves takes along
    what is stored by then, and nothing may come after it.
    """
    held = (
        select(Member.member_id)
        .where(Member.member_id.in_(member_ids), Member.status == "active")
        .order_by(Member.member_id)
        .with_for_update(read=True, key_share=True)
    )
    return set(session.scalars(held))


def by_session(session: Session, *, token: str, now: datetime) -> SessionView | None:
    """Return the sign-in that a browser's token opens at wall time ``now``, if it still does."""
    row = session.execute(
        select(MemberSession)
        .join(Member, Member.member_id == MemberSession.member_id)
        .where(
            MemberSession.token_digest == token_digest(token),
            MemberSession.ended_at.is_(None),
            MemberSession.expires_at > now,
            Member.status == "active",
        )
    ).scalar()
    return None if row is None else _session_view(row, device=None)


def sessions(
    session: Session, vault: Vault, *, member_id: UUID, now: datetime
) -> list[SessionView]:
    """Return the sign-ins of a member that still hold at wall time ``now``, the newest first."""
    key = person_key(session, vault, member_id=member_id)
    rows = session.scalars(
        select(MemberSession)
        .where(
            MemberSession.member_id == member_id,
            MemberSession.ended_at.is_(None),
            MemberSession.expires_at > now,
        )
        .order_by(MemberSession.seen_at.desc(), MemberSession.session_id.desc())
    )
    return [
        _session_view(
            row,
            device=(
                None
                if row.sealed_device is None
                else key.open(row.sealed_device, name=DEVICE_FIELD).decode()
            ),
        )
        for row in rows
    ]


def cards(session: Session, *, member_id: UUID) -> list[CardView]:
    """Return the cards that lead to a member, the newest first; those of who was merged into them
    are among them."""
    rows = session.scalars(
        select(Card)
        .where(Card.member_id.in_(everyone(session, member_id=member_id)))
        .order_by(Card.issued_at.desc(), Card.card_number)
    )
    return [
        CardView(card_number=row.card_number, issued_at=row.issued_at, blocked_at=row.blocked_at)
        for row in rows
    ]


def everyone(session: Session, *, member_id: UUID) -> list[UUID]:
    """Return the ids that a person has had: the member's own and those merged into it."""
    merged = select(MemberMerge.member_id).where(MemberMerge.into_id == member_id)
    return [member_id, *session.scalars(merged.order_by(MemberMerge.member_id))]


def consents(session: Session, *, member_id: UUID) -> dict[str, bool]:
    """Return what a member last said for each purpose that was asked."""
    rows = session.execute(
        select(MemberConsent.purpose, MemberConsent.granted)
        .where(MemberConsent.member_id == member_id)
        .ext(distinct_on(MemberConsent.purpose))
        .order_by(MemberConsent.purpose, MemberConsent.consent_id.desc())
    )
    return {row.purpose: row.granted for row in rows}


def current_code(
    session: Session, vault: Vault, *, member_id: UUID, limit: int, wall: datetime
) -> CurrentCode:
    """Return a fresh code of a member that consents to at most ``limit`` points; 0 only earns."""
    row = session.execute(
        select(Member.code_handle, MemberCodeSecret.sealed_secret, MemberKey.sealed_key)
        .join(MemberCodeSecret, MemberCodeSecret.member_id == Member.member_id)
        .join(MemberKey, MemberKey.member_id == Member.member_id)
        .where(Member.member_id == member_id, Member.status == "active")
    ).first()
    if row is None:
        raise UnknownMemberError("there is no such member")
    key = open_person_key(vault, member_id=member_id, sealed_key=row.sealed_key)
    text = codes.make_code(
        key.open(row.sealed_secret, name=SECRET_FIELD),
        handle=row.code_handle,
        limit=limit,
        wall=wall,
        serial=codes.new_serial(),
    )
    return CurrentCode(text=text, limit=codes.coded_limit(limit), changes_at=codes.step_ends(wall))


def person_key(session: Session, vault: Vault, *, member_id: UUID) -> PersonKey:
    """Return the key that a member's data is sealed with; raise UnknownMemberError."""
    sealed = session.scalar(select(MemberKey.sealed_key).where(MemberKey.member_id == member_id))
    if sealed is None:
        raise UnknownMemberError("there is no such member")
    return open_person_key(vault, member_id=member_id, sealed_key=sealed)


def masked_name(name: str) -> str:
    """Return a name of which only the first letter of each word can be read."""
    return " ".join(f"{word[0]}{_VEIL}" for word in name.split())


def _opened_name(key: PersonKey, sealed: bytes | None) -> str | None:
    return None if sealed is None else key.open(sealed, name=NAME_FIELD).decode()


def _session_view(row: MemberSession, *, device: str | None) -> SessionView:
    return SessionView(
        session_id=row.session_id,
        member_id=row.member_id,
        device=device,
        created_at=row.created_at,
        seen_at=row.seen_at,
        expires_at=row.expires_at,
    )
