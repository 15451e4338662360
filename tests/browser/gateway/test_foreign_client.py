"""A client of another author: its requests are accepted, and it verifies our answers.

Signed and verified in the browser by http-message-signatures (npm) and WebCrypto's Ed25519; the
only things of ours it has are a merchant's key and the published keys of the network.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from playwright.sync_api import Browser

from config.sandboxes.nights import Hands
from merchant_gateway.app import create_app
from merchant_gateway.signing import Ed25519SigningKey
from network.services import Services
from tests.browser.conftest import Serve
from tests.integration.gateway.house import House, furnish
from tests.integration.gateway.till import purchase

_HERE = Path(__file__).parent
_CLIENT = (_HERE / "foreign_client.js").read_text(encoding="utf-8")
_LIBRARY = (_HERE.parent / "vendor" / "http-message-signatures.mjs").read_text(encoding="utf-8")
_PAGE = "/foreign"

Send = Callable[..., dict[str, Any]]


@pytest.fixture
def house(services: Services, redis_client: redis.Redis, serve: Serve) -> House:
    """Return a coalition behind a gateway on a database of this test's own."""
    app = create_app(services, redis=redis_client, hands=Hands(redis_client))
    return furnish(services, url=serve(app))


@pytest.fixture
def send(house: House, chromium: Browser) -> Iterator[Send]:
    """Yield what sends a request from the browser; the page itself is nobody's."""
    page = chromium.new_page()
    page.route(f"**{_PAGE}", lambda route: route.fulfill(body="", content_type="text/html"))
    page.goto(house.url + _PAGE)

    def sent(method: str, target: str, body: Any = None) -> dict[str, Any]:
        found: dict[str, Any] = page.evaluate(
            _CLIENT,
            {
                "library": _LIBRARY,
                "jwk": _private_jwk(house.green.key),
                "keyId": house.green.key_id,
                "method": method,
                "target": target,
                "body": None if body is None else json.dumps(body, ensure_ascii=False),
                "accept": "application/json",
            },
        )
        return found

    yield sent
    page.close()


def _private_jwk(key: Ed25519SigningKey) -> dict[str, str]:
    secret = urlsafe_b64encode(key.to_raw()).rstrip(b"=").decode()
    return {
        "kty": "OKP",
        "crv": "Ed25519",
        "d": secret,
        "x": key.verifying_key().to_base64url(),
    }


def test_a_foreign_client_earns_reads_and_believes(house: House, send: Send) -> None:
    person = house.member()
    named = purchase(person.phone, merchant_ref="خرید-۱")
    for method, target, body, status in (
        ("GET", "/v1/ping", None, 200),
        ("GET", "/v1/transactions?limit=5&since=2026-01-01", None, 200),
        ("POST", "/v1/earnings", named, 201),
        ("POST", "/v1/earnings", {**named, "amount": 1.5}, 422),
        ("GET", "/v1/transactions/ern_%D9%BE%2F", None, 404),
    ):
        found = send(method, target, body)
        assert found["status"] == status, found["body"]
        assert found["verified"] is True
        assert found["digest"] is True
        # What was changed on its way, or answers another request, is not believed.
        for changed in ("anotherStatus", "anotherBody", "anotherRequest"):
            assert found[changed] is not True, changed
    earned = json.loads(send("GET", "/v1/transactions")["body"])["items"]
    assert [each["merchant_ref"] for each in earned] == ["خرید-۱"]
