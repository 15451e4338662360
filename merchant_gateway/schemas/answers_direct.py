"""What is told of other merchants, payments and trade, as JSON Schema (2020-12)."""

from __future__ import annotations

from merchant_gateway.schemas.shapes import (
    DAY,
    TEXT,
    TIME,
    WHOLE,
    Schema,
    or_null,
    page,
    states,
    text,
    whole,
)

_PARTNER = whole(code=TEXT, name_fa=TEXT, name_en=TEXT)
_DIRECT = whole(
    id=TEXT,
    settlement=text("The window whose statement it pays a part of."),
    business_date=DAY,
    side=states("payer", "payee"),
    partner=_PARTNER,
    amount=WHOLE,
    currency=TEXT,
    iban=text("The payee's account."),
    holder=TEXT,
    reference=text("What the payer names when it transfers."),
    state=states("released", "confirmed", "failed"),
    receipt=or_null(whole(outcome=states("arrived", "missing"), said_at=TIME)),
)
_TRADED = whole(
    partner=or_null(_PARTNER),
    taken_points={"type": "integer", "description": "Points of theirs that were taken here."},
    taken_amount={"type": "integer", "description": "What was owed to you for them."},
    spent_points={"type": "integer", "description": "Your points that were spent there."},
    spent_amount={"type": "integer", "description": "What was owed to them for yours."},
    balance={"type": "integer", "description": "taken_amount less spent_amount."},
)

DIRECT_ANSWERS: dict[str, Schema] = {
    "DirectPayment": _DIRECT,
    "DirectPayments": page(_DIRECT),
    "Trade": whole(
        since=DAY,
        until=DAY,
        currency=TEXT,
        named={"type": "boolean", "description": "Whether your agreement lets you be named."},
        **page(_TRADED)["properties"],
    ),
}
