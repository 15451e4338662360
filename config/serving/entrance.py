"""Where a front's process takes new clients, and leaves them to another that has fewer."""

from __future__ import annotations

import errno
import select
import socket
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from config.serving.patience import Patience
from config.serving.shares import Share

_ARRIVED = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLONESHOT
_NO_ROOM = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_GLANCE_SECONDS = 0.001
"""How often a process that left a client to another one looks whether that one came."""
_MOST_LEFT = 64


class Entrance:
    """A process's listeners, one thread at each at a time.

    A process with more connections than another leaves the next client to that one. It looks again
    every millisecond, and takes whoever still waits after ``Patience.yielding``: the other may be
    stuck. ``begin`` is called with a new client's socket, its address and the listener;
    ``make_room`` where the kernel has none for one more.
    """

    def __init__(
        self,
        poller: select.epoll,
        share: Share,
        patience: Patience,
        *,
        begin: Callable[[socket.socket, Any, Any], None],
        make_room: Callable[[], None],
    ) -> None:
        self._poller, self._share, self._patience = poller, share, patience
        self._begin, self._make_room = begin, make_room
        self._listeners: dict[int, Any] = {}
        self._yielding: dict[int, float] = {}
        self._open = False

    def open(self, listeners: Iterable[Any]) -> None:
        """Listen from now on."""
        self._open = True
        self._share.tell(0)
        for listener in listeners:
            listener.setblocking(False)
            self._listeners[listener.fileno()] = listener
            self._poller.register(listener.fileno(), _ARRIVED)

    def close(self) -> None:
        """Take nobody any more; the listeners themselves stay as they are."""
        self._open = False
        self._share.leave()
        for descriptor in self._listeners:
            self._poller.unregister(descriptor)

    def tell(self, connections: int) -> None:
        """Say how many connections the process has now."""
        if self._open:
            self._share.tell(connections)

    def __contains__(self, descriptor: int) -> bool:
        """Return whether one of the listeners has it."""
        return descriptor in self._listeners

    @property
    def pause(self) -> float:
        """Return after how many seconds at most somebody has to look again."""
        return _GLANCE_SECONDS if self._yielding else self._patience.tick

    def attend(self, descriptor: int) -> None:
        """Take the client that has come, or leave it to another process for a moment."""
        if self._share.above_others():
            self._yielding[descriptor] = time.monotonic() + self._patience.yielding
            return
        try:
            self._take_next(self._listeners[descriptor])
        finally:
            self._listen_again(descriptor)

    def look_again(self) -> None:
        """Take clients again where others have caught up, or let wait whom they should take."""
        for descriptor, until in list(self._yielding.items()):
            late = time.monotonic() >= until
            if not late and self._share.above_others():
                continue
            if self._yielding.pop(descriptor, None) is None:  # another thread sees to it
                continue
            try:
                if late:
                    self._take_left(self._listeners[descriptor])
            finally:
                self._listen_again(descriptor)

    def _take_left(self, listener: Any) -> None:
        for _ in range(_MOST_LEFT):
            if not self._open or not self._take_next(listener):
                return

    def _take_next(self, listener: Any) -> bool:
        """Take the client who waits first; return whether there was one."""
        try:
            plain, client = listener.accept()
        except OSError as error:
            if error.errno in _NO_ROOM:
                self._make_room()
            return False
        self._begin(plain, client, listener)
        return True

    def _listen_again(self, descriptor: int) -> None:
        """Have the next client wake a thread; when all ends, nobody listens any more."""
        with suppress(OSError):
            if self._open:
                self._poller.modify(descriptor, _ARRIVED)
