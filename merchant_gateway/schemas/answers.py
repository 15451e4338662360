"""What the operations answer, as JSON Schema (2020-12), for the OpenAPI document and the tests."""

from __future__ import annotations

from merchant_gateway.schemas.answers_direct import DIRECT_ANSWERS
from merchant_gateway.schemas.answers_members import CONSENT, MEMBER_ANSWERS
from merchant_gateway.schemas.answers_reconciliation import RECONCILIATION_ANSWERS
from merchant_gateway.schemas.answers_statement import RESERVE, TAXES
from merchant_gateway.schemas.shapes import (
    BALANCE,
    BOOLEAN,
    DAY,
    MONEY,
    POINTS,
    TEXT,
    TIME,
    WHOLE,
    Schema,
    list_of,
    or_null,
    page,
    states,
    text,
    whole,
)

_STEP = whole(
    rule=text("A stable code."),
    fired=BOOLEAN,
    points=WHOLE,
    reason=text("A stable code."),
    facts={"type": "object"},
    fa=text("The sentence in Persian."),
    en=text("The sentence in English."),
)
_STEPS = list_of(_STEP)

_TRANSACTION = whole(
    id=TEXT,
    kind=text("A stable code: issuance, redemption, capture, void and so on."),
    member=text("The member's name for this merchant alone."),
    merchant_ref=or_null(TEXT),
    points={"type": "integer", "description": "Earned, held, spent or given back."},
    amount=or_null(WHOLE),
    currency=or_null(TEXT),
    business_date=DAY,
    occurred_at=TIME,
    recorded_at=TIME,
    channel=or_null(TEXT),
)
_WINDOW = whole(id=TEXT, first_day=DAY, end_day=DAY)
_TOTALS = whole(
    {
        "vat": text("What of the fees is VAT.") | {"type": "integer"},
        "called": text("What went into a deposit that did not suffice.") | {"type": "integer"},
        "deposit_opening": WHOLE,
        "deposit_paid_in": WHOLE,
        "deposit_used": WHOLE,
        "deposit_closing": WHOLE,
    },
    currency=TEXT,
    opening=WHOLE,
    receivable=WHOLE,
    payable=WHOLE,
    fees=WHOLE,
    net=WHOLE,
    returned=WHOLE,
    paid=WHOLE,
    closing=WHOLE,
    lines=WHOLE,
    carried=or_null(states("no_account", "cycle", "minimum", "default")),
)
_SEAL = whole(
    {"business_date": DAY, "key": TEXT, "signature": TEXT},
    head=text("The head of the chain of closed days, in hexadecimal."),
)
_SIGNED = text(
    "What the network signed: a compact JWS of type `peyvand-statement+jws`, EdDSA, with a key for "
    "`seals`, over merchant, window, digest, head, currency and totals."
)
_SETTLEMENT = whole(
    window=_WINDOW,
    merchant=TEXT,
    totals=_TOTALS,
    digest=TEXT,
    seal=_SEAL,
    signed=_SIGNED,
    state=TEXT,
)
_LINE = whole(
    entry=TEXT,
    merchant_ref=or_null(TEXT),
    kind=TEXT,
    direction=states("receivable", "payable", "fee", "vat", "deposit"),
    counterparty=text("The other merchant's code where both may be named, else `network`."),
    points=WHOLE,
    price=text("Rials per point, exact."),
    amount=WHOLE,
)
_MOVES = list_of(
    whole(
        account=states("available", "pending", "debt"),
        issuer=text("This merchant's code for its own points; `network` for all others."),
        points={"type": "integer", "description": "Below zero where the wallet has fewer."},
        expires_on=or_null(DAY | {"description": "Of this merchant's own points only."}),
    )
)
_KEY = whole(
    key_id=TEXT,
    environment=states("live", "test"),
    algorithm=states("ed25519", "hmac-sha256"),
    fingerprint=or_null(text("SHA-256 of the public key; null for a shared secret.")),
    scopes=list_of(TEXT),
    state=states("active", "ending", "ended", "revoked"),
    created_at=TIME,
    expires_at=or_null(TIME),
    revoked_at=or_null(TIME),
    last_used_on=or_null(DAY),
)

