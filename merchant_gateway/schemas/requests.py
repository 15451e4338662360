"""What the operations take. Schemas are built once, when the module is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, validates_schema

from merchant_gateway.schemas.fields import (
    Currency,
    Day,
    Moment,
    OneOf,
    StrictSchema,
    Text,
    Whole,
)
from merchant_gateway.schemas.parts import Part, Parts
from merchant_gateway.schemas.references import Reference

MOST_LINES = 500
CHANNELS = ("in_store", "online", "app")
_DIGITS_OF_PHONE = 20
_DIGITS_OF_CARD = 25
_DIGITS_OF_CONSENT = 12
MOST_QUANTITY = 1_000_000
_IDENTIFIERS = ("phone", "card", "code", "token")
SALT = "salt"
SHORTEST_SALT, LONGEST_SALT = 16, 64
SALT_PATTERN = "[A-Za-z0-9_-]+"
_OCCURRED = (
    "When it happened, with its offset from UTC; at most 30 days ago. Where absent it is when the "
    "request arrives, in the network's time (in a sandbox, the sandbox's)."
)


def _reference(*, required: bool) -> Reference:
    return Reference(
        required=required,
        description="The merchant's own number for this; once per member and kind, for good.",
        example="R-1403-000412",
    )


class MemberSchema(StrictSchema):
    """Who the member is: exactly one identifier, and perhaps a salt beside it."""

    phone = Text(
        longest=_DIGITS_OF_PHONE,
        description="Mobile number; earns, never spends.",
        example="09121234567",
    )
    card = Text(longest=_DIGITS_OF_CARD, description="Card number; earns, never spends.")
    code = Text(
        longest=64, description="The code that the member's wallet shows; the only one that spends."
    )
    token = Text(longest=4096, description="A member token; earns and looks up, never spends.")
    salt = Text(
        longest=LONGEST_SALT,
        shortest=SHORTEST_SALT,
        pattern=SALT_PATTERN,
        description="Random text that nobody reads, drawn anew for each request. It is kept sealed "
        "beside the identifier and erased with it: without it, whoever has the rest of a kept "
        "request could try numbers until its digest fits.",
    )
    json_schema_rules: ClassVar[dict[str, Any]] = {
        "oneOf": [{"required": [name]} for name in _IDENTIFIERS]
    }

    @validates_schema(skip_on_field_errors=True)
    def exactly_one(self, data: dict[str, Any], **kwargs: Any) -> None:
        """Refuse no identifier, and more than one."""
        _ = kwargs
        if len(data.keys() - {SALT}) != 1:
            raise ValidationError("exactly_one_of:" + ", ".join(_IDENTIFIERS))


class MemberPart(Part):
    """A member, loaded as the identifier alone: the salt has done its work in the digest."""

    def __init__(self, *, required: bool = False) -> None:
        super().__init__(MemberSchema(), required=required)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> dict[str, Any]:
        loaded = super()._deserialize(value, attr, data, **kwargs)
        loaded.pop(SALT, None)
        return loaded


class LineSchema(StrictSchema):
    """A line of a basket."""

    sku = Text(longest=64, description="The merchant's article number.")
    category = Text(longest=120, description="A category that the merchant has a rate for, or any.")
    quantity = Whole(most=MOST_QUANTITY, load_default=1, description="How many.")
    amount = Whole(
        least=0, required=True, description="What was paid in money for the whole line, in rials."
    )


class BasketSchema(StrictSchema):
    """What was bought and paid in money."""

    amount = Whole(
        required=True,
        description="What was really paid in money, in rials: without tax, shipping, gift cards "
        "and the part paid with points. The lines, where given, add up to it.",
    )
    currency = Currency(required=True)
    occurred_at = Moment(description=_OCCURRED)
    store = Text(longest=64, description="The code of one of the merchant's stores.")
    channel = OneOf(choices=CHANNELS, load_default="in_store", description="Where it was sold.")
    lines = Parts(LineSchema(), most=MOST_LINES)


class QuoteSchema(BasketSchema):
    """A basket to be quoted; the member is optional, for a till that has not asked yet."""

    member = MemberPart()


class EarningSchema(BasketSchema):
    """A purchase that earns."""

    member = MemberPart(required=True)
    merchant_ref = _reference(required=True)
    terminal = Reference(description="The till.")
    receipt = Reference(description="The number on the receipt.")


class LookupSchema(StrictSchema):
    """Whom to look up."""

    member = MemberPart(required=True)


class PointsOrAmountSchema(StrictSchema):
    """Either points, or an amount with its currency, which is rounded up to whole points."""

    points = Whole(description="Whole points.")
    amount = Whole(description="Rials to be paid with points, rounded up to whole points.")
    currency = Currency()
    json_schema_rules: ClassVar[dict[str, Any]] = {
        "oneOf": [
            {
                "required": ["points"],
                "not": {"anyOf": [{"required": ["amount"]}, {"required": ["currency"]}]},
            },
            {"required": ["amount", "currency"], "not": {"required": ["points"]}},
        ],
    }

    @validates_schema(skip_on_field_errors=True)
    def one_measure(self, data: dict[str, Any], **kwargs: Any) -> None:
        """Refuse both measures, neither, and an amount or a currency without the other."""
        _ = kwargs
        if ("points" in data) == ("amount" in data):
            raise ValidationError("exactly_one_of:points, amount")
        if ("amount" in data) != ("currency" in data):
            missing = "currency" if "amount" in data else "amount"
            raise ValidationError("missing", field_name=missing)


LONGEST_HOLD = 60
"""Minutes. Held points are the member's and cannot be spent elsewhere: an hour at most."""


