"""Whom notices can reach: members with a phone, many of them in one statement."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from network.members import queries as members
from network.members.models import Member, MemberKey
from network.members.queries import PHONE_FIELD
from network.members.sealing import open_person_key
from network.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A member, where their messages go, and in which language."""

    member_id: UUID
    phone: str = field(repr=False)
    locale: str


def people_of(session: Session, vault: Vault, ids: Collection[UUID]) -> list[Person]:
    """Return those of them who are members, with their phones; none can leave while they are told.

    They are read once they are held: who left meanwhile is not among them.
    """
    if not ids:
        return []
    held = members.hold_active(session, member_ids=ids)
    rows = session.execute(
        select(Member.member_id, Member.locale, Member.sealed_phone, MemberKey.sealed_key)
        .join(MemberKey, MemberKey.member_id == Member.member_id)
        .where(Member.member_id.in_(held), Member.sealed_phone.is_not(None))
        .order_by(Member.member_id)
    )
    return [
        Person(
            member_id=row.member_id,
            phone=open_person_key(vault, member_id=row.member_id, sealed_key=row.sealed_key)
            .open(row.sealed_phone, name=PHONE_FIELD)
            .decode(),
            locale=row.locale,
        )
        for row in rows
    ]
