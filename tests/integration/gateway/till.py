"""A till that can send anything: signs whatever it is told to, and shows the raw answer."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import requests

from merchant_gateway.signing import (
    AnswerMessage,
    Ed25519VerifyingKey,
    RequestBinding,
    RequestMessage,
    SignedHeaders,
    SigningKey,
    parse_answer_signature,
    sign_request,
    split_target,
    verify_answer,
)
from tests.integration.gateway.house import House, Shop, utc_now

JSON = "application/json"


def headers_of(
    house: House,
    shop: Shop,
    *,
    method: str,
    target: str,
    body: bytes = b"",
    key: SigningKey | None = None,
    key_id: str | None = None,
    ago: timedelta = timedelta(0),
    idempotency_key: str | None = None,
    media_type: str = JSON,
    nonce: str | None = None,
) -> tuple[dict[str, str], SignedHeaders]:
    """Return the headers of a signed request, and what was signed."""
    path, query = split_target(target)
    authority = urlsplit(house.url).netloc
    own_key = idempotency_key or secrets.token_urlsafe(18)
    signed = sign_request(
        request=RequestMessage(
            method=method,
            authority=authority,
            path=path,
            query=query,
            content_type=media_type if body else None,
            idempotency_key=own_key if method == "POST" else None,
            body=body,
        ),
        key=key or shop.key,
        key_id=key_id or shop.key_id,
        now=datetime.now(UTC) - ago,
        nonce=nonce,
    )
    headers = signed.as_headers()
    if method == "POST":
        headers["Idempotency-Key"] = own_key
    if body:
        headers["Content-Type"] = media_type
    return headers, signed


def send(
    house: House,
    *,
    method: str,
    target: str,
    headers: dict[str, str],
    body: bytes = b"",
    language: str = "en",
) -> requests.Response:
    """Send exactly this target, without a library's quoting."""
    request = requests.Request(
        method, house.url, headers={"Accept-Language": language, **headers}, data=body or None
    ).prepare()
    request.url = house.url + target
    with requests.Session() as session:
        return session.send(request, timeout=20, allow_redirects=False)


def ask(
    house: House,
    shop: Shop,
    *,
    method: str = "POST",
    target: str = "/v1/earnings",
    body: Any = None,
    language: str = "en",
    **how: Any,
) -> requests.Response:
    """Sign and send; ``body`` is bytes as they are, or a value to be written as JSON."""
    content = (
        body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    )
    headers, signed = headers_of(house, shop, method=method, target=target, body=content, **how)
    response = send(
        house, method=method, target=target, headers=headers, body=content, language=language
    )
    believe(house, response, signed.binding)
    return response


def believe(house: House, response: requests.Response, binding: RequestBinding | None) -> None:
    """Check the network's signature of an answer, bound to a request or to none."""
    parsed = parse_answer_signature(
        signature_input=response.headers["Signature-Input"],
        signature=response.headers["Signature"],
    )
    jwk = next(each for each in published_keys(house.url) if each["kid"] == parsed.key_id)
    verify_answer(
        answer=AnswerMessage(
            status=response.status_code,
            content_digest=response.headers["Content-Digest"],
            body=response.content,
        ),
        parsed=parsed,
        request=binding,
        key=Ed25519VerifyingKey.from_jwk(jwk),
        now=utc_now(),
    )


@cache
def published_keys(url: str) -> list[dict[str, str]]:
    """Return the keys that the gateway at ``url`` published when it was first asked."""
    found: list[dict[str, str]] = requests.get(
        f"{url}/.well-known/peyvand-keys.json", timeout=20
    ).json()["keys"]
    return found


def purchase(phone: str, **changes: Any) -> dict[str, Any]:
    """Return a good purchase with some fields changed; ``...`` takes a field out."""
    good = {
        "member": {"phone": phone},
        "merchant_ref": secrets.token_hex(8),
        "amount": 100_000,
        "currency": "IRR",
        "occurred_at": utc_now().isoformat(),
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not ...}
