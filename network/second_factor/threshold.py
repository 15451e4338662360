"""Above how many points a member's PIN or passkey is asked for.

The installation has a number of points, a worth, or both, of which the lower one holds; the member
may choose a lower one. Below it nothing is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from network.clock import local_date
from network.members.errors import InvalidMemberDataError, UnknownMemberError
from network.members.models import Member
from network.programme import queries as programme
from network.programme.queries import NoFaceValueError
from network.second_factor.proofs import Act, use
from network.settings import PROGRAMME_ZONE, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """Above so many points is asked; ``most`` is what the installation lets a member choose."""

    points: int
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """Where a member consents: the session, and the installation's threshold in points."""

    session_id: UUID
    ask_above: int


def require_proof(
    session: Session, *, member_id: UUID, screen: Screen, act: Act, wall: datetime
) -> None:
    """Use a proof up for an act above the member's threshold; raise ProofNeededError."""
    if act.points > threshold(session, member_id=member_id, most=screen.ask_above).points:
        use(session, member_id=member_id, session_id=screen.session_id, act=act, wall=wall)


def installation_threshold(session: Session, *, settings: Settings, now: datetime) -> int:
    """Return the installation's threshold in points on the day of ``now``, programme time."""
    return threshold_at(
        settings,
        lambda: programme.face_value_on(session, day=local_date(now, zone=PROGRAMME_ZONE)),
    )


def threshold_at(settings: Settings, face_value: Callable[[], Fraction]) -> int:
    """Return the installation's threshold in points by a face value, read where it is needed."""
    if settings.step_up_rials is None:
        return settings.step_up_points
    try:
        value = face_value()
    except NoFaceValueError:
        return settings.step_up_points
    return min(settings.step_up_points, int(settings.step_up_rials / value))


def threshold(session: Session, *, member_id: UUID, most: int) -> Threshold:
    """Return a member's threshold where the installation's is ``most`` points."""
    own = session.scalar(select(Member.ask_above).where(Member.member_id == member_id))
    return Threshold(points=most if own is None else min(own, most), most=most)


def set_threshold(
    session: Session, *, member_id: UUID, session_id: UUID, points: int, most: int, wall: datetime
) -> None:
    """Be asked above so many points from now on; more than before takes a proof.

    Raises InvalidMemberDataError above the installation's ``most``, and ProofNeededError.
    """
    if not 0 <= points <= most:
        raise InvalidMemberDataError("the network asks from less on", field="points")
    row = session.scalars(
        select(Member)
        .where(Member.member_id == member_id, Member.status == "active")
        .with_for_update()
    ).first()
    if row is None:
        raise UnknownMemberError("there is no such member")
    before = most if row.ask_above is None else min(row.ask_above, most)
    if points > before:
        act = Act(kind="threshold", points=points)
        use(session, member_id=member_id, session_id=session_id, act=act, wall=wall)
    row.ask_above = None if points == most else points
    session.flush()
