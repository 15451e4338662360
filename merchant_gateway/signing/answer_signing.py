"""Signing and verifying the network's answers, bound to the request that they answer."""

from datetime import datetime
from functools import lru_cache

from merchant_gateway.signing import profile
from merchant_gateway.signing.base import build_base, format_bytes
from merchant_gateway.signing.checks import check_algorithm, check_components, check_created
from merchant_gateway.signing.digest import check_content_digest, content_digest
from merchant_gateway.signing.errors import DigestMissingError, SignatureInvalidError
from merchant_gateway.signing.keys import Algorithm, SigningKey, VerifyingKey
from merchant_gateway.signing.messages import (
    AnswerMessage,
    Evidence,
    ParsedSignature,
    RequestBinding,
    SignedHeaders,
)
from merchant_gateway.signing.parse import check_key_id
from merchant_gateway.signing.words import gettext as _


def sign_answer(
    *,
    status: int,
    body: bytes,
    request: RequestBinding | None,
    key: SigningKey,
    key_id: str,
    now: datetime,
) -> SignedHeaders:
    """Sign an answer and return the headers to add; Content-Digest is always among them.

    `request` binds the answer to the signature of the request (RFC 9421, 2.4); it is None only
    where that signature could not be read.
    """
    digest = content_digest(body)
    covered = f"{profile.STATUS} {profile.CONTENT_DIGEST}"
    lines = f"{profile.STATUS}: {status}\n{profile.CONTENT_DIGEST}: {digest}\n"
    if request is not None:
        identifier = profile.request_signature_component(request.label)
        covered = f"{covered} {identifier}"
        lines = f"{lines}{identifier}: {format_bytes(request.signature)}\n"
    parameters = f"({covered});created={int(now.timestamp())}{_signed_by(key_id, key.algorithm)}"
    # A number and base64 need no look at their characters (``build_base``); a test compares.
    base = f'{lines}"@signature-params": {parameters}'.encode("ascii")
    signature = key.sign(base)
    label = profile.DEFAULT_LABEL
    return SignedHeaders(
        content_digest=digest,
        signature_input=f"{label}={parameters}",
        signature=f"{label}={format_bytes(signature)}",
        binding=RequestBinding(label=label, signature=signature),
        evidence=Evidence(signature_base=base, signature=signature),
    )


@lru_cache(maxsize=64)
def _signed_by(key_id: str, algorithm: Algorithm) -> str:
    """Return the parameters that all answers signed with a key have."""
    check_key_id(key_id)
    return f';keyid="{key_id}";alg="{algorithm}";tag="{profile.TAG}"'


def verify_answer(
    *,
    answer: AnswerMessage,
    parsed: ParsedSignature,
    request: RequestBinding | None,
    key: VerifyingKey,
    now: datetime | None,
) -> Evidence:
    """Check an answer against the network's published key and the request that was sent.

    `request` is the binding that `sign_request` returned; with it, an answer to any other request
    is refused. `now` is aware wall time, or None for an answer that was kept and is judged later,
    when its age says nothing. Raises a SigningError for each way to fail; returns the evidence.
    """
    if now is not None:
        check_created(parsed=parsed, now=now)
    check_algorithm(parsed=parsed, key=key)
    if not answer.content_digest:
        raise DigestMissingError(_("The answer lacks the Content-Digest header."))
    values = _component_values(status=answer.status, digest=answer.content_digest, request=request)
    check_components(covered=parsed.components, expected=values)
    base = build_base(
        components=[(identifier, values[identifier]) for identifier in parsed.components],
        parameters=parsed.parameters,
    )
    if not key.verify(signature=parsed.signature, message=base):
        raise SignatureInvalidError(
            _(
                "Signature does not fit the answer: it was changed on its way, answers another "
                "request, or was signed with another key."
            )
        )
    check_content_digest(header=answer.content_digest, body=answer.body)
    return Evidence(signature_base=base, signature=parsed.signature)


def _component_values(
    *, status: int, digest: str, request: RequestBinding | None
) -> dict[str, str]:
    values = {profile.STATUS: str(status), profile.CONTENT_DIGEST: digest}
    if request is not None:
        identifier = profile.request_signature_component(request.label)
        values[identifier] = format_bytes(request.signature)
    return values
