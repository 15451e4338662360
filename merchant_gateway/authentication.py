"""From a request on the wire to a merchant's authenticated call.

The order of checks is part of the design: size and address limit, then the signature's form, the
key, its age, the signature itself and the digest, then nonce and rate limit; what the key opens,
the schema and the idempotency key follow in ``operations.perform``. So a stranger costs little, and
a nonce is claimed only for a request that its owner signed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge

from merchant_gateway.errors import BodyTooLargeError, RateLimitedError
from merchant_gateway.gateway import Call, Gateway
from merchant_gateway.limits import ADDRESS
from merchant_gateway.merchant_keys import check_merchant
from merchant_gateway.operations import MAX_BODY_BYTES
from merchant_gateway.signing import (
    ParsedSignature,
    RequestMessage,
    parse_request_signature,
    split_target,
    verify_request,
)
from network.clock import local_date
from network.merchants.addresses import line_of
from network.merchants.keys import LIVE
from network.settings import PROGRAMME_ZONE


@dataclass(slots=True, kw_only=True)
class Arrival:
    """A request that was received and not yet believed; ``parsed`` once its signature was read."""

    request: Request
    request_id: str
    wall: datetime
    body: bytes
    parsed: ParsedSignature | None = None


def receive(
    request: Request,
    *,
    gateway: Gateway,
    request_id: str,
    wall: datetime,
    most_bytes: int = MAX_BODY_BYTES,
) -> Arrival:
    """Check the address and the size, and read the body.

    More than MAX_BODY_BYTES is read only from who names a live key that may be used: anybody who
    applies has a test key. Raises RateLimitedError, BodyTooLargeError, and what the key and a
    signature that cannot be read raise.
    """
    if wait := gateway.failures.wait(line_of(request.remote_addr or "")):
        raise RateLimitedError(retry_after=wait, policy=ADDRESS)
    _check_size(request, most_bytes=most_bytes)
    if most_bytes > MAX_BODY_BYTES:
        named = parse_request_signature(
            signature_input=request.headers.get("Signature-Input"),
            signature=request.headers.get("Signature"),
        )
        if gateway.merchant_keys.usable(named.key_id, wall=wall).environment != LIVE:
            most_bytes = MAX_BODY_BYTES
            _check_size(request, most_bytes=most_bytes)
    request.max_content_length = most_bytes
    try:
        body = request.get_data(cache=True)
    except RequestEntityTooLarge as error:
        raise BodyTooLargeError(f"at most {most_bytes} bytes") from error
    return Arrival(request=request, request_id=request_id, wall=wall, body=body)


def _check_size(request: Request, *, most_bytes: int) -> None:
    if (request.content_length or 0) > most_bytes:
        raise BodyTooLargeError(f"at most {most_bytes} bytes")


def authenticate(arrival: Arrival, *, gateway: Gateway) -> Call:
    """Return the call of an arrival whose signature holds.

    Raises a SigningError, or the errors of key, merchant, nonce and rate limit. Sets
    ``arrival.parsed`` as soon as the signature was read, so that a refusal can be bound to it.
    """
    request = arrival.request
    headers = request.headers
    parsed = parse_request_signature(
        signature_input=headers.get("Signature-Input"), signature=headers.get("Signature")
    )
    arrival.parsed = parsed
    keys = gateway.merchant_keys
    view = keys.usable(parsed.key_id, wall=arrival.wall)
    target = raw_target(request.environ)
    path, query = split_target(target)
    message = RequestMessage(
        method=request.method,
        authority=request.environ.get("HTTP_HOST", ""),
        path=path,
        query=query,
        content_type=request.environ.get("CONTENT_TYPE") or None,
        content_digest=headers.get("Content-Digest"),
        idempotency_key=headers.get("Idempotency-Key"),
        body=arrival.body,
    )
    signed = verify_request(
        request=message, parsed=parsed, key=keys.material(view), now=arrival.wall
    )
    admission = gateway.guard.admit(
        key_id=view.key_id,
        merchant_id=view.merchant_id,
        environment=view.environment,
        nonce=parsed.nonce or "",
        created=parsed.created,
        wall=arrival.wall,
    )
    if keys.renewed(admission.epoch):
        view = keys.usable(parsed.key_id, wall=arrival.wall)
    check_merchant(view)
    keys.note_use(view, day=local_date(arrival.wall, zone=PROGRAMME_ZONE))
    return Call(
        gateway=gateway,
        request_id=arrival.request_id,
        key=view,
        method=request.method,
        authority=message.authority,
        target=target,
        body=arrival.body,
        signed=signed,
        wall=arrival.wall,
        admission=admission,
        idempotency_key=unquoted(message.idempotency_key),
        accepts=request.accept_mimetypes,
    )


def unquoted(key: str | None) -> str | None:
    """Return an idempotency key without the quotes that a string of RFC 9651 has.

    The draft on the header makes it such a string; most clients send it bare. Both are one key.
    """
    if key is not None and len(key) > 1 and key[0] == key[-1] == '"':
        return key[1:-1]
    return key


def raw_target(environ: dict[str, object]) -> str:
    """Return the request target as it stood on the wire.

    gunicorn hands it over as ``RAW_URI``, werkzeug's server as both names. Behind another server
    it is quoted again from the decoded path, which is the same for every target that is written
    in the usual form (RFC 3986 section 6.2.2); others would then not verify, and never verify as
    something that was not signed.
    """
    for name in ("RAW_URI", "REQUEST_URI"):
        raw = environ.get(name)
        if isinstance(raw, str) and raw:
            return raw
    decoded = f"{environ.get('SCRIPT_NAME', '')}{environ.get('PATH_INFO', '')}"
    path = quote(decoded.encode("latin-1"), safe="/:@!$&'()*+,;=~-._")
    query = str(environ.get("QUERY_STRING", ""))
    return f"{path}?{query}" if query else path
