"""A merchant's events for who polls, and another delivery of one."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from merchant_gateway import cursors
from merchant_gateway.errors import FieldError, InvalidRequestError
from merchant_gateway.gateway import Call
from merchant_gateway.operations import Answer, kept_answer, operation
from merchant_gateway.remembering import once
from merchant_gateway.schemas.webhooks import EVENTS, REDELIVERY
from network import ids
from network.events import feed
from network.events.webhooks import deliveries, endpoints

_CURSOR = "events"
_MOST_NUMBER = 2**63 - 1


@operation(
    "GET", "/events", summary="What happened to this merchant", answer="Events", query=EVENTS
)
def list_events(call: Call, query: dict[str, Any]) -> Answer:
    """Answer with events in the order of their numbers, as they are posted to endpoints too.

    `next_cursor` always leads on, also from the last event to those that come later: whoever polls
    keeps it. Events are kept for 30 days.
    """
    after = cursors.unpack(_CURSOR, query.get("cursor"), types=(int,))
    number = 0 if after is None else after[0]
    if not 0 <= number <= _MOST_NUMBER:
        raise InvalidRequestError([FieldError("#cursor", "unknown_cursor")])
    with call.gateway.services.database.reading() as session:
        found = feed.listed(
            session,
            merchant_id=call.merchant_id,
            after=number,
            limit=query["limit"],
            types=(query["type"],) if "type" in query else (),
        )
    last = found[-1].number if found else number
    return Answer(
        payload={
            "items": [each.payload() for each in found],
            "next_cursor": cursors.pack(_CURSOR, last),
        }
    )


@operation(
    "POST",
    "/events/<event_id>/redeliver",
    summary="Deliver an event once more",
    answer="Redelivery",
    status=202,
    body=REDELIVERY,
    again=kept_answer,
)
def redeliver_event(call: Call, data: dict[str, Any], *, event_id: str) -> Answer:
    """Queue an event again, with the same id, from the first attempt on.

    To one endpoint, or to all enabled ones that choose its type, also those that never got it.
    """
    wanted = data.get("endpoint")
    endpoint_id = None if wanted is None else ids.decode(endpoints.PREFIX, wanted, field="endpoint")

    def work(session: Session) -> dict[str, Any]:
        number = deliveries.redeliver(
            session,
            merchant_id=call.merchant_id,
            event_id=ids.decode(feed.PREFIX, event_id),
            endpoint_id=endpoint_id,
            now=call.wall,
        )
        return {"event": event_id, "endpoints": number}

    return once(call, work, status=202)
