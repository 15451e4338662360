"""Whether the network signed a file: judged by its published keys alone, whatever kind it is of.

Commands and pages share this. What a file says of itself is believed in nothing: not which keys
are the network's, and not what was signed.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from types import MappingProxyType
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from network.clearing import signed_statements
from network.clearing.checking import check_code
from network.clearing.signed_statements import check_statement
from network.ledger.seal import signed_message
from network.proofs import movements, tokens
from network.proofs.errors import ProofBrokenError
from network.proofs.verify import is_proof
from network.proofs.verify import verify as verify_proof
from network.reconciliation.evidence_file import check_file, is_evidence
from network.signing.queries import environment_of

Keys = Sequence[Mapping[str, str]]
_STATEMENT_PARTS = {"lines", "totals", "seal", "digest"}


def judge(document: Mapping[str, Any], *, keys: Keys) -> dict[str, Any]:
    """Return what a file proves: its ``kind``, its figures, the ``key`` and its ``environment``.

    ``keys`` are the network's published JWKs. Raises ProofBrokenError where anything in the file
    does not hold, or where it is nothing that the network signs.
    """
    kind = next((kind for is_it, kind in _KINDS if is_it(document)), None)
    if kind is None:
        raise ProofBrokenError("this is neither a proof of points nor a statement")
    with _whole():
        return kind(document, keys)


def judge_token(token: str, *, keys: Keys) -> dict[str, Any]:
    """Return what a JWS by itself says: that of a statement, a night, or a member's balance.

    Raises ProofBrokenError.
    """
    with _whole():
        typ = tokens.typ_of(token)
        if typ not in TOKEN_KINDS:
            raise ProofBrokenError("this is no signed statement")
        said, key_id = tokens.open_token(token, typ=typ, keys=keys)
    return {
        "kind": TOKEN_KINDS[typ],
        "said": said,
        "key": key_id,
        "environment": environment_of(keys, key_id=key_id),
    }


@contextmanager
def _whole() -> Iterator[None]:
    """Tell of a file that lacks a part, or has something else in its place, as of a broken one."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ProofBrokenError("the file is not complete, or not of this form") from error


def _evidence(document: Mapping[str, Any], keys: Keys) -> dict[str, Any]:
    said, finding = check_file(document, keys=keys)
    signer = document["answer"]["key_id"]
    return {
        "kind": "evidence",
        "answer": json.loads(said),
        "request": "none" if finding is None else finding.value,
        "key": None if document["request"] is None else document["request"]["key_id"],
        "signed_by": signer,
        "environment": environment_of(keys, key_id=signer),
    }


def _proof(document: Mapping[str, Any], keys: Keys) -> dict[str, Any]:
    found = verify_proof(document, keys=keys)
    return {
        "kind": "points",
        "business_date": found.business_date.isoformat(),
        "member": found.member,
        "points": found.points,
        "total": found.total,
        "leaves": found.leaves,
        "root": found.root.hex(),
        "seal": found.seal.hex(),
        "key": found.key_id,
        "environment": environment_of(keys, key_id=found.key_id),
    }


def _statement(document: Mapping[str, Any], keys: Keys) -> dict[str, Any]:
    """Return what a merchant's statement says once digest, signature and seal hold."""
    key_id, seal = check_statement(document, keys=keys), document["seal"]
    _check_seal(seal, keys)
    digest = bytes.fromhex(document["digest"].partition(":")[2])
    return {
        "kind": "statement",
        "merchant": document["merchant"],
        "window": document["window"]["id"],
        "first_day": document["window"]["first_day"],
        "end_day": document["window"]["end_day"],
        "net": document["totals"]["net"],
        "closing": document["totals"]["closing"],
        "digest": digest.hex(),
        "code": check_code(digest),
        "seal": seal["head"],
        "key": key_id,
        "environment": environment_of(keys, key_id=key_id),
    }


def _movements(document: Mapping[str, Any], keys: Keys) -> dict[str, Any]:
    said, key_id = movements.check(document, keys=keys)
    return {
        "kind": "movements",
        "said": said,
        "key": key_id,
        "environment": environment_of(keys, key_id=key_id),
    }


def _check_seal(seal: Mapping[str, Any], keys: Keys) -> None:
    """Check the network's signature under the head of the window's last day."""
    x = next(
        (
            each["x"]
            for each in keys
            if each["kid"] == seal["key"] and each.get("purpose") == tokens.PURPOSE
        ),
        None,
    )
    if x is None:
        raise ProofBrokenError("none of these keys signed the seal")
    day = date.fromisoformat(seal["business_date"])
    message = signed_message(business_date=day, head=bytes.fromhex(seal["head"]))
    try:
        Ed25519PublicKey.from_public_bytes(_base64url(x)).verify(
            _base64url(seal["signature"]), message
        )
    except InvalidSignature as error:
        raise ProofBrokenError("the seal's signature does not hold") from error


def is_statement(document: Mapping[str, Any]) -> bool:
    """Return whether a document is meant as a merchant's statement."""
    return document.keys() >= _STATEMENT_PARTS


def is_known(document: Mapping[str, Any]) -> bool:
    """Return whether a document is meant as something that the network signs."""
    return any(is_it(document) for is_it, _judge in _KINDS)


def _base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


_KINDS: tuple[
    tuple[Callable[[Mapping[str, Any]], bool], Callable[[Mapping[str, Any], Keys], dict[str, Any]]],
    ...,
] = (
    (is_evidence, _evidence),
    (is_proof, _proof),
    (movements.is_movements, _movements),
    (is_statement, _statement),
)
TOKEN_KINDS: Mapping[str, str] = MappingProxyType(
    {
        signed_statements.TYP: "statement_token",
        tokens.NIGHT: "night_token",
        tokens.STATEMENT: "balance_token",
        tokens.MOVEMENTS: "movements_token",
    }
)
"""What a JWS can be by itself, by its ``typ``."""
