"""What reconciliation and disputes answer, as JSON Schema (2020-12)."""

from __future__ import annotations

from merchant_gateway.schemas.shapes import (
    DAY,
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
from network.reconciliation.facts import (
    DISPUTE_REASONS,
    KINDS,
    RESOLUTIONS,
    STATUSES,
    TYPES,
)
from network.settings import CURRENCY

_RECONCILIATION = whole(
    id=TEXT,
    business_date=DAY,
    version=WHOLE,
    digest=text("SHA-256 of the record as it was given."),
    received_at=TIME,
    finished_at=or_null(TIME),
    state=states("waiting", "done", "refused", "superseded", "failed"),
    lines=WHOLE,
    entries=WHOLE,
    agreeing=WHOLE,
    idle_lines=WHOLE,
    breaks=WHOLE,
    faulty=WHOLE,
    faults=list_of(whole(line=WHOLE, field=TEXT, code=TEXT, detail=TEXT)),
)
_SIDE = or_null(
    whole(
        {
            "member": text("The merchant's own name of the member."),
            "entry": TEXT,
            "business_date": DAY,
            "amount": WHOLE,
            "points": POINTS,
            "store": TEXT,
            "terminal": TEXT,
            "receipt": TEXT,
            "merchant_ref": TEXT,
        },
        type=states(*TYPES),
        occurred_at=TIME,
        status=states(*STATUSES),
    )
)
_BREAK = whole(
    id=TEXT,
    business_date=DAY,
    kind=states(*KINDS),
    kinds=list_of(states(*KINDS)),
    line=or_null(WHOLE),
    theirs=_SIDE,
    ours=_SIDE,
    suggestion=states(*RESOLUTIONS),
    state=states("open", "proposed", "resolved", "gone"),
    resolution=or_null(states(*RESOLUTIONS)),
    opened_at=TIME,
    closed_at=or_null(TIME),
)
_DISPUTE = whole(
    id=TEXT,
    entry=TEXT,
    business_date=DAY,
    break_id=or_null(TEXT),
    reason=states(*DISPUTE_REASONS),
    words=TEXT,
    points=or_null(POINTS),
    amount=or_null(WHOLE),
    currency={"const": CURRENCY},
    state=states("open", "accepted", "rejected"),
    opened_at=TIME,
    due_at=TIME,
    decided_at=or_null(TIME),
    decision=or_null(TEXT),
    answer=whole(
        said={"type": "object", "description": "What the network says of the entry."},
        key_id=text("One of the published keys."),
        signature=text("Ed25519 over the RFC 8785 form of `said`, base64."),
    ),
    notes=list_of(whole(at=TIME, side=states("merchant", "network"), words=TEXT)),
)

RECONCILIATION_ANSWERS: dict[str, Schema] = {
    "Reconciliation": _RECONCILIATION,
    "Reconciliations": page(_RECONCILIATION),
    "Breaks": page(_BREAK),
    "Dispute": _DISPUTE,
    "Disputes": page(_DISPUTE),
}
