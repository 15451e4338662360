"""What the operations on keys take."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, ClassVar

from merchant_gateway.schemas.fields import OneOf, Several, StrictSchema, Text, Whole
from network.merchants.scopes import SCOPES

LONGEST_OVERLAP_DAYS = 30
_KEY_ID = r"mk_(live|test)_[a-z2-7]{16}"


class NewKeySchema(StrictSchema):
    """A public key to register, and what it is for."""

    public_key = Text(
        longest=43,
        shortest=43,
        pattern=r"[A-Za-z0-9_-]{43}",
        required=True,
        description="The 32 bytes of an Ed25519 public key, in unpadded base64url.",
    )
    proof = Text(
        longest=86,
        shortest=86,
        pattern=r"[A-Za-z0-9_-]{86}",
        required=True,
        description="The new key's signature over the four lines of the proof, in unpadded "
        "base64url.",
    )
    scopes = Several(
        OneOf(choices=SCOPES),
        description="What the key opens; all that the signing key opens where absent.",
    )
    replaces = Text(
        longest=24,
        pattern=_KEY_ID,
        description="A key of this merchant that ends after the overlap; none where absent.",
    )
    overlap_days = Whole(
        least=0,
        most=LONGEST_OVERLAP_DAYS,
        description="For how long the replaced key goes on; 7 days where absent.",
    )
    json_schema_rules: ClassVar[dict[str, Any]] = {
        "dependentRequired": {"overlap_days": ["replaces"]}
    }


def decoded(text: str) -> bytes | None:
    """Return the bytes of unpadded base64url, ``None`` where it is not written in the one way."""
    raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return raw if urlsafe_b64encode(raw).rstrip(b"=").decode() == text else None


NEW_KEY = NewKeySchema()
