"""What the audit looks for: each pass reads its tables once and answers several checks.

A pass's ``body`` is a query with one row per thing looked at. A check says which of these rows it
is about (``looked``), when one of them is wrong, and how to name it. Expressions are never NULL
where a row is looked at: a missing side counts as zero, or makes the row wrong.

A pass that compares a member's rows with rows of the same member only (``by_member``) can be asked
for a part of the members at a time. More than two processes share the work like that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from network.ledger.audit_figures import largest, out_of_reach

_OVERFLOW = "22003"
EXAMPLES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One check over the rows of a pass; all but the name are SQL expressions."""

    name: str
    wrong: str
    example: str
    looked: str = "true"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """A query and the checks over its rows."""

    body: str
    rules: tuple[Rule, ...]
    by_member: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One invariant: how many rows were looked at, how many differ, and up to ten of them by name.

    ``rows`` counts what the invariant is about (entries, lots, wallets, days …), not postings.
    """

    name: str
    rows: int
    differences: int
    examples: tuple[str, ...]


ENTRY = "format('member %s, entry %s of %s', member_id, sequence, business_date)"
"""Names an entry by its key."""


# Every table of the ledger that is read here has a member_id, but for that of the days.
_TABLE = re.compile(r"\b(FROM|JOIN) (ledger\.(?!business_day)(\w+))(?: AS (\w+))?")


def within(body: str, share: str) -> str:
    """Return a query over members' rows as one over some members: ``share`` is a condition."""

    def table(found: re.Match[str]) -> str:
        return f"{found[1]} (SELECT * FROM {found[2]} WHERE {share}) AS {found[4] or found[3]}"

    return _TABLE.sub(table, body)


def run_pass(session: Session, part: Pass, *, share: str = "", **values: Any) -> list[Check]:
    """Count over the pass's rows once; look for examples only where something differs.

    ``share`` is a condition on a member_id; all members meet the empty one. Where sums go beyond a
    bigint, no row was looked at, and each check of the pass names the figure that is too large, or
    the largest ones, or at least what PostgreSQL said.
    """
    body = within(part.body, share) if share else part.body
    try:
        with session.begin_nested():
            return _reckoned(session, part, body, values)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _OVERFLOW:
            raise
        found = tuple(
            out_of_reach(session, body=part.body, limit=EXAMPLES)
            or largest(session, body=part.body, limit=EXAMPLES)
            or [str(error.orig).strip()]
        )
    return [
        Check(name=rule.name, rows=0, differences=len(found), examples=found) for rule in part.rules
    ]


def _reckoned(session: Session, part: Pass, body: str, values: dict[str, Any]) -> list[Check]:
    counts = ", ".join(
        f"count(*) FILTER (WHERE {rule.looked}) AS looked_{i}, "
        f"count(*) FILTER (WHERE ({rule.looked}) AND ({rule.wrong})) AS wrong_{i}"
        for i, rule in enumerate(part.rules)
    )
    row = session.execute(text(f"SELECT {counts} FROM ({body}) AS f"), values).one()
    return [
        Check(
            name=rule.name,
            rows=getattr(row, f"looked_{i}"),
            differences=getattr(row, f"wrong_{i}"),
            examples=(
                _examples(
                    session,
                    f"SELECT {rule.example} FROM ({body}) AS f "
                    f"WHERE ({rule.looked}) AND ({rule.wrong})",
                    values,
                )
                if getattr(row, f"wrong_{i}")
                else ()
            ),
        )
        for i, rule in enumerate(part.rules)
    ]


def _examples(session: Session, statement: str, values: dict[str, Any]) -> tuple[str, ...]:
    found = session.scalars(text(f"{statement} ORDER BY 1 LIMIT {EXAMPLES}"), values)
    return tuple(str(example) for example in found)
