"""A client's connection as gunicorn's parser and responses use it, and whom it may keep waiting."""

from __future__ import annotations

import errno
import fcntl
import select
import socket
import struct
import sys
import termios
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NoReturn

from config.serving.patience import Patience, poll_milliseconds

HEAD_END = b"\r\n\r\n"
_PIECE_BYTES = 256 * 1024


class Line(socket.socket):
    """A connection that never blocks by itself.

    Reading waits for the client only while the line is ``patient``: while a large request has a
    place for it. What the client does not take at once of an answer stays here, and whoever sees
    that the line can be written to goes on with ``push``. Only a large answer is waited for, in
    such a place too: where none is free, it is given up. An answer's head waits for the first piece
    of its body, so most answers are one packet, and wake whoever waits for them once.
    """

    patience: Patience
    patient: bool

    def prepare(
        self, patience: Patience, *, place: Callable[[], AbstractContextManager[bool]]
    ) -> None:
        """Begin to be what this class says; ``place`` holds one, and says whether one was free."""
        super().setblocking(False)
        self.patience, self.patient = patience, False
        self._place = place
        self._head = b""
        self._unsent: deque[memoryview] = deque()
        self._unsent_bytes = 0
        self._began, self._taken = 0.0, 0
        self._waited, self._went = 0.0, 0
        self._given_up = False
        self._most_seconds: float | None = None

    @property
    def unsent(self) -> int:
        """Return how many bytes of an answer the client has not taken yet."""
        return self._unsent_bytes

    def setblocking(self, flag: bool) -> None:  # noqa: FBT001 - socket's own signature
        """Stay as it is: who waits for a client, and how long, is decided here."""

    def gettimeout(self) -> float | None:
        """Return what a blocking socket returns, which is what gunicorn takes this for."""
        return None

    def settimeout(self, value: float | None) -> None:
        """Read for so long at most, and raise TimeoutError then, as a socket does."""
        self._most_seconds = value

    def be_patient(self) -> None:
        """From now on wait for what is read."""
        self.patient, self._began, self._taken = True, time.monotonic(), 0

    def begin_answer(self) -> None:
        """Count from now on how long this answer is waited for."""
        self._waited, self._went = 0.0, 0

    def arrived(self, size: int) -> bytes:
        """Return what has come; raises BlockingIOError where nothing has."""
        return super().recv(size)

    def recv(self, size: int, _flags: int = 0) -> bytes:
        """Read; who has been silent or slow for too long has gone, and raises ConnectionResetError.

        As if nothing more came would not do: what comes later would be read as the next request.
        """
        while True:
            try:
                piece = super().recv(size)
            except BlockingIOError:
                if self.patient and self._comes():
                    continue
                if self._most_seconds is not None:
                    raise TimeoutError from None
                raise ConnectionResetError(errno.ECONNRESET, "the client is silent") from None
            self._taken += len(piece)
            return piece

    def sendall(self, data: Any, _flags: int = 0) -> None:
        """Send ``data`` after what was held back; hold back what ends as a head does."""
        if self._head:
            data, self._head = self._head + bytes(data), b""
        elif data[:5] == b"HTTP/" and data[-4:] == HEAD_END:
            self._head = bytes(data)
            return
        self._give(bytes(data))

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """Send what was held back, then a file."""
        file.seek(offset)
        given = 0
        while count is None or given < count:
            piece = file.read(_PIECE_BYTES if count is None else min(_PIECE_BYTES, count - given))
            if not piece:
                break
            self.sendall(piece)
            given += len(piece)
        return given

    def flush(self) -> None:
        """Send a head that no body follows; raises BrokenPipeError after what was given up."""
        if self._given_up:
            raise _not_taken()
        if self._head:
            data, self._head = self._head, b""
            self._give(data)

    def push(self) -> bool:
        """Send what the client takes now; return whether nothing is left. Raises OSError."""
        while self._unsent:
            piece = self._unsent[0]
            sent = self._sent(piece)
            self._unsent_bytes -= sent
            if sent < len(piece):
                self._unsent[0] = piece[sent:]
                return False
            self._unsent.popleft()
        return True

    def _give(self, data: bytes) -> None:
        sent = 0 if self._unsent else self._sent(data)
        if sent == len(data):
            return
        self._unsent.append(memoryview(data)[sent:])
        self._unsent_bytes += len(data) - sent
        if self._unsent_bytes > self.patience.most_unsent:
            self._await_taken()

    def _sent(self, data: bytes | memoryview) -> int:
        try:
            return super().send(data)
        except BlockingIOError:
            return 0

    def _comes(self) -> bool:
        """Wait for the client to send; return whether it did while it may still."""
        now, patience = time.monotonic(), self.patience
        most = patience.silent if self._most_seconds is None else self._most_seconds
        left = min(most, self._began + patience.arriving(self._taken) - now)
        return left > 0 and self._ready(select.POLLIN, left)

    def _await_taken(self) -> None:
        """Wait until little enough is unsent; raises BrokenPipeError where it is given up."""
        with nullcontext(enter_result=True) if self.patient else self._place() as found:
            while self._unsent_bytes > self.patience.most_unsent:
                if not found or self._waited >= self.patience.leaving(self._went):
                    self._give_up()
                self._await_some()

    def _await_some(self) -> None:
        """Wait a moment for the client to take something, and count both.

        What the kernel holds counts as not taken: it says that there is room only after a third
        of some megabytes has gone, which is long after a slow client has begun to take them.
        """
        began, before = time.monotonic(), self._on_its_way()
        self._ready(select.POLLOUT, self.patience.tick)
        self.push()
        self._went += before - self._on_its_way()
        self._waited += time.monotonic() - began

    def _on_its_way(self) -> int:
        held = fcntl.ioctl(self.fileno(), termios.TIOCOUTQ, bytes(4))
        return self._unsent_bytes + int.from_bytes(held, sys.byteorder)

    def _give_up(self) -> NoReturn:
        """Forget the rest, and reset the connection, so that nobody takes a part for the whole."""
        self._given_up = True
        self._unsent.clear()
        self._unsent_bytes = 0
        self.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise _not_taken()

    def _ready(self, event: int, seconds: float) -> bool:
        waiting = select.poll()
        waiting.register(self.fileno(), event)
        return bool(waiting.poll(poll_milliseconds(seconds)))


def _not_taken() -> BrokenPipeError:
    return BrokenPipeError(errno.EPIPE, "the client does not take its answer")
