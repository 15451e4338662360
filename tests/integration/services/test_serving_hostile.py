"""What clients may try with a front: none of it holds others up, and none of it stays."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.integration.services import echoing
from tests.integration.services.fronting import (
    PING,
    Front,
    everything,
    get,
    head,
    post,
    reset,
    serving,
    until,
)
from tests.integration.services.helpers import wait_for

LARGE = head(b"Content-Length: 100000")
CHUNKED = head(b"Transfer-Encoding: chunked")
EXPECTING = head(b"Content-Length: 9", b"Expect: 100-continue")
SMALL_WINDOW = 4_096
THREADS = 4
MARGIN = 1_000_000
MANY = 100


@pytest.fixture(scope="module")
def front() -> Iterator[Front]:
    """Yield a front as in production."""
    with serving() as found:
        yield found


@pytest.fixture(scope="module")
def hasty() -> Iterator[Front]:
    """Yield a front that waits a fraction of a second where others wait many."""
    worker = f"{echoing.__name__}.{echoing.HastyWorker.__name__}"
    with serving("--worker-class", worker) as found:
        yield found


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a named pipe for ``/gate``."""
    path = tmp_path_factory.mktemp("gate") / "gate"
    os.mkfifo(path)
    return path


@pytest.fixture(scope="module")
def single(gate: Path) -> Iterator[Front]:
    """Yield a front with one thread, which shows whom that waits for."""
    worker = f"{echoing.__name__}.{echoing.RoomyWorker.__name__}"
    arguments = ("--worker-class", worker, "--threads", "1")
    with serving(*arguments, **{echoing.GATE: str(gate)}) as found:
        yield found


def in_time(succeeds: Callable[[], bool]) -> None:
    """Try again where the test itself was too slow for a hasty front."""

    def attempt() -> bool:
        try:
            return succeeds()
        except ConnectionError:
            return False

    wait_for(attempt)


def left_of(line: socket.socket) -> bytes:
    """Return what is heard to the end, which may be a reset where the test was too slow."""
    try:
        return everything(line)
    except ConnectionError:
        return b""


@pytest.mark.parametrize("start", [PING[:20], b"G", post(b"12345")[:-2]])
def test_a_request_that_does_not_arrive_is_told_so(hasty: Front, start: bytes) -> None:
    def told() -> bool:
        with hasty.call() as line:
            line.sendall(start)
            heard = everything(line)
        return (
            heard.startswith(b"HTTP/1.1 503 ")
            and b"Retry-After: 1\r\n" in heard
            and b"Connection: close" in heard
        )

    in_time(told)


def test_who_asks_nothing_is_told_nothing(hasty: Front) -> None:
    with hasty.call() as line:
        assert left_of(line) == b""


@pytest.mark.parametrize("start", [LARGE, CHUNKED, EXPECTING, b"GET /" + b"x" * 70_000])
@pytest.mark.parametrize("rest", [b"", b"5\r\nab"])
def test_silence_in_a_large_request_ends_it(hasty: Front, start: bytes, rest: bytes) -> None:
    with hasty.call() as line:
        line.sendall(start + rest)
        assert b" 200 " not in left_of(line)


def test_a_byte_now_and_then_does_not_keep_a_place(hasty: Front) -> None:
    with ExitStack() as stack:
        lines = [stack.enter_context(hasty.call()) for _ in range(THREADS)]
        for line in lines:
            line.sendall(LARGE)
        open_still = set(lines)
        while open_still:
            for line in list(open_still):
                heard, _, _ = select.select([line], [], [], 0.01)
                try:
                    line.sendall(b"x")
                    if heard and not line.recv(1_024):
                        open_still.remove(line)
                except ConnectionError:
                    open_still.remove(line)
    in_time(lambda: hasty.ask(post(b"x" * 100_000)).endswith(b"x" * 100_000))


def test_a_line_for_a_place_moves_on(hasty: Front) -> None:
    with ExitStack() as stack:
        lines = []
        for _ in range(5 * THREADS):
            lines.append(stack.enter_context(hasty.call()))
            lines[-1].sendall(LARGE)
        in_time(lambda: hasty.ask(PING).endswith(b"GET /ping "))
        told = [left_of(line) for line in lines]
    assert all(each == b"" or b" 503 " in each for each in told)
    assert any(told)
    in_time(lambda: hasty.ask(post(b"x" * 100_000)).endswith(b"x" * 100_000))


