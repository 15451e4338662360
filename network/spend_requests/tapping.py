"""Up to how many points a tap in the wallet is enough, as two people of the network set it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from network.errors import InvariantError
from network.ids import uuid7
from network.programme.service import ProgrammeError
from network.spend_requests.models import TapLimit

HIGHEST = 1_000_000_000
"""In points; whoever sets it there asks for a code nowhere."""


class TapLimitError(ProgrammeError):
    """The limit of a tap is a whole number of points, from 0 (always a code) to ``HIGHEST``."""

    code = "tap_limit_out_of_range"


def check_tap_limit(*, points: int) -> None:
    """Refuse what is no limit; raises TapLimitError."""
    if not 0 <= points <= HIGHEST:
        raise TapLimitError("from 0 to a thousand million points", field="points")


def set_tap_limit(session: Session, *, points: int, set_by: UUID | None, wall: datetime) -> None:
    """Let a tap be enough up to so many points, for whoever is asked from now on.

    Raises TapLimitError.
    """
    check_tap_limit(points=points)
    if set_by is None:
        raise InvariantError("nobody decided the limit of a tap")
    session.add(TapLimit(tap_limit_id=uuid7(), points=points, set_at=wall, set_by=set_by))
    session.flush()
