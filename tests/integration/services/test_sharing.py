"""How a front's processes share out its clients."""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.integration.services import echoing
from tests.integration.services.fronting import PATIENCE_SECONDS, Front, get, serving, until


def which(line: socket.socket) -> int:
    """Return which process answers there."""
    line.sendall(get("/process"))
    found = re.search(rb"process (\d+)\.", until(line, b"."))
    assert found
    return int(found[1])


def one_each(front: Front, stack: ExitStack) -> list[int]:
    """Keep one connection with each of two processes; return them once both take clients."""
    first = which(stack.enter_context(front.call()))
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        line = front.call()
        if (other := which(line)) != first:
            stack.enter_context(line)
            return [first, other]
        line.close()
    raise AssertionError("one process takes all clients")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as found:
        yield found


def test_clients_that_come_at_once_are_shared_out(stack: ExitStack) -> None:
    worker = f"{echoing.__name__}.{echoing.YieldingWorker.__name__}"
    front = stack.enter_context(serving("--workers", "2", "--worker-class", worker))
    processes = one_each(front, stack)
    lines = [stack.enter_context(front.call()) for _ in range(10)]
    assert Counter(which(line) for line in lines) == dict.fromkeys(processes, 5)


def test_a_stuck_process_keeps_nobody_waiting(stack: ExitStack) -> None:
    front = stack.enter_context(serving("--workers", "2"))
    stuck, other = one_each(front, stack)
    os.kill(stuck, signal.SIGSTOP)
    stack.callback(os.kill, stuck, signal.SIGCONT)
    while Path(f"/proc/{stuck}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "T":
        os.sched_yield()
    lines = [stack.enter_context(front.call()) for _ in range(6)]
    assert {which(line) for line in lines} == {other}


def test_who_takes_the_place_of_a_dead_process_takes_the_next_clients(stack: ExitStack) -> None:
    front = stack.enter_context(serving("--workers", "2"))
    dead, other = one_each(front, stack)
    os.kill(dead, signal.SIGKILL)
    assert set(one_each(front, stack)) - {dead, other}
