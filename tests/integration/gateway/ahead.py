"""The gateway in a process whose wall clock a test moves: the file named by FILE says how far."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Self

from network import clock

FILE = "PEYVAND_TEST_AHEAD_FILE"


class _Ahead(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        seconds = float(Path(os.environ[FILE]).read_text(encoding="ascii"))
        return super().now(tz) + timedelta(seconds=seconds)


if FILE in os.environ:
    setattr(clock, "datetime", _Ahead)  # noqa: B010 - every caller of wall_now sees it

from config.wsgi import gateway  # noqa: E402, F401 - after the clock
