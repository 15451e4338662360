"""What the operations on joining answer, as JSON Schema (2020-12)."""

from __future__ import annotations

from merchant_gateway.schemas.shapes import (
    MONEY,
    POINTS,
    TEXT,
    TIME,
    Schema,
    list_of,
    or_null,
    states,
    text,
    whole,
)

_MEMBER = text("The member's name for this merchant alone.")
_ASKED: dict[str, Schema] = {
    "id": TEXT,
    "code_expires_at": TIME | {"description": "When the code that was sent last stops working."},
    "expires_at": TIME | {"description": "When the customer is forgotten who has not joined."},
}

CONSENT = whole(
    id=TEXT,
    by=states("wallet", "wallet_code", "code"),
    at=TIME,
) | {"description": "How the member agreed who was asked; absent where it was the wallet's code."}

MEMBER_ANSWERS: dict[str, Schema] = {
    "SandboxAnswer": whole(id=TEXT, state=TEXT),
    "SandboxMessages": whole(items=list_of(whole(sent_at=TIME, phone=TEXT, kind=TEXT, text=TEXT))),
    "ConsentRequired": whole(
        id=text("Ask `GET /redemptions/{id}` what became of it."),
        state=states("consent_required"),
        points=POINTS,
        worth=MONEY,
        expires_at=TIME | {"description": "Until then the member may agree."},
    ),
    "Enrolment": whole(**_ASKED, state=states("pending")),
    "EnrolmentNow": whole(
        **_ASKED, state=states("pending", "active", "expired"), member=or_null(_MEMBER)
    ),
    "Joined": whole(
        {
            "token": text(
                "A JWT for this merchant; send it back as `member.token`. Absent, as `expires_at`, "
                "where the customer joined elsewhere."
            ),
            "expires_at": TIME,
        },
        id=TEXT,
        state=states("active"),
        member=_MEMBER,
    ),
}
