"""What the network signs about a statement: a JWS (RFC 7515, RFC 8037) over its digest and totals.

The digest says that lines, reserve, taxes and totals belong together, the seal that the days are
closed; only this says that the network told this merchant so. It is signed once, when the statement
is published, with the key that seals days, and stands outside the form that is hashed. ``typ``
keeps it apart from all else that is signed with that key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

from network.clearing.facts import Totals, WindowView
from network.clearing.statements import hashed_form, totals_record, window_record
from network.proofs import tokens
from network.proofs.errors import ProofBrokenError
from network.signing.queries import ActiveKey

TYP = "peyvand-statement+jws"


def sign_statement(
    *, key: ActiveKey, merchant: str, window: WindowView, totals: Totals, digest: bytes, head: bytes
) -> str:
    """Return the JWS of a statement; the same facts and key give the same bytes.

    ``merchant`` is its code, ``digest`` that of lines, reserve, taxes and totals, ``head`` the
    ledger's head as of the window's last day.
    """
    payload = {
        "merchant": merchant,
        "window": window_record(window),
        "digest": f"sha-256:{digest.hex()}",
        "head": head.hex(),
        "currency": totals.currency,
        "totals": totals_record(totals),
    }
    return tokens.sign(payload, key=key, typ=TYP)


def check_statement(document: Mapping[str, Any], *, keys: Iterable[Mapping[str, str]]) -> str:
    """Return the id of the key with which the network signed a statement as JSON.

    Raises ProofBrokenError where the digest is not that of its lines and totals, or where the
    network signed another statement than this, or none; KeyError where it is no statement.
    """
    if document["digest"] != f"sha-256:{sha256(hashed_form(document)).hexdigest()}":
        raise ProofBrokenError("the digest is not that of these lines and totals")
    said, key_id = tokens.open_token(document.get("signed"), typ=TYP, keys=keys)
    stands = {
        "merchant": document["merchant"],
        "window": document["window"],
        "digest": document["digest"],
        "head": document["seal"]["head"],
        "currency": document["totals"]["currency"],
        "totals": document["totals"],
    }
    if said != stands:
        raise ProofBrokenError("the network signed another statement than this")
    return key_id