class RedemptionSchema(PointsOrAmountSchema):
    """Points to be spent at the till."""

    json_schema_rules: ClassVar[dict[str, Any]] = {
        **PointsOrAmountSchema.json_schema_rules,
        "if": {"required": ["hold_minutes"]},
        "then": {"properties": {"capture": {"const": "manual"}}, "required": ["capture"]},
    }

    member = MemberPart(required=True)
    merchant_ref = _reference(required=True)
    consent = OneOf(
        choices=("ask",),
        description="ask: where the member is named by phone, card or token, ask them; 202 then.",
    )
    consent_code = Text(
        longest=_DIGITS_OF_CONSENT,
        description="The code of the message that asked the member; the same fields otherwise.",
        example="482913",
    )
    capture = OneOf(
        choices=("auto", "manual"),
        load_default="auto",
        description="auto spends at once; manual holds the points until capture or void.",
    )
    hold_minutes = Whole(
        most=LONGEST_HOLD,
        description="How long they are held where capture is manual; 15 where absent.",
    )
    occurred_at = Moment(description=_OCCURRED)
    store = Text(longest=64, description="The code of one of the merchant's stores.")
    terminal = Reference(description="The till.")
    receipt = Reference(description="The number on the receipt.")
    channel = OneOf(choices=CHANNELS, load_default="in_store", description="Where it was sold.")

    @validates_schema(skip_on_field_errors=True)
    def held_for_capture(self, data: dict[str, Any], **kwargs: Any) -> None:
        """Refuse to say how long nothing is held."""
        _ = kwargs
        if "hold_minutes" in data and data.get("capture") != "manual":
            raise ValidationError("only_with:capture: manual", field_name="hold_minutes")


class CaptureSchema(StrictSchema):
    """How much of a hold is taken; the rest is released."""

    points = Whole(description="At most what is held; all of it where absent.")
    merchant_ref = _reference(required=False)
    occurred_at = Moment(description=_OCCURRED)


class VoidSchema(StrictSchema):
    """A hold that is given up."""

    merchant_ref = _reference(required=False)
    occurred_at = Moment(description=_OCCURRED)


class ReverseSchema(StrictSchema):
    """A redemption whose answer never came."""

    member = MemberPart(required=True)
    merchant_ref = _reference(required=True)


class RefundLineSchema(StrictSchema):
    """What goes back of one line of the purchase."""

    line = Whole(least=0, most=MOST_LINES - 1, required=True, description="Its place, from 0.")
    amount = Whole(required=True, description="Rials that go back, at most what was paid for it.")


class EarningRefundSchema(StrictSchema):
    """Money that goes back to the member: points are taken back for it."""

    merchant_ref = _reference(required=True)
    amount = Whole(description="Rials that go back, of all that is not refunded yet.")
    lines = Parts(RefundLineSchema(), most=MOST_LINES)
    currency = Currency(required=True)
    occurred_at = Moment(description=_OCCURRED)
    json_schema_rules: ClassVar[dict[str, Any]] = {
        "oneOf": [{"required": ["amount"]}, {"required": ["lines"]}],
    }

    @validates_schema(skip_on_field_errors=True)
    def amount_or_lines(self, data: dict[str, Any], **kwargs: Any) -> None:
        """Refuse both, neither, and the same line twice."""
        _ = kwargs
        if ("amount" in data) == ("lines" in data):
            raise ValidationError("exactly_one_of:amount, lines")
        lines = [line["line"] for line in data.get("lines", ())]
        if len(set(lines)) != len(lines):
            raise ValidationError("same_line_twice", field_name="lines")


class RedemptionRefundSchema(PointsOrAmountSchema):
    """Points that go back to the member."""

    merchant_ref = _reference(required=True)
    occurred_at = Moment(description=_OCCURRED)


class PreviewQuery(StrictSchema):
    """Whether a refund is only tried out."""

    preview = OneOf(
        choices=("true", "false"),
        load_default="false",
        description="true: answer which points would move, and leave nothing behind.",
    )


class EmptySchema(StrictSchema):
    """Nothing: an operation without fields, or a query without parameters."""


class PageSchema(StrictSchema):
    """A page of a list."""

    limit = Whole(most=200, load_default=50, in_query=True, description="At most so many rows.")
    cursor = Text(longest=512, description="`next_cursor` of the page before.")


class TransactionsQuery(PageSchema):
    """Which entries to list."""

    since = Day(description="Business days from this one on.")
    until = Day(description="Business days before this one.")


class TradeQuery(PageSchema):
    """Of which settled windows to tell the trade."""

    since = Day(description="Windows that begin on this day or later; 30 days where absent.")
    until = Day(description="Windows that begin before this day; up to today where absent.")


EARNING = EarningSchema()
QUOTE = QuoteSchema()
LOOKUP = LookupSchema()
REDEMPTION = RedemptionSchema()
CAPTURE = CaptureSchema()
VOID = VoidSchema()
REVERSE = ReverseSchema()
EARNING_REFUND = EarningRefundSchema()
REDEMPTION_REFUND = RedemptionRefundSchema()
EMPTY = EmptySchema()
PREVIEW = PreviewQuery()
PAGE = PageSchema()
TRANSACTIONS = TransactionsQuery()
TRADE = TradeQuery()
