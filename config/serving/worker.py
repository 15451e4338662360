"""How a front's process takes requests: whole ones, each answered by the thread that saw it whole.

gunicorn's own threads begin with a request at its first byte, so a client that stops in the middle
of its headers holds one of them, and a few dozen such clients hold a front; and each request goes
from the main thread to another and back, by two queues and a pipe. Here all threads wait at one
epoll. Whoever is woken reads what has come, without waiting for more. What is not whole goes back
with what was read; what is whole is parsed and answered by gunicorn's own code, which then finds
everything in memory. What a client does not take of its answer goes back too. After each answer the
client goes to the end of the line, so one that sends many requests at once gets a turn like others.
Only bodies that are large or of unknown length are read while they arrive, and only until the most
of a large answer is taken does its thread wait: half of the threads at most do either, not beyond a
silence, and not slower than ``Patience`` allows.
"""

from __future__ import annotations

import math
import resource
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, ClassVar

from gunicorn.http.errors import ParseException
from gunicorn.workers.base import Worker as BaseWorker
from gunicorn.workers.gthread import ThreadWorker

from config.serving.caller import Caller, Progress
from config.serving.entrance import Entrance
from config.serving.line import Line
from config.serving.patience import Patience, poll_milliseconds
from config.serving.refusals import LATE, code_of, language_of, on_the_wire, refuse_of
from config.serving.shares import LONE, Share

