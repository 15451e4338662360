"""Figures too large to add up: found by table where the audit's sums went beyond a bigint."""

from __future__ import annotations

import re
from itertools import islice

from sqlalchemy import text
from sqlalchemy.orm import Session

_TABLES = re.compile(r"\b((ledger|network)\.\w+)\b(?!\()")
_MOST = {"ledger": 10**18, "network": 2**62}
"""No wallet holds more points; people agree on no larger amounts (``points.MOST_AGREED``)."""

_COLUMNS = text("""
    SELECT a.attname AS name, coalesce(nullif(t.typbasetype, 0), t.oid)::regtype::text AS kind,
           coalesce(a.attnum = ANY (i.indkey), a.attname IN ('member_id', 'sequence')) AS is_key
    FROM pg_catalog.pg_attribute AS a
    JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
    LEFT JOIN pg_catalog.pg_index AS i ON i.indrelid = a.attrelid AND i.indisprimary
    WHERE a.attrelid = to_regclass(:table) AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum
""")


def out_of_reach(session: Session, *, body: str, limit: int) -> list[str]:
    """Name up to ``limit`` rows of the tables in a query with a figure larger than any may be."""
    found: list[str] = []
    for table, schema in sorted(set(_TABLES.findall(body))):
        found += _of_table(session, table=table, most=_MOST[schema], limit=limit)
    return list(islice(found, limit))


def _of_table(session: Session, *, table: str, most: int, limit: int) -> list[str]:
    columns = session.execute(_COLUMNS, {"table": table}).all()
    wrong = {
        each.name: f"{each.name} NOT BETWEEN -{most} AND {most}"
        if each.kind == "bigint"
        else f"({most} < ANY ({each.name}) OR -{most} > ANY ({each.name}))"
        for each in columns
        if each.kind in {"bigint", "bigint[]"}
    }
    if not wrong:
        return []
    keys = ", ".join(f"'{each.name} ', {each.name}, ', '" for each in columns if each.is_key)
    figures = ", ".join(
        f"CASE WHEN {test} THEN concat(' {name} ', {name}, ' is too large') END"
        for name, test in wrong.items()
    )
    return list(
        session.scalars(
            text(
                f"SELECT concat('{table}: ', {keys + ', ' if keys else ''}'', {figures})"
                f" FROM {table} WHERE {' OR '.join(wrong.values())} ORDER BY 1 LIMIT {limit}"
            )
        )
    )
