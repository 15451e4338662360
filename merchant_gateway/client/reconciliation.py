"""Reconciliation and disputes: a merchant's own record of a day, its breaks, and single lines."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

from merchant_gateway.client.bodies import CURRENCY
from merchant_gateway.client.messages import Answer, Request
from merchant_gateway.client.transport import Transport

JSON_LINES, CSV = "application/jsonl", "text/csv"
PAGE = 200
_RECORDS, _DISPUTES = "/v1/reconciliations", "/v1/disputes"
_FIRST_WAIT_SECONDS = 0.2
_LONGEST_WAIT_SECONDS = 5.0
_KEY_CHARACTERS = 40
_KEY_BYTES = 24


class Reconciliation:
    """Records of days, and disputes; raises the errors of ``merchant_gateway.client.errors``."""

    def __init__(
        self, transport: Transport, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._transport = transport
        self._sleep = sleep

    def send(self, content: bytes, *, business_date: date) -> Answer:
        """Send a day's record, JSON lines or CSV; its idempotency key is drawn from the content."""
        day = business_date.isoformat()
        is_json = content.lstrip().startswith(b"{")
        digest = hashlib.sha256(day.encode() + content).hexdigest()
        return self._transport.call(
            Request(
                method="POST",
                path=_RECORDS,
                query={"business_date": day},
                body=content,
                media_type=JSON_LINES if is_json else CSV,
                idempotency_key="record-" + digest[:_KEY_CHARACTERS],
            )
        )

    def read(self, reconciliation_id: str) -> Answer:
        """Ask what came of a record."""
        return self._transport.call(
            Request(method="GET", path=f"{_RECORDS}/{_id(reconciliation_id)}")
        )

    def records(self, *, page: int = PAGE) -> Iterator[dict[str, Any]]:
        """Yield the records that were sent, the latest first."""
        return self._pages(_RECORDS, {}, page)

    def breaks(
        self, reconciliation_id: str, *, state: str | None = None, page: int = PAGE
    ) -> Iterator[dict[str, Any]]:
        """Yield where a record and the network differ, with both sides."""
        query = {} if state is None else {"state": state}
        return self._pages(f"{_RECORDS}/{_id(reconciliation_id)}/breaks", query, page)

    def run_file(self, path: Path, *, business_date: date) -> dict[str, Any]:
        """Send a file, wait until it was matched, and return what came of it.

        The same file again is the same record, so it may be stopped and run again.
        """
        sent = self.send(path.read_bytes(), business_date=business_date).data
        wait = _FIRST_WAIT_SECONDS
        found = self.read(sent["id"]).data
        while found["state"] == "waiting":
            self._sleep(wait)
            wait = min(_LONGEST_WAIT_SECONDS, wait * 2)
            found = self.read(sent["id"]).data
        return found

    def dispute(
        self,
        *,
        entry: str,
        reason: str,
        words: str,
        points: int | None = None,
        amount: int | None = None,
        break_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Dispute one entry; ``points`` and ``amount`` are what it should have been."""
        body = {
            "entry": entry,
            "reason": reason,
            "words": words,
            "points": points,
            "amount": amount,
            "currency": None if amount is None else CURRENCY,
            "break_id": break_id,
        }
        return self._post(_DISPUTES, body, idempotency_key)

    def say(self, dispute_id: str, *, words: str, idempotency_key: str | None = None) -> Answer:
        """Say more in a dispute that is not decided."""
        return self._post(f"{_DISPUTES}/{_id(dispute_id)}/notes", {"words": words}, idempotency_key)

    def disputes(self, *, page: int = PAGE) -> Iterator[dict[str, Any]]:
        """Yield the merchant's disputes, the latest first."""
        return self._pages(_DISPUTES, {}, page)

    def read_dispute(self, dispute_id: str) -> Answer:
        """Read a dispute, what both sides said, and what was decided."""
        return self._transport.call(Request(method="GET", path=f"{_DISPUTES}/{_id(dispute_id)}"))

    def _post(self, path: str, body: Mapping[str, Any], idempotency_key: str | None) -> Answer:
        given = {name: value for name, value in body.items() if value is not None}
        content = json.dumps(given, ensure_ascii=False, separators=(",", ":")).encode()
        key = idempotency_key or secrets.token_urlsafe(_KEY_BYTES)
        return self._transport.call(
            Request(method="POST", path=path, body=content, idempotency_key=key)
        )

    def _pages(self, path: str, query: Mapping[str, str], page: int) -> Iterator[dict[str, Any]]:
        cursor: str | None = None
        while True:
            asked = {**query, "limit": str(page)} | ({} if cursor is None else {"cursor": cursor})
            answer = self._transport.call(Request(method="GET", path=path, query=asked)).data
            yield from answer["items"]
            cursor = answer["next_cursor"]
            if cursor is None:
                return


def _id(text: str) -> str:
    return quote(text, safe="")
