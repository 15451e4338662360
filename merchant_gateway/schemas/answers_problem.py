"""What a problem document holds (RFC 9457), as OpenAPI describes it."""

from __future__ import annotations

from merchant_gateway.schemas.shapes import TEXT, WHOLE, Schema, list_of, text, whole

PROBLEM: Schema = whole(
    {
        "errors": list_of(whole(pointer=TEXT, code=TEXT, detail=TEXT)),
        "facts": {"type": "object"},
        "hint": text("What to mend, for engineers; in the language of `Accept-Language`."),
        "see": {"type": "string", "format": "uri"},
        "signature_base": text(
            "With a test key: what must have been signed, as the gateway read the request."
        ),
    },
    type={"type": "string", "format": "uri"},
    title=text("In the reader's language."),
    status=WHOLE,
    detail=text("In the reader's language."),
    code=text("Stable; the only thing to decide by."),
    request_id=TEXT,
)
