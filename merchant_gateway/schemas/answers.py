"""What the operations answer, as JSON Schema (2020-12), for the OpenAPI document and the tests."""

from __future__ import annotations

from typing import Any

from network.settings import CURRENCY

_Schema = dict[str, Any]


def _object(optional: _Schema | None = None, /, **required: Any) -> _Schema:
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }


def _text(description: str = "") -> _Schema:
    return {"type": "string", **({"description": description} if description else {})}


def _or_null(schema: _Schema) -> _Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _list(of: _Schema) -> _Schema:
    return {"type": "array", "items": of}


def _states(*names: str) -> _Schema:
    return {"type": "string", "enum": list(names)}


def _page(of: _Schema) -> _Schema:
    return _object(
        items=_list(of), next_cursor=_or_null(_text("Send it as `cursor` for the next page."))
    )


_TEXT = _text()
_BOOLEAN: _Schema = {"type": "boolean"}
_WHOLE: _Schema = {"type": "integer"}
_POINTS: _Schema = {"type": "integer", "minimum": 0}
_DAY: _Schema = {"type": "string", "format": "date"}
_TIME: _Schema = {"type": "string", "format": "date-time"}
_MONEY = _object(amount=_WHOLE, currency={"const": CURRENCY})
_BALANCE = _object(available=_POINTS, pending=_POINTS, held=_POINTS, debt=_POINTS)
_STEP = _object(
    rule=_text("A stable code."),
    fired=_BOOLEAN,
    points=_WHOLE,
    reason=_text("A stable code."),
    facts={"type": "object"},
    fa=_text("The sentence in Persian."),
    en=_text("The sentence in English."),
)
_STEPS = _list(_STEP)

_TRANSACTION = _object(
    id=_TEXT,
    kind=_text("A stable code: issuance, redemption, capture, void and so on."),
    member=_text("The member's name for this merchant alone."),
    merchant_ref=_or_null(_TEXT),
    points={"type": "integer", "description": "Earned, held, spent or given back."},
    amount=_or_null(_WHOLE),
    currency=_or_null(_TEXT),
    business_date=_DAY,
    occurred_at=_TIME,
    recorded_at=_TIME,
    channel=_or_null(_TEXT),
)
_WINDOW = _object(id=_TEXT, first_day=_DAY, end_day=_DAY)
_TOTALS = _object(
    {
        "vat": _text("What of the fees is VAT.") | {"type": "integer"},
        "called": _text("What went to the deposit because it did not suffice.")
        | {"type": "integer"},
        "deposit_opening": _WHOLE,
        "deposit_paid_in": _WHOLE,
        "deposit_used": _WHOLE,
        "deposit_closing": _WHOLE,
    },
    currency=_TEXT,
    opening=_WHOLE,
    receivable=_WHOLE,
    payable=_WHOLE,
    fees=_WHOLE,
    net=_WHOLE,
    returned=_WHOLE,
    paid=_WHOLE,
    closing=_WHOLE,
    lines=_WHOLE,
    carried=_or_null(_states("no_account", "cycle", "minimum")),
)
_SEAL = _object(
    {"business_date": _DAY, "key": _TEXT, "signature": _TEXT},
    head=_text("The head of the chain of closed days, in hexadecimal."),
)
_SETTLEMENT = _object(
    window=_WINDOW, merchant=_TEXT, totals=_TOTALS, digest=_TEXT, seal=_SEAL, state=_TEXT
)
_LINE = _object(
    entry=_TEXT,
    merchant_ref=_or_null(_TEXT),
    kind=_TEXT,
    direction=_states("receivable", "payable", "fee", "vat", "deposit"),
    counterparty=_TEXT,
    points=_WHOLE,
    price=_text("Rials per point, exact."),
    amount=_WHOLE,
)
_MOVES = _list(
    _object(
        account=_states("available", "pending", "debt"),
        issuer=_text("This merchant's code for its own points; `network` for all others."),
        points={"type": "integer", "description": "Below zero where the wallet has fewer."},
        expires_on=_or_null(_DAY | {"description": "Of this merchant's own points only."}),
    )
)
_KEY = _object(
    key_id=_TEXT,
    environment=_states("live", "test"),
    algorithm=_states("ed25519", "hmac-sha256"),
    fingerprint=_or_null(_text("SHA-256 of the public key; null for a shared secret.")),
    scopes=_list(_TEXT),
    state=_states("active", "ending", "ended", "revoked"),
    created_at=_TIME,
    expires_at=_or_null(_TIME),
    revoked_at=_or_null(_TIME),
    last_used_on=_or_null(_DAY),
)

