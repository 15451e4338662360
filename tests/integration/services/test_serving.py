"""How fronts take requests: whole ones, whatever others do meanwhile, and to the end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from config.serving.caller import Progress, progress_of
from config.serving.patience import MOST_KEPT_BYTES
from tests.integration.services import echoing
from tests.integration.services.fronting import (
    PING,
    Front,
    everything,
    get,
    head,
    post,
    serving,
    until,
)

PROGRESS = {
    "nothing": (b"", Progress.PARTLY),
    "half a head": (PING[:-1], Progress.PARTLY),
    "no body": (PING, Progress.WHOLE),
    "and more": (PING + PING[:5], Progress.WHOLE),
    "half a body": (post(b"12345")[:-1], Progress.PARTLY),
    "a body": (post(b"12345"), Progress.WHOLE),
    "spaces and capitals": (b"POST / HTTP/1.1\r\nCONTENT-LENGTH: \t3 \r\n\r\n12", Progress.PARTLY),
    "an odd length": (b"POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\n", Progress.LARGE),
    "a long length": (
        b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n",
        Progress.LARGE,
    ),
    "a large body": (b"POST / HTTP/1.1\r\nContent-Length: 65536\r\n\r\n", Progress.LARGE),
    "in pieces": (head(b"transfer-Encoding: chunked"), Progress.LARGE),
    "may I": (post(b"", b"EXPECT: 100-continue"), Progress.LARGE),
    "a head without end": (b"GET / HTTP/1.1\r\n" + b"x" * MOST_KEPT_BYTES, Progress.LARGE),
    "a length in the body": (post(b"\r\nContent-Length: 9\r\n\r\n"), Progress.WHOLE),
}


@pytest.mark.parametrize("name", PROGRESS)
def test_how_far_a_request_is(name: str) -> None:
    received, progress = PROGRESS[name]
    assert progress_of(bytearray(received)) is progress


@pytest.fixture(scope="module")
def front() -> Iterator[Front]:
    with serving() as found:
        yield found


def test_clients_that_stop_hold_nobody_up(front: Front) -> None:
    large = head(b"Content-Length: 100000") + b"x"
    chunked = head(b"Transfer-Encoding: chunked") + b"5\r\nab"
    stopped = [PING[:20], post(b"12345")[:-2], large, chunked, b""] * 10
    with ExitStack() as stack:
        lines = [stack.enter_context(front.call()) for _ in stopped]
        for line, start in zip(lines, stopped, strict=True):
            line.sendall(start)
        assert front.ask(PING).endswith(b"GET /ping ")
        lines[1].sendall(b"45")
        assert until(lines[1], b"POST /a 12345")


def test_a_request_comes_in_any_pieces(front: Front) -> None:
    whole = post(b"in pieces")
    assert front.ask(*(bytes([each]) for each in whole)).endswith(b"POST /a in pieces")
    large = post(b"x" * 300_000)
    assert front.ask(large[:100], large[100:]).endswith(b"POST /a " + b"x" * 300_000)
    chunks = b"4\r\nsome\r\n3\r\nall\r\n0\r\n\r\n"
    begin = head(b"Transfer-Encoding: chunked", path=b"/c")
    assert front.ask(begin + chunks[:5], chunks[5:]).endswith(b"POST /c someall")


def test_requests_in_one_piece_are_answered_in_order(front: Front) -> None:
    heard = front.ask(post(b"1") + post(b"2") + PING + post(b"3")[:-1])
    assert heard.count(b"HTTP/1.1 200 OK") == 3 + 1  # the last one's body ended too early
    places = [heard.index(each) for each in (b"POST /a 1", b"POST /a 2", b"GET /ping ")]
    assert places == sorted(places)


def test_a_connection_is_kept(front: Front) -> None:
    with front.call() as line:
        for body in (b"one", b"two"):
            line.sendall(post(body))
            assert b"Connection: keep-alive" in until(line, b"POST /a " + body)
        line.sendall(b"HEAD /ping HTTP/1.1\r\nHost: here\r\n\r\n")
        assert until(line, b"\r\n\r\n").startswith(b"HTTP/1.1 200")
        line.sendall(b"GET /empty HTTP/1.1\r\nHost: here\r\n\r\n")
        assert until(line, b"\r\n\r\n").startswith(b"HTTP/1.1 204")
        line.sendall(b"GET /file HTTP/1.1\r\nHost: here\r\n\r\n")
        source = Path(echoing.__file__).read_bytes()
        above, _, body = until(line, source[-40:]).partition(b"\r\n\r\n")
        assert above.startswith(b"HTTP/1.1 200")
        assert body == source
        line.sendall(post(b"yes", b"Expect: 100-continue")[:-3])
        until(line, b"HTTP/1.1 100 Continue\r\n\r\n")
        line.sendall(b"yes")
        until(line, b"POST /a yes")


def test_what_is_no_request_is_refused(front: Front) -> None:
    assert front.ask(b"what?\r\n\r\n").startswith(b"HTTP/1.1 400")
    assert front.ask(b"\r\n\r\n").startswith(b"HTTP/1.1 400")
    assert front.ask(b"GET / HTTP/1.1\r\nX: " + b"x" * 9_000 + b"\r\n\r\n").startswith(
        b"HTTP/1.1 431"
    )
    many = b"".join(b"X-%d: %b\r\n" % (each, b"x" * 8_000) for each in range(61))
    assert front.ask(b"GET / HTTP/1.1\r\n" + many + b"\r\n").startswith(b"HTTP/1.1 431")
    assert front.ask(b"GET /" + b"x" * 70_000).startswith(b"HTTP/1.1 414")
    assert front.ask(head(b"Expect: miracles")).startswith(b"HTTP/1.1 417")
    smuggled = head(b"Content-Length: 4", b"Transfer-Encoding: chunked") + b"0\r\n\r\n" + PING
    assert b"GET /ping" not in front.ask(smuggled)
    assert front.ask(b"GET / HT") == b""


def test_what_has_begun_is_answered_before_the_end(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    with (
        serving(**{echoing.GATE: str(gate)}) as front,
        front.call() as runs,
        front.call() as begun,
        front.call() as kept,
    ):
        kept.sendall(PING)
        until(kept, b"GET /ping ")
        begun.sendall(post(b"12345")[:-5])
        runs.sendall(get("/gate"))
        with gate.open("wb"):  # opens when the request is under way
            front.stop()
            assert everything(kept) == b""  # it ends soon, with nothing under way
            begun.sendall(b"12345")
            heard = everything(begun)
            assert heard.endswith(b"POST /a 12345")
            assert b"Connection: close" in heard
        assert everything(runs).endswith(b"GET /gate ")
        assert front.forged.said.read() == b""  # all have ended, without a complaint
