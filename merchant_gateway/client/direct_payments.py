"""Payments between merchants: whom this one pays, who pays it, and whether that arrived."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from merchant_gateway.client.messages import Answer, Request
from merchant_gateway.client.transport import Transport

PATH = "/v1/direct-payments"
PAGE = 200
_KEY_BYTES = 24


class DirectPayments:
    """Payments between merchants; raises the errors of ``merchant_gateway.client.errors``."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, *, page: int = PAGE) -> Iterator[dict[str, Any]]:
        """Yield what this merchant pays others and gets from them, the latest window first."""
        cursor: str | None = None
        while True:
            asked = {"limit": str(page)} | ({} if cursor is None else {"cursor": cursor})
            answer = self._transport.call(Request(method="GET", path=PATH, query=asked)).data
            yield from answer["items"]
            cursor = answer["next_cursor"]
            if cursor is None:
                return

    def read(self, payment_id: str) -> Answer:
        """Read one payment: to which account, by which reference, and what became of it."""
        return self._transport.call(Request(method="GET", path=_path(payment_id)))

    def say(self, payment_id: str, *, arrived: bool, idempotency_key: str | None = None) -> Answer:
        """Say as the payee whether a payment arrived; that it did is for good."""
        body = {"outcome": "arrived" if arrived else "missing"}
        return self._transport.call(
            Request(
                method="POST",
                path=f"{_path(payment_id)}/receipts",
                body=json.dumps(body, separators=(",", ":")).encode(),
                idempotency_key=idempotency_key or secrets.token_urlsafe(_KEY_BYTES),
            )
        )


def _path(payment_id: str) -> str:
    return f"{PATH}/{quote(payment_id, safe='')}"
