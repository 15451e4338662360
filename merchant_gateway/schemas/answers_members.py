"""What the operations on joining answer, as JSON Schema (2020-12)."""

from __future__ import annotations

from merchant_gateway.schemas.shapes import TEXT, TIME, Schema, or_null, states, text, whole

_MEMBER = text("The member's name for this merchant alone.")
_ASKED: dict[str, Schema] = {
    "id": TEXT,
    "code_expires_at": TIME | {"description": "When the code that was sent last stops working."},
    "expires_at": TIME | {"description": "When the customer is forgotten who has not joined."},
}

MEMBER_ANSWERS: dict[str, Schema] = {
    "Enrolment": whole(**_ASKED, state=states("pending")),
    "EnrolmentNow": whole(
        **_ASKED, state=states("pending", "active", "expired"), member=or_null(_MEMBER)
    ),
    "Joined": whole(
        id=TEXT,
        state=states("active"),
        token=text("A JWT for this merchant; send it back as `member.token`."),
        expires_at=TIME,
        member=_MEMBER,
    ),
}
