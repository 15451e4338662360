"""Disputes: a merchant objects to one line; the rest of its statement is paid."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from merchant_gateway import cursors
from merchant_gateway.gateway import Call
from merchant_gateway.operations import Answer, kept_answer, operation
from merchant_gateway.remembering import once
from merchant_gateway.routes.transactions import any_id
from merchant_gateway.schemas.reconciliations import DISPUTE, DISPUTE_NOTE
from merchant_gateway.schemas.requests import PAGE
from network import ids
from network.reconciliation import disputes, queries
from network.reconciliation.disputes import PREFIX
from network.reconciliation.facts import DisputeView
from network.settings import CURRENCY

_LIST = "disputes"


@operation(
    "POST",
    "/disputes",
    summary="Dispute one line",
    answer="Dispute",
    status=201,
    body=DISPUTE,
    again=kept_answer,
)
def create_dispute(call: Call, body: dict[str, Any]) -> Answer:
    """Object to one entry, and say what it should have been.

    What the network says of the entry is attached at once, signed with one of its published keys;
    your own signed request is kept since you sent it. It is decided by `due_at`, and nothing else
    waits for it.
    """
    key = any_id(call, body["entry"])
    services = call.gateway.services
    named = body.get("break_id")

    def work(session: Session) -> dict[str, Any]:
        dispute_id = disputes.open_dispute(
            session,
            services.vault,
            merchant_id=call.merchant_id,
            member_id=key.member_id,
            sequence=key.sequence,
            reason=body["reason"],
            words=body["words"],
            opened_by=call.key.key_id,
            wall=call.wall,
            points=body.get("points"),
            amount=body.get("amount"),
            break_id=None if named is None else ids.decode("brk", named, field="/break_id"),
        )
        return _dispute(session, queries.dispute(session, dispute_id=dispute_id))

    return once(call, work, status=201)


@operation("GET", "/disputes", summary="Your disputes", answer="Disputes", query=PAGE)
def list_disputes(call: Call, query: dict[str, Any]) -> Answer:
    """Answer with the disputes of this merchant, the latest first."""
    limit = query["limit"]
    with call.gateway.services.database.reading() as session:
        found = queries.disputes(
            session,
            merchant_id=call.merchant_id,
            before=cursors.place(_LIST, query.get("cursor"), prefix=PREFIX),
            limit=limit + 1,
        )
        items = [_dispute(session, each) for each in found[:limit]]
    more = len(found) > limit
    return Answer(
        payload={
            "items": items,
            "next_cursor": cursors.pack(_LIST, items[-1]["id"]) if more else None,
        }
    )


@operation("GET", "/disputes/<dispute_id>", summary="One dispute", answer="Dispute")
def read_dispute(call: Call, _query: dict[str, Any], *, dispute_id: str) -> Answer:
    """Answer with a dispute, what both sides said, and what was decided."""
    with call.gateway.services.database.reading() as session:
        return Answer(payload=_dispute(session, _own(call, session, dispute_id)))


@operation(
    "POST",
    "/disputes/<dispute_id>/notes",
    summary="Say more in a dispute",
    answer="Dispute",
    status=201,
    body=DISPUTE_NOTE,
    again=kept_answer,
)
def add_dispute_note(call: Call, body: dict[str, Any], *, dispute_id: str) -> Answer:
    """Add to a dispute that is not decided."""

    def work(session: Session) -> dict[str, Any]:
        own = _own(call, session, dispute_id)
        disputes.say(
            session,
            dispute_id=own.dispute_id,
            side="merchant",
            author=call.key.key_id,
            words=body["words"],
            wall=call.wall,
        )
        return _dispute(session, own)

    return once(call, work, status=201)


def _own(call: Call, session: Session, dispute_id: str) -> DisputeView:
    return queries.dispute(session, dispute_id=_id(dispute_id), merchant_id=call.merchant_id)


def _id(text: str) -> UUID:
    return ids.decode(PREFIX, text)


def _dispute(session: Session, view: DisputeView) -> dict[str, Any]:
    answer = json.loads(view.answer)
    return {
        "id": ids.encode(PREFIX, view.dispute_id),
        "entry": answer["entry"],
        "business_date": view.business_date.isoformat(),
        "break_id": None if view.break_id is None else ids.encode("brk", view.break_id),
        "reason": view.reason,
        "words": view.words,
        "points": view.wanted_points,
        "amount": view.wanted_amount,
        "currency": CURRENCY,
        "state": "open" if view.decided_at is None else view.state,
        "opened_at": view.opened_at.isoformat(),
        "due_at": view.due_at.isoformat(),
        "decided_at": None if view.decided_at is None else view.decided_at.isoformat(),
        "decision": view.decision,
        "answer": {
            "said": answer,
            "key_id": view.answer_key_id,
            "signature": b64encode(view.answer_signature).decode(),
        },
        "notes": [
            {"at": each.at.isoformat(), "side": each.side, "words": each.words}
            for each in queries.dispute_notes(session, dispute_id=view.dispute_id)
            if each.action in {"said", "accepted", "rejected"}
        ],
    }