_ARRIVED = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLONESHOT
_TAKEN = select.EPOLLOUT | select.EPOLLONESHOT
_AT_ONCE = _ARRIVED | select.EPOLLOUT
_OTHER_FILES = 64
"""Files that a process has open besides its clients: databases, listeners, logs."""
_LATE = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: %d\r\n"
    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
)


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's worker with threads, except for how a request comes to its thread."""

    alive: bool
    worker_connections: int
    patience: ClassVar[Patience] = Patience()
    share: Share = LONE

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
        self._entrance = Entrance(
            self.poller,
            self.share,
            self.patience,
            begin=self._begin,
            make_room=self._end_longest_waiting,
        )
        self._lock = threading.Lock()
        self._places_free = max(1, self.cfg.threads // 2)
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self.worker_connections = max(1, min(self.worker_connections, files - _OTHER_FILES))
        self._large_queue: deque[Caller] = deque()
        self._over = False
        BaseWorker.init_process(self)

    def handle_quit(self, sig: int, frame: Any) -> None:
        """End at once."""
        self._over = True
        BaseWorker.handle_quit(self, sig, frame)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Answer what is no request, or met a defect, as the front refuses anything else."""
        refuse = refuse_of(self.wsgi)
        caller = self._callers.get(client.fileno())
        if refuse is None or caller is None:
            super().handle_error(req, client, addr, exc)
            return
        code = code_of(exc)
        if code == "internal_error":
            self.log.error("a request failed in the server", exc_info=exc)
        found = refuse(code, language=language_of(caller.asked))
        kind, request_id = type(exc).__name__, found.headers.get("X-Request-Id")
        self.log.warning("unread: %s, answered %s to request=%s", kind, code, request_id)
        client.sendall(on_the_wire(found))

    def _keepalive_after(self, conn: Any, keepalive: Any) -> bool:
        """Return whether a connection goes on after an answer.

        A body that nobody read and that cannot be read ends it: its request has been answered, and
        a second answer would be taken for the next one's.
        """
        try:
            return bool(super()._keepalive_after(conn, keepalive))
        except ParseException:
            return False

    def run(self) -> None:
        """Keep the arbiter and the deadlines while the threads serve; end when all is answered."""
        wake = select.poll()
        wake.register(self.method_queue.fileno(), select.POLLIN)
        self._entrance.open(self.sockets)
        for number in range(self.cfg.threads):
            threading.Thread(target=self._serve, name=f"serving-{number}", daemon=True).start()
        while self.alive and self.is_parent_alive():
            self.notify()
            wake.poll(poll_milliseconds(self.patience.tick))
            self._end_overdue(time.monotonic())
        self.alive = False
        self._entrance.close()
        self._answer_the_rest()
        self._over = True
        for listener in self.sockets:
            listener.close()

    def _answer_the_rest(self) -> None:
        """Let what has begun be answered, and what is kept alive end soon."""
        end = time.monotonic() + self.cfg.graceful_timeout
        soon = time.monotonic() + min(self.patience.ending, self.cfg.graceful_timeout)
        while self._callers and (moment := time.monotonic()) < end:
            self.notify()
            for caller in list(self._callers.values()):
                if not caller.received and not caller.sock.unsent:
                    caller.deadline = min(caller.deadline, soon)
            self._end_overdue(moment)
            time.sleep(0.02)

    def _serve(self) -> None:
        """One thread: wait for something to arrive and attend to it; nothing that fails ends it."""
        while not self._over:
            arrived = self.poller.poll(self._entrance.pause, 1)
            try:
                for descriptor, _ in arrived:
                    self._turn(descriptor)
                self._entrance.look_again()
            except (Exception, SystemExit):
                self.log.exception("a connection was given up")

    def _turn(self, descriptor: int) -> None:
        """Attend to whoever calls there."""
        if descriptor in self._entrance:
            self._entrance.attend(descriptor)
            return
        caller = self._callers.get(descriptor)
        if caller is None or not self._claim(caller):
            return
        try:
            self._attend(caller)
        except OSError:  # the client has gone
            self._drop(caller)
        except (Exception, SystemExit):
            self._drop(caller)
            raise

    def _begin(self, plain: socket.socket, client: Any, listener: Any) -> None:
        """Wait for a new client's first request; where that fails, nothing of it stays."""
        with ExitStack() as failed:
            failed.callback(plain.close)
            line = Line(plain.family, plain.type, plain.proto, fileno=plain.fileno())
            failed.callback(line.close)
            plain.detach()
            line.prepare(self.patience, place=self._place)
            server = listener.getsockname()
            caller = Caller(self.cfg, line, client, server, patience=self.patience)
            if len(self._callers) >= self.worker_connections:
                self._end_longest_waiting()
            failed.callback(self._drop, caller)
            with self._lock:
                self._callers[caller.descriptor] = caller
                self._entrance.tell(len(self._callers))
                self.poller.register(caller.descriptor, _ARRIVED)
                caller.waiting = True
            failed.pop_all()

    def _claim(self, caller: Caller, *, overdue: float = math.inf) -> bool:
        """Take a connection in this thread's hands; return whether it could be had.

        Not where it has gone (its descriptor may be another's by now), where another thread has it,
        or where its deadline comes after ``overdue``.
        """
        with self._lock:
            if self._callers.get(caller.descriptor) is not caller or not caller.waiting:
                return False
            if caller.deadline > overdue:
                return False
            caller.waiting = False
            return True

    def _wait(self, caller: Caller, event: int = _ARRIVED) -> None:
        """Leave a connection to whoever is woken for it next."""
        with self._lock:
            caller.waiting = True
            self.poller.modify(caller.descriptor, event)

    def _attend(self, caller: Caller) -> None:
        """Answer a connection's request if it is there, and leave the next to the next turn.

        An answer that the client does not take at once is left to whoever is woken when it does.
        """
        if caller.sock.unsent:
            if not caller.sock.push():
                self._wait(caller, _TAKEN)
                return
            caller.rest()
        if caller.closing and not caller.ending:
            self._hang_up(caller)
            return
        came = caller.take()
        if came is Progress.PARTLY:
            self._wait(caller)
        elif came is Progress.GONE:
            self._drop(caller)
        elif came is Progress.WHOLE:
            self._answer(caller)
            self._leave(caller)
        elif self._begin_large(caller):
            try:
                self._answer(caller)
            finally:
                self._end_large(caller)
            self._leave(caller)

    def _leave(self, caller: Caller) -> None:
        """Put an answered connection where it is found when it has its turn again."""
        if caller.sock.unsent:
            self._wait(caller, _TAKEN)
        elif caller.closing:
            self._hang_up(caller)
        else:  # what came early waits at the end of epoll's line
            self._wait(caller, _ARRIVED if caller.progress is Progress.PARTLY else _AT_ONCE)

    def _answer(self, caller: Caller) -> None:
        """Have gunicorn parse and answer a request."""
        caller.hand_over()
        caller.closing = not self.handle(caller)
        caller.sock.flush()
        if caller.closing:
            caller.rest()
        else:
            caller.take_back()

    def _begin_large(self, caller: Caller) -> bool:
        """Take a place for a request that is read as it arrives, or stand in line for one."""
        with self._lock:
            if self._places_free:
                self._places_free -= 1
                caller.sock.be_patient()
                return True
            caller.deadline = time.monotonic() + self.patience.whole
            self._large_queue.append(caller)
            caller.waiting = True
            return False

    def _end_large(self, caller: Caller) -> None:
        caller.sock.patient = False
        self._give_place_back()

    @contextmanager
    def _place(self) -> Iterator[bool]:
        """Hold a place to wait for a client in, and say whether there was one."""
        with self._lock:
            found = self._places_free > 0
            self._places_free -= found
        try:
            yield found
        finally:
            if found:
                self._give_place_back()

    def _give_place_back(self) -> None:
        with self._lock:
            self._places_free += 1
            self._wake_first()

    def _wake_first(self) -> None:
        """Have somebody attend to who stands first in line, if there is a place; needs the lock."""
        while self._places_free and self._large_queue:
            first = self._large_queue.popleft()
            if first.waiting and self._callers.get(first.descriptor) is first:
                self.poller.modify(first.descriptor, _AT_ONCE)
                return

    def _hang_up(self, caller: Caller) -> None:
        """Say that nothing more comes, and wait a moment for the client to close its side.

        Closed while something lies unread, a connection may lose its last answer (RFC 9112, 9.6).
        Raises OSError where the client has gone.
        """
        caller.sock.shutdown(socket.SHUT_WR)
        caller.closing = caller.ending = True
        caller.progress = Progress.PARTLY
        caller.deadline = time.monotonic() + self.patience.ending
        self._wait(caller)

    def _drop(self, caller: Caller) -> None:
        with self._lock:
            if self._callers.get(caller.descriptor) is caller:
                del self._callers[caller.descriptor]
                self._entrance.tell(len(self._callers))
            self._wake_first()  # the one that has gone may have been woken for a place
        caller.close()

    def _end_overdue(self, moment: float) -> None:
        """End who has waited longer than they may; who has asked for something is told why."""
        for caller in list(self._callers.values()):
            if caller.deadline <= moment and self._claim(caller, overdue=moment):
                try:
                    if not (pause := caller.told_to_wait()):
                        self._drop(caller)
                        continue
                    caller.sock.sendall(self._late(caller, pause=pause))
                    caller.sock.flush()
                    self._hang_up(caller)
                except OSError:
                    self._drop(caller)

    def _late(self, caller: Caller, *, pause: int) -> bytes:
        """Return what is said to who was too slow, or stood in line for too long."""
        if (refuse := refuse_of(self.wsgi)) is None:
            return _LATE % pause
        language = language_of(bytes(caller.received))
        return on_the_wire(refuse(LATE, language=language, pause=pause))

    def _end_longest_waiting(self) -> None:
        """Make room: a new client matters more than one that has been silent for longest."""
        waiting = [each for each in list(self._callers.values()) if each.waiting]
        if waiting:
            oldest = min(waiting, key=lambda each: each.deadline)
            if self._claim(oldest):
                self._drop(oldest)
