"""A merchant's own keys: listed, replaced, revoked."""

from __future__ import annotations

import json
import os
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from merchant_gateway.client.errors import KeyFileError
from merchant_gateway.client.messages import Answer, Request
from merchant_gateway.client.transport import Transport
from merchant_gateway.signing import Ed25519SigningKey, prove_possession

PATH = "/v1/keys"
PAGE = 200
_KEY_BYTES = 24


class Keys:
    """What signs a merchant's calls; raises the errors of ``merchant_gateway.client.errors``."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self) -> Iterator[dict[str, Any]]:
        """Yield the keys of the environment that the calling key belongs to, the newest first."""
        query = {"limit": str(PAGE)}
        while True:
            answer = self._transport.call(Request(method="GET", path=PATH, query=query))
            yield from answer.data["items"]
            if answer.data["next_cursor"] is None:
                return
            query["cursor"] = answer.data["next_cursor"]

    def register(
        self,
        new_key: Ed25519SigningKey,
        *,
        scopes: Sequence[str] | None = None,
        replaces: str | None = None,
        overlap_days: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Register the public half of ``new_key``, with the proof that its private half is here.

        ``replaces`` names a key that ends after ``overlap_days`` (7 where absent).
        """
        proof = prove_possession(
            authority=self._transport.authority,
            key_id=self._transport.key_id,
            new_key=new_key,
        )
        body = {
            "public_key": new_key.verifying_key().to_base64url(),
            "proof": urlsafe_b64encode(proof).rstrip(b"=").decode("ascii"),
            "scopes": None if scopes is None else list(scopes),
            "replaces": replaces,
            "overlap_days": overlap_days,
        }
        return self._post(PATH, body, idempotency_key)

    def rotate(self, new_key: Ed25519SigningKey, *, overlap_days: int | None = None) -> Answer:
        """Replace the key that signs this call by ``new_key``; it goes on for the overlap."""
        return self.register(new_key, replaces=self._transport.key_id, overlap_days=overlap_days)

    def revoke(self, key_id: str, *, idempotency_key: str | None = None) -> Answer:
        """Make a key useless with the very next call; this cannot be taken back."""
        return self._post(f"{PATH}/{quote(key_id, safe='')}/revoke", {}, idempotency_key)

    def _post(self, path: str, body: dict[str, Any], idempotency_key: str | None) -> Answer:
        given = {name: value for name, value in body.items() if value is not None}
        return self._transport.call(
            Request(
                method="POST",
                path=path,
                body=json.dumps(given, separators=(",", ":")).encode(),
                idempotency_key=idempotency_key or secrets.token_urlsafe(_KEY_BYTES),
            )
        )


def write_new_key(path: Path) -> Ed25519SigningKey:
    """Make a key and write it into a new file that only its owner reads; raise KeyFileError."""
    key = Ed25519SigningKey.generate()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise KeyFileError(f"the key file {path} cannot be made: {error.strerror}") from error
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(key.to_pem())
    return key
