"""Figures of a benchmark run: taken in turns, compared within the run, written as one table."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

Take = Callable[[], float]

_FEW = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One thing that is measured: ``take`` runs it and returns its rate in ``unit``.

    ``once`` is for what takes long and varies little: a quick run measures it in one round only.
    """

    name: str
    unit: str
    take: Take
    once: bool = False
    ratio_to: str | None = None
    beside: str | None = None
    aim: float | None = None
    note: str = ""


@dataclass(slots=True, kw_only=True)
class Figure:
    """What came out: the median of the rounds, and the median of the ratios round by round."""

    name: str
    unit: str
    values: list[float] = field(default_factory=list)
    ratio_to: str | None = None
    ratios: list[float] = field(default_factory=list)
    beside: str | None = None
    beside_ratios: list[float] = field(default_factory=list)
    aim: float | None = None
    at_most: float | None = None
    note: str = ""

    @property
    def value(self) -> float:
        """Return the median over the rounds."""
        return median(self.values)

    @property
    def ratio(self) -> float | None:
        """Return the median of the ratios, each taken within one round."""
        return median(self.ratios) if self.ratios else None


def take_in_turns(
    contenders: Sequence[Contender], *, rounds: int, quick: bool, say: Callable[[str], None]
) -> list[Figure]:
    """Measure every contender once per round, so that a noisy minute hits all of them alike.

    ``quick`` leaves those that take long to the first round.
    """
    figures = {
        each.name: Figure(
            name=each.name,
            unit=each.unit,
            ratio_to=each.ratio_to,
            beside=each.beside,
            aim=each.aim,
            note=each.note,
        )
        for each in contenders
    }
    for number in range(1, rounds + 1):
        taken = [each for each in contenders if number == 1 or not (quick and each.once)]
        for each in taken:
            say(f"round {number} of {rounds}: {each.name}")
            figures[each.name].values.append(each.take())
        for figure in (figures[each.name] for each in taken):
            base = figures.get(figure.ratio_to or "")
            if base is not None:
                figure.ratios.append(figure.values[-1] / base.values[-1])
            other = figures.get(figure.beside or "")
            if other is not None:
                figure.beside_ratios.append(figure.values[-1] / other.values[-1])
    return list(figures.values())


def print_table(figures: Sequence[Figure], *, console: Console) -> None:
    """Print the figures as a table for people."""
    table = Table(title="Rates, medians over the rounds of one run")
    table.add_column("figure")
    table.add_column("value", justify="right")
    table.add_column("least – most", justify="right")
    table.add_column("unit")
    table.add_column("ratio", justify="right")
    table.add_column("to")
    table.add_column("aim", justify="right")
    table.add_column("note")
    for figure in figures:
        table.add_row(
            figure.name,
            _number(figure.value),
            f"{_number(min(figure.values))} – {_number(max(figure.values))}",
            figure.unit,
            "" if figure.ratio is None else f"{figure.ratio:.2f}",
            figure.ratio_to or "",
            _aim(figure),
            _note(figure),
        )
    console.print(table)


def _number(value: float) -> str:
    return f"{value:,.2f}" if value < _FEW else f"{value:,.0f}"


def _aim(figure: Figure) -> str:
    if figure.at_most is not None:
        return f"≤ {figure.at_most:.2f}"
    return "" if figure.aim is None else f"≥ {figure.aim:.2f}"


def _note(figure: Figure) -> str:
    if not figure.beside_ratios:
        return figure.note
    return f"{median(figure.beside_ratios):.2f} × {figure.beside}; {figure.note}"


def write_json(
    figures: Sequence[Figure], *, path: Path, kept: Mapping[str, Mapping[str, Any]] | None = None
) -> None:
    """Write ``{name: {value, unit, ratio_to, ratio}}``, the stable form for tools.

    ``kept`` are figures of an earlier run that stay beside these.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        figure.name: {
            "value": round(figure.value, 3 if figure.value < _FEW else 1),
            "unit": figure.unit,
            "ratio_to": figure.ratio_to,
            "ratio": None if figure.ratio is None else round(figure.ratio, 4),
        }
        for figure in figures
    }
    path.write_text(json.dumps(dict(kept or {}) | document, indent=1) + "\n", encoding="utf-8")
