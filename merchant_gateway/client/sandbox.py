"""A merchant's sandbox: made-up members, a clock to move on, nights on demand."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import quote

from merchant_gateway.client.messages import Answer, Request
from merchant_gateway.client.transport import Transport

PATH = "/v1/sandbox"
_KEY_BYTES = 24


class Sandbox:
    """What only test keys open; raises the errors of ``merchant_gateway.client.errors``.

    Every other method of the client works with a test key as well, on the sandbox's data.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def read(self) -> Answer:
        """Read the sandbox's time, its business day and the partner's code."""
        return self._get(PATH)

    def member(
        self,
        *,
        name: str | None = None,
        locale: str | None = None,
        points: int | None = None,
        tier: str | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Make up a member with ``points`` of the partner (1,000 where absent), of a ``tier``."""
        body = {"name": name, "locale": locale, "points": points, "tier": tier}
        return self._post(f"{PATH}/members", body, idempotency_key)

    def find(self, member: str) -> str:
        """Return the id of a made-up member that is named by it, or by their mobile number."""
        if not member.lstrip("+").isdecimal():
            return member
        answer = self._post("/v1/members/lookup", {"member": {"phone": member}}, None)
        return str(answer.data["member"])

    def read_member(self, member_id: str) -> Answer:
        """Read a made-up member's phone, card and points."""
        return self._get(_member(member_id))

    def answer(self, request_id: str, *, answer: Literal["yes", "no"]) -> Answer:
        """Say yes or no to what was asked of a made-up member, as in the wallet."""
        path = f"{PATH}/redemptions/{quote(request_id, safe='')}/answer"
        return self._post(path, {"answer": answer}, None)

    def messages(self) -> list[dict[str, Any]]:
        """Return the messages that made-up people got, the newest first, codes included."""
        found: list[dict[str, Any]] = self._get(f"{PATH}/messages").data["items"]
        return found

    def code(self, member_id: str, *, limit: int | None = None) -> Answer:
        """Get a code as the member's wallet shows it now, good for ``limit`` points."""
        return self._post(f"{_member(member_id)}/codes", {"limit": limit}, None)

    def spend_at_partner(
        self, member_id: str, *, points: int, idempotency_key: str | None = None
    ) -> Answer:
        """Have a member spend points at the made-up partner."""
        path = f"{_member(member_id)}/partner-redemptions"
        return self._post(path, {"points": points}, idempotency_key)

    def move_clock(self, *, days: int, idempotency_key: str | None = None) -> Answer:
        """Let ``days`` pass in the sandbox."""
        return self._post(f"{PATH}/clock", {"days": days}, idempotency_key)

    def settle(self, *, idempotency_key: str | None = None) -> Answer:
        """End the sandbox's business day and settle it and every day before it."""
        key = idempotency_key or secrets.token_urlsafe(_KEY_BYTES)
        while True:  # many days take several calls; the same key does not end another one
            answer = self._post(f"{PATH}/settlements", {}, key)
            if answer.data["remaining"] == 0:
                return answer

    def reset(self, *, idempotency_key: str | None = None) -> Answer:
        """Begin again with an empty sandbox at today's time."""
        return self._post(f"{PATH}/reset", {}, idempotency_key)

    def _get(self, path: str) -> Answer:
        return self._transport.call(Request(method="GET", path=path))

    def _post(self, path: str, body: Mapping[str, Any], idempotency_key: str | None) -> Answer:
        given = {name: value for name, value in body.items() if value is not None}
        return self._transport.call(
            Request(
                method="POST",
                path=path,
                body=json.dumps(given, ensure_ascii=False, separators=(",", ":")).encode(),
                idempotency_key=idempotency_key or secrets.token_urlsafe(_KEY_BYTES),
            )
        )


def _member(member_id: str) -> str:
    return f"{PATH}/members/{quote(member_id, safe='')}"
