"""A sandbox that holds as much as one may: nothing new, and the same answers as before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import redis
import requests

from config.sandboxes.nights import Hands
from merchant_gateway.app import create_app
from merchant_gateway.client.bodies import new_idempotency_key
from merchant_gateway.limits import Limits
from merchant_gateway.signing import Ed25519SigningKey
from network.clock import wall_now
from network.merchants import service as merchants
from tests.fixtures.serving import served
from tests.integration.gateway.house import House
from tests.integration.gateway.till import ask, purchase
from tests.integration.sandboxes.stand import Stand


@contextmanager
def where_any_sandbox_is_full(house: House, redis_url: str) -> Iterator[House]:
    """Yield the house behind a gateway whose sandboxes hold next to nothing."""
    with redis.Redis.from_url(redis_url) as client:
        app = create_app(
            house.services, client, hands=Hands(client), limits=Limits(sandbox_bytes=1)
        )
        try:
            with served(app) as url:
                yield replace(house, url=url)
        finally:
            app.extensions["sandboxes"].close()


def test_what_was_answered_is_answered_again(house: House, stand: Stand, redis_url: str) -> None:
    stand.fresh(house.blue.merchant_id)
    key = Ed25519SigningKey.generate()
    with house.services.database.unit_of_work() as session:
        made = merchants.register_key(
            session,
            house.services.vault,
            merchant_id=house.blue.merchant_id,
            environment="test",
            public_key=key.verifying_key().to_raw(),
            now=wall_now(),
        )
    own: dict[str, Any] = {"key": key, "key_id": made.key_id}

    def call(at: House, target: str, body: Any, idempotency_key: str) -> requests.Response:
        return ask(at, at.blue, target=target, body=body, idempotency_key=idempotency_key, **own)

    person = call(house, "/v1/sandbox/members", {}, new_idempotency_key()).json()
    hook = "/v1/webhook-endpoints"
    done: list[tuple[requests.Response, str, Any, str]] = []
    for target, body in (
        ("/v1/earnings", purchase(person["phone"])),
        (hook, {"url": "https://blue.example/hook"}),
        ("/v1/redemptions", {"member": {"code": person["code"]}, "merchant_ref": "r", "points": 5}),
    ):
        idempotency_key = new_idempotency_key()
        first = call(house, target, body, idempotency_key)
        assert first.status_code == 201, first.text
        done.append((first, target, body, idempotency_key))
    test = f"{hook}/{done[1][0].json()['id']}/test"
    idempotency_key = new_idempotency_key()
    done.append((call(house, test, {}, idempotency_key), test, {}, idempotency_key))
    with where_any_sandbox_is_full(house, redis_url) as full:
        for first, target, body, idempotency_key in done:
            again = call(full, target, body, idempotency_key)
            assert (again.status_code, again.content) == (first.status_code, first.content)
            assert again.headers["Idempotent-Replayed"] == "true"
            anew = call(full, target, body, new_idempotency_key())
            assert (anew.status_code, anew.json()["code"]) == (409, "sandbox_full")
        ping = ask(full, full.blue, method="GET", target="/v1/ping", **own)
        assert ping.status_code == 200
