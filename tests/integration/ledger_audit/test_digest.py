"""The canonical form, written down a second time: Python reckons what the functions stored."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import text

from tests.integration.ledger_audit.conftest import Past

_ENTRY = (
    "member_id, sequence, business_date, kind, merchant_id, store_id, terminal, merchant_ref, "
    "receipt, channel, amount, base, currency, original_sequence, original_date, effective_at, "
    "recorded_at, actor"
)
_MOVEMENT = (
    "line, source, target, issuer_id, acceptor_id, lot_id, target_lot_id, terms_id, priced_on, "
    "points"
)
_LOT = (
    "lot_id, parent_lot_id, campaign_id, locked_to, price::numeric(20, 10)::text, active_from, "
    "expires_on"
)


def canonical(values: Sequence[Any]) -> str:
    """Return a JSON array as PostgreSQL writes it: one space after commas and colons."""
    return json.dumps([_plain(value) for value in values], ensure_ascii=False)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        moment = value.astimezone(UTC).replace(tzinfo=None).isoformat()
        return moment.rstrip("0") if "." in moment else moment
    if value is None or isinstance(value, int | str | list | dict):
        return value
    return str(value)


def test_digests_are_sha256_of_the_documented_form(past: Past) -> None:
    with past.database.snapshot() as session:
        entries = session.execute(
            text(f"SELECT {_ENTRY}, explanation::text, earned, digest FROM ledger.entry")
        ).all()
        movements = session.execute(
            text(f"SELECT member_id, sequence, {_MOVEMENT} FROM ledger.movement ORDER BY line")
        ).all()
        lots = session.execute(
            text(
                f"SELECT member_id, lot_id / 1000000, 'lot', {_LOT} FROM ledger.lot ORDER BY lot_id"
            )
        ).all()
    lines: dict[tuple[Any, Any], list[str]] = {}
    for member, sequence, *values in (*movements, *lots):
        lines.setdefault((member, sequence), []).append(canonical(values))
    assert len(entries) > 60
    assert len(lots) > 20
    for *values, explanation, earned, digest in entries:
        parts = json.dumps(earned, separators=(",", ":"))  # an array within one: no spaces
        entry = f"{canonical([1, *values])[:-1]}, {explanation}, {parts}]"
        form = "\n".join([entry, *lines.get((values[0], values[1]), [])])
        assert sha256(form.encode()).digest() == digest, form


def test_the_audit_writes_movements_as_the_ledger_does(past: Past) -> None:
    values = {
        "line": "n",
        "acceptor_id": "CASE WHEN n & 1 > 0 THEN gen_random_uuid() END",
        "lot_id": "CASE WHEN n & 2 > 0 THEN 9000000000000000001 END",
        "target_lot_id": "CASE WHEN n & 4 > 0 THEN -1000001 END",
        "terms_id": "CASE WHEN n & 8 > 0 THEN gen_random_uuid() END",
        "priced_on": "CASE WHEN n & 16 > 0 THEN date '2026-03-09' END",
    }
    drawn = ", ".join(f"{value} AS {name}" for name, value in values.items())
    asked = _MOVEMENT.replace("issuer_id", "gen.id")
    statement = text(f"""
        SELECT ledger.stored_form({asked}) AS stored, ledger.movement_form({asked}) AS written
        FROM (
            SELECT {drawn}, a AS source, b AS target, 1000000000000000::bigint AS points
            FROM generate_series(0, 31) AS n, unnest(enum_range(NULL::ledger.account)) AS a,
                 unnest(enum_range(NULL::ledger.account)) AS b
        ) AS moved, (SELECT gen_random_uuid() AS id) AS gen
    """)
    with past.database.reading() as session:
        for style in ("ISO", "German", "SQL, DMY"):
            session.execute(text(f"SET LOCAL datestyle = '{style}'"))
            rows = session.execute(statement).all()
            assert len(rows) > 32
            assert [row for row in rows if row.stored != row.written] == []
