"""What of the news comes to a member by message, and when.

A payment with points and a sign-in on a new device always do, and at once: they are security. Of
the rest a member chooses the kinds, and the hours of quiet that are kept.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from network.errors import PeyvandError
from network.notices.models import MemberNotice, MemberNoticeChoice
from network.settings import PROGRAMME_ZONE

REDEEMED, REFUNDED, TAKEN_BACK = "redeemed", "refunded", "taken_back"
AVAILABLE, EXPIRING, DEVICE = "available", "expiring", "device"
OPTIONAL = (REFUNDED, TAKEN_BACK, AVAILABLE, EXPIRING)
"""What a member may do without messages of; the page of notices has it all the same."""

HOURS = range(24)


class ChoiceError(PeyvandError):
    """There is no such kind of notice to choose, or no such hour."""

    code = "notice_choice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The kinds without messages, and the hours of quiet in Tehran; equal ones are none."""

    muted: frozenset[str] = frozenset()
    quiet_from: int = 22
    quiet_until: int = 8

    def sends(self, kind: str) -> bool:
        """Return whether a notice of this kind comes as a message too."""
        return kind not in self.muted

    def not_before(self, wall: datetime) -> datetime:
        """Return when a message that is no security may leave: now, or when the quiet ends."""
        local = wall.astimezone(PROGRAMME_ZONE)
        quiet_hours = (self.quiet_until - self.quiet_from) % 24
        if (local.hour - self.quiet_from) % 24 >= quiet_hours:
            return wall
        ends = local.replace(hour=self.quiet_until, minute=0, second=0, microsecond=0)
        return ends if ends > local else ends + timedelta(days=1)


def choices(session: Session, *, member_ids: Collection[UUID]) -> dict[UUID, Choice]:
    """Return what these members chose; who chose nothing is not among them."""
    rows = session.scalars(
        select(MemberNoticeChoice).where(MemberNoticeChoice.member_id.in_(member_ids))
    )
    return {
        row.member_id: Choice(
            muted=frozenset(row.muted), quiet_from=row.quiet_from, quiet_until=row.quiet_until
        )
        for row in rows
    }


def choice_of(session: Session, *, member_id: UUID) -> Choice:
    """Return what a member chose, or what holds for who has chosen nothing."""
    found: Mapping[UUID, Choice] = choices(session, member_ids=[member_id])
    return found.get(member_id, Choice())


def leaves_at(session: Session, *, message_id: UUID, wall: datetime) -> datetime | None:
    """Return when the message of a notice may leave, as its member wants it by now.

    ``None`` where they want no message of its kind, or the notice is gone.
    """
    notice = session.get(MemberNotice, message_id)
    if notice is None:
        return None
    choice = choice_of(session, member_id=notice.member_id)
    return choice.not_before(wall) if choice.sends(notice.kind) else None


def choose(session: Session, *, member_id: UUID, choice: Choice) -> None:
    """Write down what a member wants; raises ChoiceError."""
    if not choice.muted <= frozenset(OPTIONAL):
        raise ChoiceError("messages of this kind are always sent", field="muted")
    if choice.quiet_from not in HOURS or choice.quiet_until not in HOURS:
        raise ChoiceError("an hour is 0 to 23", field="quiet_from")
    wanted = {
        "muted": sorted(choice.muted),
        "quiet_from": choice.quiet_from,
        "quiet_until": choice.quiet_until,
    }
    session.execute(
        insert(MemberNoticeChoice)
        .values(member_id=member_id, **wanted)
        .on_conflict_do_update(index_elements=[MemberNoticeChoice.member_id], set_=wanted)
    )
