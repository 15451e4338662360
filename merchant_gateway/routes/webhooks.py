"""A merchant's webhook endpoints: made, read, changed, removed, tried out, and their log."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from merchant_gateway import cursors
from merchant_gateway.errors import FieldError, InvalidRequestError
from merchant_gateway.gateway import Call
from merchant_gateway.operations import Answer, kept_answer, operation
from merchant_gateway.remembering import once
from merchant_gateway.schemas.requests import EMPTY, PAGE
from merchant_gateway.schemas.webhooks import ENDPOINT_CHANGE, NEW_ENDPOINT, ROTATION
from network import ids
from network.events.webhooks import deliveries, endpoints, queries
from network.events.webhooks.endpoints import EndpointView, NewKeys, Wanted
from network.events.webhooks.queries import AttemptView, DeliveryView
from network.operators.audit import record_act

_CURSOR = "webhook-deliveries"
_ANSWER_SEAL = "webhook-answer"


@operation(
    "GET", "/webhook-endpoints", summary="This merchant's webhook endpoints", answer="Endpoints"
)
def list_webhook_endpoints(call: Call, _query: dict[str, Any]) -> Answer:
    """Answer with all endpoints, at most ten, the oldest first; never with a secret."""
    with call.gateway.services.database.reading() as session:
        found = endpoints.endpoints(session, merchant_id=call.merchant_id)
    return Answer(payload={"items": [_shown(each) for each in found], "next_cursor": None})


def _made_before(call: Call, data: dict[str, Any], **_path_ids: str) -> Answer | None:
    """Return the answer that was kept, with its secret."""
    answer = kept_answer(call, data)
    return None if answer is None else _revealed(call, answer)


@operation(
    "POST",
    "/webhook-endpoints",
    summary="Have events posted to an address",
    answer="NewEndpoint",
    status=201,
    body=NEW_ENDPOINT,
    again=_made_before,
)
def create_webhook_endpoint(call: Call, data: dict[str, Any]) -> Answer:
    """Make an endpoint with keys of its own; the answer alone shows its secret.

    Events from now on are posted there as the Standard Webhooks specification has it, signed with
    the secret (`v1`) and with an Ed25519 key (`v1a`) whose public half is `public_key`. An answer
    of 2xx within 15 seconds takes an event; otherwise it is tried ten times over three days. 410
    disables the endpoint. Redirects are not followed.
    """

    def work(session: Session) -> dict[str, Any]:
        made = endpoints.create(
            session,
            call.gateway.services.vault,
            merchant_id=call.merchant_id,
            url=data["url"],
            description=data.get("description", ""),
            types=data.get("types", ()),
            now=call.wall,
            loopback=call.gateway.webhook_loopback,
        )
        _record(session, call, "webhook.created", endpoint=made.endpoint, url=made.endpoint.url)
        return _sealed(call, made)

    return _revealed(call, once(call, work, status=201))


@operation(
    "GET", "/webhook-endpoints/<endpoint_id>", summary="One webhook endpoint", answer="Endpoint"
)
def read_webhook_endpoint(call: Call, _query: dict[str, Any], *, endpoint_id: str) -> Answer:
    """Answer with an endpoint, its state and its public key."""
    with call.gateway.services.database.reading() as session:
        return Answer(payload=_shown(_endpoint(session, call, endpoint_id)))


@operation(
    "PATCH",
    "/webhook-endpoints/<endpoint_id>",
    summary="Change, disable or enable a webhook endpoint",
    answer="Endpoint",
    body=ENDPOINT_CHANGE,
)
def change_webhook_endpoint(call: Call, data: dict[str, Any], *, endpoint_id: str) -> Answer:
    """Change what the body names and leave the rest.

    What waits for a disabled endpoint goes on when it is enabled; what happens meanwhile is not
    queued for it: read `GET /v1/events` for that.
    """
    state = data.pop("state", None)
    wanted = Wanted(**data, enabled=None if state is None else state == "enabled")
    with call.gateway.services.database.unit_of_work() as session:
        changed = endpoints.change(
            session,
            merchant_id=call.merchant_id,
            endpoint_id=_id(endpoint_id),
            wanted=wanted,
            now=call.wall,
            loopback=call.gateway.webhook_loopback,
        )
        _record(session, call, "webhook.changed", endpoint=changed, state=changed.state)
    return Answer(payload=_shown(changed))


@operation(
    "DELETE",
    "/webhook-endpoints/<endpoint_id>",
    summary="Remove a webhook endpoint",
    answer="Removed",
)
def delete_webhook_endpoint(call: Call, _data: dict[str, Any], *, endpoint_id: str) -> Answer:
    """Remove an endpoint with its keys at once; what waits for it is dropped."""
    with call.gateway.services.database.unit_of_work() as session:
        found = _endpoint(session, call, endpoint_id)
        endpoints.remove(
            session, merchant_id=call.merchant_id, endpoint_id=found.endpoint_id, now=call.wall
        )
        _record(session, call, "webhook.removed", endpoint=found)
    return Answer(payload={"id": endpoint_id, "state": "deleted"})


@operation(
    "POST",
    "/webhook-endpoints/<endpoint_id>/rotate-secret",
    summary="Give a webhook endpoint new keys",
    answer="NewEndpoint",
    body=ROTATION,
    again=_made_before,
)
def rotate_webhook_secret(call: Call, data: dict[str, Any], *, endpoint_id: str) -> Answer:
    """Make a new secret and key pair; the old ones sign beside them for `overlap_hours`.

    Meanwhile each attempt carries the signatures of both, so either secret verifies.
    """

    def work(session: Session) -> dict[str, Any]:
        made = endpoints.rotate(
            session,
            call.gateway.services.vault,
            merchant_id=call.merchant_id,
            endpoint_id=_id(endpoint_id),
            overlap=timedelta(hours=data["overlap_hours"]),
            now=call.wall,
        )
        _record(session, call, "webhook.rotated", endpoint=made.endpoint)
        return _sealed(call, made)

    return _revealed(call, once(call, work, status=200))


@operation(
    "POST",
    "/webhook-endpoints/<endpoint_id>/test",
    summary="Send a test event to a webhook endpoint",
    answer="Event",
    status=202,
    body=EMPTY,
    again=kept_answer,
)
def send_test_event(call: Call, _data: dict[str, Any], *, endpoint_id: str) -> Answer:
    """Queue an event of type `webhook.test` for this endpoint; the deliveries show its way."""

    def work(session: Session) -> dict[str, Any]:
        event = deliveries.send_test(
            session,
            merchant_id=call.merchant_id,
            endpoint_id=_id(endpoint_id),
            occurred_at=call.gateway.clock.now(),
            now=call.wall,
        )
        return event.payload()

    return once(call, work, status=202)


@operation(
    "GET",
    "/webhook-endpoints/<endpoint_id>/deliveries",
    summary="What was posted to a webhook endpoint",
    answer="Deliveries",
    query=PAGE,
)
def list_webhook_deliveries(call: Call, query: dict[str, Any], *, endpoint_id: str) -> Answer:
    """Answer with deliveries and their attempts, the newest first; they are kept for 30 days."""
    limit = query["limit"]
    after = cursors.unpack(_CURSOR, query.get("cursor"), types=(str, str))
    with call.gateway.services.database.reading() as session:
        found = queries.deliveries(
            session,
            merchant_id=call.merchant_id,
            endpoint_id=_endpoint(session, call, endpoint_id).endpoint_id,
            before=None if after is None else _place(after[0], after[1]),
            limit=limit + 1,
        )
    page = found[:limit]
    following = (
        cursors.pack(_CURSOR, page[-1].created_at.isoformat(), page[-1].public_id)
        if len(found) > limit
        else None
    )
    return Answer(payload={"items": [_delivery(each) for each in page], "next_cursor": following})


def _id(endpoint_id: str) -> UUID:
    return ids.decode(endpoints.PREFIX, endpoint_id)


def _endpoint(session: Session, call: Call, endpoint_id: str) -> EndpointView:
    return endpoints.endpoint(session, merchant_id=call.merchant_id, endpoint_id=_id(endpoint_id))


def _record(
    session: Session, call: Call, action: str, *, endpoint: EndpointView, **facts: str
) -> None:
    code = call.key.merchant_code
    record_act(
        session,
        now=call.wall,
        actor=f"merchant:{code}",
        action=action,
        subject=f"merchant:{code}",
        facts={"endpoint": endpoint.public_id, "by": call.key.key_id, **facts},
    )


def _sealed(call: Call, made: NewKeys) -> dict[str, Any]:
    """Return the answer that is kept: whoever reads the table does not read the secret."""
    secret = call.gateway.services.vault.seal(made.secret.encode(), purpose=_ANSWER_SEAL)
    return _shown(made.endpoint) | {"secret": base64.b64encode(secret).decode()}


def _revealed(call: Call, answer: Answer) -> Answer:
    """Return the answer with its secret, also when it was kept for a request that came again."""
    vault = call.gateway.services.vault
    secret = vault.open(base64.b64decode(answer.payload["secret"]), purpose=_ANSWER_SEAL)
    return replace(answer, payload=answer.payload | {"secret": secret.decode()})


def _shown(endpoint: EndpointView) -> dict[str, Any]:
    return {
        "id": endpoint.public_id,
        "url": endpoint.url,
        "description": endpoint.description,
        "types": list(endpoint.types),
        "state": endpoint.state,
        "disabled_because": endpoint.disabled_because,
        "public_key": endpoint.public_key,
        "old_secret_ends_at": _time(endpoint.old_keys_end_at),
        "created_at": endpoint.created_at.isoformat(),
    }


def _delivery(each: DeliveryView) -> dict[str, Any]:
    return {
        "id": each.public_id,
        "event": each.event,
        "sequence": each.number,
        "type": each.type,
        "state": each.state,
        "created_at": each.created_at.isoformat(),
        "next_attempt_at": _time(each.next_attempt_at),
        "attempts": [_attempt(attempt) for attempt in each.attempts],
    }


def _attempt(each: AttemptView) -> dict[str, Any]:
    return {
        "number": each.number,
        "started_at": each.started_at.isoformat(),
        "finished_at": _time(each.finished_at),
        "outcome": each.outcome,
        "status": each.status,
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _place(moment: str, delivery_id: str) -> tuple[datetime, UUID]:
    try:
        return datetime.fromisoformat(moment), ids.decode(queries.PREFIX, delivery_id)
    except (ValueError, ids.UnknownIdError) as error:
        raise InvalidRequestError([FieldError("#cursor", "unknown_cursor")]) from error
