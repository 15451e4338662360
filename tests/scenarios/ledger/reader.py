"""Reads scenario tables: Markdown that a loyalty manager can read and a test can play.

A file holds scenarios: a heading of the third level, perhaps a sentence, then a table whose rows
are steps: who does what, with which details, what the member's wallet shows afterwards (figures
not named are zero) or why it was refused, and, where it matters, what the books say.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HEADER = ["who", "does", "what", "then", "books"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One row of a scenario; ``where`` is its file and line."""

    where: str
    who: str
    does: str
    what: str
    then: str
    books: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A titled sequence of steps on one fresh wallet."""

    title: str
    steps: tuple[Step, ...]


def read(path: Path) -> Iterator[Scenario]:
    """Yield the scenarios of a file; raise ValueError for a row that is not a step."""
    title = ""
    steps: list[Step] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.startswith("### "):
            if steps:
                yield Scenario(title=title, steps=tuple(steps))
            title, steps = line.removeprefix("### ").strip(), []
        elif line.startswith("|"):
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if [cell.lower() for cell in cells] == HEADER or set("".join(cells)) <= {"-", " "}:
                continue
            if len(cells) != len(HEADER):
                raise ValueError(f"{path.name}:{number}: a step has {len(HEADER)} columns")
            steps.append(
                Step(
                    where=f"{path.name}:{number}",
                    **dict(zip(HEADER, cells, strict=True)),
                )
            )
    if steps:
        yield Scenario(title=title, steps=tuple(steps))
