"""What the audit looks for: each pass reads its tables once and answers several checks.

A pass's ``body`` is a query with one row per thing looked at. A check says which of these rows it
is about (``looked``), when one of them is wrong, and how to name it. Expressions are never NULL
where a row is looked at: a missing side counts as zero, or makes the row wrong.
"""

from __future__ import annotations

from dataclasses import dataclass


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


ENTRY = "format('member %s, entry %s of %s', member_id, sequence, business_date)"
"""Names an entry by its key."""
