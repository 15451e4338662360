"""A store and its tills as the calls that name them ask for them, by the driver itself."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from network.database.driver import Channel, rows_of

_TILLS = """
    (SELECT coalesce(array_agg(t.code) FILTER (WHERE t.closed_at IS NULL), '{}')
     FROM network.terminal AS t WHERE t.store_id = s.store_id HAVING count(*) > 0) AS tills
"""
_BY_CODE = text(f"""
    SELECT s.store_id, s.closed_at IS NOT NULL AS closed, {_TILLS} FROM network.store AS s
    WHERE s.merchant_id = CAST(:merchant_id AS uuid) AND s.code = CAST(:code AS text)
""")
_BY_ID = text(f"""
    SELECT {_TILLS} FROM network.store AS s WHERE s.store_id = CAST(:store_id AS uuid)
""")


@dataclass(frozen=True, slots=True)
class NamedPlace:
    """A store; ``tills`` are the open ones on its list, ``None`` where it has no list."""

    store_id: UUID
    closed: bool
    tills: frozenset[str] | None


def named_place(connection: Channel, *, merchant_id: UUID, code: str) -> NamedPlace | None:
    """Return a merchant's store by its code, ``None`` where there is none."""
    rows = rows_of(connection, _BY_CODE, {"merchant_id": merchant_id, "code": code})
    if not rows:
        return None
    return NamedPlace(rows[0].store_id, rows[0].closed, _listed(rows[0].tills))


def listed_tills(connection: Channel, *, store_id: UUID) -> frozenset[str] | None:
    """Return the open tills on a store's list, ``None`` where it has no list."""
    rows = rows_of(connection, _BY_ID, {"store_id": store_id})
    return _listed(rows[0].tills) if rows else None


def _listed(tills: list[str] | None) -> frozenset[str] | None:
    return None if tills is None else frozenset(tills)
