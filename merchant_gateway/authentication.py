"""From a request on the wire to a merchant's authenticated call.

The order of checks is part of the design: size and address limit, then the signature's form, the
key, its age, the signature itself and the digest, then nonce and rate limit; what the key opens,
the schema and the idempotency key follow in ``operations.perform``. So a stranger costs little, and
a nonce is claimed only for a request that its owner signed. Only the digest needs the body: one is
read from who names a key that may be used, a large one from who has signed for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.utils import get_content_length
from werkzeug.wsgi import get_input_stream

from merchant_gateway.errors import BadRequestError, BodyTooLargeError, RateLimitedError
from merchant_gateway.exchange import Exchange
from merchant_gateway.gateway import Call, Gateway
from merchant_gateway.limits import ADDRESS
from merchant_gateway.merchant_keys import check_merchant
from merchant_gateway.operations import MAX_BODY_BYTES
from merchant_gateway.signing import (
    RequestMessage,
    check_created,
    parse_request_signature,
    split_target,
    verify_head,
    verify_request,
)
from network.clock import local_date
from network.errors import InvariantError
from network.merchants.addresses import line_of
from network.merchants.keys import LIVE
from network.settings import PROGRAMME_ZONE

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_SOMETHING = b"\x00"
"""Stands for a body that was not read yet: whether there is one decides what is signed."""


def admit(exchange: Exchange, *, gateway: Gateway, most_bytes: int = MAX_BODY_BYTES) -> Call:
    """Read a request's body, believe its signature, and note the call in the exchange.

    Raises what ``receive`` and ``authenticate`` raise.
    """
    body = receive(exchange, gateway=gateway, most_bytes=most_bytes)
    exchange.call = authenticate(exchange, body, gateway=gateway)
    return exchange.call


def receive(exchange: Exchange, *, gateway: Gateway, most_bytes: int = MAX_BODY_BYTES) -> bytes:
    """Check the address, the size and the key, and read the body.

    More than MAX_BODY_BYTES is read only from who has signed the head with a live key: anybody who
    applies has a test key. Raises RateLimitedError, BodyTooLargeError, BadRequestError, and what
    the key and the signature raise. Sets ``exchange.parsed`` as soon as the signature was read, so
    that a refusal can be bound to it.
    """
    environ, keys = exchange.environ, gateway.merchant_keys
    if wait := gateway.failures.wait(line_of(exchange.address)):
        raise RateLimitedError(retry_after=wait, policy=ADDRESS)
    stated = get_content_length(
        environ.get("CONTENT_LENGTH"), environ.get("HTTP_TRANSFER_ENCODING")
    )
    _check_size(stated, most_bytes=most_bytes)
    parsed = exchange.parsed = parse_request_signature(
        signature_input=environ.get("HTTP_SIGNATURE_INPUT"),
        signature=environ.get("HTTP_SIGNATURE"),
    )
    view = keys.usable(parsed.key_id, wall=exchange.wall)
    if most_bytes > MAX_BODY_BYTES and view.environment != LIVE:
        most_bytes = MAX_BODY_BYTES
        _check_size(stated, most_bytes=most_bytes)
    if stated is None or stated > MAX_BODY_BYTES:
        check_created(parsed=parsed, now=exchange.wall)
    if (stated or 0) > MAX_BODY_BYTES:
        head = _message(environ, body=_SOMETHING)
        verify_head(request=head, parsed=parsed, key=keys.material(view), now=exchange.wall)
    return _read_body(environ, stated=stated, most_bytes=most_bytes)


def _read_body(environ: WSGIEnvironment, *, stated: int | None, most_bytes: int) -> bytes:
    """Return the whole body; a part of one would only look like a body with a wrong digest."""
    try:
        if stated is not None and "wsgi.input_terminated" in environ:
            body = bytes(environ["wsgi.input"].read(stated))
        else:
            body = get_input_stream(environ, max_content_length=most_bytes).read()
    except RequestEntityTooLarge as error:
        raise BodyTooLargeError(f"at most {most_bytes} bytes") from error
    except Exception as error:  # whatever the server's parser raises: it has classes of its own
        raise BadRequestError("the body did not arrive") from error
    if len(body) < (stated or 0):
        raise BadRequestError("the body ended too early")
    return body


def _check_size(stated: int | None, *, most_bytes: int) -> None:
    if (stated or 0) > most_bytes:
        raise BodyTooLargeError(f"at most {most_bytes} bytes")


def authenticate(exchange: Exchange, body: bytes, *, gateway: Gateway) -> Call:
    """Return the call of a request whose signature holds, once ``receive`` has read its body.

    Raises a SigningError, or the errors of key, merchant, nonce and rate limit.
    """
    environ, wall, parsed = exchange.environ, exchange.wall, exchange.parsed
    if parsed is None:
        raise InvariantError("a request is received before it is authenticated")
    keys = gateway.merchant_keys
    view = keys.usable(parsed.key_id, wall=wall)
    message = _message(environ, body=body)
    signed = verify_request(request=message, parsed=parsed, key=keys.material(view), now=wall)
    admission = gateway.guard.admit(
        key_id=view.key_id,
        merchant_id=view.merchant_id,
        environment=view.environment,
        nonce=parsed.nonce or "",
        created=parsed.created,
        wall=wall,
    )
    if keys.renewed(admission.epoch):
        view = keys.usable(parsed.key_id, wall=wall)
    check_merchant(view)
    keys.note_use(view, day=local_date(wall, zone=PROGRAMME_ZONE))
    return Call(
        gateway=gateway,
        request_id=exchange.request_id,
        key=view,
        method=message.method,
        authority=message.authority,
        target=raw_target(environ),
        body=body,
        signed=signed,
        wall=wall,
        admission=admission,
        idempotency_key=unquoted(message.idempotency_key),
        accept=environ.get("HTTP_ACCEPT", ""),
    )


def _message(environ: WSGIEnvironment, *, body: bytes) -> RequestMessage:
    """Return what a request was signed over."""
    path, query = split_target(raw_target(environ))
    return RequestMessage(
        method=environ["REQUEST_METHOD"],
        authority=environ.get("HTTP_HOST", ""),
        path=path,
        query=query,
        content_type=environ.get("CONTENT_TYPE") or None,
        content_digest=environ.get("HTTP_CONTENT_DIGEST"),
        idempotency_key=environ.get("HTTP_IDEMPOTENCY_KEY"),
        body=body,
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
