"""What merchants are told: the types of events, each with its version and an example.

A version counts up when ``data`` changes in a way that a reader could trip over; fields may be
added without one. Examples are shown in the documentation and checked against what is really sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TEST = "webhook.test"
SETTLEMENT_CLOSED = "settlement.closed"
EXPOSURE_CHANGED = "exposure.changed"
RECONCILIATION_FINISHED = "reconciliation.finished"
DISPUTE_DECIDED = "dispute.decided"
MEMBER_JOINED = "member.joined"
CONSENT_ANSWERED = "redemption.answered"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventType:
    """A type of event: when it is sent, in English, and the ``data`` of one."""

    name: str
    version: int
    when: str
    example: Mapping[str, Any]


def _entry(**different: Any) -> dict[str, Any]:
    return {
        "member": "rbM1h7nJ4p0cZ0m3T5oPqW8Yx2s9u4a6d1f3g5h7j8k",
        "merchant_ref": "R-1403-000412",
        "points": 120,
        "amount": 1_200_000,
        "currency": "IRR",
        "business_date": "2026-03-21",
        "occurred_at": "2026-03-21T06:45:00+00:00",
        "recorded_at": "2026-03-21T06:45:01.250000+00:00",
        "channel": "in_store",
        **different,
    }


_EARNING = "ern_2m4k7q…"
_REDEMPTION = "red_5t8w1z…"
_REFUND = "rfd_9c3f6j…"
_ENTRY = "ent_1b4e7h…"
_BY_POINTS: dict[str, Any] = {"amount": None, "currency": None}

TYPES: Mapping[str, EventType] = {
    each.name: each
    for each in (
        EventType(
            name="earning.created",
            version=1,
            when="A purchase that you reported earned points, or was recorded without any.",
            example=_entry(id=_EARNING, earning=_EARNING),
        ),
        EventType(
            name="earning.refunded",
            version=1,
            when="Money of an earning purchase went back, and points with it.",
            example=_entry(id=_REFUND, earning=_EARNING, points=40, amount=400_000),
        ),
        EventType(
            name="redemption.authorised",
            version=1,
            when="Points are held for you, until you capture or void them or the hold ends.",
            example=_entry(id=_REDEMPTION, redemption=_REDEMPTION, **_BY_POINTS),
        ),
        EventType(
            name="redemption.captured",
            version=1,
            when="Points were spent with you: at once, or by the capture of a hold.",
            example=_entry(id=_ENTRY, redemption=_REDEMPTION, **_BY_POINTS),
        ),
        EventType(
            name="redemption.voided",
            version=1,
            when="A hold was given up by you; the points are the member's again.",
            example=_entry(id=_ENTRY, redemption=_REDEMPTION, **_BY_POINTS),
        ),
        EventType(
            name="redemption.expired",
            version=1,
            when="A hold of yours ended without capture; the points are the member's again.",
            example=_entry(
                id=_ENTRY, redemption=_REDEMPTION, merchant_ref=None, channel=None, **_BY_POINTS
            ),
        ),
        EventType(
            name="redemption.refunded",
            version=1,
            when="Points that were spent with you went back to the member.",
            example=_entry(id=_REFUND, redemption=_REDEMPTION, points=30, **_BY_POINTS),
        ),
        EventType(
            name=CONSENT_ANSWERED,
            version=1,
            when="A member whom you asked for points said yes or no in the wallet; after a yes, "
            "send the redemption again.",
            example={
                "id": "spr_8d1m4q…",
                "state": "approved",
                "member": "rbM1h7nJ4p0cZ0m3T5oPqW8Yx2s9u4a6d1f3g5h7j8k",
                "merchant_ref": "R-1403-000412",
                "points": 120,
            },
        ),
        EventType(
            name=MEMBER_JOINED,
            version=1,
            when="Somebody whom a till of yours asked to join said yes: at the till, or in the "
            "wallet.",
            example={
                "id": "enr_6b3k9r…",
                "member": "rbM1h7nJ4p0cZ0m3T5oPqW8Yx2s9u4a6d1f3g5h7j8k",
                "by": "elsewhere",
            },
        ),
        EventType(
            name=SETTLEMENT_CLOSED,
            version=1,
            when="A settlement window closed, and your statement of it is published.",
            example={
                "id": "win_3n6p9s…",
                "first_day": "2026-03-21",
                "end_day": "2026-03-22",
                "currency": "IRR",
                "net": 18_714,
                "closing": 18_714,
                "digest": "sha-256:0f1e2d…",
            },
        ),
        EventType(
            name=EXPOSURE_CHANGED,
            version=1,
            when="What you owe came near your limit (80 %), reached it, or fell below again.",
            example={
                "standing": "near",
                "exposure": 8_240_000,
                "outstanding_points": 7_400,
                "unsettled": 840_000,
                "limit": 10_000_000,
                "currency": "IRR",
            },
        ),
        EventType(
            name=RECONCILIATION_FINISHED,
            version=1,
            when="A record of a day that was sent for you was matched, or could not be read.",
            example={
                "id": "rcn_7k2m5p…",
                "business_date": "2026-03-21",
                "version": 1,
                "state": "done",
                "lines": 412,
                "entries": 411,
                "agreeing": 409,
                "breaks": 3,
            },
        ),
        EventType(
            name=DISPUTE_DECIDED,
            version=1,
            when="A dispute of yours was decided; a correction stands on the statement of its day.",
            example={
                "id": "dsp_4h8j1n…",
                "entry": "ent_1b4e7h…",
                "business_date": "2026-03-21",
                "state": "accepted",
                "decision": "The till counted it twice.",
                "amount": 1_200_000,
                "currency": "IRR",
                "corrected_on": "2026-03-29",
            },
        ),
        EventType(
            name=TEST,
            version=1,
            when="You asked for a test of one endpoint; it goes to no other.",
            example={"endpoint": "whe_4d7g0k…"},
        ),
    )
}
"""Every type by its name, in the order of the documentation."""

SUBSCRIBABLE = tuple(name for name in TYPES if name != TEST)
"""The types that an endpoint may choose from; a test goes where it was asked for."""
