"""Signing and verifying requests of the profile.

A server reads the signature with `parse.parse_request_signature`, looks up the key by its
`key_id`, and calls `verify_request`; nonces, limits and scopes are its own business afterwards.
"""

import secrets
from datetime import datetime

from merchant_gateway.signing import profile
from merchant_gateway.signing.base import build_base, format_bytes, format_parameters
from merchant_gateway.signing.checks import check_algorithm, check_components, check_created
from merchant_gateway.signing.digest import check_content_digest, content_digest
from merchant_gateway.signing.errors import (
    ContentTypeMissingError,
    DigestMissingError,
    IdempotencyKeyMissingError,
    MessageMalformedError,
    SignatureInvalidError,
)
from merchant_gateway.signing.keys import SigningKey, VerifyingKey
from merchant_gateway.signing.messages import (
    Evidence,
    ParsedSignature,
    RequestBinding,
    RequestMessage,
    SignedHeaders,
    normalise_authority,
)
from merchant_gateway.signing.parse import check_key_id, check_label, check_nonce
from merchant_gateway.signing.words import gettext as _


def sign_request(
    *,
    request: RequestMessage,
    key: SigningKey,
    key_id: str,
    now: datetime,
    nonce: str | None = None,
    label: str = profile.DEFAULT_LABEL,
) -> SignedHeaders:
    """Sign a request and return the headers to add to it.

    `path` and `query` must be those that will go over the wire, after whatever quoting the HTTP
    library does. A fresh nonce of 16 bytes is drawn where none is given. Raises the errors that
    the server would answer with for a message that lacks a header.
    """
    nonce = secrets.token_urlsafe(profile.NONCE_MIN_BYTES) if nonce is None else nonce
    check_nonce(nonce)
    check_label(label)
    check_key_id(key_id)
    digest = content_digest(request.body) if request.body else None
    values = _component_values(request=request, digest=digest)
    components = profile.request_components(method=request.method, has_body=bool(request.body))
    parameters = format_parameters(
        components=components,
        parameters={
            "created": int(now.timestamp()),
            "keyid": key_id,
            "nonce": nonce,
            "alg": key.algorithm,
            "tag": profile.TAG,
        },
    )
    base = build_base(components=values.items(), parameters=parameters)
    signature = key.sign(base)
    return SignedHeaders(
        content_digest=digest,
        signature_input=f"{label}={parameters}",
        signature=f"{label}={format_bytes(signature)}",
        binding=RequestBinding(label=label, signature=signature),
        evidence=Evidence(signature_base=base, signature=signature),
    )


def verify_request(
    *, request: RequestMessage, parsed: ParsedSignature, key: VerifyingKey, now: datetime
) -> Evidence:
    """Check a request against its signature and the key registered for it.

    Checks what `verify_head` does, and last the digest of the body: so an unknown sender cannot
    make the server hash large bodies. Raises a SigningError for each way to fail; returns the
    evidence to keep.
    """
    evidence = verify_head(request=request, parsed=parsed, key=key, now=now)
    if request.body:
        check_content_digest(header=request.content_digest, body=request.body)
    return evidence


def verify_head(
    *, request: RequestMessage, parsed: ParsedSignature, key: VerifyingKey, now: datetime
) -> Evidence:
    """Check all of a request that stands before its body, of which only whether it has one counts.

    Checks the age, the algorithm (the key's, whatever the request says), the exact set of
    components, and the signature. `now` is aware wall time. Raises a SigningError.
    """
    check_created(parsed=parsed, now=now)
    check_algorithm(parsed=parsed, key=key)
    base = request_base(request=request, parsed=parsed)
    if not key.verify(signature=parsed.signature, message=base):
        raise SignatureInvalidError(
            _(
                "Signature does not fit the request as received. Compare the signature base that "
                "you signed with the request on the wire, and the key with the one registered as "
                "keyid."
            ),
            signature_base=base,
        )
    return Evidence(signature_base=base, signature=parsed.signature)


def request_base(*, request: RequestMessage, parsed: ParsedSignature) -> bytes:
    """Return the bytes that must have been signed, in the order that the signer chose.

    Raises SignatureComponentsError unless exactly the profile's components are covered, and the
    errors of a missing header or of one that cannot be signed.
    """
    values = _component_values(request=request, digest=request.content_digest)
    check_components(covered=parsed.components, expected=values)
    return build_base(
        components=[(identifier, values[identifier]) for identifier in parsed.components],
        parameters=parsed.parameters,
    )


def _component_values(*, request: RequestMessage, digest: str | None) -> dict[str, str]:
    """Return the value of each component to cover, in the profile's order."""
    if not request.method.isupper():
        # A framework may raise the case when routing; then "post" would be a POST to it alone.
        raise MessageMalformedError(_("The request method must be in upper case."))
    if not request.authority or "," in request.authority:
        raise MessageMalformedError(_("The Host header must be sent once and not be empty."))
    path, query = request.path, request.query
    if path[:1] != "/" or " " in path or " " in query or "?" in path or "#" in path + query:
        raise MessageMalformedError(
            _(
                "The request target must be a raw path that begins with '/', and a raw query; "
                "spaces and '#' have to be percent-encoded."
            )
        )
    values = {
        profile.METHOD: request.method,
        profile.AUTHORITY: normalise_authority(request.authority),
        profile.PATH: path,
        profile.QUERY: f"?{query}",
    }
    if request.body:
        if not request.content_type:
            raise ContentTypeMissingError(_("A request with a body needs the Content-Type header."))
        if not digest:
            raise DigestMissingError(_("A request with a body needs the Content-Digest header."))
        values[profile.CONTENT_TYPE] = _single("Content-Type", request.content_type)
        values[profile.CONTENT_DIGEST] = digest
    if request.method == "POST":
        if not request.idempotency_key:
            raise IdempotencyKeyMissingError(_("A POST needs the Idempotency-Key header."))
        values[profile.IDEMPOTENCY_KEY] = _single("Idempotency-Key", request.idempotency_key)
    return values


def _single(name: str, value: str) -> str:
    # WSGI servers join repeated headers with a comma, so a comma may be two headers in one.
    if "," in value:
        raise MessageMalformedError(_("%(name)s must be sent once and hold no comma."), name=name)
    return value
