"""What the calls that spend points, hold them and give them back answer, from what was posted.

Each answer comes from the ledger's stored result and the request alone, so it is the same bytes
whenever it is asked for again.
"""

from __future__ import annotations

from typing import Any

from merchant_gateway.gateway import Call
from merchant_gateway.operations import Answer
from merchant_gateway.posting import posted_answer, worth
from network.ids import EntryKey
from network.ledger.values import Posted


def redemption_id_of(call: Call, key: EntryKey) -> str:
    """Return the public id of a redemption."""
    return call.gateway.services.entry_ids.encode(
        prefix="red", member_id=key.member_id, sequence=key.sequence
    )


def redeemed(call: Call, _data: dict[str, Any], posted: Posted) -> Answer:
    """Answer with the points that were taken or are held."""
    redemption_id = redemption_id_of(call, EntryKey(posted.member_id, posted.sequence))
    payload = _moved(call, posted, redemption_id)
    payload["balance"] = posted.result["balance"]
    if (until := posted.result.get("hold_until")) is not None:
        payload["expires_at"] = until
    return posted_answer(posted, payload, status=201)


def captured(call: Call, _data: dict[str, Any], posted: Posted, *, redemption_id: str) -> Answer:
    """Answer with what was taken of a hold, and what went back."""
    payload = _moved(call, posted, redemption_id)
    payload["released"] = posted.result["released"]
    return posted_answer(posted, payload, status=200)


def voided(_call: Call, _data: dict[str, Any], posted: Posted, *, redemption_id: str) -> Answer:
    """Answer with the state of a hold that was given up."""
    return posted_answer(posted, {"id": redemption_id, "state": posted.result["state"]}, status=200)


def reversed_(_call: Call, data: dict[str, Any], posted: Posted) -> Answer:
    """Answer with what became of a reference."""
    payload = {"merchant_ref": data["merchant_ref"], "state": posted.result["state"]}
    return posted_answer(posted, payload, status=200)


def refunded(call: Call, _data: dict[str, Any], posted: Posted, *, redemption_id: str) -> Answer:
    """Answer with the points that went back."""
    return posted_answer(posted, given_back(call, posted, redemption_id), status=201)


def given_back(call: Call, posted: Posted, redemption_id: str) -> dict[str, Any]:
    """Return the figures of a refund, tried out or posted."""
    return {
        "id": call.gateway.services.entry_ids.encode(
            prefix="rfd", member_id=posted.member_id, sequence=posted.sequence
        ),
        "redemption": redemption_id,
        "points": posted.result["points"],
        "worth": worth(call, points=posted.result["points"], day=posted.business_date),
    }


def _moved(call: Call, posted: Posted, redemption_id: str) -> dict[str, Any]:
    points = posted.result["points"]
    return {
        "id": redemption_id,
        "state": posted.result["state"],
        "points": points,
        "worth": worth(call, points=points, day=posted.business_date),
    }
