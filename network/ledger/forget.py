"""Forgetting what answered requests leave behind: idempotency keys and used codes."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

_FORGET = text("""
    SELECT keys, codes, next_page
    FROM ledger.forget_requests(CAST(:page AS bigint), CAST(:pages AS integer))
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """How many rows a call deleted, idempotency keys and digests of used codes, and where to go on.

    ``next_page`` is ``None`` after the last page.
    """

    keys: int
    codes: int
    next_page: int | None


def forget_requests(connection: Connection, *, page: int = 0, pages: int = 1_000) -> Forgotten:
    """Delete the keys and used codes older than 30 days that lie in ``pages`` pages from ``page``.

    The ledger's function decides what is old, by the rows' own dates; go on at ``next_page``.
    """
    row = connection.execute(_FORGET, {"page": page, "pages": pages}).one()
    return Forgotten(keys=row.keys, codes=row.codes, next_page=row.next_page)
