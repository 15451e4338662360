"""Proof that whoever registers a new public key holds its private half.

The proof is an Ed25519 signature (RFC 8032) by the new key over four lines of ASCII, joined by one
LF each and without one at the end:

    peyvand-key-proof-v1
    AUTHORITY         the host that the request goes to, as its signature covers it (@authority)
    KEY ID            of the key that signs the request
    PUBLIC KEY        the new one, its 32 bytes in unpadded base64url

It names the signing key, so another merchant cannot use it, and a first line that no signature
base has, so it is never mistaken for a signed request.
"""

from merchant_gateway.signing.errors import KeyMalformedError
from merchant_gateway.signing.keys import Ed25519SigningKey, Ed25519VerifyingKey
from merchant_gateway.signing.messages import normalise_authority
from merchant_gateway.signing.words import gettext as _

LABEL = "peyvand-key-proof-v1"


def proof_message(*, authority: str, key_id: str, public_key: Ed25519VerifyingKey) -> bytes:
    """Return the bytes that the new key signs."""
    lines = (LABEL, normalise_authority(authority), key_id, public_key.to_base64url())
    if any(not line.isascii() or "\n" in line for line in lines):
        raise KeyMalformedError(_("The parts of a proof are ASCII on one line each."))
    return "\n".join(lines).encode("ascii")


def prove_possession(*, authority: str, key_id: str, new_key: Ed25519SigningKey) -> bytes:
    """Return the 64 bytes of the proof for a request to ``authority`` signed with ``key_id``."""
    public_key = new_key.verifying_key()
    return new_key.sign(proof_message(authority=authority, key_id=key_id, public_key=public_key))


def proves_possession(
    proof: bytes, *, authority: str, key_id: str, public_key: Ed25519VerifyingKey
) -> bool:
    """Return whether ``proof`` was made by the private half of ``public_key`` for this request."""
    message = proof_message(authority=authority, key_id=key_id, public_key=public_key)
    return public_key.verify(signature=proof, message=message)
