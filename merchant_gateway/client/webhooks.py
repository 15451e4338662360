"""Verifying what the network posts to a merchant's endpoint (Standard Webhooks).

    from merchant_gateway.client import webhooks

    event = webhooks.verify(request.headers, request.get_data(), "whsec_…")

A secret (``whsec_…``) verifies the ``v1`` signatures, a public key (``whpk_…``) the ``v1a`` ones.
The same event may come twice, and late ones after newer ones: ``id`` tells the first, ``sequence``
the second.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from merchant_gateway.client.errors import GatewayError

TOLERANCE = timedelta(minutes=5)
_SECRET, _PUBLIC = "whsec_", "whpk_"
_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
_SHORTEST_SECRET, _LONGEST_SECRET = 24, 64
_MOST_SIGNATURES = 16
_MOST_DIGITS = 12


class WebhookVerificationError(GatewayError):
    """A request is not one that the network signed with this key, or not a recent one."""


class WebhookKeyError(GatewayError):
    """What was given as a key is neither a ``whsec_`` secret nor a ``whpk_`` public key."""


def verify(
    headers: Mapping[str, str],
    body: bytes,
    key: str,
    *,
    tolerance: timedelta = TOLERANCE,
    now: datetime | None = None,
) -> dict[str, Any]:
    """Return the event in ``body`` when a signature over exactly these bytes holds.

    ``body`` is what came over the wire, before anything parsed it. A timestamp further from
    ``now`` than ``tolerance`` is refused, so that a request which somebody recorded cannot be sent
    again later. Raises WebhookVerificationError or WebhookKeyError.
    """
    version, holds = _verifier(key)
    given = {name.lower(): value for name, value in headers.items()}
    try:
        webhook_id, timestamp, signatures = (given[name] for name in _HEADERS)
    except KeyError as error:
        raise WebhookVerificationError(f"the header {error.args[0]} is missing") from error
    _check_time(timestamp, now=now or datetime.now(UTC), tolerance=tolerance)
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    offered = [each.partition(",") for each in signatures.split(" ")[:_MOST_SIGNATURES]]
    if not any(name == version and holds(value, signed) for name, _, value in offered):
        raise WebhookVerificationError(f"no {version} signature holds with this key")
    try:
        event = json.loads(body)
    except ValueError as error:
        raise WebhookVerificationError("the body is not JSON") from error
    if not isinstance(event, dict):
        raise WebhookVerificationError("the body is not a JSON object")
    return event


def check_key(key: str) -> None:
    """Raise WebhookKeyError where ``key`` could verify nothing."""
    _verifier(key)


def _verifier(key: str) -> tuple[str, Callable[[str, bytes], bool]]:
    """Return the version of signatures that a key verifies, and how it verifies one."""
    if key.startswith(_PUBLIC):
        try:
            public = Ed25519PublicKey.from_public_bytes(_decoded(key.removeprefix(_PUBLIC)))
        except ValueError as error:
            raise WebhookKeyError("a public key has 32 bytes in base64") from error
        return "v1a", lambda signature, signed: _holds(public, signature, signed)
    try:
        secret = _decoded(key.removeprefix(_SECRET))
    except ValueError as error:
        raise WebhookKeyError("a secret is written in base64") from error
    if not _SHORTEST_SECRET <= len(secret) <= _LONGEST_SECRET:
        raise WebhookKeyError("a secret has 24 to 64 bytes")

    def equals(signature: str, signed: bytes) -> bool:
        expected = base64.b64encode(hmac.digest(secret, signed, sha256))
        return hmac.compare_digest(expected, signature.encode())

    return "v1", equals


def _holds(public: Ed25519PublicKey, signature: str, signed: bytes) -> bool:
    try:
        public.verify(_decoded(signature), signed)
    except (InvalidSignature, ValueError):
        return False
    return True


def _check_time(timestamp: str, *, now: datetime, tolerance: timedelta) -> None:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= _MOST_DIGITS):
        raise WebhookVerificationError("webhook-timestamp is not a number of seconds")
    ahead = int(timestamp) - now.timestamp()
    if abs(ahead) > tolerance.total_seconds():
        raise WebhookVerificationError("webhook-timestamp is too far from this machine's clock")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
