"""What a client is made of, looked at before anything is sent."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from merchant_gateway.client.errors import ArgumentError


def plain_url(url: object) -> str:
    """Return a gateway's address without the slash at its end; raise ArgumentError."""
    text = url.rstrip("/") if isinstance(url, str) else ""
    try:
        parts = urlsplit(text)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname)
        good = good and parts.port != 0 and not (parts.query or parts.fragment)
    except ValueError:
        good = False
    if not good:
        raise ArgumentError(
            "url",
            f"{url!r} is no address of a gateway: it begins with https:// (or http://) and names a "
            "host, as in https://gateway.example",
        )
    return text


def check_signer(*, key_id: object, key: object) -> None:
    """Raise ArgumentError where the two cannot sign."""
    if isinstance(key, str | bytes | os.PathLike):
        raise ArgumentError("key", "this is a path or a text, not a key: key=load_key(path)")
    if not (hasattr(key, "algorithm") and callable(getattr(key, "sign", None))):
        raise ArgumentError("key", f"{type(key).__name__} cannot sign: key=load_key(path)")
    if not isinstance(key_id, str) or not key_id.isascii() or not key_id.strip():
        raise ArgumentError("key_id", f"{key_id!r} is no id of a key: mk_live_… or mk_test_…")
