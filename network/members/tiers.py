"""Tiers: the programme's ladder, and on which step a member stands.

An operator sets a member's tier. What it is worth are campaigns for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from network import ids
from network.members.errors import InvalidMemberDataError, UnknownMemberError
from network.members.models import Member, Tier
from network.operators.audit import SYSTEM, record_act

_CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LONGEST_CODE = 40
MOST_TIERS = 1000
LONGEST_REASON = 300
_TAKEN = "this code or rank is taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class TierView:
    """A step of the ladder; the one of rank 0 is everybody's."""

    code: str
    rank: int
    name_fa: str
    name_en: str


def tiers(session: Session) -> list[TierView]:
    """Return the ladder from the bottom up."""
    rows = session.scalars(select(Tier).order_by(Tier.rank))
    return [
        TierView(code=row.code, rank=row.rank, name_fa=row.name_fa, name_en=row.name_en)
        for row in rows
    ]


def add_tier(session: Session, *, code: str, rank: int, name_fa: str, name_en: str) -> None:
    """Add a step to the ladder; raise InvalidMemberDataError where code or rank is taken."""
    check_tier(session, code=code, rank=rank, name_fa=name_fa, name_en=name_en)
    try:
        with session.begin_nested():
            session.add(Tier(code=code, rank=rank, name_fa=name_fa, name_en=name_en))
    except IntegrityError as error:
        raise InvalidMemberDataError(_TAKEN, field="code") from error


def check_tier(session: Session, *, code: str, rank: int, name_fa: str, name_en: str) -> None:
    """Refuse a step that could not be added; raises InvalidMemberDataError."""
    if not _CODE.fullmatch(code) or len(code) > _LONGEST_CODE or not 1 <= rank <= MOST_TIERS:
        raise InvalidMemberDataError("a tier has a code and a rank above 0", field="code")
    if not name_fa.strip() or not name_en.strip():
        raise InvalidMemberDataError("a tier has a name in both languages", field="name")
    if session.scalar(select(exists().where(or_(Tier.code == code, Tier.rank == rank)))):
        raise InvalidMemberDataError(_TAKEN, field="code")


def tier_of(session: Session, *, member_id: UUID) -> str:
    """Return the code of a member's tier; raise UnknownMemberError."""
    found = session.scalar(select(Member.tier).where(Member.member_id == member_id))
    if found is None:
        raise UnknownMemberError("there is no such member")
    return found


def set_tier(
    session: Session,
    *,
    member_id: UUID,
    tier: str,
    now: datetime,
    set_by: UUID | None = None,
    reason: str = "",
) -> None:
    """Move a member to a tier, and write it to the operators' log with the reason.

    A person gives one, the installation itself (``set_by`` is ``None``) need not. Raises
    UnknownMemberError, and InvalidMemberDataError without it or where there is no such tier.
    """
    why = " ".join(reason.split())
    if len(why) > LONGEST_REASON or (set_by is not None and not why):
        raise InvalidMemberDataError("a tier is changed for a reason", field="reason")
    member = session.get(Member, member_id, with_for_update=True, populate_existing=True)
    if member is None:
        raise UnknownMemberError("there is no such member")
    if session.get(Tier, tier) is None:
        raise InvalidMemberDataError("there is no such tier", field="tier")
    before, member.tier = member.tier, tier
    session.flush()
    record_act(
        session,
        now=now,
        actor=SYSTEM if set_by is None else ids.encode("opr", set_by),
        action="member.tier",
        subject=ids.encode("mem", member_id),
        facts={"from": before, "to": tier} | ({"reason": why} if why else {}),
    )
