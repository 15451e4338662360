"""Names of receivers: slow ones hold up no other."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from config.webhooks import delivering
from config.webhooks.resolving import SystemResolver

WITHIN_SECONDS = 10


def test_slow_names_hold_no_other_name_up(monkeypatch: pytest.MonkeyPatch) -> None:
    slow, answer = delivering.EACH_MERCHANT, threading.Event()

    def ask(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        if host == "slow.example":
            answer.wait(WITHIN_SECONDS)
        return [(0, 0, 0, "", ("192.0.2.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", ask)

    async def meanwhile() -> list[str]:
        resolver = SystemResolver(threads=delivering.AT_ONCE)
        waiting = [asyncio.ensure_future(resolver("slow.example", 443)) for _ in range(slow)]
        try:
            async with asyncio.timeout(WITHIN_SECONDS):
                found = await resolver("quick.example", 443)
            assert not any(each.done() for each in waiting)
            return found
        finally:
            answer.set()
            await asyncio.gather(*waiting)
            resolver.close()

    assert asyncio.run(meanwhile()) == ["192.0.2.1"]