_BATCH_ITEM = whole(
    {
        "id": TEXT,
        "points": POINTS,
        "business_date": DAY,
        "state": states("available", "pending"),
        "available_on": or_null(DAY),
        "expires_on": or_null(DAY),
        "repaid": POINTS,
        "debt": POINTS,
        "problem": whole(
            {
                "errors": list_of(whole(pointer=TEXT, code=TEXT, detail=TEXT)),
                "facts": {"type": "object"},
            },
            code=TEXT,
            title=TEXT,
            detail=TEXT,
        ),
    },
    line={"type": "integer", "description": "The number of the line, from 1."},
    type=or_null(TEXT),
    merchant_ref=or_null(TEXT),
    status=states("posted", "known", "refused"),
)

_ENDPOINT: dict[str, Schema] = {
    "id": TEXT,
    "url": TEXT,
    "description": TEXT,
    "types": list_of(TEXT) | {"description": "The types it is told of; none means all."},
    "state": states("enabled", "disabled"),
    "disabled_because": or_null(states("merchant", "operator", "gone")),
    "public_key": text("Verifies `v1a`: whpk_ and base64."),
    "old_secret_ends_at": or_null(TIME),
    "created_at": TIME,
}
_EVENT = whole(
    id=text("The `webhook-id` too."),
    sequence={"type": "integer", "description": "Counts this merchant's events from 1."},
    type=TEXT,
    version=WHOLE,
    timestamp=TIME,
    data={"type": "object"},
)
_DELIVERY = whole(
    id=TEXT,
    event=TEXT,
    sequence=WHOLE,
    type=TEXT,
    state=states("waiting", "delivered", "failed", "dropped"),
    created_at=TIME,
    next_attempt_at=or_null(TIME),
    attempts=list_of(
        whole(
            number=WHOLE,
            started_at=TIME,
            finished_at=or_null(TIME),
            outcome=or_null(text("A stable code; null while under way, or when it was cut off.")),
            status=or_null(WHOLE),
        )
    ),
)

_CODE: dict[str, Schema] = {
    "code": text("What the wallet shows: earns and spends, once."),
    "code_limit": POINTS,
    "code_changes_at": TIME,
}
_PERSON: dict[str, Schema] = {
    "id": text("The member's name for this merchant, as everywhere."),
    "phone": TEXT,
    "card": TEXT,
    "balance": BALANCE,
}
SANDBOX: dict[str, Schema] = {
    "Sandbox": whole(
        programme_time=TIME,
        business_date=DAY,
        opened_at=or_null(TIME),
        merchant=TEXT,
        partner=text("The code of the made-up partner that gives and takes points beside you."),
        keys=list_of(
            whole(
                {"signs_until": TIME},
                kty=TEXT,
                crv=TEXT,
                kid=TEXT,
                use=TEXT,
                alg=TEXT,
                purpose=TEXT,
                environment=states("test"),
                x=TEXT,
                signs_from=TIME,
            )
        ),
    ),
    "SandboxClock": whole(programme_time=TIME, business_date=DAY),
    "SandboxSettlement": whole(
        business_date=DAY | {"description": "The day that ended."},
        remaining={"type": "integer", "description": "Days that are still to be settled."},
        settlement=or_null(TEXT),
    ),
    "SandboxReset": whole(opened_at=TIME, merchant=TEXT),
    "SandboxMember": whole(**_PERSON, **_CODE),
    "SandboxMemberNow": whole(**_PERSON),
    "SandboxCode": whole(**_CODE),
    "SandboxVisit": whole(points=POINTS, business_date=DAY, balance=BALANCE),
}

