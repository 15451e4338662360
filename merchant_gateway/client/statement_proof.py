"""Whether the network said what a statement says: judged with its published keys alone.

The network signs each statement when it publishes it: a JWS (RFC 7515, RFC 8037) over the digest of
lines, reserve, taxes and totals, the merchant, the window, the ledger's head and the totals. It is
taken with one algorithm and of one type; what a token says of either is compared, never followed.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from merchant_gateway.client.canonical import canonical
from merchant_gateway.signing import Ed25519VerifyingKey

TYP, ALGORITHM = "peyvand-statement+jws", "EdDSA"
_LONGEST = 64_000


class StatementProofError(Exception):
    """The network did not sign this statement as it stands; the text says why not."""


def is_statement(document: object) -> bool:
    """Return whether something read from JSON is meant as a statement."""
    return isinstance(document, dict) and {"lines", "totals", "seal", "digest"} <= document.keys()


def hashed_form(statement: Mapping[str, Any]) -> bytes:
    """Return what a digest is taken of: lines, totals and, where told, the reserve and taxes."""
    kept = {"lines": statement["lines"], "totals": statement["totals"]}
    kept |= {name: statement[name] for name in ("reserve", "taxes") if name in statement}
    return canonical(kept)


def check_statement(
    statement: Mapping[str, Any], *, keys: Mapping[str, Ed25519VerifyingKey]
) -> str:
    """Return the id of the key with which the network signed this statement.

    ``keys`` are the network's published ones by id. Raises StatementProofError.
    """
    try:
        form = hashed_form(statement)
        stands = {
            "merchant": statement["merchant"],
            "window": statement["window"],
            "digest": f"sha-256:{sha256(form).hexdigest()}",
            "head": statement["seal"]["head"],
            "currency": statement["totals"]["currency"],
            "totals": statement["totals"],
        }
        signed = statement.get("signed")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise StatementProofError("this is no statement") from error
    if not isinstance(signed, str) or not signed.isascii() or len(signed) > _LONGEST:
        raise StatementProofError("the network has not signed it")
    header, payload, key_id = _opened(signed, keys)
    if header.get("alg") != ALGORITHM or header.get("typ") != TYP or "crit" in header:
        raise StatementProofError("what was signed is no statement")
    if payload != stands or statement["digest"] != stands["digest"]:
        raise StatementProofError("the network signed another statement than this")
    return key_id


def _opened(
    signed: str, keys: Mapping[str, Ed25519VerifyingKey]
) -> tuple[Mapping[str, Any], object, str]:
    """Return header and payload of a JWS whose signature holds, and the id of its key."""
    try:
        first, second, last = signed.split(".")
        header, payload = json.loads(_decoded(first)), json.loads(_decoded(second))
        key_id, signature = str(header["kid"]), _decoded(last)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise StatementProofError("what was signed cannot be read") from error
    key = keys.get(key_id)
    if key is None:
        raise StatementProofError(f"the network has not published {key_id}")
    if not key.verify(signature=signature, message=f"{first}.{second}".encode()):
        raise StatementProofError("the signature does not hold")
    return header, payload, key_id


def _decoded(text: str) -> bytes:
    if "=" in text:
        raise ValueError(text)
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
