"""A merchant's webhook endpoints, their deliveries, and its events."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import quote

from merchant_gateway.client.messages import Answer, Request
from merchant_gateway.client.transport import Transport

PATH = "/v1/webhook-endpoints"
PAGE = 200
_KEY_BYTES = 24


class Endpoints:
    """Where events are posted; raises the errors of ``merchant_gateway.client.errors``."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self) -> list[dict[str, Any]]:
        """Return all endpoints, the oldest first."""
        found: list[dict[str, Any]] = self._call("GET", PATH).data["items"]
        return found

    def create(
        self,
        url: str,
        *,
        description: str | None = None,
        types: Sequence[str] | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Have events posted to ``url``; the answer holds the ``secret``, which is shown once."""
        body = {
            "url": url,
            "description": description,
            "types": None if types is None else list(types),
        }
        return self._call("POST", PATH, body, idempotency_key=idempotency_key)

    def read(self, endpoint_id: str) -> Answer:
        """Read one endpoint."""
        return self._call("GET", _path(endpoint_id))

    def change(
        self,
        endpoint_id: str,
        *,
        url: str | None = None,
        description: str | None = None,
        types: Sequence[str] | None = None,
        state: Literal["enabled", "disabled"] | None = None,
    ) -> Answer:
        """Change what is given of an endpoint."""
        body = {
            "url": url,
            "description": description,
            "types": None if types is None else list(types),
            "state": state,
        }
        return self._call("PATCH", _path(endpoint_id), body)

    def delete(self, endpoint_id: str) -> Answer:
        """Remove an endpoint."""
        return self._call("DELETE", _path(endpoint_id))

    def rotate_secret(
        self,
        endpoint_id: str,
        *,
        overlap_hours: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Make new keys; the old ones sign beside them for ``overlap_hours``, a day if absent."""
        body = {"overlap_hours": overlap_hours}
        path = f"{_path(endpoint_id)}/rotate-secret"
        return self._call("POST", path, body, idempotency_key=idempotency_key)

    def test(self, endpoint_id: str, *, idempotency_key: str | None = None) -> Answer:
        """Have a test event sent to an endpoint."""
        return self._call("POST", f"{_path(endpoint_id)}/test", {}, idempotency_key=idempotency_key)

    def deliveries(self, endpoint_id: str) -> Iterator[dict[str, Any]]:
        """Yield what was posted to an endpoint, the newest first, with every attempt."""
        cursor: str | None = None
        while True:
            page = self._call("GET", f"{_path(endpoint_id)}/deliveries", query=_page(cursor)).data
            yield from page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def events(self, *, cursor: str | None = None) -> Answer:
        """Read the events after ``cursor``, all that are kept without one, at most 200 at a time.

        Keep ``next_cursor`` once they are handled and ask with it again; no items means that
        nothing more has happened yet.
        """
        return self._call("GET", "/v1/events", query=_page(cursor))

    def redeliver(
        self,
        event_id: str,
        *,
        endpoint_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Have an event delivered once more, to one endpoint or to all that choose its type."""
        path = f"/v1/events/{quote(event_id, safe='')}/redeliver"
        return self._call("POST", path, {"endpoint": endpoint_id}, idempotency_key=idempotency_key)

    def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        content = b""
        if body is not None:
            given = {name: value for name, value in body.items() if value is not None}
            content = json.dumps(given, ensure_ascii=False, separators=(",", ":")).encode()
        key = idempotency_key or secrets.token_urlsafe(_KEY_BYTES)
        return self._transport.call(
            Request(
                method=method,
                path=path,
                query=query or {},
                body=content,
                idempotency_key=key if method == "POST" else None,
            )
        )


def _path(endpoint_id: str) -> str:
    return f"{PATH}/{quote(endpoint_id, safe='')}"


def _page(cursor: str | None) -> dict[str, str]:
    return {"limit": str(PAGE)} | ({} if cursor is None else {"cursor": cursor})
