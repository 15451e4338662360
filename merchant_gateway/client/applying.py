"""Applying to a network: nothing is signed yet, and the answer brings a test key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests

from merchant_gateway.client.errors import UnreachableError, problem_error
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
    Raises ProblemError where the application is refused, UnreachableError where none came.
    """
    body = {name: value for name, value in facts.items() if value is not None}
    body["public_key"] = key.verifying_key().to_base64url()
    try:
        response = requests.post(
            f"{url.rstrip('/')}/applications",
            json=body,
            headers={"Accept-Language": language},
            timeout=timeout_seconds,
            allow_redirects=False,
        )
        answer: dict[str, Any] = response.json()
    except (requests.RequestException, ValueError) as error:
        raise UnreachableError(
            f"The gateway at {url} gave no answer.", idempotency_key=None
        ) from error
    if response.status_code != requests.codes.created:
        raise problem_error(answer, status=response.status_code)
    return answer
