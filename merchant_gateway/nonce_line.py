"""The way to Valkey for nonces and quotas: one script per request, on connections of our own.

They are written and read without the client's ways, which took longer than the script, and the
kernel keeps their time limit: Python would ask it whether it may before each writing and reading,
and give up the interpreter's lock for it. There are as many as threads use at once. Each is asked
at its opening which Valkey it leads to: one that was started anew may have forgotten nonces, and
nothing else tells it from the one before.
"""

from __future__ import annotations

import re
import select
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import redis as valkey
from redis.backoff import NoBackoff
from redis.retry import Retry

from network.lean import lean

_SCRIPT = """
if not redis.call('SET', KEYS[1], '1', 'NX', 'EX', ARGV[1]) then
    return '0 0 0 0'
end
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local interval, burst = tonumber(ARGV[2]), tonumber(ARGV[3])
local due = tonumber(redis.call('GET', KEYS[2]) or '0')
if due < now then due = now end
local ahead = due + interval - now
if ahead > burst then
    return string.format('2 0 %d 0', math.ceil(ahead - burst))
end
redis.call('SET', KEYS[2], string.format('%.0f', now + ahead), 'PX', math.ceil(ahead / 1000) + 1)
return string.format('1 %d %d %s', math.floor((burst - ahead) / interval), math.ceil(ahead),
    redis.call('GET', KEYS[3]) or '0')
"""
_RUN = re.compile(rb"run_id:([0-9a-f]+)")
_REPLAYED, _LIMITED = 0, 2
_LINE_END = b"\r\n"
_MOST_BYTES = 4096


@lean
@dataclass(frozen=True, slots=True)
class Answer:
    """What the script said, and which Valkey it was.

    ``microseconds`` until the quota is whole, or until a call may be made where it is used up.
    """

    run: str
    state: int
    remaining: int
    microseconds: int
    epoch: bytes

    @property
    def replayed(self) -> bool:
        """Return whether the nonce was there already."""
        return self.state == _REPLAYED

    @property
    def limited(self) -> bool:
        """Return whether the quota is used up; the nonce was claimed."""
        return self.state == _LIMITED


class Line:
    """Asks Valkey, and says to ``met`` which one a new connection leads to."""

    def __init__(self, redis: Any, *, met: Callable[[str], None]) -> None:
        # Claiming a nonce must not be sent twice: the second would find the first's claim and call
        # it a replay. And an outage must not hold requests up while a client backs off.
        redis.set_retry(Retry(NoBackoff(), retries=0))
        self._redis = redis
        self._met = met
        self._by_digest = f"*9\r\n{bulk('EVALSHA', redis.register_script(_SCRIPT).sha, '3')}"
        self._idle: list[tuple[Any, str]] = []

    def open(self) -> None:
        """Open a connection before one is needed; raises what ``ask`` raises."""
        self._idle.append(self._opened(self._redis.connection_pool.get_connection()))

    def ask(self, *, nonce: str, rate: str, terms: str) -> Answer:
        """Run the script; raises RedisError, and what ``met`` raises at a new connection.

        ``nonce`` and ``rate`` are keys in ASCII; ``terms`` are the key of the epoch and the
        script's arguments, as ``bulk`` writes them. A connection that Valkey has closed is opened
        again before it is used, because what was sent must not be sent twice.
        """
        try:
            connection, run = self._idle.pop()
        except IndexError:
            connection, run = self._opened(self._redis.connection_pool.get_connection())
        else:
            if _was_closed(connection):
                connection.disconnect()
                connection, run = self._opened(connection)
        asked = f"${len(nonce)}\r\n{nonce}\r\n${len(rate)}\r\n{rate}\r\n{terms}"
        try:
            try:
                said = _told(connection, f"{self._by_digest}{asked}")
            except valkey.exceptions.NoScriptError:
                said = _told(connection, f"*9\r\n{bulk('EVAL', _SCRIPT, '3')}{asked}")
        except BaseException:
            self._drop(connection)  # what is half read must not be the next one's answer
            raise
        self._idle.append((connection, run))
        state, remaining, microseconds, epoch = said.split(b" ", 3)
        return Answer(run, int(state), int(remaining), int(microseconds), epoch)

    def drop_others(self, run: str | None) -> None:
        """Close the idle connections to any Valkey but the one that is believed."""
        for held in list(self._idle):
            if held[1] != run:
                try:
                    self._idle.remove(held)
                except ValueError:  # another thread has just taken it
                    continue
                self._drop(held[0])

    def _opened(self, connection: Any) -> tuple[Any, str]:
        """Connect where it is not, and find out to which Valkey."""
        try:
            connection.connect()
            run = _run_of(connection)
            _let_kernel_wait(connection._sock)  # noqa: SLF001 - the client shows it to nobody
            self._met(run)
        except BaseException:
            self._drop(connection)
            raise
        return connection, run

    def _drop(self, connection: Any) -> None:
        connection.disconnect()
        self._redis.connection_pool.release(connection)


def _was_closed(connection: Any) -> bool:
    """Return whether Valkey hung up while the connection lay idle; then nothing was sent on it.

    Nothing is due there, so whatever can be read is its end. The client's own look reads, sets two
    time limits and catches an error, which took longer than the command that follows.
    """
    line = connection._sock  # noqa: SLF001 - the client shows it to nobody
    if line is None:
        return True
    waiting = select.poll()
    waiting.register(line, select.POLLIN)
    return bool(waiting.poll(0))


def _let_kernel_wait(line: socket.socket) -> None:
    """Have the kernel end what takes longer than the line's time limit, with EAGAIN.

    A line under TLS, which waits by itself, keeps the limit that Python minds.
    """
    seconds = line.gettimeout()
    if not seconds or type(line) is not socket.socket:
        return
    limit = struct.pack("@ll", int(seconds), int(seconds % 1 * 1_000_000))
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
    line.settimeout(None)


def _run_of(connection: Any) -> str:
    """Return which Valkey a connection leads to: each that is started has another name."""
    connection.send_command("INFO", "server", check_health=False)
    found = _RUN.search(connection.read_response())
    if found is None:
        raise valkey.RedisError("Valkey does not say which run it is")
    return found[1].decode()


def bulk(*texts: str) -> str:
    """Return texts in ASCII as parts of a command (RESP, bulk strings)."""
    return "".join([f"${len(text)}\r\n{text}\r\n" for text in texts])


def _told(connection: Any, command: str) -> bytes:
    """Send a command and return the string that it is answered with; raises RedisError."""
    line = connection._sock  # noqa: SLF001 - the client shows it to nobody
    try:
        line.sendall(command.encode("ascii"))
        received = line.recv(_MOST_BYTES)
        while (said := _string_in(received)) is None:
            more = line.recv(_MOST_BYTES)
            if not more:
                raise valkey.ConnectionError("Valkey has closed the connection")
            received += more
    except (TimeoutError, BlockingIOError) as error:
        raise valkey.TimeoutError("Valkey does not answer") from error
    except OSError as error:
        raise valkey.ConnectionError("the connection to Valkey is lost") from error
    return said


def _string_in(received: bytes) -> bytes | None:
    """Return the string that was answered, None where it is not all there; raises RedisError."""
    head, end, rest = received.partition(_LINE_END)
    if not end:
        return None
    if head[:1] != b"$":
        kind = valkey.exceptions.NoScriptError if head[:9] == b"-NOSCRIPT" else valkey.ResponseError
        raise kind(head.decode(errors="replace"))
    return rest[:-2] if len(rest) == int(head[1:]) + len(_LINE_END) else None
