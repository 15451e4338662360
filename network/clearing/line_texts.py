"""All lines of a window's statements at once: summed, and written as text by the database.

The night needs of each line only its bytes and its place in sums, so nothing of it becomes an
object here: what one entry has on one statement comes as one piece of text, in which only the
entry's public id is missing, because its key never goes to the database. The text is that of
``network.clearing.statements.line_record`` in the form of RFC 8785: PostgreSQL escapes strings as
that form does. Rows of CSV come the same way, for the files of all statements.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from network.clearing.facts import WindowView
from network.clearing.lines import ALL_LINES, LINES_BETWEEN, spread
from network.clearing.parties import NETWORK_NAME, NETWORK_PARTY

ENTRY = "\x01"
"""Stands for the entry's public id; JSON has no control characters, they are escaped there."""

REF = "\x02"
"""Stands for the merchant's reference in rows of CSV."""

_BATCH = 2000
_LEAST, _GREATEST = UUID(int=0), UUID(int=2**128 - 1)
_MAKE_LINES = text(f"CREATE TEMP TABLE statement_line ON COMMIT DROP AS {ALL_LINES}")
_SUMS = text("""
    SELECT merchant_id, currency, direction, sum(share)::bigint AS share, count(*) AS lines
    FROM statement_line WHERE merchant_id <> :network
    GROUP BY merchant_id, currency, direction
""")
_AMOUNT = "CASE l.direction WHEN 'receivable' THEN l.share ELSE -l.share END"
_COUNTERPARTY = "coalesce(l.counterparty, CAST(:nobody AS text))"
_AS_JSON = f"""
    concat('{{"amount":', {_AMOUNT}, ',"counterparty":', to_json({_COUNTERPARTY})::text,
           ',"direction":"', l.direction, '","entry":"', CAST(:entry AS text),
           '","kind":"', l.kind,
           '","merchant_ref":', coalesce(to_json(l.merchant_ref)::text, 'null'),
           ',"points":', l.points, ',"price":"', trim_scale(l.price), '"}}')
"""
# Codes, kinds and figures need no quotes; the one text that may is put in where it is written.
_AS_CSV = f"""
    concat('line,', CAST(:entry AS text), ',', CAST(:ref AS text), ',', l.kind, ',', l.direction,
           ',', {_COUNTERPARTY}, ',', l.points, ',', trim_scale(l.price), ',', {_AMOUNT}, ',',
           l.currency, E',,\r\n')
"""
_IN_ORDER = "ORDER BY l.line, l.obligation_id, l.direction"
_BY_ENTRY = """
    FROM {lines} AS l
    WHERE l.merchant_id <> :network
    GROUP BY l.merchant_id, l.currency, l.recorded_at, l.member_id, l.sequence
    ORDER BY l.merchant_id, l.currency, l.recorded_at, l.member_id, l.sequence
"""
_TEXTS = text(
    f"""
    SELECT l.merchant_id, l.currency, l.member_id, l.sequence, count(*) AS lines,
           string_agg({_AS_JSON}, ',' {_IN_ORDER}) AS piece
    """
    + _BY_ENTRY.format(lines="statement_line")
)
_WRITTEN = text(
    f"""
    SELECT l.merchant_id, l.currency, l.member_id, l.sequence, count(*) AS lines,
           string_agg({_AS_JSON}, ',' {_IN_ORDER}) AS piece,
           string_agg({_AS_CSV}, '' {_IN_ORDER}) AS rows, min(l.merchant_ref) AS merchant_ref
    """
    + _BY_ENTRY.format(lines=f"({LINES_BETWEEN})")
)


class LineSum(NamedTuple):
    """What a merchant's lines of one direction come to, minor units."""

    merchant_id: UUID
    currency: str
    direction: str
    share: int
    lines: int


class LineText(NamedTuple):
    """The lines of one entry on a statement: JSON objects with commas between, in their order."""

    merchant_id: UUID
    currency: str
    member_id: UUID
    sequence: int
    lines: int
    piece: str


class WrittenLines(NamedTuple):
    """The lines of one entry on a statement, as JSON and as rows of CSV, in their order.

    ``merchant_ref`` is theirs where the merchant made the entry.
    """

    merchant_id: UUID
    currency: str
    member_id: UUID
    sequence: int
    lines: int
    piece: str
    rows: str
    merchant_ref: str | None


def make_lines(session: Session, *, window: WindowView) -> None:
    """Spread all obligations of a window over their postings, into a table of the transaction."""
    spread(session, _MAKE_LINES, window=window)
    session.execute(text("ANALYZE statement_line"))


def line_sums(session: Session) -> list[LineSum]:
    """Return what the lines come to by merchant, currency and direction."""
    return [LineSum(*row) for row in session.execute(_SUMS, {"network": NETWORK_PARTY})]


def line_texts(session: Session) -> Iterator[LineText]:
    """Stream the lines, merchant by merchant, each in the order of recording."""
    rows = session.execute(
        _TEXTS,
        {"network": NETWORK_PARTY, "nobody": NETWORK_NAME, "entry": ENTRY},
        execution_options={"yield_per": _BATCH},
    )
    return (LineText(*row) for row in rows)


def written_lines(
    session: Session, *, window: WindowView, first: UUID = _LEAST, last: UUID = _GREATEST
) -> Iterator[WrittenLines]:
    """Stream statements' lines as they are written, merchant by merchant and currency.

    Those of all merchants, or of the ones from ``first`` to ``last``.
    """
    session.execute(text("SET LOCAL work_mem = '64MB'"))
    rows = spread(
        session,
        _WRITTEN,
        window=window,
        batch=_BATCH,
        network=NETWORK_PARTY,
        nobody=NETWORK_NAME,
        entry=ENTRY,
        ref=REF,
        first=first,
        last=last,
    )
    return (WrittenLines(*row) for row in rows)