def test_who_takes_no_answer_holds_nobody_up(front: Front) -> None:
    with ExitStack() as stack:
        lines = [stack.enter_context(front.call(window=SMALL_WINDOW)) for _ in range(3 * THREADS)]
        for line in lines:
            line.sendall(get("/much") + PING)
            assert line.recv(12) == b"HTTP/1.1 200"
        assert front.ask(PING).endswith(b"GET /ping ")
        for line in lines[:2]:  # who takes it after all has it whole, and the next answer after it
            assert until(line, b"GET /ping ").count(b"much ") == echoing.MUCH.count(b"much ")


def test_who_takes_no_large_answer_holds_half_of_the_threads_at_most(front: Front) -> None:
    front.await_sockets(before := _at_rest(front))
    with ExitStack() as stack:
        for _ in range(2 * THREADS):
            line = stack.enter_context(front.call(window=SMALL_WINDOW))
            line.sendall(get("/huge"))
            with suppress(ConnectionError):  # who finds no place is cut off
                line.recv(12)
        assert front.ask(PING).endswith(b"GET /ping ")
    front.await_sockets(before)
    assert len(front.ask(get("/huge"))) > len(echoing.HUGE)  # the places are free again


def test_a_thread_waits_only_for_what_cannot_be_kept(single: Front) -> None:
    with single.call(window=SMALL_WINDOW) as line:
        line.sendall(get("/huge"))
        heard = 0
        while heard <= len(echoing.HUGE) - echoing.ROOM + MARGIN:
            heard += len(line.recv(65_536))
        assert single.ask(PING).endswith(b"GET /ping ")
        while heard < len(echoing.HUGE):  # the rest comes all the same
            piece = line.recv(1_048_576)
            assert piece
            heard += len(piece)


def test_who_sends_many_requests_at_once_has_one_turn_like_others(
    single: Front, gate: Path
) -> None:
    with single.call() as many, single.call() as newcomer:
        many.sendall(get("/gate") + get("/turn") * MANY)
        with gate.open("wb"):  # opens when the only thread is taken
            newcomer.sendall(get("/turn"))
        turn = int(until(newcomer, b".").rpartition(b"turn ")[2][:-1])
        assert turn < MANY / 2
        assert until(many, b"turn %d." % (MANY + 1)).count(b"turn ") == MANY


def test_a_client_that_cannot_be_watched_costs_no_thread() -> None:
    worker = f"{echoing.__name__}.{echoing.RefusedWorker.__name__}"
    with serving("--worker-class", worker) as refused:
        for _ in range(echoing.REFUSED):
            with refused.call() as line:
                assert line.recv(1) == b""
        before = _at_rest(refused)
        assert refused.ask(PING).endswith(b"GET /ping ")
        refused.await_sockets(before)
        refused.stop()
        assert refused.forged.said.read().count(b"No space left on device") == echoing.REFUSED


def test_an_answer_that_is_not_taken_ends(hasty: Front) -> None:
    before = hasty.sockets()
    with ExitStack() as stack:
        for _ in range(2 * THREADS):
            line = stack.enter_context(hasty.call(window=SMALL_WINDOW))
            line.sendall(get("/much"))
        hasty.await_sockets(before)
        in_time(lambda: hasty.ask(PING).endswith(b"GET /ping "))


def test_who_leaves_before_the_answer_leaves_nothing_behind(front: Front) -> None:
    front.await_sockets(before := _at_rest(front))
    for _ in range(3 * THREADS):
        line = front.call()
        line.sendall(get("/gone"))
        reset(line)
    for start in (b"", PING[:20], LARGE, CHUNKED + b"5\r\nab", get("/much")):
        line = front.call(window=SMALL_WINDOW)
        line.sendall(start)
        reset(line)
    front.await_sockets(before)
    assert front.ask(PING).endswith(b"GET /ping ")


def test_who_says_that_nothing_follows_waits_for_nothing(front: Front) -> None:
    for start in (b"", PING[:20], post(b"12345")[:-2], LARGE, CHUNKED + b"5\r\nab"):
        for _ in range(2 * THREADS):
            assert b"HTTP/1.1 5" not in front.ask(start)
    assert front.ask(get("/much")).count(b"much ") == echoing.MUCH.count(b"much ")


def test_an_application_that_fails_costs_one_connection(front: Front) -> None:
    front.await_sockets(before := _at_rest(front))
    for _ in range(2 * THREADS):
        assert front.ask(get("/breaks")).endswith(b"half")
        assert front.ask(get("/exits")) == b""
    assert front.ask(PING).endswith(b"GET /ping ")
    front.await_sockets(before)


def _at_rest(front: Front) -> int:
    """Return how many sockets are open when nobody calls: listener and whatever stays."""
    with front.call() as line:
        line.sendall(PING)
        until(line, b"GET /ping ")
        return front.sockets() - 1
