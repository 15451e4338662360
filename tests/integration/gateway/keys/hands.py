"""Hands on keys: registered as by an operator, asked for as by a merchant."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import timedelta
from itertools import count
from typing import Any
from urllib.parse import urlsplit

from merchant_gateway.signing import Ed25519SigningKey, prove_possession
from network.merchants import service as merchants
from network.merchants.scopes import SCOPES
from tests.integration.gateway.house import House, Shop, utc_now

PING: dict[str, Any] = {"method": "GET", "target": "/v1/ping"}
PROCESSES = 6
"""Enough calls in a row that both worker processes answer one."""
_DAYS_AGO = count(400, -2)
"""A merchant has twenty new keys a day: each of these is of a day of its own."""


def registered(
    house: House, *, environment: str = "live", scopes: Sequence[str] = SCOPES
) -> tuple[str, Ed25519SigningKey]:
    """Register a key of the blue shop as an operator would, and return it."""
    key = Ed25519SigningKey.generate()
    with house.services.database.unit_of_work() as session:
        made = merchants.register_key(
            session,
            house.services.vault,
            merchant_id=house.blue.merchant_id,
            environment=environment,
            public_key=key.verifying_key().to_raw(),
            scopes=scopes,
            now=utc_now() - timedelta(days=next(_DAYS_AGO)),
        )
    return made.key_id, key


def new_key(
    house: House, shop: Shop, key: Ed25519SigningKey, *, signer: str | None = None, **changes: Any
) -> dict[str, Any]:
    """Return the body that registers ``key``; ``...`` takes a field out."""
    proof = prove_possession(
        authority=urlsplit(house.url).netloc, key_id=signer or shop.key_id, new_key=key
    )
    body = {
        "public_key": key.verifying_key().to_base64url(),
        "proof": urlsafe_b64encode(proof).rstrip(b"=").decode(),
    } | changes
    return {name: value for name, value in body.items() if value is not ...}


def code_of(response: Any) -> tuple[int, str]:
    """Return the status and the code of a problem."""
    return response.status_code, response.json()["code"]
