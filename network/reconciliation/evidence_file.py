"""One file that proves an entry to a third party: the signed request, the signed answer, the keys.

Whoever has the file and the network's published keys needs nobody to check it: ``peyvand verify``.
The network signs twice: what it says of the entry, and which request with whose key asked for it.
Without the second, any request under any key could stand beside a genuine answer.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from sqlalchemy.orm import Session

from network.clearing.statements import canonical
from network.ledger.evidence import StoredEvidence
from network.ledger.views import EntryView
from network.members.signed_bodies import entry_evidence
from network.merchants import queries as merchants
from network.merchants.evidence import Finding, is_signed_body
from network.operators.audit import record_act
from network.portal import attesting
from network.proofs.errors import ProofBrokenError
from network.reconciliation.disputes import UnknownLineError
from network.reconciliation.parts import part_of, sign_answer
from network.signing.queries import active_key, published_keys
from network.spend_requests.queries import consent_to
from network.vault import Vault

FORMAT = "peyvand-evidence-2"
_BOUND = "peyvand-evidence-request-1"
EXPORTED = "evidence.exported"


def evidence_file(
    session: Session,
    vault: Vault,
    *,
    entry: EntryView,
    public_id: str,
    actor: str,
    wall: datetime,
) -> dict[str, Any]:
    """Return what proves an entry that a merchant caused, as plain JSON, and log who took it.

    The request is there to the byte, so the file may name persons; where a member was erased since,
    ``erased`` stands in that place and the network signs that it does. ``request`` is None where
    none is kept. Raises UnknownLineError where no merchant caused the entry.
    """
    if entry.merchant_id is None:
        raise UnknownLineError("no merchant caused this entry")
    record_act(session, now=wall, actor=actor, action=EXPORTED, subject=f"entry:{public_id}")
    merchant_id = entry.merchant_id
    lines = part_of(session, entry=entry, merchant_id=merchant_id) or []
    answer = sign_answer(session, vault, entry=entry, lines=lines, merchant_id=merchant_id)
    found = entry_evidence(session, vault, member_id=entry.member_id, sequence=entry.sequence)
    request = None if found is None else _request(session, found)
    agreed = consent_to(session, member_id=entry.member_id, sequence=entry.sequence, wall=wall)
    if request is not None and agreed is not None and agreed.answered_at is not None:
        # Within what the network signs: how a member who was asked gave the consent.
        request["consent"] = {
            "points": agreed.points,
            "merchant_ref": agreed.merchant_ref,
            "by": agreed.answered_by,
            "at": agreed.answered_at.isoformat(),
        }
    return {
        "format": FORMAT,
        "entry": public_id,
        "request": request,
        "bound": None if request is None else _bound(session, vault, public_id, request),
        "answer": {
            "said": _text(answer.said),
            "key_id": answer.key_id,
            "signature": _text(answer.signature),
        },
        "keys": published_keys(session),
    }


def is_evidence(document: Mapping[str, Any]) -> bool:
    """Return whether a document says that it is such a file."""
    return document.get("format") == FORMAT


def check_file(
    document: Mapping[str, Any], *, keys: Iterable[Mapping[str, str]]
) -> tuple[bytes, Finding | None]:
    """Return the network's signed answer, and what is to be said of the request.

    ``keys`` are the network's, from where it publishes them: those in the file prove nothing by
    themselves. Raises ProofBrokenError where a signature does not hold or the file is not whole.
    """
    known = [each for each in keys if each.get("purpose") == "answers"]
    try:
        answer, request = document["answer"], document["request"]
        said = _bytes(answer["said"])
        signer = next((each["x"] for each in known if each["kid"] == answer["key_id"]), None)
        if signer is None:
            raise ProofBrokenError("none of these keys signed the answer")
        _check(
            signer, _bytes(answer["signature"]), said, "the signature of the answer does not hold"
        )
        if json.loads(said)["entry"] != document["entry"]:
            raise ProofBrokenError("the answer is about another entry")
        if request is None:
            return said, None
        _check_bound(document, known)
        evidence = StoredEvidence(
            key_id=request["key_id"],
            signature_base=_bytes(request["signature_base"]),
            signature=_bytes(request["signature"]),
            body=_bytes(request["body"]),
            line=request["line"],
            erased=request.get("erased") is True,
        )
        return said, _finding(evidence, request["key"], known)
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise ProofBrokenError("the file is not complete, or not of this form") from error


def _bound(
    session: Session, vault: Vault, public_id: str, request: Mapping[str, Any]
) -> dict[str, str]:
    """Return the network's signature that this request, with this key, asked for the entry."""
    key = active_key(session, vault=vault, purpose="answers")
    signature = Ed25519PrivateKey.from_private_bytes(key.private_key).sign(
        _binding(public_id, request)
    )
    return {"key_id": key.key_id, "signature": _text(signature)}


def _check_bound(document: Mapping[str, Any], known: list[Mapping[str, str]]) -> None:
    bound = document["bound"]
    signer = next((each["x"] for each in known if each["kid"] == bound["key_id"]), None)
    if signer is None:
        raise ProofBrokenError("none of these keys signed which request it was")
    message = _binding(document["entry"], document["request"])
    _check(
        signer,
        _bytes(bound["signature"]),
        message,
        "the signature of the network under the request does not hold",
    )


def _binding(public_id: str, request: Mapping[str, Any]) -> bytes:
    return canonical({"statement": _BOUND, "entry": public_id, "request": dict(request)})


def _finding(
    evidence: StoredEvidence, key: Mapping[str, str] | None, known: list[Mapping[str, str]]
) -> Finding:
    if attesting.is_attested(evidence):
        if not attesting.holds(evidence, published=known):
            raise ProofBrokenError("the network did not sign that this was asked for")
        return Finding.ATTESTED
    if key is None:
        return Finding.UNKNOWN_KEY
    if key["kid"] != evidence.key_id:
        raise ProofBrokenError("the merchant's key is another one")
    _check(
        key["x"],
        evidence.signature,
        evidence.signature_base,
        "the signature of the request does not hold",
    )
    if evidence.erased:
        return Finding.ERASED
    if not is_signed_body(evidence):
        raise ProofBrokenError("the request was signed over another body")
    return Finding.SIGNED


def _request(session: Session, found: StoredEvidence) -> dict[str, Any]:
    """Return a request as it came; ``key`` is None where it was signed with a shared secret."""
    key = merchants.key(session, key_id=found.key_id)
    public = None if key is None else key.public_key
    said = {
        "key_id": found.key_id,
        "key": (
            None
            if public is None
            else {
                "kty": "OKP",
                "crv": "Ed25519",
                "kid": found.key_id,
                "x": base64.urlsafe_b64encode(public).rstrip(b"=").decode(),
            }
        ),
        "signature_base": _text(found.signature_base),
        "signature": _text(found.signature),
        "body": _text(found.body),
        "line": found.line,
    }
    return said | {"erased": True} if found.erased else said


def file_bytes(document: Mapping[str, Any]) -> bytes:
    """Return the file's bytes: canonical JSON (RFC 8785), the same for the same content."""
    return canonical(document)


def _check(x: str, signature: bytes, message: bytes, reason: str) -> None:
    raw = base64.urlsafe_b64decode(x + "=" * (-len(x) % 4))
    try:
        Ed25519PublicKey.from_public_bytes(raw).verify(signature, message)
    except InvalidSignature as error:
        raise ProofBrokenError(reason) from error


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
