"""Applying to a network: nothing is signed yet, and the answer brings a test key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests

from merchant_gateway.client.arguments import plain_url
from merchant_gateway.client.errors import NotAGatewayError, UnreachableError, problem_error
from merchant_gateway.signing import Ed25519SigningKey


def apply(
    url: str,
    *,
    key: Ed25519SigningKey,
    facts: Mapping[str, str | None],
    language: str = "en",
    timeout_seconds: float = 10.0,
) -> dict[str, Any]:
    """Send an application with the public half of ``key`` and return the gateway's answer.

    ``facts`` are the fields of the form. The answer has the id of the test key that ``key`` is now.
    Raises ProblemError where the application is refused, UnreachableError or NotAGatewayError
    where none came, ArgumentError for a URL that is none.
    """
    url = plain_url(url)
    body = {name: value for name, value in facts.items() if value is not None}
    body["public_key"] = key.verifying_key().to_base64url()
    try:
        response = requests.post(
            f"{url}/applications",
            json=body,
            headers={"Accept-Language": language},
            timeout=timeout_seconds,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        raise UnreachableError(f"The gateway at {url} gave no answer.") from error
    try:
        answer: dict[str, Any] = response.json()
    except ValueError as error:
        raise NotAGatewayError(
            f"This is not a gateway: {url} answered HTTP {response.status_code} without JSON. "
            "Check the address."
        ) from error
    if response.status_code != requests.codes.created:
        raise problem_error(answer, status=response.status_code)
    return answer
