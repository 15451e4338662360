"""The lines of a batch: what the single call takes, with a type and who the member is."""

from __future__ import annotations

from marshmallow import Schema

from merchant_gateway.schemas.fields import Moment, OneOf, Text
from merchant_gateway.schemas.references import Reference
from merchant_gateway.schemas.requests import (
    CHANNELS,
    EarningRefundSchema,
    EarningSchema,
    MemberPart,
    PageSchema,
    PointsOrAmountSchema,
    RedemptionRefundSchema,
)

EARN, REDEEM, REFUND_EARN, REFUND_REDEEM = "earn", "redeem", "refund_earn", "refund_redeem"
_OCCURRED = "When it happened, with its offset from UTC; at most 30 days before the batch came."


def _type(name: str) -> OneOf:
    return OneOf(choices=(name,), required=True, description="What the line asks for.")


def _original(what: str) -> Reference:
    return Reference(required=True, description=f"The `merchant_ref` of the {what}.")


class EarnLineSchema(EarningSchema):
    """A purchase that earns."""

    type = _type(EARN)
    occurred_at = Moment(required=True, description=_OCCURRED)


class RedeemLineSchema(PointsOrAmountSchema):
    """Points spent at once by a code that was still valid when the batch came."""

    type = _type(REDEEM)
    member = MemberPart(required=True)
    merchant_ref = Reference(required=True)
    occurred_at = Moment(required=True, description=_OCCURRED)
    store = Text(longest=64, description="The code of one of the merchant's stores.")
    terminal = Reference(description="The till.")
    receipt = Reference(description="The number on the receipt.")
    channel = OneOf(choices=CHANNELS, load_default="in_store", description="Where it was sold.")


class RefundEarnLineSchema(EarningRefundSchema):
    """Money that goes back: points are taken back for it."""

    type = _type(REFUND_EARN)
    member = MemberPart(required=True)
    original_ref = _original("purchase")
    occurred_at = Moment(required=True, description=_OCCURRED)


class RefundRedeemLineSchema(RedemptionRefundSchema):
    """Points that go back to the member."""

    type = _type(REFUND_REDEEM)
    member = MemberPart(required=True)
    original_ref = _original("redemption")
    occurred_at = Moment(required=True, description=_OCCURRED)


class BatchItemsQuery(PageSchema):
    """Which results to list."""


LINES: dict[str, Schema] = {
    EARN: EarnLineSchema(),
    REDEEM: RedeemLineSchema(),
    REFUND_EARN: RefundEarnLineSchema(),
    REFUND_REDEEM: RefundRedeemLineSchema(),
}
ITEMS = BatchItemsQuery()
