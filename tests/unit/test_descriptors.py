"""A client goes, and the next one gets its descriptor: nothing meant for one reaches the other."""

from __future__ import annotations

import select
import socket
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from gunicorn.config import Config

from config.serving.caller import Caller
from config.serving.entrance import Entrance
from config.serving.worker import PatientWorker

CLIENTS = 3


class Process:
    """A worker before its threads begin, and clients that call it."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        worker = self.worker = object.__new__(PatientWorker)  # it needs no arbiter here
        worker.cfg, worker.worker_connections = Config(), 10
        worker.poller = stack.enter_context(select.epoll())
        worker._lock, worker._callers = threading.Lock(), {}
        room = worker._end_longest_waiting
        worker._entrance = Entrance(
            worker.poller, worker.share, worker.patience, begin=worker._begin, make_room=room
        )
        worker._large_queue, worker._places_free = deque(), 0
        for _ in range(CLIENTS):  # all of them before one is accepted: they have descriptors too
            stack.enter_context(socket.create_connection(self._listener.getsockname()))

    def called(self) -> Caller:
        """Return a new client, of which nothing has come yet."""
        plain, client = self._listener.accept()
        descriptor = plain.fileno()
        self.worker._begin(plain, client, self._listener)
        found = self.worker._callers[descriptor]
        self._stack.callback(found.close)
        return found

    def in_line(self) -> Caller:
        """Return a new client that stands in line for a place, as there is none."""
        found = self.called()
        assert self.worker._claim(found)
        assert not self.worker._begin_large(found)
        return found


@pytest.fixture
def process() -> Iterator[Process]:
    """Yield a worker without a free place."""
    with ExitStack() as stack:
        yield Process(stack)


def test_who_had_a_descriptor_before_is_neither_woken_nor_ended_by_it(process: Process) -> None:
    worker = process.worker
    gone = process.in_line()
    worker._drop(gone)
    newcomer, next_one = process.called(), process.in_line()
    assert newcomer.descriptor == gone.descriptor
    worker._give_place_back()
    assert [descriptor for descriptor, _ in worker.poller.poll(1, 9)] == [next_one.descriptor]
    assert not worker._claim(gone)
    worker._drop(gone)
    assert worker._callers[newcomer.descriptor] is newcomer
    assert worker._claim(newcomer)
    assert not worker._claim(newcomer)  # one thread has it in hand
