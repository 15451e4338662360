"""Batches: up to 10,000 lines in one signed request, worked off afterwards."""

from __future__ import annotations

from typing import Any

from merchant_gateway import cursors
from merchant_gateway.batches.results import told
from merchant_gateway.errors import (
    FieldError,
    InvalidRequestError,
)
from merchant_gateway.gateway import Call
from merchant_gateway.operations import Answer, operation
from merchant_gateway.schemas.batches import ITEMS
from network import ids
from network.batches import queries, service
from network.batches.queries import BatchView
from network.batches.service import Received
from network.members.signed_bodies import seal_whole

MOST_LINES = 10_000
MOST_BYTES = 8 * 1024 * 1024
_CURSOR = "batch"
_PREFIX = "bat"


def _taken_before(call: Call, _query: dict[str, Any]) -> Answer | None:
    with call.gateway.services.database.glance() as session:
        received = service.received_before(session, claim=call.claim())
    return None if received is None else _taken(received)


@operation(
    "POST",
    "/earnings/batches",
    summary="Send up to 10,000 lines at once",
    answer="Batch",
    status=202,
    lines="BatchLine",
    most_bytes=MOST_BYTES,
    headers=("Location",),
    again=_taken_before,
)
def create_batch(call: Call, _query: dict[str, Any]) -> Answer:
    """Take lines in (JSON lines in UTF-8, 8 MiB at most) and answer at once; workers post them.

    Each line is answered by itself: a bad one keeps no other from being posted. A member's lines
    are posted in their order. A line whose `merchant_ref` was posted before, by whatever call, is
    `known` where it says the same and refused where it doesn't, so a batch may be sent again under
    any key. A line that redeems takes a code that is valid when the batch comes. Sent again under
    its own key it gets this same answer: how far it is by now is told under its `Location`.
    """
    body = call.body.rstrip()
    if not body:
        raise InvalidRequestError([FieldError("", "empty_list")])
    if body.count(b"\n") >= MOST_LINES:  # counted first: millions of empty lines are not kept
        raise InvalidRequestError([FieldError("", "too_many", str(MOST_LINES))])
    lines = [line.rstrip(b"\r") for line in body.split(b"\n")]
    services = call.gateway.services
    with services.database.unit_of_work() as session:
        received = service.receive_batch(
            session,
            services.vault,
            claim=call.claim(),
            evidence=call.evidence(kept=seal_whole(services.vault, call.body)),
            lines=lines,
            wall=call.wall,
            now=call.gateway.clock.now(),
        )
    return _taken(received)


@operation("GET", "/earnings/batches/<batch_id>", summary="How far a batch is", answer="Batch")
def read_batch(call: Call, _query: dict[str, Any], *, batch_id: str) -> Answer:
    """Answer with the state of a batch of this merchant and the counts so far."""
    with call.gateway.services.database.reading() as session:
        return Answer(payload=_batch(_own(call, session, batch_id)))


@operation(
    "GET",
    "/earnings/batches/<batch_id>/items",
    summary="What became of each line",
    answer="BatchItems",
    query=ITEMS,
)
def list_batch_items(call: Call, query: dict[str, Any], *, batch_id: str) -> Answer:
    """Answer with the results in the order of the lines, up to the first that is not done.

    While the batch is worked on, a page may be short or empty and still have a `next_cursor`: ask
    again with it. Results are kept for 30 days.
    """
    after = (cursors.unpack(_CURSOR, query.get("cursor"), types=(int,)) or [0])[0]
    with call.gateway.services.database.reading() as session:
        found = _own(call, session, batch_id)
        rows = queries.results(
            session, batch_id=found.batch_id, after_line=after, limit=query["limit"]
        )
    entry_ids = call.gateway.services.entry_ids
    last = rows[-1][0] if rows else after
    return Answer(
        payload={
            "items": [told(line, result, entry_ids=entry_ids) for line, result in rows],
            "next_cursor": None if last >= found.lines else cursors.pack(_CURSOR, last),
        }
    )


def _own(call: Call, session: Any, batch_id: str) -> BatchView:
    return queries.batch(
        session, batch_id=ids.decode(_PREFIX, batch_id), merchant_id=call.merchant_id
    )


def _taken(received: Received) -> Answer:
    """Return the answer of the moment at which a batch was taken in, whenever it is asked for."""
    batch_id = ids.encode(_PREFIX, received.batch_id)
    return Answer(
        payload={
            "id": batch_id,
            "state": "waiting",
            "lines": received.lines,
            "done": 0,
            "posted": 0,
            "known": 0,
            "refused": 0,
            "received_at": received.received_at.isoformat(),
            "finished_at": None,
        },
        status=202,
        replayed=received.replayed,
        headers={"Location": f"/v1/earnings/batches/{batch_id}"},
    )


def _batch(view: BatchView) -> dict[str, Any]:
    done = view.posted + view.known + view.refused
    return {
        "id": ids.encode(_PREFIX, view.batch_id),
        "state": view.state,
        "lines": view.lines,
        "done": done,
        "posted": view.posted,
        "known": view.known,
        "refused": view.refused,
        "received_at": view.received_at.isoformat(),
        "finished_at": None if view.finished_at is None else view.finished_at.isoformat(),
    }
