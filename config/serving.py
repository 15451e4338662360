"""How a front's process takes requests: whole ones, each answered by the thread that saw it whole.

gunicorn's own threads begin with a request at its first byte, so a client that stops in the middle
of its headers holds one of them, and a few dozen such clients hold a front; and each request goes
from the main thread to another and back, by two queues and a pipe. Here all threads wait at one
epoll. Whoever is woken reads what has come, without waiting for more. What is not whole goes back
with what was read; what is whole is parsed and answered by gunicorn's own code, which then finds
everything in memory. Only bodies that are large or of unknown length are read while they arrive:
by half of the threads at most, and not beyond a silence of ten seconds.
"""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from collections import deque
from enum import Enum, auto
from typing import Any

from gunicorn.workers.base import Worker as BaseWorker
from gunicorn.workers.gthread import TConn, ThreadWorker

WHOLE_SECONDS = 20.0
"""So long after its first byte a request may take to arrive, its large body excepted."""

SILENT_SECONDS = 10
"""So long a client may send nothing of a large body."""

UNREAD_SECONDS = 30
"""So long a client may take nothing of an answer."""

MOST_KEPT_BYTES = 64 * 1024
"""What is read of a request before a thread answers it; anything larger is large."""

_END_SECONDS = 1.0
_TICK_SECONDS = 1.0
_PIECE_BYTES = 64 * 1024
_ARRIVED = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLONESHOT
_AT_ONCE = _ARRIVED | select.EPOLLOUT
_HEAD_END = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length:"
_UNTOLD = (b"\r\ntransfer-encoding:", b"\r\nexpect:")
_MOST_DIGITS = 12


class Progress(Enum):
    """How far a request has come."""

    PARTLY = auto()
    WHOLE = auto()
    LARGE = auto()
    GONE = auto()


def progress_of(received: bytearray) -> Progress:
    """Return whether these bytes hold a whole request, or one that is read as it arrives.

    This decides only when a thread begins; what the bytes mean, and whether they may be sent at
    all, gunicorn's parser says.
    """
    end = received.find(_HEAD_END)
    if end < 0:
        return Progress.PARTLY if len(received) < MOST_KEPT_BYTES else Progress.LARGE
    head = received[: end + 2].lower()
    if any(name in head for name in _UNTOLD):
        return Progress.LARGE
    stated, whole = head.find(_LENGTH), end + len(_HEAD_END)
    if stated >= 0:
        length = head[stated + len(_LENGTH) : head.find(b"\r", stated + 2)].strip()
        if not length.isdigit() or len(length) > _MOST_DIGITS:
            return Progress.LARGE
        whole += int(length)
    if len(received) >= whole:
        return Progress.WHOLE
    return Progress.PARTLY if whole <= MOST_KEPT_BYTES else Progress.LARGE


class Line(socket.socket):
    """A client's connection; an answer's head waits for the first piece of its body.

    So most answers are one packet, and wake whoever waits for them once.
    """

    head: bytes = b""

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send ``data`` after what was held back; hold back what ends as a head does."""
        if self.head:
            data, self.head = self.head + bytes(data), b""
        elif data[:5] == b"HTTP/" and data[-4:] == _HEAD_END:
            self.head = bytes(data)
            return
        super().sendall(data, flags)

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """Send what was held back, then a file."""
        self.flush()
        return super().sendfile(file, offset, count)

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Read; who has been silent for too long has ended."""
        try:
            return super().recv(size, flags)
        except BlockingIOError:
            if flags & socket.MSG_DONTWAIT:
                raise
            return b""

    def flush(self) -> None:
        """Send a head that no body follows."""
        if self.head:
            data, self.head = self.head, b""
            super().sendall(data)


