"""The memory that a piece of work takes: the server's processes and this one, read from /proc."""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.benchmarks.stand import Stand

_PROC = Path("/proc")
_EVERY_SECONDS = 0.2
_OWN_KILOBYTES = re.compile(r"^RssAnon:\s+(\d+) kB", re.MULTILINE)
_TICKS = os.sysconf("SC_CLK_TCK")


class Watch:
    """Samples memory that is nobody else's (shared buffers left out) until it is left.

    ``server_mb`` is the peak of the server's processes together above what they had before,
    ``python_mb`` that of this process; ``cpu_seconds`` what the server's processes used. All stay
    zero where there is no /proc.
    """

    def __init__(self, stand: Stand) -> None:
        child = stand.postgres.child
        self._server = 0 if child is None else child.pid
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self.server_mb = 0.0
        self.python_mb = 0.0
        self.cpu_seconds = 0.0
        self._lap = (0.0, 0.0)

    def __enter__(self) -> Self:
        self._before = (self._server_kilobytes(), _kilobytes(os.getpid()))
        self._cpu_before = self._cpu()
        self._thread.start()
        return self

    def lap(self) -> tuple[float, float]:
        """Return the peaks of server and Python since the lap before, and begin a new one."""
        found, self._lap = self._lap, (0.0, 0.0)
        return found

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._left.set()
        self._thread.join()
        self.cpu_seconds = self._cpu() - self._cpu_before

    def _sample(self) -> None:
        server, python = self._before
        while not self._left.wait(_EVERY_SECONDS):
            now = (
                (self._server_kilobytes() - server) / 1024,
                (_kilobytes(os.getpid()) - python) / 1024,
            )
            self.server_mb, self.python_mb = (
                max(self.server_mb, now[0]),
                max(self.python_mb, now[1]),
            )
            self._lap = (max(self._lap[0], now[0]), max(self._lap[1], now[1]))

    def _children(self) -> list[int]:
        # One file says who they are; to look at every process costs what is being measured.
        children = _PROC / str(self._server) / "task" / str(self._server) / "children"
        if children.exists():
            return [int(pid) for pid in children.read_text().split()]
        if not _PROC.is_dir():
            return []
        found = [int(path.name) for path in _PROC.iterdir() if path.name.isdigit()]
        return [pid for pid in found if _stat(pid)[1:2] == [str(self._server)]]

    def _server_kilobytes(self) -> int:
        return sum(map(_kilobytes, self._children()))

    def _cpu(self) -> float:
        # Processes that have ended are counted by their parent, which waited for them.
        whole = [_stat(self._server)[11:15], *(_stat(pid)[11:13] for pid in self._children())]
        return sum(int(ticks) for used in whole for ticks in used) / _TICKS


def _stat(pid: int) -> list[str]:
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _kilobytes(pid: int) -> int:
    try:
        found = _OWN_KILOBYTES.search((_PROC / str(pid) / "status").read_text())
    except OSError:
        return 0
    return 0 if found is None else int(found[1])
