"""How an obligation is shared out: its postings with their shares, and how each share came about.

The rule is that of largest remainders (``lines.SPREAD``): every exact share is rounded down, and
the units left over go one by one to the largest remainders, equal ones in the order of member,
entry and line.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from network.clearing.facts import WindowView
from network.clearing.lines import SPREAD, spread

_BATCH = 2000
_COLUMNS = """
    SELECT s.member_id, s.sequence, s.line, s.business_date, s.points, s.share, s.floor::bigint,
           s.rest::bigint, s.whole::bigint, s.place, s.place <= s.left_over AS raised,
           e.merchant_id, e.merchant_ref, e.effective_at, e.recorded_at
    FROM shared s
    JOIN ledger.entry e ON e.member_id = s.member_id AND e.sequence = s.sequence
     AND e.business_date = s.business_date
     AND e.business_date >= :first_day AND e.business_date < :end_day
"""
_OF_ONE = SPREAD.format(obligations="o.obligation_id = :obligation_id", postings="true") + _COLUMNS
_LINES = text(
    _OF_ONE
    + """
    WHERE CAST(:after_member AS uuid) IS NULL OR (s.member_id, s.sequence, s.line)
        > (CAST(:after_member AS uuid), CAST(:after_sequence AS bigint),
           CAST(:after_line AS bigint))
    ORDER BY s.member_id, s.sequence, s.line
    LIMIT :limit
"""
)
_BY_PLACE = text(
    _OF_ONE
    + """
    WHERE s.place > :after
    ORDER BY s.place
    LIMIT :limit
"""
)
_OF_ENTRY = text(
    SPREAD.format(obligations="o.obligation_id = ANY (:obligation_ids)", postings="true")
    + """
    SELECT obligation_id, line, points, share FROM shared
    WHERE member_id = :member_id AND sequence = :sequence
"""
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObligationLine:
    """One posting behind an obligation, with its share of the amount and how that came about.

    ``floor`` is the exact share rounded down, ``rest`` of ``whole`` the remainder; ``place`` is the
    posting's among all remainders of the obligation, and ``raised`` says that it got one of the
    units left over.
    """

    member_id: UUID
    sequence: int
    line: int
    business_date: date
    points: int
    share: int
    floor: int
    rest: int
    whole: int
    place: int
    raised: bool
    merchant_id: UUID | None
    merchant_ref: str | None
    effective_at: datetime
    recorded_at: datetime

    @property
    def exact(self) -> Fraction:
        """Return the share before rounding, minor units."""
        return self.floor + self.remainder

    @property
    def remainder(self) -> Fraction:
        """Return what rounding down took, at least zero and below one unit."""
        return Fraction(self.rest, self.whole)


class EntryShare(NamedTuple):
    """What one posting of an entry has of an obligation: points and minor units."""

    obligation_id: UUID
    line: int
    points: int
    share: int


def obligation_lines(
    session: Session,
    *,
    window: WindowView,
    obligation_id: UUID,
    after: tuple[UUID, int, int] | None = None,
    limit: int | None = None,
) -> Iterator[ObligationLine]:
    """Stream postings behind an obligation with their shares, after (member, sequence, line)."""
    member, sequence, line = after or (None, None, None)
    rows = spread(
        session,
        _LINES,
        window=window,
        batch=_BATCH,
        obligation_id=obligation_id,
        after_member=member,
        after_sequence=sequence,
        after_line=line,
        limit=limit,
    )
    return (ObligationLine(**row._mapping) for row in rows)  # noqa: SLF001 - a public name


def lines_by_remainder(
    session: Session, *, window: WindowView, obligation_id: UUID, after: int = 0, limit: int
) -> list[ObligationLine]:
    """Return postings behind an obligation in the order in which units left over reach them.

    Those whose place is behind ``after``, which counts from 1.
    """
    rows = spread(
        session, _BY_PLACE, window=window, obligation_id=obligation_id, after=after, limit=limit
    )
    return [ObligationLine(**row._mapping) for row in rows]  # noqa: SLF001 - a public name


def entry_shares(
    session: Session,
    *,
    window: WindowView,
    obligation_ids: Collection[UUID],
    member_id: UUID,
    sequence: int,
) -> list[EntryShare]:
    """Return what the postings of one entry have of some obligations of a window.

    All postings of these obligations are read, because a share depends on the others' remainders.
    """
    if not obligation_ids:
        return []
    rows = spread(
        session,
        _OF_ENTRY,
        window=window,
        obligation_ids=list(obligation_ids),
        member_id=member_id,
        sequence=sequence,
    )
    return [EntryShare(*row) for row in rows]
