"""The page where anybody has a file judged by published keys: kept calls, evidence, statements.

Nobody is signed in, nothing is stored and nothing of the file is logged. It is read into memory and
no further: at most so much, within so many seconds, and judged by one thread of a process at once.
How many slow senders may keep a thread is the front's to say (``config/serving``).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from io import BytesIO
from threading import Lock
from time import monotonic
from typing import IO

from flask import Flask, Response, request
from werkzeug.formparser import parse_form_data

from merchant_gateway.errors import RateLimitedError
from merchant_gateway.gateway import Gateway
from merchant_gateway.limits import LocalRate
from merchant_gateway.looking_into import LARGEST, Unreadable, UnreadableError, look_into
from merchant_gateway.looking_into_words import KINDS, call_lines, facts, signers, unreadable
from merchant_gateway.routes.checking import page
from merchant_gateway.signing import Ed25519VerifyingKey
from network.clearing.statement_pdf import CHECK_PATH
from network.language import LOCALES, set_locale
from network.language import gettext as _
from network.merchants import queries as merchants
from network.merchants.addresses import line_of
from network.sandboxes import queries as sandboxes

PUBLIC = frozenset({"check_file"})
"""The endpoints without authentication."""

ATTEMPTS = 30
ATTEMPTS_WINDOW = 600
SECONDS = 60.0
"""How long a file may take to arrive."""

_AROUND = 16 * 1024
"""Bytes of a form beside the file in it."""

_MOST_PASSED_OVER = 16 * LARGEST
"""So much of a file that is too large is read, so that a browser takes the answer."""

_PIECE = 16 * 1024
_KEY_ID = re.compile(r"mk_(?:live|test)_[A-Za-z0-9]{1,64}")
_BUSY_SECONDS = 5
_OK, _TIMEOUT, _TOO_LARGE, _WRONG, _LIMITED, _BUSY = 200, 408, 413, 422, 429, 503


def register(app: Flask, gateway: Gateway) -> None:
    """Add the page's form to ``app``."""
    attempts = LocalRate(quota=ATTEMPTS, window=ATTEMPTS_WINDOW)
    one_at_a_time = Lock()

    def check_file() -> Response:
        """Say of a file, or of text, whether it holds."""
        if (wanted := request.args.get("lang", "")) in LOCALES:
            set_locale(wanted)
        try:
            attempts.attempt(line_of(request.remote_addr or ""))
        except RateLimitedError as error:
            return _later(error.retry_after, status=_LIMITED)
        try:
            content = _received()
            if not one_at_a_time.acquire(blocking=False):
                return _later(_BUSY_SECONDS, status=_BUSY)
            try:
                return _judged(gateway, content)
            finally:
                one_at_a_time.release()
        except UnreadableError as error:
            status = _TOO_LARGE if error.why is Unreadable.TOO_LARGE else _WRONG
            return page(status=status, refused=unreadable(error.why))
        except TimeoutError:
            return page(status=_TIMEOUT, refused=_("It did not arrive whole. Please try again."))

    app.add_url_rule(
        CHECK_PATH, view_func=check_file, methods=["POST"], provide_automatic_options=False
    )


def _judged(gateway: Gateway, content: bytes) -> Response:
    def merchant_keys(wanted: Collection[str]) -> Mapping[str, Ed25519VerifyingKey]:
        found = {}
        with gateway.services.database.reading() as session:
            for key_id in filter(_KEY_ID.fullmatch, wanted):
                view = merchants.key(session, key_id=key_id)
                if view is not None and view.public_key is not None:
                    found[key_id] = Ed25519VerifyingKey.from_raw(view.public_key)
        return found

    def sandbox_keys(wanted: Collection[str]) -> Sequence[Sequence[Mapping[str, str]]]:
        with gateway.services.database.reading() as session:
            return sandboxes.keys_of_signers(session, key_ids=wanted)

    keys = gateway.network_keys.published_now()
    found = look_into(content, keys=keys, merchant_keys=merchant_keys, sandbox_keys=sandbox_keys)
    return page(
        status=_OK,
        judged=found,
        kind=KINDS[found.kind],
        told=facts(found, keys=keys),
        calls=call_lines(found.calls),
        signers=signers(found.calls),
        good=sum(each.holds for each in found.calls),
    )


def _received() -> bytes:
    """Return the file of the form, or the text that was pasted.

    Raises UnreadableError where it is too large, TimeoutError where it does not arrive.
    """
    length = request.content_length or 0
    stream: IO[bytes] = request.environ["wsgi.input"]
    if length > LARGEST + _AROUND:
        _read(stream, min(length, _MOST_PASSED_OVER), keep=False)
        raise UnreadableError(Unreadable.TOO_LARGE)
    content = _read(stream, length)
    kept = {"wsgi.input": BytesIO(content), "CONTENT_LENGTH": str(length)}
    _stream, form, files = parse_form_data(
        {**request.environ, **kept},
        stream_factory=lambda *_args, **_kept: BytesIO(),  # never a file on a disk
        max_form_parts=8,
    )
    sent = files.get("file")
    return (sent.stream.read() if sent else b"") or form.get("text", "").encode()


def _read(stream: IO[bytes], length: int, *, keep: bool = True) -> bytes:
    """Return so many bytes, nothing where they are only passed over.

    Raises TimeoutError where they do not come, or not in time.
    """
    content, end = bytearray(), monotonic() + SECONDS
    left = length
    try:
        while left > 0 and (piece := stream.read(min(_PIECE, left))):
            left -= len(piece)
            if keep:
                content += piece
            if monotonic() > end:
                raise TimeoutError
    except OSError as error:  # a silent client counts as gone
        raise TimeoutError from error
    if left and keep:
        raise TimeoutError
    return bytes(content)


def _later(seconds: int, *, status: int) -> Response:
    response = page(
        status=status, refused=_("That was much at once. Please try again in a little while.")
    )
    response.headers["Retry-After"] = str(seconds)
    return response
