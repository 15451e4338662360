"""The lines of a merchant's record of a day, and disputes.

Lines are read by ``network.reconciliation.reading``; their schema here describes them.
"""

from __future__ import annotations

from typing import Any, ClassVar

from marshmallow import ValidationError, validates_schema

from merchant_gateway.schemas.fields import Currency, Day, Moment, OneOf, StrictSchema, Text, Whole
from merchant_gateway.schemas.requests import PageSchema
from network.reconciliation.disputes import LONGEST_WORDS
from network.reconciliation.facts import DISPUTE_REASONS, STATUSES, TYPES

_LONGEST = 64


class RecordLineSchema(StrictSchema):
    """One line of a merchant's own record of a business day."""

    type = OneOf(choices=TYPES, required=True, description="What the line reports.")
    merchant_ref = Text(longest=_LONGEST, required=True, description="The merchant's own name.")
    idempotency_key = Text(longest=_LONGEST, description="The key of the call, if it was kept.")
    occurred_at = Moment(required=True, description="With its offset from UTC.")
    amount = Whole(least=0, description="Needed for earn and refund_earn.")
    currency = Currency()
    points = Whole(least=0, description="Needed for redeem and refund_redeem.")
    status = OneOf(choices=STATUSES, description="How it ended; done where it is left out.")
    member = Text(longest=_LONGEST, description="As `member` of a transaction names it.")
    card = Text(longest=16, shortest=16, description="In place of `member`.")
    store = Text(longest=_LONGEST, description="The code of one of the merchant's stores.")
    terminal = Text(longest=_LONGEST, description="The till.")
    receipt = Text(longest=_LONGEST, description="The number on the receipt.")


class RecordQuery(StrictSchema):
    """Which day a record is of."""

    business_date = Day(required=True, description="A business day that is over.")


class DisputeSchema(StrictSchema):
    """An objection to one line."""

    entry = Text(longest=120, required=True, description="The id of the entry: ern_, red_, …")
    reason = OneOf(choices=DISPUTE_REASONS, required=True)
    words = Text(longest=LONGEST_WORDS, required=True, description="What is wrong.")
    points = Whole(least=0, description="How many points it should have been.")
    amount = Whole(least=0, description="Which amount it should have been.")
    currency = Currency()
    break_id = Text(longest=64, description="The break that led to it.")
    json_schema_rules: ClassVar[dict[str, Any]] = {
        "dependentRequired": {"amount": ["currency"], "currency": ["amount"]},
    }

    @validates_schema(skip_on_field_errors=True)
    def amount_with_currency(self, data: dict[str, Any], **kwargs: Any) -> None:
        """Refuse an amount without its currency, and a currency of nothing."""
        _ = kwargs
        if ("amount" in data) != ("currency" in data):
            missing = "currency" if "amount" in data else "amount"
            raise ValidationError("missing", field_name=missing)


class DisputeNoteSchema(StrictSchema):
    """Something more to say in a dispute."""

    words = Text(longest=LONGEST_WORDS, required=True)


class BreaksQuery(PageSchema):
    """Which breaks to list."""

    state = OneOf(
        choices=("open", "proposed", "resolved", "gone"), description="Only those in this state."
    )


RECORD_LINE = RecordLineSchema()
RECORD = RecordQuery()
DISPUTE = DisputeSchema()
DISPUTE_NOTE = DisputeNoteSchema()
BREAKS = BreaksQuery()
