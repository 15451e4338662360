"""The installation's one row: whether it is simulated, and how far its programme time is moved."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from network.clock import wall_now
from network.database.connection import Database
from network.database.driver import Channel, rows_of
from network.errors import PeyvandError

_OFFSET = text("SELECT clock_offset FROM network.installation")


class ClockFixedError(PeyvandError):
    """Only a simulated installation may move its programme time."""

    code = "clock_fixed"


class ProgrammeClock:
    """Tells programme time: wall time, plus the stored offset in a simulated installation.

    Whether the installation is simulated never changes, so a real one reads the row once and
    costs nothing per call; a simulated one reads the offset each time.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._simulated: bool | None = None

    @property
    def simulated(self) -> bool:
        """Return whether this installation may move its programme time."""
        if self._simulated is None:
            with self._database.ledger() as connection:
                self._simulated = is_simulated(connection)
        return self._simulated

    def now(self) -> datetime:
        """Return the present programme time in UTC."""
        if not self.simulated:
            return wall_now()
        with self._database.direct() as connection:
            return wall_now() + clock_offset(connection)


def is_simulated(connection: Connection | Session) -> bool:
    """Return whether this installation is a simulated one."""
    return bool(connection.execute(text("SELECT simulated FROM network.installation")).scalar_one())


def clock_offset(connection: Channel) -> timedelta:
    """Return how far programme time lies from wall time (zero in a real installation)."""
    ((offset,),) = rows_of(connection, _OFFSET, {})
    if not isinstance(offset, timedelta):
        raise TypeError(offset)
    return offset


def move_clock(session: Session, *, to: datetime, wall: datetime) -> None:
    """Set programme time to ``to`` at wall time ``wall``; raise ClockFixedError if real."""
    moved = session.execute(
        text("UPDATE network.installation SET clock_offset = :offset WHERE simulated"),
        {"offset": to - wall},
    )
    if moved.rowcount == 0:  # type: ignore[attr-defined]
        raise ClockFixedError("this installation follows real time; its clock cannot be moved")
