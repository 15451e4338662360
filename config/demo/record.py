"""The demo's record of what it asked and whether it was accepted, one JSON object per request.

It holds no points out of answers, so that somebody else can recompute them from it.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date
from pathlib import Path
from threading import Lock
from typing import Any, TextIO, TypeAlias

from config.demo.actions import (
    Capture,
    Earn,
    Redeem,
    RefundEarn,
    RefundRedeem,
    Void,
)

PointAction: TypeAlias = Earn | Redeem | Capture | Void | RefundEarn | RefundRedeem


class Record:
    """The file of what was asked; several tills may write it, each request as it is answered."""

    def __init__(self, path: Path) -> None:
        self._stream: TextIO = path.open("w", encoding="utf-8")
        self._turn = Lock()

    def add(self, line: dict[str, Any]) -> None:
        """Write one request down."""
        text = json.dumps(line, ensure_ascii=False) + "\n"
        with self._turn:
            self._stream.write(text)

    def flush(self) -> None:
        """Let readers see all of it."""
        with self._turn:
            self._stream.flush()

    def close(self) -> None:
        """Close the file."""
        self._stream.close()


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
