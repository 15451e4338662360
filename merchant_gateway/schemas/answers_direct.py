"""What payments between merchants answer, as JSON Schema (2020-12)."""

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

_DIRECT = whole(
    id=TEXT,
    settlement=text("The window whose statement it pays a part of."),
    business_date=DAY,
    side=states("payer", "payee"),
    partner=whole(code=TEXT, name_fa=TEXT, name_en=TEXT),
    amount=WHOLE,
    currency=TEXT,
    iban=text("The payee's account."),
    holder=TEXT,
    reference=text("What the payer names when it transfers."),
    state=states("released", "confirmed", "failed"),
    receipt=or_null(whole(outcome=states("arrived", "missing"), said_at=TIME)),
)

DIRECT_ANSWERS: dict[str, Schema] = {
    "DirectPayment": _DIRECT,
    "DirectPayments": page(_DIRECT),
}
