"""The matrix issuer × acceptor as rows and columns with their sums. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from network.clearing.facts import MatrixCell, PartyView
from settlement.console.charts import shade

MOST_PARTIES = 40
"""More rows and columns than this can't be read; the file has them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One figure and how strongly it is shaded (0 to 5)."""

    value: int
    shade: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The figures by (issuer, acceptor), sums of rows and columns, and how many were left out."""

    issuers: tuple[PartyView, ...]
    acceptors: tuple[PartyView, ...]
    cells: dict[tuple[UUID, UUID], Cell]
    rows: dict[UUID, int]
    columns: dict[UUID, int]
    total: int
    left_out: int


def grid(found: Sequence[MatrixCell], *, measure: str) -> Grid:
    """Return the matrix of ``measure`` (points or amount); sums are over all parties.

    Of more than MOST_PARTIES issuers or acceptors those with the largest sums are kept.
    """
    values: dict[tuple[UUID, UUID], int] = {}
    rows: dict[UUID, int] = {}
    columns: dict[UUID, int] = {}
    parties: dict[UUID, PartyView] = {}
    for cell in found:
        value = int(getattr(cell, measure))
        issuer, acceptor = cell.issuer.party_id, cell.acceptor.party_id
        parties[issuer], parties[acceptor] = cell.issuer, cell.acceptor
        values[issuer, acceptor] = values.get((issuer, acceptor), 0) + value
        rows[issuer] = rows.get(issuer, 0) + value
        columns[acceptor] = columns.get(acceptor, 0) + value
    largest = max(values.values(), default=0)
    issuers, acceptors = _largest(rows, parties), _largest(columns, parties)
    return Grid(
        issuers=issuers,
        acceptors=acceptors,
        cells={
            pair: Cell(value=value, shade=shade(value, largest=largest))
            for pair, value in values.items()
        },
        rows=rows,
        columns=columns,
        total=sum(rows.values()),
        left_out=len(rows) - len(issuers) + len(columns) - len(acceptors),
    )


def _largest(sums: dict[UUID, int], parties: dict[UUID, PartyView]) -> tuple[PartyView, ...]:
    kept = sorted(sums, key=lambda party_id: -abs(sums[party_id]))[:MOST_PARTIES]
    return tuple(sorted((parties[each] for each in kept), key=lambda party: party.code))
