"""Hands on batches: lines to send, the work done in this process, results read to the end."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from typing import Any

import redis
import requests

from config.relay import relay_once
from merchant_gateway.batches.work import run_batch
from network import ids
from tests.integration.gateway.house import House, Shop, utc_now
from tests.integration.gateway.till import ask

PATH = "/v1/earnings/batches"
JSONL = "application/jsonl"


def earn_line(phone: str, amount: float = 100_000, **changes: Any) -> dict[str, Any]:
    """Return a good purchase line with some fields changed; ``...`` takes a field out."""
    good = {
        "type": "earn",
        "member": {"phone": phone},
        "merchant_ref": secrets.token_hex(8),
        "amount": amount,
        "currency": "IRR",
        "occurred_at": utc_now().isoformat(),
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not ...}


def refund_line(phone: str, original: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a line that refunds a purchase line by amount."""
    return {
        "type": "refund_earn",
        "member": {"phone": phone},
        "merchant_ref": secrets.token_hex(8),
        "original_ref": original["merchant_ref"],
        "currency": "IRR",
        "occurred_at": utc_now().isoformat(),
        **changes,
    }


def written(lines: Iterable[dict[str, Any] | bytes]) -> bytes:
    """Return lines as a body; bytes stay as they are."""
    return b"".join(
        (line if isinstance(line, bytes) else json.dumps(line, ensure_ascii=False).encode()) + b"\n"
        for line in lines
    )


def send_batch(
    house: House, shop: Shop, lines: Iterable[dict[str, Any] | bytes], **how: Any
) -> requests.Response:
    """Sign and send a batch."""
    return ask(house, shop, target=PATH, body=written(lines), **{"media_type": JSONL, **how})


def work(house: House, batch_id: str) -> None:
    """Work a batch off in this process."""
    run_batch(house.services, batch_id=str(ids.decode("bat", batch_id)))


def results(
    house: House, shop: Shop, batch_id: str, *, limit: int = 200, language: str = "en"
) -> list[dict[str, Any]]:
    """Return the result of every line, page by page."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        target = f"{PATH}/{batch_id}/items?limit={limit}{cursor}"
        page = ask(house, shop, method="GET", target=target, language=language).json()
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


def done(
    house: House, shop: Shop, lines: Iterable[dict[str, Any] | bytes], **how: Any
) -> list[dict[str, Any]]:
    """Send a batch, work it off, and return the results."""
    answer = send_batch(house, shop, lines, **how)
    assert answer.status_code == 202, answer.text
    work(house, answer.json()["id"])
    return results(house, shop, answer.json()["id"])


def hand_on(house: House, redis_url: str) -> None:
    """Hand the outbox's events to the queues."""
    with redis.Redis.from_url(redis_url) as connection:
        while relay_once(house.services.database, connection):
            pass
