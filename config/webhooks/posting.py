"""One POST to a merchant's endpoint: to a checked address, within 15 seconds, never redirected.

Not through requests: its timeouts count from byte to byte, so that a receiver who sends one at a
time holds a worker for ever, and its connections resolve the name once more after it was checked.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache

from config.webhooks.answers import (
    MOST_HEAD_BYTES,
    MalformedAnswerError,
    ReceiverAnswer,
    read_head,
    skip_body,
)
from config.webhooks.resolving import Resolve
from network.events.webhooks.addresses import (
    AddressRefusedError,
    Target,
    UrlRefusedError,
    check_addresses,
    read_url,
)
from network.events.webhooks.deliveries import DELIVERED, GONE

TIMEOUT_SECONDS = 15.0
_BODY_SECONDS = 1.0
_IDLE_SECONDS = 10.0
_MOST_IDLE = 64
_MOST_ADDRESSES = 4
_GONE = 410
_SUCCESS, _REDIRECTION, _CLIENT_ERROR = 200, 300, 400
_USER_AGENT = "Peyvand-Webhooks/1"


_target = lru_cache(maxsize=1_000)(read_url)
"""The form of a URL is a matter of its text alone; the addresses are looked at for each line."""


class _UnresolvedError(Exception):
    """The name has no address that anybody knows."""


_OUTCOMES: tuple[tuple[type[Exception], str], ...] = (
    (TimeoutError, "timed_out"),
    (UrlRefusedError, "address_refused"),
    (AddressRefusedError, "address_refused"),
    (_UnresolvedError, "unresolved"),
    (MalformedAnswerError, "malformed_answer"),
    (ssl.SSLError, "tls_failed"),
    (OSError, "unreachable"),
    (EOFError, "unreachable"),
)
"""What ends a POST without a status, in the order in which it is looked up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """How a POST ended: a stable word, the status if one came, the pause that was asked for."""

    outcome: str
    status: int | None = None
    asked: timedelta | None = None


@dataclass(slots=True, kw_only=True)
class _Line:
    """An open connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    idle_since: float = 0.0

    @property
    def stale(self) -> bool:
        return (
            self.reader.at_eof()
            or self.writer.is_closing()
            or time.monotonic() - self.idle_since > _IDLE_SECONDS
        )


@dataclass(kw_only=True)
class Poster:
    """Posts bodies and keeps connections for the next ones; ``close`` ends them."""

    resolve: Resolve
    loopback: bool = False
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    timeout_seconds: float = TIMEOUT_SECONDS
    _idle: dict[tuple[bool, str, int], deque[_Line]] = field(default_factory=dict, init=False)

    async def post(self, url: str, *, headers: dict[str, str], body: bytes) -> Posted:
        """Post ``body`` and say how it ended; raises nothing that a receiver could cause."""
        try:
            target = _target(url, loopback=self.loopback)
            async with asyncio.timeout(self.timeout_seconds):
                line, answer = await self._exchange(target, _request(target, headers, body))
        except tuple(kind for kind, _ in _OUTCOMES) as error:
            return Posted(outcome=next(word for kind, word in _OUTCOMES if isinstance(error, kind)))
        await self._finish(target, line, answer)
        return _judged(answer)

    def close(self) -> None:
        """End every idle connection."""
        for lines in self._idle.values():
            for line in lines:
                line.writer.transport.abort()
        self._idle.clear()

    async def _exchange(self, target: Target, request: bytes) -> tuple[_Line, ReceiverAnswer]:
        """Send a request and return the answer's head, and the connection that it came on.

        A kept connection that turns out to be closed is replaced once; should the receiver have
        read the request all the same, it meets one ``webhook-id`` twice.
        """
        line = self._kept(target)
        if line is not None:
            with contextlib.suppress(EOFError, ConnectionError):
                return line, await _ask(line, request)
        line = await self._connect(target)
        return line, await _ask(line, request)

    async def _finish(self, target: Target, line: _Line, answer: ReceiverAnswer) -> None:
        """Keep a connection whose answer is soon read to its end, abort every other.

        The status is known by now: whatever becomes of the body, the delivery has ended.
        """
        clean = False
        try:
            with contextlib.suppress(OSError, EOFError):
                async with asyncio.timeout(_BODY_SECONDS):
                    clean = await skip_body(line.reader, answer)
        finally:
            if not clean:
                line.writer.transport.abort()
        if clean:
            self._keep(target, line)

    async def _connect(self, target: Target) -> _Line:
        """Resolve, check, and connect to the checked addresses themselves, never to the name."""
        try:
            found = await self.resolve(target.host, target.port)
        except (OSError, UnicodeError) as error:
            raise _UnresolvedError from error
        addresses = check_addresses(found, loopback=self.loopback)
        if not target.secure and not self.loopback:
            raise UrlRefusedError("scheme")
        failure: OSError = ConnectionError("no address")
        for address in addresses[:_MOST_ADDRESSES]:
            try:
                reader, writer = await asyncio.open_connection(
                    address,
                    target.port,
                    limit=MOST_HEAD_BYTES,
                    ssl=self.tls if target.secure else None,
                    server_hostname=target.host if target.secure else None,
                )
            except ssl.SSLError:
                raise
            except OSError as error:
                failure = error
            else:
                return _Line(reader=reader, writer=writer)
        raise failure

    def _kept(self, target: Target) -> _Line | None:
        lines = self._idle.get((target.secure, target.host, target.port))
        while lines:
            line = lines.pop()
            if not line.stale:
                return line
            line.writer.transport.abort()
        return None

    def _keep(self, target: Target, line: _Line) -> None:
        lines = self._idle.setdefault((target.secure, target.host, target.port), deque())
        line.idle_since = time.monotonic()
        lines.append(line)
        if len(lines) > _MOST_IDLE:
            lines.popleft().writer.transport.abort()


async def _ask(line: _Line, request: bytes) -> ReceiverAnswer:
    try:
        line.writer.write(request)
        await line.writer.drain()
        return await read_head(line.reader)
    except BaseException:
        line.writer.transport.abort()
        raise


def _request(target: Target, headers: dict[str, str], body: bytes) -> bytes:
    lines = [
        f"POST {target.path} HTTP/1.1",
        f"Host: {target.authority}",
        f"User-Agent: {_USER_AGENT}",
        "Accept: */*",
        "Accept-Encoding: identity",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def _judged(answer: ReceiverAnswer) -> Posted:
    status = answer.status
    if _SUCCESS <= status < _REDIRECTION:
        return Posted(outcome=DELIVERED, status=status)
    if status == _GONE:
        return Posted(outcome=GONE, status=status)
    outcome = "redirected" if _REDIRECTION <= status < _CLIENT_ERROR else "refused"
    return Posted(outcome=outcome, status=status, asked=answer.retry_after)