_BATCH_ITEM = _object(
    {
        "id": _TEXT,
        "points": _POINTS,
        "business_date": _DAY,
        "state": _states("available", "pending"),
        "available_on": _or_null(_DAY),
        "expires_on": _or_null(_DAY),
        "repaid": _POINTS,
        "debt": _POINTS,
        "problem": _object(
            {
                "errors": _list(_object(pointer=_TEXT, code=_TEXT, detail=_TEXT)),
                "facts": {"type": "object"},
            },
            code=_TEXT,
            title=_TEXT,
            detail=_TEXT,
        ),
    },
    line={"type": "integer", "description": "The number of the line, from 1."},
    type=_or_null(_TEXT),
    merchant_ref=_or_null(_TEXT),
    status=_states("posted", "known", "refused"),
)

_ENDPOINT: dict[str, _Schema] = {
    "id": _TEXT,
    "url": _TEXT,
    "description": _TEXT,
    "types": _list(_TEXT) | {"description": "The types it is told of; none means all."},
    "state": _states("enabled", "disabled"),
    "disabled_because": _or_null(_states("merchant", "operator", "gone")),
    "public_key": _text("Verifies `v1a`: whpk_ and base64."),
    "old_secret_ends_at": _or_null(_TIME),
    "created_at": _TIME,
}
_EVENT = _object(
    id=_text("The `webhook-id` too."),
    sequence={"type": "integer", "description": "Counts this merchant's events from 1."},
    type=_TEXT,
    version=_WHOLE,
    timestamp=_TIME,
    data={"type": "object"},
)
_DELIVERY = _object(
    id=_TEXT,
    event=_TEXT,
    sequence=_WHOLE,
    type=_TEXT,
    state=_states("waiting", "delivered", "failed", "dropped"),
    created_at=_TIME,
    next_attempt_at=_or_null(_TIME),
    attempts=_list(
        _object(
            number=_WHOLE,
            started_at=_TIME,
            finished_at=_or_null(_TIME),
            outcome=_or_null(_text("A stable code; null while under way, or when it was cut off.")),
            status=_or_null(_WHOLE),
        )
    ),
)

_CODE: dict[str, _Schema] = {
    "code": _text("What the wallet shows: earns and spends, once."),
    "code_limit": _POINTS,
    "code_changes_at": _TIME,
}
_PERSON: dict[str, _Schema] = {
    "id": _text("The member's name for this merchant, as everywhere."),
    "phone": _TEXT,
    "card": _TEXT,
    "balance": _BALANCE,
}
SANDBOX: dict[str, _Schema] = {
    "Sandbox": _object(
        programme_time=_TIME,
        business_date=_DAY,
        opened_at=_or_null(_TIME),
        merchant=_TEXT,
        partner=_text("The code of the made-up partner that gives and takes points beside you."),
    ),
    "SandboxClock": _object(programme_time=_TIME, business_date=_DAY),
    "SandboxSettlement": _object(
        business_date=_DAY | {"description": "The day that ended."},
        remaining={"type": "integer", "description": "Days that are still to be settled."},
        settlement=_or_null(_TEXT),
    ),
    "SandboxReset": _object(opened_at=_TIME, merchant=_TEXT),
    "SandboxMember": _object(**_PERSON, **_CODE),
    "SandboxMemberNow": _object(**_PERSON),
    "SandboxCode": _object(**_CODE),
    "SandboxVisit": _object(points=_POINTS, business_date=_DAY, balance=_BALANCE),
}

