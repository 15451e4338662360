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
            text(f"SELECT {_ENTRY}, explanation::text, digest FROM ledger.entry")
        ).all()
        movements = session.execute(
            text(f"SELECT member_id, sequence, {_MOVEMENT} FROM ledger.movement ORDER BY line")
        ).all()
    lines: dict[tuple[Any, Any], list[str]] = {}
    for member, sequence, *values in movements:
        lines.setdefault((member, sequence), []).append(canonical(values))
    assert len(entries) > 60
    for *values, explanation, digest in entries:
        entry = f"{canonical([1, *values])[:-1]}, {explanation}]"
        form = "\n".join([entry, *lines.get((values[0], values[1]), [])])
        assert sha256(form.encode()).digest() == digest, form
