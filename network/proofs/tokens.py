"""What the network signs about points, as JWS (RFC 7515, RFC 8037): made and opened here.

The key is the one that seals closed days. ``typ`` says what a token is, so that one of a kind
never passes for another. The same facts give the same bytes: nothing in them is of the moment.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from network.proofs.errors import ProofBrokenError
from network.signing.queries import ActiveKey

NIGHT = "peyvand-points+jws"
STATEMENT = "peyvand-balance+jws"
MOVEMENTS = "peyvand-movements+jws"
PURPOSE = "seals"
_ALGORITHM = "EdDSA"
_LONGEST = 64_000


def sign(payload: Mapping[str, Any], *, key: ActiveKey, typ: str) -> str:
    """Return ``payload`` as a compact JWS of ``typ``."""
    content = json.dumps(payload, sort_keys=True, separators=(",", ":")).encode()
    return jwt.PyJWS().encode(
        content,
        Ed25519PrivateKey.from_private_bytes(key.private_key),
        algorithm=_ALGORITHM,
        headers={"kid": key.key_id, "typ": typ},
    )


def typ_of(token: str) -> str:
    """Return what a token says that it is, which nobody has checked; empty where it is none."""
    try:
        return str(jwt.get_unverified_header(token[:_LONGEST]).get("typ", ""))
    except (jwt.PyJWTError, ValueError):
        return ""


def open_token(
    token: object, *, typ: str, keys: Iterable[Mapping[str, str]]
) -> tuple[dict[str, Any], str]:
    """Return a token's payload and the id of the key that signed it.

    ``keys`` are the network's published JWKs; only those that seal days are taken. Raises
    ProofBrokenError where the token is of another kind or its signature does not hold.
    """
    if not isinstance(token, str) or len(token) > _LONGEST:
        raise ProofBrokenError("this is no signed statement")
    try:
        header = jwt.get_unverified_header(token)
        jwk = next(
            (
                each
                for each in keys
                if each.get("kid") == header.get("kid") and each.get("purpose") == PURPOSE
            ),
            None,
        )
        if header.get("typ") != typ:
            raise ProofBrokenError("this is signed as something else")
        if jwk is None:
            raise ProofBrokenError("none of these keys signed it")
        public = jwt.PyJWK(dict(jwk), algorithm=_ALGORITHM)
        content = jwt.PyJWS().decode(token, public, algorithms=[_ALGORITHM])
        payload = json.loads(content)
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError) as error:
        raise ProofBrokenError("the signature does not hold") from error
    if not isinstance(payload, dict):
        raise ProofBrokenError("this is no signed statement")
    return payload, str(header["kid"])