ANSWERS: dict[str, _Schema] = {
    **SANDBOX,
    "Endpoint": _object(**_ENDPOINT),
    "NewEndpoint": _object(
        **_ENDPOINT, secret=_text("Verifies `v1`: whsec_ and base64. Shown here alone.")
    ),
    "Endpoints": _page(_object(**_ENDPOINT)),
    "Removed": _object(id=_TEXT, state={"const": "deleted"}),
    "Deliveries": _page(_DELIVERY),
    "Event": _EVENT,
    "Events": _object(
        items=_list(_EVENT),
        next_cursor=_text("Send it as `cursor`, now or when you ask again."),
    ),
    "Redelivery": _object(
        event=_TEXT, endpoints={"type": "integer", "description": "How many will get it."}
    ),
    "Ping": _object(
        server_time=_TIME,
        programme_time=_TIME,
        key_id=_TEXT,
        merchant=_TEXT,
        merchant_status=_states("applied", "approved", "active", "leaving"),
        environment=_states("live", "test"),
        scopes=_list(_TEXT),
    ),
    "Key": _KEY,
    "Keys": _page(_KEY),
    "Lookup": _object(
        token=_text("A JWT for this merchant; send it back as `member.token`."),
        expires_at=_TIME,
        member=_text("The member's name for this merchant alone."),
        name=_or_null(_text("Initials only.")),
        can_redeem=_BOOLEAN,
    ),
    "Batch": _object(
        id=_TEXT,
        state=_states("waiting", "working", "done"),
        lines=_WHOLE,
        done={"type": "integer", "description": "Lines that have their result."},
        posted=_WHOLE,
        known={"type": "integer", "description": "Lines that had been posted before."},
        refused=_WHOLE,
        received_at=_TIME,
        finished_at=_or_null(_TIME),
    ),
    "BatchItems": _page(_BATCH_ITEM),
    "Quote": _object(
        points=_POINTS,
        state=_states("available", "pending"),
        available_on=_or_null(_DAY),
        expires_on=_or_null(_DAY),
        worth=_MONEY,
        lines=_list(_object(line=_WHOLE, amount=_WHOLE, points=_POINTS)),
        explanation=_STEPS,
    ),
    "Earning": _object(
        {"balance": _BALANCE},
        id=_TEXT,
        points=_POINTS,
        state=_states("available", "pending"),
        available_on=_or_null(_DAY),
        expires_on=_or_null(_DAY),
        repaid=_POINTS | {"description": "Points that repaid a debt of earlier refunds."},
        business_date=_DAY,
        explanation=_STEPS,
    ),
    "EarningRefund": _object(
        id=_TEXT,
        earning=_TEXT,
        points=_POINTS | {"description": "Points taken back at once."},
        debt=_POINTS | {"description": "Points that were spent already and are owed now."},
        business_date=_DAY,
    ),
    "EarningRefundPreview": _object(
        earning=_TEXT,
        points=_POINTS,
        debt=_POINTS,
        business_date=_DAY,
        preview={"const": True},
        moves=_MOVES,
    ),
    "Redemption": _object(
        {"expires_at": _TIME},
        id=_TEXT,
        state=_states("authorised", "captured"),
        points=_POINTS,
        worth=_MONEY,
        balance=_BALANCE,
        business_date=_DAY,
    ),
    "Capture": _object(
        id=_TEXT,
        state=_states("captured"),
        points=_POINTS,
        worth=_MONEY,
        released=_POINTS,
        business_date=_DAY,
    ),
    "Void": _object(id=_TEXT, state=_TEXT, business_date=_DAY),
    "Reversal": _object(merchant_ref=_TEXT, state=_TEXT, business_date=_DAY),
    "Status": _object(
        id=_TEXT,
        state=_TEXT,
        points=_POINTS,
        captured=_POINTS,
        refunded=_POINTS,
        merchant_ref=_or_null(_TEXT),
        expires_at=_or_null(_TIME),
    ),
    "RedemptionRefund": _object(
        id=_TEXT, redemption=_TEXT, points=_POINTS, worth=_MONEY, business_date=_DAY
    ),
    "RedemptionRefundPreview": _object(
        redemption=_TEXT,
        points=_POINTS,
        worth=_MONEY,
        business_date=_DAY,
        preview={"const": True},
        moves=_MOVES,
    ),
    "Transaction": _TRANSACTION
    | {"properties": _TRANSACTION["properties"] | {"explanation": _STEPS}},
    "Transactions": _page(_TRANSACTION),
    "Settlement": _SETTLEMENT,
    "Settlements": _page(_SETTLEMENT),
    "SettlementLines": _page(_LINE),
    "Statement": _object(
        window=_WINDOW,
        merchant=_TEXT,
        totals=_TOTALS,
        digest=_TEXT,
        seal=_SEAL,
        lines=_list(_LINE),
    ),
}

PROBLEM: _Schema = _object(
    {
        "errors": _list(_object(pointer=_TEXT, code=_TEXT, detail=_TEXT)),
        "facts": {"type": "object"},
        "hint": _text("For engineers, in English."),
    },
    type={"type": "string", "format": "uri"},
    title=_text("In the reader's language."),
    status=_WHOLE,
    detail=_text("In the reader's language."),
    code=_text("Stable; the only thing to decide by."),
    request_id=_TEXT,
)
