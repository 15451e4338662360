"""What the bodies of calls have in common, and paths with an id in them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

Member = Mapping[str, str]
Line = Mapping[str, str | int]
CURRENCY = "IRR"
_KEY_BYTES = 24


def new_idempotency_key() -> str:
    """Return a fresh key of 32 characters."""
    return secrets.token_urlsafe(_KEY_BYTES)


def basket(*, amount: int, lines: Sequence[Line], occurred_at: datetime | None) -> dict[str, Any]:
    """Return what was bought and paid in money."""
    return {
        "amount": amount,
        "currency": CURRENCY,
        "occurred_at": time_of(occurred_at),
        "lines": [dict(line) for line in lines] or None,
    }


def measure(*, points: int | None, amount: int | None) -> dict[str, Any]:
    """Return points, or an amount with its currency."""
    return {
        "points": points,
        "amount": amount,
        "currency": None if amount is None else CURRENCY,
    }


def went_back(*, amount: int | None, lines: Sequence[Mapping[str, int]]) -> dict[str, Any]:
    """Return money that went back: of the whole purchase, or line by line."""
    return {"amount": amount, "lines": list(lines) or None, "currency": CURRENCY}


def time_of(moment: datetime | None) -> str | None:
    """Return a moment as it is sent."""
    return None if moment is None else moment.isoformat()


def redemption_path(redemption_id: str) -> str:
    """Return the path of one redemption."""
    return f"/v1/redemptions/{quoted(redemption_id)}"


def quoted(text: str) -> str:
    """Return an id as a part of a path."""
    return quote(text, safe="")
