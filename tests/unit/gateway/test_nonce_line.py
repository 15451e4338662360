"""What is read from the line to Valkey, and for how long it is waited for."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import redis as valkey

from merchant_gateway.nonce_line import _let_kernel_wait, _told, bulk

COMMAND = f"*2\r\n{bulk('GET', 'a key')}"


@pytest.fixture
def ends() -> Iterator[tuple[SimpleNamespace, socket.socket]]:
    """Yield a line as the gateway has it, and Valkey's end of it."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(30)
        _let_kernel_wait(ours)
        yield SimpleNamespace(_sock=ours), theirs


@pytest.mark.parametrize("pieces", [[b"$3\r\n1 2\r\n"], [b"$3", b"\r\n", b"1 ", b"2\r", b"\n"]])
def test_a_string_is_read_whole_however_it_comes(
    ends: tuple[SimpleNamespace, socket.socket], pieces: list[bytes]
) -> None:
    line, theirs = ends

    def answer() -> None:
        assert theirs.recv(100) == COMMAND.encode()
        for piece in pieces:
            theirs.send(piece)

    valkeys = threading.Thread(target=answer)
    valkeys.start()
    assert _told(line, COMMAND) == b"1 2"
    valkeys.join()


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        (b"-NOSCRIPT No matching script.\r\n", valkey.exceptions.NoScriptError),
        (b"-LOADING it reads its data\r\n", valkey.ResponseError),
        (b":1\r\n", valkey.ResponseError),
    ],
)
def test_what_is_no_string_is_an_error(
    ends: tuple[SimpleNamespace, socket.socket], said: bytes, refusal: type[Exception]
) -> None:
    line, theirs = ends
    theirs.send(said)
    with pytest.raises(refusal):
        _told(line, COMMAND)


@pytest.mark.parametrize("said", [b"", b"$3\r\n1"])
def test_who_hangs_up_has_not_answered(
    ends: tuple[SimpleNamespace, socket.socket], said: bytes
) -> None:
    line, theirs = ends
    theirs.send(said)
    theirs.shutdown(socket.SHUT_WR)
    with pytest.raises(valkey.ConnectionError):
        _told(line, COMMAND)


@pytest.mark.parametrize("said", [b"", b"$3\r\n1"])
def test_silence_ends_at_the_lines_limit(said: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(0.05)
        _let_kernel_wait(ours)
        theirs.send(said)
        with pytest.raises(valkey.TimeoutError):
            _told(SimpleNamespace(_sock=ours), COMMAND)
