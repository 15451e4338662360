"""Reading no more of an HTTP/1.1 answer than a delivery needs (RFC 9112): its status.

A receiver's answer is not ours to trust: heads and bodies are read up to a bound, and a connection
of which the rest is unread is not used again.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from datetime import timedelta

MOST_HEAD_BYTES = 16 * 1024
MOST_BODY_BYTES = 64 * 1024
_MOST_INTERIM = 8
_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: |\r|\Z)")
_DIGITS = re.compile(rb"[0-9]{1,9}")
_SWITCHING, _FIRST_FINAL = 101, 200
_NO_BODY = {204, 304}


class MalformedAnswerError(Exception):
    """What came back is no answer of HTTP/1.1, or none within bounds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverAnswer:
    """The status, the pause that Retry-After asks for, and what is left on the connection."""

    status: int
    retry_after: timedelta | None
    length: int | None
    reusable: bool


async def read_head(reader: asyncio.StreamReader) -> ReceiverAnswer:
    """Return the final answer's head; raise MalformedAnswerError or EOFError.

    ``length`` is None where the body has no announced end; ``reusable`` says whether the connection
    may serve another request once the body was read.
    """
    for _ in range(_MOST_INTERIM):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError as error:
            raise MalformedAnswerError("an endless head") from error
        answer = _parsed(head)
        if answer.status >= _FIRST_FINAL:
            return answer
        if answer.status == _SWITCHING:
            break
    raise MalformedAnswerError("no final answer")


async def skip_body(reader: asyncio.StreamReader, answer: ReceiverAnswer) -> bool:
    """Read the body away where it is short; return whether the connection is clean after it."""
    if not answer.reusable or answer.length is None or answer.length > MOST_BODY_BYTES:
        return False
    await reader.readexactly(answer.length)
    return True


def _parsed(head: bytes) -> ReceiverAnswer:
    first, *lines = head[:-4].split(b"\r\n")
    found = _STATUS.match(first)
    if found is None:
        raise MalformedAnswerError("no status line")
    fields: dict[bytes, bytes] = {}
    for line in lines:
        name, _, value = line.partition(b":")
        fields.setdefault(name.strip().lower(), value.strip())
    status = int(found[2])
    length: int | None = None
    if status in _NO_BODY or status < _FIRST_FINAL:
        length = 0
    elif b"transfer-encoding" not in fields and _DIGITS.fullmatch(
        fields.get(b"content-length", b"")
    ):
        length = int(fields[b"content-length"])
    asked = fields.get(b"retry-after", b"")
    return ReceiverAnswer(
        status=status,
        retry_after=timedelta(seconds=int(asked)) if _DIGITS.fullmatch(asked) else None,
        length=length,
        reusable=found[1] == b"1" and b"close" not in fields.get(b"connection", b"").lower(),
    )
