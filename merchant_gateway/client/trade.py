"""A merchant's trade: who sends it customers, and where its own points go."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from merchant_gateway.client.messages import Answer, Request
from merchant_gateway.client.transport import Transport

PATH = "/v1/trade"
PAGE = 200


class Trade:
    """Trade with other merchants; raises the errors of ``merchant_gateway.client.errors``."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def read(
        self,
        *,
        since: date | None = None,
        until: date | None = None,
        limit: int = PAGE,
        cursor: str | None = None,
    ) -> Answer:
        """Read a page of the trade of windows that begin in [since, until), 30 days if absent."""
        given = {
            "since": None if since is None else since.isoformat(),
            "until": None if until is None else until.isoformat(),
            "limit": str(limit),
            "cursor": cursor,
        }
        query = {name: value for name, value in given.items() if value is not None}
        return self._transport.call(Request(method="GET", path=PATH, query=query))

    def partners(
        self, *, since: date | None = None, until: date | None = None, page: int = PAGE
    ) -> Iterator[dict[str, Any]]:
        """Yield the trade with each partner that may be named, and with all others in one row."""
        cursor: str | None = None
        while True:
            answer = self.read(since=since, until=until, limit=page, cursor=cursor).data
            yield from answer["items"]
            cursor = answer["next_cursor"]
            if cursor is None:
                return
