"""Evidence of what was asked for in the portal, where no merchant signs.

The network writes down who asked for what and signs it with the key that signs its answers. What
is signed begins with a first line that no signature base of RFC 9421 has, so neither is ever
mistaken for the other; it carries the digest of the request's body like one (RFC 9530).

    "@portal": peyvand-portal-v1
    "@path": /v1/earnings
    "idempotency-key": the form's key
    "content-digest": sha-256=:…:
    "merchant": mer_…
    "user": pus_…
    "session": pse_…
    "created": RFC 3339
    "keyid": the network's key

In the table of evidence the sign-in (``pse_…``) stands where a merchant's key id would.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from network import ids
from network.ledger.evidence import StoredEvidence
from network.merchants.queries import MerchantView
from network.portal.queries import SESSION_PREFIX, SessionView, UserView

LABEL = "peyvand-portal-v1"
_FIRST_LINE = f'"@portal": {LABEL}'
_LINE = re.compile(r'"([@a-z-]+)": (.+)')


def statement(
    *,
    path: str,
    key: str,
    body: bytes,
    merchant: MerchantView,
    user: UserView,
    session: SessionView,
    created: datetime,
    signing_key_id: str,
) -> bytes:
    """Return what the network signs about a request of the portal."""
    lines = {
        "@path": path,
        "idempotency-key": key,
        "content-digest": _digest(body),
        "merchant": ids.encode("mer", merchant.merchant_id),
        "user": user.public_id,
        "session": session.public_id,
        "created": created.isoformat(timespec="seconds"),
        "keyid": signing_key_id,
    }
    written = (f'"{name}": {value}' for name, value in lines.items())
    return "\n".join((_FIRST_LINE, *written)).encode("ascii")


def is_attested(evidence: StoredEvidence) -> bool:
    """Return whether evidence is a statement of the network about its portal."""
    return evidence.key_id.startswith(f"{SESSION_PREFIX}_")


def lines_of(evidence: StoredEvidence) -> Mapping[str, str]:
    """Return what a statement says, by the names of its lines; nothing where it is none."""
    first, *rest = evidence.signature_base.decode("ascii", errors="replace").split("\n")
    found = [_LINE.fullmatch(line) for line in rest]
    if first != _FIRST_LINE or None in found:
        return {}
    return {match[1]: match[2] for match in found if match is not None}


def holds(evidence: StoredEvidence, *, published: Iterable[Mapping[str, str]]) -> bool:
    """Return whether the network signed this statement and its body is the one it names.

    ``published`` are the network's keys as JWKs, retired ones too. A body whose person was erased
    is compared with nothing.
    """
    lines = lines_of(evidence)
    if lines.get("session") != evidence.key_id:
        return False
    if not evidence.erased and lines.get("content-digest") != _digest(evidence.body):
        return False
    return any(
        _verifies(jwk["x"], evidence)
        for jwk in published
        if jwk["kid"] == lines.get("keyid") and jwk["purpose"] == "answers"
    )


def _verifies(public: str, evidence: StoredEvidence) -> bool:
    raw = base64.urlsafe_b64decode(public + "=" * (-len(public) % 4))
    try:
        Ed25519PublicKey.from_public_bytes(raw).verify(evidence.signature, evidence.signature_base)
    except (InvalidSignature, ValueError):
        return False
    return True


def _digest(body: bytes) -> str:
    return f"sha-256=:{base64.b64encode(sha256(body).digest()).decode()}:"
