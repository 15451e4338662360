"""Holding a run: a heartbeat of its own thread, so that long steps do not look dead."""

from __future__ import annotations

import threading
from datetime import timedelta
from types import TracebackType
from typing import Self
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from network.clearing import runs
from network.database.connection import Database
from network.errors import UnavailableError

STALE_AFTER = timedelta(seconds=15)
"""How long a holder may be silent before its run is given to who asks next."""


class Lease:
    """Keeps the heartbeat of a claimed run until it is left; several beats fit in ``stale_after``.

    ``check`` raises ClaimLostError once another process has taken the run over.
    """

    def __init__(
        self, database: Database, *, run_id: UUID, token: UUID, stale_after: timedelta
    ) -> None:
        self._database = database
        self._run_id = run_id
        self._token = token
        self._every = stale_after.total_seconds() / 5
        self._left = threading.Event()
        self._lost: runs.ClaimLostError | None = None
        self._thread = threading.Thread(target=self._beat, name="settlement-lease", daemon=True)

    def check(self) -> None:
        """Raise ClaimLostError where the run is no longer held."""
        if self._lost is not None:
            raise self._lost

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._left.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._left.wait(self._every):
            try:
                with self._database.unit_of_work() as session:
                    runs.beat(session, run_id=self._run_id, token=self._token)
            except runs.ClaimLostError as error:
                self._lost = error
                return
            except (UnavailableError, DBAPIError):
                # Either the database is away, which the run itself will notice, or the run holds
                # its row in a long write: whoever wants to take it over waits for that row too.
                continue