ANSWERS: dict[str, Schema] = {
    **SANDBOX,
    "Endpoint": whole(**_ENDPOINT),
    "NewEndpoint": whole(
        **_ENDPOINT, secret=text("Verifies `v1`: whsec_ and base64. Shown here alone.")
    ),
    "Endpoints": page(whole(**_ENDPOINT)),
    "Removed": whole(id=TEXT, state={"const": "deleted"}),
    "Deliveries": page(_DELIVERY),
    "Event": _EVENT,
    "Events": whole(
        items=list_of(_EVENT),
        next_cursor=text("Send it as `cursor`, now or when you ask again."),
    ),
    "Redelivery": whole(
        event=TEXT, endpoints={"type": "integer", "description": "How many will get it."}
    ),
    "Ping": whole(
        server_time=TIME,
        programme_time=TIME,
        key_id=TEXT,
        merchant=TEXT,
        merchant_status=states("applied", "approved", "active", "leaving"),
        environment=states("live", "test"),
        scopes=list_of(TEXT),
    ),
    "Key": _KEY,
    "Keys": page(_KEY),
    "Lookup": whole(
        token=text("A JWT for this merchant; send it back as `member.token`."),
        expires_at=TIME,
        member=text("The member's name for this merchant alone."),
        name=or_null(text("Initials only.")),
        can_redeem=BOOLEAN,
    ),
    "Batch": whole(
        id=TEXT,
        state=states("waiting", "working", "done"),
        lines=WHOLE,
        done={"type": "integer", "description": "Lines that have their result."},
        posted=WHOLE,
        known={"type": "integer", "description": "Lines that had been posted before."},
        refused=WHOLE,
        received_at=TIME,
        finished_at=or_null(TIME),
    ),
    "BatchItems": page(_BATCH_ITEM),
    "Quote": whole(
        points=POINTS,
        state=states("available", "pending"),
        available_on=or_null(DAY),
        expires_on=or_null(DAY),
        worth=MONEY,
        lines=list_of(whole(line=WHOLE, amount=WHOLE, points=POINTS)),
        explanation=_STEPS,
    ),
    "Earning": whole(
        {"balance": BALANCE},
        id=TEXT,
        points=POINTS,
        state=states("available", "pending"),
        available_on=or_null(DAY),
        expires_on=or_null(DAY),
        repaid=POINTS | {"description": "Points that repaid a debt of earlier refunds."},
        business_date=DAY,
        explanation=_STEPS,
    ),
    "EarningRefund": whole(
        id=TEXT,
        earning=TEXT,
        points=POINTS | {"description": "Points taken back at once."},
        debt=POINTS | {"description": "Points that were spent already and are owed now."},
        business_date=DAY,
    ),
    "EarningRefundPreview": whole(
        earning=TEXT,
        points=POINTS,
        debt=POINTS,
        business_date=DAY,
        preview={"const": True},
        moves=_MOVES,
    ),
    "Redemption": whole(
        {"expires_at": TIME},
        id=TEXT,
        state=states("authorised", "captured"),
        points=POINTS,
        worth=MONEY,
        balance=BALANCE,
        business_date=DAY,
    ),
    "Capture": whole(
        id=TEXT,
        state=states("captured"),
        points=POINTS,
        worth=MONEY,
        released=POINTS,
        business_date=DAY,
    ),
    "Void": whole(id=TEXT, state=TEXT, business_date=DAY),
    "Reversal": whole(merchant_ref=TEXT, state=TEXT, business_date=DAY),
    "Status": whole(
        id=TEXT,
        state=TEXT,
        points=POINTS,
        captured=POINTS,
        refunded=POINTS,
        merchant_ref=or_null(TEXT),
        expires_at=or_null(TIME),
    ),
    "RedemptionRefund": whole(
        id=TEXT, redemption=TEXT, points=POINTS, worth=MONEY, business_date=DAY
    ),
    "RedemptionRefundPreview": whole(
        redemption=TEXT,
        points=POINTS,
        worth=MONEY,
        business_date=DAY,
        preview={"const": True},
        moves=_MOVES,
    ),
    "Transaction": _TRANSACTION
    | {"properties": _TRANSACTION["properties"] | {"explanation": _STEPS, "consent": CONSENT}},
    "Transactions": page(_TRANSACTION),
    "Settlement": _SETTLEMENT,
    "Settlements": page(_SETTLEMENT),
    "SettlementLines": page(_LINE),
    "Statement": whole(
        {"reserve": RESERVE, "taxes": TAXES},
        environment=states("live", "test"),
        window=_WINDOW,
        merchant=TEXT,
        totals=_TOTALS,
        digest=TEXT,
        seal=_SEAL,
        signed=_SIGNED,
        lines=list_of(_LINE),
    ),
    **MEMBER_ANSWERS,
    **DIRECT_ANSWERS,
    **RECONCILIATION_ANSWERS,
}
