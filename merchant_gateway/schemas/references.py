"""Fields that hold a merchant's own numbers: of purchases, receipts and tills."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError

from merchant_gateway.schemas.fields import Text
from network.references import flaw_of

LONGEST_REFERENCE = 64
_WRITTEN = (
    "Compared as it is sent, character for character; in Unicode's composed form (NFC), without "
    "characters that nobody sees."
)


class Reference(Text):
    """Text that is compared as it is sent, so two that look the same have to be the same."""

    def __init__(
        self, *, required: bool = False, description: str = "", example: str | None = None
    ) -> None:
        super().__init__(
            longest=LONGEST_REFERENCE,
            required=required,
            description=f"{description} {_WRITTEN}".lstrip(),
            example=example,
        )

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not text.isascii() and (flaw := flaw_of(text)) is not None:
            raise ValidationError(":".join(filter(None, flaw)))
        return text
