"""What the database holds of one member and what the model holds, in the same form."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from network.ledger.errors import Refusal
from network.ledger.values import Posted
from tests.scenarios.ledger.model.books import Movement, Refused, Wallet

_PARTS = {
    "lots": """
        SELECT lot_id, issuer_id, terms_id, price::text, active, active_from, expires_on,
               parent_lot_id, campaign_id, locked_to, granted, remaining, held, redeemed, expired,
               clawed_back, moved
        FROM ledger.lot WHERE member_id = :member ORDER BY lot_id""",
    "debts": """
        SELECT issuer_id, points FROM ledger.debt WHERE member_id = :member AND points <> 0
        ORDER BY issuer_id""",
    "entries": """
        SELECT sequence, business_date, kind, actor, merchant_id, merchant_ref, amount, base,
               original_sequence, original_date, explanation
        FROM ledger.entry WHERE member_id = :member ORDER BY sequence""",
    "postings": """
        SELECT sequence, business_date, account, issuer_id, acceptor_id, lot_id, terms_id,
               priced_on, points
        FROM ledger.posting WHERE member_id = :member ORDER BY sequence, line""",
    "holds": """
        SELECT sequence, merchant_id, merchant_ref, points, hold_until, state, captured,
               capture_sequence, ended_sequence
        FROM ledger.hold WHERE member_id = :member ORDER BY sequence""",
    "slices": """
        SELECT sequence, lot_id, points, captured
        FROM ledger.hold_slice WHERE member_id = :member ORDER BY sequence, part""",
    "earned": """
        SELECT sequence, line, issuer_id, lot_id, base, points, refunded, clawed_back
        FROM ledger.earned_part WHERE member_id = :member ORDER BY sequence, part""",
    "consumed": """
        SELECT sequence, lot_id, acceptor_id, business_date, points, refunded
        FROM ledger.consumption WHERE member_id = :member ORDER BY sequence, part""",
    "references": """
        SELECT merchant_id, kind, merchant_ref, state, sequence, moved_from
        FROM ledger.reference WHERE member_id = :member
        ORDER BY merchant_id, kind, merchant_ref""",
    "campaigns": """
        SELECT campaign_id, points, day, day_points, brought, brought_day
        FROM ledger.campaign_person WHERE member_id = :member ORDER BY campaign_id""",
    "codes": "SELECT digest FROM ledger.used_code WHERE member_id = :member ORDER BY digest",
}
_STORED = text(
    "SELECT available, pending, held, debt, sequence, status, moved_to, due_on, "
    + ", ".join(
        f"(SELECT coalesce(jsonb_agg(to_jsonb(r)), '[]') FROM ({query}) AS r) AS {name}"
        for name, query in _PARTS.items()
    )
    + " FROM ledger.wallet WHERE member_id = :member"
)
_AHEAD = text(
    "SELECT available, pending, held, debt, spendable, suspended "
    "FROM ledger.wallet_ahead(:member, :now, :wall)"
)
Rows = dict[str, Any]


def stored(connection: Connection, member_id: UUID) -> tuple[Rows, str | None] | None:
    """Return everything stored of a member, and the day on which its lots are looked at again."""
    row = connection.execute(_STORED, {"member": member_id}).one_or_none()
    if row is None:
        return None
    rows: Rows = dict(row._mapping)
    due_on, moved_to = rows.pop("due_on"), rows["moved_to"]
    rows["moved_to"] = moved_to and str(moved_to)
    rows["postings"] = _movements(rows["postings"])
    return rows, due_on and due_on.isoformat()


def ahead(
    connection: Connection, *, member_id: UUID, now: datetime, wall: datetime
) -> tuple[int, ...] | None:
    """Return available, pending, held, debt, spendable and suspended as a call will find them."""
    found = connection.execute(_AHEAD, {"member": member_id, "now": now, "wall": wall})
    row = found.one_or_none()
    return None if row is None else tuple(row)


def modelled(wallet: Wallet) -> Rows:
    """Return the same of the model's wallet."""
    return {
        **wallet.figures(),
        "sequence": len(wallet.entries),
        "status": wallet.status,
        "moved_to": wallet.moved_to and str(wallet.moved_to),
        "lots": [_row(lot) for _, lot in sorted(wallet.lots.items())],
        "debts": [
            {"issuer_id": str(issuer), "points": points}
            for issuer, points in sorted(wallet.debts.items())
            if points
        ],
        "entries": [_row(entry, without="movements") for entry in wallet.entries],
        "postings": [
            line
            for entry in wallet.entries
            for line in sorted(
                (
                    _movement(entry.sequence, entry.business_date.isoformat(), movement)
                    for movement in entry.movements
                ),
                key=repr,
            )
        ],
        "holds": [_row(hold, without="slices") for hold in wallet.holds.values()],
        "slices": _numbered({n: hold.slices for n, hold in wallet.holds.items()}),
        "earned": _numbered(wallet.earned),
        "consumed": _numbered(wallet.consumed),
        "references": [
            {"merchant_id": str(merchant), "kind": kind, "merchant_ref": ref, **_row(reference)}
            for (merchant, kind, ref), reference in sorted(wallet.references.items())
        ],
        "campaigns": [
            {"campaign_id": str(campaign_id), **_row(counted)}
            for campaign_id, counted in sorted(wallet.campaigns.items())
        ],
        "codes": [{"digest": "\\x" + digest.hex()} for digest in sorted(wallet.codes)],
    }