class Caller(TConn):  # type: ignore[misc]
    """A connection, what has come of its next request, and until when it may wait for the rest.

    ``waiting``: no thread has it in hand.
    """

    def __init__(self, cfg: Any, line: Line, client: Any, server: Any) -> None:
        super().__init__(cfg, line, client, server)
        line.setblocking(True)
        for name, seconds in (
            (socket.SO_RCVTIMEO, SILENT_SECONDS),
            (socket.SO_SNDTIMEO, UNREAD_SECONDS),
        ):
            line.setsockopt(socket.SOL_SOCKET, name, struct.pack("ll", seconds, 0))
        self.data_ready = True
        self.descriptor = line.fileno()
        self.received = bytearray()
        self.progress = Progress.PARTLY
        self.deadline = time.monotonic() + WHOLE_SECONDS
        self.waiting = False
        self.ending = False

    def take(self) -> Progress:
        """Read what has come, without waiting, and return how far the request is."""
        if self.progress is not Progress.PARTLY:
            return self.progress
        try:
            piece = self.sock.recv(_PIECE_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return Progress.PARTLY
        except OSError:
            return Progress.GONE
        if self.ending:
            return Progress.PARTLY if piece else Progress.GONE
        if not piece:  # the parser knows what a request is that ends too early
            return Progress.LARGE if self.received else Progress.GONE
        if not self.received:
            self.deadline = time.monotonic() + WHOLE_SECONDS
        self.received += piece
        self.progress = progress_of(self.received)
        return self.progress

    def hand_over(self) -> None:
        """Give gunicorn's parser what was read."""
        self.init()
        self.parser.unreader.unread(bytes(self.received))
        self.received.clear()
        self.progress = Progress.PARTLY

    def take_back(self) -> None:
        """Keep what the parser did not need: the next request, sent before the answer."""
        self.sock.flush()
        if early := self.parser.unreader.take_buffered():
            self.received += early
            self.progress = progress_of(self.received)
        self.deadline = time.monotonic() + (WHOLE_SECONDS if self.received else self.cfg.keepalive)


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's worker with threads, except for how a request comes to its thread."""

    alive: bool

    @classmethod
    def check_config(cls, cfg: Any, _log: Any) -> None:
        """Refuse what this cannot do: encrypted lines end at the proxy."""
        if cfg.is_ssl:
            raise ValueError("TLS ends at the proxy in front")

    def init_process(self) -> None:
        """Make what the threads share, and run until told to stop."""
        self.poller = select.epoll()
        self.method_queue.init()
        self._callers: dict[int, Caller] = {}
        self._listeners: dict[int, Any] = {}
        self._lock = threading.Lock()
        self._large_free = max(1, self.cfg.threads // 2)
        self._large_queue: deque[Caller] = deque()
        self._over = False
        BaseWorker.init_process(self)

    def handle_quit(self, sig: int, frame: Any) -> None:
        """End at once."""
        self._over = True
        BaseWorker.handle_quit(self, sig, frame)

    def run(self) -> None:
        """Keep the arbiter and the deadlines while the threads serve; end when all is answered."""
        wake = select.poll()
        wake.register(self.method_queue.fileno(), select.POLLIN)
        for listener in self.sockets:
            listener.setblocking(False)
            self._listeners[listener.fileno()] = listener
            self.poller.register(listener.fileno(), _ARRIVED)
        for number in range(self.cfg.threads):
            threading.Thread(target=self._serve, name=f"serving-{number}", daemon=True).start()
        while self.alive and self.is_parent_alive():
            self.notify()
            wake.poll(_TICK_SECONDS * 1000)
            self._end_overdue(time.monotonic())
        self.alive = False
        for descriptor in self._listeners:
            self.poller.unregister(descriptor)
        self._answer_the_rest()
        self._over = True
        for listener in self.sockets:
            listener.close()

    def _answer_the_rest(self) -> None:
        """Let what has begun be answered, and what is kept alive end soon."""
        end = time.monotonic() + self.cfg.graceful_timeout
        soon = time.monotonic() + min(_END_SECONDS, self.cfg.graceful_timeout)
        while self._callers and (moment := time.monotonic()) < end:
            self.notify()
            for caller in list(self._callers.values()):
                if not caller.received:
                    caller.deadline = min(caller.deadline, soon)
            self._end_overdue(moment)
            time.sleep(0.02)

    def _serve(self) -> None:
        """One thread: wait for something to arrive and attend to it."""
        while not self._over:
            for descriptor, _ in self.poller.poll(_TICK_SECONDS, 1):
                try:
                    if descriptor in self._listeners:
                        self._accept(self._listeners[descriptor])
                    elif (caller := self._claim(descriptor)) is not None:
                        self._attend(caller)
                except Exception:
                    self.log.exception("a connection was given up")

    def _accept(self, listener: Any) -> None:
        try:
            plain, client = listener.accept()
        except OSError:
            return
        finally:
            if self.alive:
                self.poller.modify(listener.fileno(), _ARRIVED)
        line = Line(plain.family, plain.type, plain.proto, fileno=plain.detach())
        caller = Caller(self.cfg, line, client, listener.getsockname())
        if len(self._callers) >= self.worker_connections:
            self._end_longest_waiting()
        with self._lock:
            self._callers[caller.descriptor] = caller
            caller.waiting = True
            self.poller.register(caller.descriptor, _ARRIVED)

    def _claim(self, descriptor: int) -> Caller | None:
        """Return who calls there, in the hands of this thread; ``None`` where nobody waits."""
        with self._lock:
            caller = self._callers.get(descriptor)
            if caller is None or not caller.waiting:
                return None
            caller.waiting = False
            return caller

    def _wait(self, caller: Caller) -> None:
        """Leave a connection to whoever is woken for it next."""
        with self._lock:
            caller.waiting = True
            self.poller.modify(caller.descriptor, _ARRIVED)

    def _attend(self, caller: Caller) -> None:
        """Answer every request of a connection that is there; then wait for the next."""
        while True:
            came = caller.take()
            if came is Progress.PARTLY:
                self._wait(caller)
                return
            if came is Progress.GONE:
                self._drop(caller)
                return
            if came is Progress.LARGE:
                if not self._begin_large(caller):
                    return
                try:
                    kept = self._answered(caller)
                finally:
                    self._end_large()
            else:
                kept = self._answered(caller)
            if not kept:
                self._hang_up(caller)
                return
            if not caller.received:
                self._wait(caller)
                return

    def _answered(self, caller: Caller) -> bool:
        """Have gunicorn parse and answer a request; return whether another may follow."""
        caller.hand_over()
        kept: bool = self.handle(caller)
        if kept:
            caller.take_back()
        return kept

    def _begin_large(self, caller: Caller) -> bool:
        """Take a place for a request that is read as it arrives, or stand in line for one."""
        with self._lock:
            if self._large_free:
                self._large_free -= 1
                return True
            caller.deadline = time.monotonic() + WHOLE_SECONDS
            self._large_queue.append(caller)
            caller.waiting = True
            return False

    def _end_large(self) -> None:
        """Give a place back, and have somebody attend to who stands first in line."""
        with self._lock:
            self._large_free += 1
            while self._large_queue:
                first = self._large_queue.popleft()
                if self._callers.get(first.descriptor) is first:
                    self.poller.modify(first.descriptor, _AT_ONCE)
                    return

    def _hang_up(self, caller: Caller) -> None:
        """Say that nothing more comes, and wait a moment for the client to close its side.

        Closed while something lies unread, a connection may lose its last answer (RFC 9112, 9.6).
        """
        try:
            caller.sock.flush()
            caller.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(caller)
            return
        caller.ending = True
        caller.deadline = time.monotonic() + _END_SECONDS
        self._wait(caller)

    def _drop(self, caller: Caller) -> None:
        with self._lock:
            self._callers.pop(caller.descriptor, None)
        caller.close()

    def _end_overdue(self, moment: float) -> None:
        """Close who has waited longer than they may."""
        for caller in list(self._callers.values()):
            if caller.deadline <= moment and self._claim(caller.descriptor) is caller:
                self._drop(caller)

    def _end_longest_waiting(self) -> None:
        """Make room: a new client matters more than one that has been silent for longest."""
        waiting = [each for each in list(self._callers.values()) if each.waiting]
        if waiting:
            oldest = min(waiting, key=lambda each: each.deadline)
            if self._claim(oldest.descriptor) is oldest:
                self._drop(oldest)
