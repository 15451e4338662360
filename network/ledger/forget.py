"""Forgetting what answered requests leave behind: idempotency keys and used codes."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

_FORGET = text("SELECT keys, codes FROM ledger.forget_requests(CAST(:most AS integer))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """How many rows a call deleted: idempotency keys and digests of used codes."""

    keys: int
    codes: int


def forget_requests(connection: Connection, *, most: int = 10_000) -> Forgotten:
    """Delete at most ``most`` keys and as many used codes that are older than 30 days.

    The ledger's function decides what is old, by the rows' own dates; call it until it finds
    nothing more.
    """
    row = connection.execute(_FORGET, {"most": most}).one()
    return Forgotten(keys=row.keys, codes=row.codes)
