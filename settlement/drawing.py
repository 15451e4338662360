"""Papers drawn by several processes at once: one per core, none of which holds more than it draws.

A paper takes a tenth of a second of one core and nothing else, so a thousand of them are drawn on
all. The drawing processes read no database and know no secret: they are given what stands on the
paper, and write it under its name once it is whole.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

from network.clearing.facts import StatementView
from network.clearing.paper_lines import PaperLines
from network.clearing.statement_pdf import draw_statement

_PART = ".part"
_WAITING_PER_PROCESS = 2


class Drawers:
    """Processes that draw; ``draw`` waits while each has as much to do as it should hold."""

    def __init__(self, pool: ProcessPoolExecutor, *, processes: int) -> None:
        self._pool = pool
        self._most = processes * _WAITING_PER_PROCESS
        self._under_way: set[Future[None]] = set()

    def draw(
        self,
        path: Path,
        *,
        statement: StatementView,
        lines: PaperLines,
        locale: str,
        check_url: str,
    ) -> None:
        """Have a paper drawn into ``path``; raise what an earlier one failed with."""
        if len(self._under_way) >= self._most:
            done, self._under_way = wait(self._under_way, return_when=FIRST_COMPLETED)
            for each in done:
                each.result()
        self._under_way.add(self._pool.submit(_drawn, path, statement, lines, locale, check_url))

    def finish(self) -> None:
        """Return once all papers stand; raise what one of them failed with."""
        for each in self._under_way:
            each.result()
        self._under_way = set()


@contextmanager
def drawers(*, processes: int | None = None) -> Iterator[Drawers]:
    """Yield as many drawing processes as there are cores; an error ends them."""
    count = processes or os.cpu_count() or 1
    # Started afresh, because a fork of a process with connections and threads may hang.
    pool = ProcessPoolExecutor(
        max_workers=count,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_end_with_parent,
    )
    try:
        made = Drawers(pool, processes=count)
        yield made
        made.finish()
    finally:
        pool.shutdown(cancel_futures=True)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all, whenever this process ends."""
    part = part_of(path)
    part.write_bytes(content)
    part.replace(path)


def part_of(path: Path) -> Path:
    """Return the name that a file has until it is whole."""
    return path.with_name(f".{path.name}{_PART}")


def clear_parts(directory: Path) -> None:
    """Remove what a process that was killed left unfinished in a directory."""
    for each in directory.glob(f".*{_PART}"):
        each.unlink(missing_ok=True)


def _drawn(
    path: Path, statement: StatementView, lines: PaperLines, locale: str, check_url: str
) -> None:
    write_whole(path, draw_statement(statement, lines, locale=locale, check_url=check_url))


def _end_with_parent() -> None:
    """End this process when the one that started it does, however that ended."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
