"""What the operations on webhooks and events take."""

from __future__ import annotations

from typing import Any, ClassVar

from marshmallow import ValidationError, validates_schema

from merchant_gateway.schemas.fields import OneOf, Several, StrictSchema, Text, Whole
from merchant_gateway.schemas.requests import PageSchema
from network.events.types import SUBSCRIBABLE
from network.events.webhooks.addresses import LONGEST_URL

LONGEST_OVERLAP_HOURS = 7 * 24
_LONGEST_DESCRIPTION = 200
_STATES = ("enabled", "disabled")


def _url(*, required: bool) -> Text:
    return Text(
        longest=LONGEST_URL,
        required=required,
        description="https, with a name or an address on the public internet; no user-info.",
        example="https://shop.example/peyvand/webhooks",
        told="^https://[!-\\[\\]-~]+$",
    )


def _types() -> Several:
    return Several(
        OneOf(choices=SUBSCRIBABLE), description="The types it is told of; all where absent."
    )


class NewEndpointSchema(StrictSchema):
    """Where a merchant wants its events posted."""

    url = _url(required=True)
    description = Text(longest=_LONGEST_DESCRIPTION, description="For your own people.")
    types = _types()


class EndpointChangeSchema(StrictSchema):
    """What is to be changed of an endpoint; what is absent stays as it is."""

    url = _url(required=False)
    description = Text(longest=_LONGEST_DESCRIPTION, description="For your own people.")
    types = _types()
    state = OneOf(choices=_STATES, description="disabled: nothing is posted until enabled again.")

    json_schema_rules: ClassVar[dict[str, Any]] = {"minProperties": 1}

    @validates_schema(skip_on_field_errors=True)
    def something(self, data: dict[str, object], **kwargs: object) -> None:
        """Refuse a change of nothing."""
        _ = kwargs
        if not data:
            raise ValidationError("empty_change")


class RotationSchema(StrictSchema):
    """For how long the old secret signs beside the new one."""

    overlap_hours = Whole(
        least=0, most=LONGEST_OVERLAP_HOURS, load_default=24, description="0: it ends at once."
    )


class RedeliverySchema(StrictSchema):
    """Where an event is to be delivered once more."""

    endpoint = Text(
        longest=40, description="The id of one endpoint; all that choose its type where absent."
    )


class EventsQuery(PageSchema):
    """Which events to list."""

    type = OneOf(choices=SUBSCRIBABLE, description="Events of this type alone.")


NEW_ENDPOINT = NewEndpointSchema()
ENDPOINT_CHANGE = EndpointChangeSchema()
ROTATION = RotationSchema()
REDELIVERY = RedeliverySchema()
EVENTS = EventsQuery()
