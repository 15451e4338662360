"""What merchants send about money between them."""

from __future__ import annotations

from merchant_gateway.schemas.fields import OneOf, StrictSchema

ARRIVED, MISSING = "arrived", "missing"


class DirectReceiptSchema(StrictSchema):
    """Whether a payment of another merchant arrived."""

    outcome = OneOf(
        choices=(ARRIVED, MISSING), required=True, description="What your account shows."
    )


DIRECT_RECEIPT = DirectReceiptSchema()
