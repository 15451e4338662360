"""Reads of a whole window as streams, for a process that holds a little of it at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from network.clearing.facts import Obligation, WindowView
from network.clearing.lines import spread

_BATCH = 2000
_FACTS = tuple(Obligation.__dataclass_fields__)
_PAID_ON = _FACTS.index("priced_on")

# Both directions between two accounts follow each other.
_CORRIDORS = text("""
    SELECT payer_id, payer_account, payee_id, payee_account, currency, sum(amount)::bigint AS amount
    FROM network.obligation WHERE window_id = :window_id
    GROUP BY payer_id, payer_account, payee_id, payee_account, currency
    ORDER BY currency, least(payer_id || payer_account, payee_id || payee_account),
             greatest(payer_id || payer_account, payee_id || payee_account)
""")
# Every obligation's lines stand on its payer's statement, once.
_DETAILS = text(f"""
    SELECT {", ".join(f"o.{name}" for name in _FACTS)}, coalesce(d.postings, 0),
           coalesce(d.points, 0)::bigint, coalesce(d.share, 0)::bigint
    FROM network.obligation AS o
    LEFT JOIN (SELECT obligation_id, count(*) AS postings, sum(points) AS points,
                      sum(share) AS share
               FROM statement_line WHERE direction <> 'receivable' GROUP BY obligation_id) AS d
      USING (obligation_id)
    WHERE o.window_id = :window_id ORDER BY o.issuer_id
""")
_LINES = text("""
    SELECT coalesce(sum(postings * CASE payee_account WHEN 'settlement' THEN 2 ELSE 1 END), 0)
    FROM network.obligation WHERE window_id = :window_id
""")


class Corridor(NamedTuple):
    """What one account owes another over a window, minor units."""

    payer_id: UUID
    payer_account: str
    payee_id: UUID
    payee_account: str
    currency: str
    amount: int


class Detail(NamedTuple):
    """What the lines behind one obligation come to."""

    postings: int = 0
    points: int = 0
    share: int = 0


def obligations_with_details(
    session: Session, *, window: WindowView
) -> Iterator[tuple[Obligation, Detail]]:
    """Stream a window's obligations, issuer by issuer, and what the lines behind each come to.

    The lines are those that ``network.clearing.line_texts.make_lines`` made.
    """
    rows = spread(session, _DETAILS, window=window, batch=_BATCH)
    many = len(_FACTS)
    for row in rows:
        values = dict(zip(_FACTS, row[:many], strict=True))
        values["priced_on"] = tuple(row[_PAID_ON])
        yield Obligation(**values), Detail(*row[many:])


def corridors(session: Session, *, window: WindowView) -> Iterator[Corridor]:
    """Stream what accounts owe each other, both directions of a pair behind each other."""
    rows = session.execute(
        _CORRIDORS, {"window_id": window.window_id}, execution_options={"yield_per": _BATCH}
    )
    return (Corridor(*row) for row in rows)


def statement_line_count(session: Session, *, window: WindowView) -> int:
    """Return how many lines the statements of a window have, the network's among them."""
    return int(session.execute(_LINES, {"window_id": window.window_id}).scalar_one())
