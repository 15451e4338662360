"""A bar on the terminal for what goes through the database table by table."""

from __future__ import annotations

from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


class TableBar:
    """Counts tables up to a number told at the beginning; ``quiet`` shows nothing."""

    def __init__(self, label: str, *, quiet: bool) -> None:
        self._console = Console(stderr=True, quiet=quiet)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=32),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[name]}"),
            console=self._console,
            disable=quiet,
        )
        self._task = self._bar.add_task(label, total=None, name="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._bar.stop()

    def begin(self, total: str) -> None:
        """Say how many tables there are."""
        self._bar.update(self._task, total=int(total))

    def next(self, name: str) -> None:
        """Say that the rows of a table begin to move."""
        self._bar.update(self._task, advance=1, name=name)

    def say(self, words: str) -> None:
        """Print a line above the bar."""
        self._bar.console.print(words, markup=False, highlight=False)
