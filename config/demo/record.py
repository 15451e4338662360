"""The demo's record of what it asked and whether it was accepted, one JSON object per request.

It holds no points out of answers, so that somebody else can recompute them from it.
"""

from dataclasses import asdict
from datetime import date
from typing import Any, TypeAlias

from config.demo.actions import (
    Capture,
    Earn,
    Redeem,
    RefundEarn,
    RefundRedeem,
    Void,
)

PointAction: TypeAlias = Earn | Redeem | Capture | Void | RefundEarn | RefundRedeem


def as_record(
    action: PointAction, *, business_date: date, status: int, replayed: bool = False
) -> dict[str, Any]:
    """Return a request that moves points as plain JSON values, with the answer's status.

    `business_date` is the day the network posted it on.
    """
    facts = asdict(action)
    record = {
        "at": facts.pop("occurred_at").isoformat(),
        "business_date": business_date.isoformat(),
        "kind": _kind(action),
        **{name: value for name, value in facts.items() if value is not None},
        "status": status,
        "replayed": replayed,
    }
    if "lines" in record:
        record["lines"] = list(record["lines"])
    return record


def _kind(action: PointAction) -> str:
    match action:
        case Earn():
            return "earn"
        case Redeem():
            return "redeem" if action.capture == "auto" else "authorise"
        case Capture():
            return "capture"
        case Void():
            return "void"
        case RefundEarn():
            return "refund_earn"
        case RefundRedeem():
            return "refund_redeem"
