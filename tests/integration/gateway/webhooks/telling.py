"""Hands on what merchants are told: handed on, delivered, read back."""

from __future__ import annotations

from typing import Any

import redis

from config.relay import relay_once
from config.webhooks import delivering
from network.merchants.happenings import Teller
from tests.fixtures.aside import aside
from tests.integration.gateway.house import House, Shop


def relay(house: House, client: redis.Redis) -> None:
    """Hand on all that happened."""
    services = house.services
    teller = Teller(vault=services.vault, entry_ids=services.entry_ids)
    while relay_once(services.database, client, teller=teller):
        pass


def begin(house: House, client: redis.Redis) -> None:
    """Hand on what other tests left, and forget it."""
    relay(house, client)
    client.flushdb()


def deliver(house: House) -> int:
    return aside(lambda: delivering.run(house.services, loopback=True, linger_seconds=0))


def newest(shop: Shop, number: int) -> list[dict[str, Any]]:
    """Return a merchant's last events, read through the gateway page by page."""
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = shop.client.endpoints.events(cursor=cursor).data
        cursor = page["next_cursor"]
        if not page["items"]:
            return found[-number:]
        found += page["items"]
