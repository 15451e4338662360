"""Figures too large to add up, each or together: found by table where a sum left a bigint."""

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


def largest(session: Session, *, body: str, limit: int) -> list[str]:
    """Name the ``limit`` rows of the tables in a query with the largest figures, largest first.

    For sums beyond a bigint of figures none of which is ``out_of_reach``. Tables without figures
    above zero have no such rows.
    """
    found: list[tuple[int, str]] = []
    for table, _schema in sorted(set(_TABLES.findall(body))):
        found += _largest_of_table(session, table=table, limit=limit)
    return [named for _, named in sorted(found, key=lambda each: (-each[0], each[1]))[:limit]]


def _largest_of_table(session: Session, *, table: str, limit: int) -> list[tuple[int, str]]:
    columns = session.execute(_COLUMNS, {"table": table}).all()
    sizes = {
        each.name: f"abs({each.name})"
        if each.kind == "bigint"
        else f"(SELECT max(abs(x)) FROM unnest({each.name}) AS x)"
        for each in columns
        if each.kind in {"bigint", "bigint[]"}
        and not (each.is_key or each.name.endswith(("_id", "sequence")))
    }
    if not sizes:
        return []
    keys = ", ".join(f"'{each.name} ', {each.name}, ', '" for each in columns if each.is_key)
    figures = ", ".join(
        f"CASE WHEN {size} = figure THEN concat('{name} ', {name}, ' ') END"
        for name, size in sizes.items()
    )
    statement = text(
        f"SELECT figure, concat('{table}: ', {keys + ', ' if keys else ''}{figures},"
        f" 'is among the largest of what is too large together')"
        f" FROM (SELECT *, greatest({', '.join(sizes.values())}) AS figure FROM {table}) AS f"
        f" WHERE figure > 0 ORDER BY 1 DESC, 2 LIMIT {limit}"
    )
    return [(figure, named) for figure, named in session.execute(statement)]


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