def first_due(wallet: Wallet) -> str | None:
    """Return the first day on which one of the wallet's lots starts or lapses."""
    days = [t.expires_on if t.active else t.active_from for t in wallet.open_lots()]
    return min(days).isoformat() if days else None


def differences(found: Rows, expected: Rows) -> list[str]:
    """Name every row that only one of the two has."""
    named = []
    for part, rows in expected.items():
        mine = rows if isinstance(rows, list) else [rows]
        theirs = found[part] if isinstance(rows, list) else [found[part]]
        if mine == theirs:
            continue
        named += [f"{part}: not in the model: {row}" for row in theirs if row not in mine]
        named += [f"{part}: only in the model: {row}" for row in mine if row not in theirs]
        if not any(row.startswith(f"{part}: ") for row in named):
            named.append(f"{part}: the same rows in another order or number: {theirs} / {mine}")
    return named


def outcome(call: Callable[[], Any]) -> Any:
    """Return what a call returns, or its refusal."""
    try:
        return call()
    except (Refusal, Refused) as refusal:
        return refusal


def agree(done: Any, expected: Any) -> bool:
    """Compare answers: a refusal by its code and by those facts that the model names."""
    if isinstance(expected, Refused):
        return (
            isinstance(done, Refusal)
            and done.code == expected.code
            and dict(done.facts) | expected.facts == dict(done.facts)
        )
    return bool(done == expected)


def word(outcome: Any) -> str:
    """Name an outcome of the model for the count of what was seen."""
    if isinstance(outcome, Refused):
        return outcome.code
    if isinstance(outcome, Posted):
        return "replayed" if outcome.replayed else str(outcome.result.get("state", "posted"))
    return str(outcome) if isinstance(outcome, bool) else "done"


def _movements(postings: list[Rows]) -> list[list[Any]]:
    """Pair the postings of each entry; the pairs' order is no rule, so they are sorted."""
    movements = []
    for source, target in zip(postings[::2], postings[1::2], strict=True):
        common = ("sequence", "business_date", "issuer_id", "acceptor_id", "terms_id", "priced_on")
        assert source["points"] == -target["points"]
        assert all(source[name] == target[name] for name in common), (source, target)
        movements.append(
            [
                source["account"],
                target["account"],
                target["points"],
                source["lot_id"],
                target["lot_id"],
                *(source[name] for name in common),
            ]
        )
    return sorted(movements, key=lambda movement: (movement[5], repr(movement)))


def _movement(sequence: int, day: str, movement: Movement) -> list[Any]:
    row = _row(movement)
    facts = ("source", "target", "points", "lot_id", "target_lot_id")
    parties = ("issuer_id", "acceptor_id", "terms_id", "priced_on")
    return [*(row[name] for name in facts), sequence, day, *(row[name] for name in parties)]


def _numbered(rows: dict[int, list[Any]]) -> list[Rows]:
    return [{"sequence": sequence, **_row(row)} for sequence, some in rows.items() for row in some]


def _row(row: Any, *, without: str = "") -> Rows:
    return {
        name: value if isinstance(value, bool | int | str | list | None) else _words(value)
        for name, value in vars(row).items()
        if name != without
    }


def _words(value: Any) -> str:
    return str(value.isoformat() if hasattr(value, "isoformat") else value)
