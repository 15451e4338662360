"""A connection between requests: what has come of the next one, and how far that is."""

from __future__ import annotations

import time
from enum import Enum, auto
from typing import Any

from gunicorn.workers.gthread import TConn

from config.serving.line import HEAD_END, Line
from config.serving.patience import MOST_KEPT_BYTES, Patience

_PIECE_BYTES = 64 * 1024
_LENGTH = b"\r\ncontent-length:"
_UNTOLD = (b"\r\ntransfer-encoding:", b"\r\nexpect:")
_MOST_DIGITS = 12
_PAUSE, _PAUSE_IN_LINE = 1, 5


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
    end = received.find(HEAD_END)
    if end < 0:
        return Progress.PARTLY if len(received) < MOST_KEPT_BYTES else Progress.LARGE
    head = received[: end + 2].lower()
    if any(name in head for name in _UNTOLD):
        return Progress.LARGE
    stated, whole = head.find(_LENGTH), end + len(HEAD_END)
    if stated >= 0:
        length = head[stated + len(_LENGTH) : head.find(b"\r", stated + 2)].strip()
        if not length.isdigit() or len(length) > _MOST_DIGITS:
            return Progress.LARGE
        whole += int(length)
    if len(received) >= whole:
        return Progress.WHOLE
    return Progress.PARTLY if whole <= MOST_KEPT_BYTES else Progress.LARGE


class Caller(TConn):  # type: ignore[misc]
    """A connection, what has come of its next request, and until when it may wait for the rest.

    ``waiting``: no thread has it in hand. ``closing``: nothing follows what is still unsent.
    ``ending``: the client was told so, and has to close its side. ``asked``: as much as was there
    of the request that a thread has in hand.
    """

    sock: Line

    def __init__(
        self, cfg: Any, line: Line, client: Any, server: Any, *, patience: Patience
    ) -> None:
        super().__init__(cfg, line, client, server)
        self.patience = patience
        self.data_ready = True
        self.descriptor = line.fileno()
        self.received = bytearray()
        self.asked = b""
        self.progress = Progress.PARTLY
        self.deadline = time.monotonic() + patience.whole
        self.waiting = False
        self.closing = False
        self.ending = False

    def take(self) -> Progress:
        """Read what has come, without waiting, and return how far the request is."""
        if self.progress is not Progress.PARTLY:
            return self.progress
        try:
            piece = self.sock.arrived(_PIECE_BYTES)
        except BlockingIOError:
            return Progress.PARTLY
        except OSError:
            return Progress.GONE
        if self.ending:
            return Progress.PARTLY if piece else Progress.GONE
        if not piece:  # the parser knows what a request is that ends too early
            return Progress.WHOLE if self.received else Progress.GONE
        if not self.received:
            self.deadline = time.monotonic() + self.patience.whole
        self.received += piece
        self.progress = progress_of(self.received)
        return self.progress

    def hand_over(self) -> None:
        """Give gunicorn's parser what was read."""
        self.init()
        self.sock.begin_answer()
        self.asked = bytes(self.received)
        self.parser.unreader.unread(self.asked)
        self.received.clear()
        self.progress = Progress.PARTLY

    def take_back(self) -> None:
        """Keep what the parser did not need: the next request, sent before the answer."""
        self.asked = b""
        if early := self.parser.unreader.take_buffered():
            self.received += early
            self.progress = progress_of(self.received)
        self.rest()

    def rest(self) -> None:
        """Begin to wait for the next request, or for the rest of it."""
        if self.sock.unsent:
            seconds = self.patience.leaving(self.sock.unsent)
        else:
            seconds = self.patience.whole if self.received else self.cfg.keepalive
        self.deadline = time.monotonic() + seconds

    def told_to_wait(self) -> int:
        """Return after how many seconds a client whose time is over may ask again.

        None (0) where it asked nothing. Nobody has begun with its request, so it may: every client
        does so after a 503, also without a signature, while some hold an unsigned 408 against the
        network.
        """
        if self.closing or self.sock.unsent or not self.received:
            return 0
        return _PAUSE_IN_LINE if self.progress is Progress.LARGE else _PAUSE
