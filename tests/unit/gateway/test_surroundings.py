"""The client goes the way that the environment names, and asks for it once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from merchant_gateway.client import GatewayClient, UnreachableError, UntrustedAnswerError
from merchant_gateway.signing import Ed25519SigningKey

NOBODY = "http://127.0.0.1:1"
VARIABLES = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY")


class Proxy(BaseHTTPRequestHandler):
    """Answers in the place of whom it is asked for, and keeps who that was."""

    asked: list[tuple[str, str | None]]

    def do_GET(self) -> None:
        """Take what is asked for."""
        self.asked.append((self.path, self.headers["Authorization"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str | None]]]:
    """Yield what a proxy is asked for, which the environment names."""
    kept: list[tuple[str, str | None]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Kept", (Proxy,), {"asked": kept}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_port}")
    yield kept
    server.shutdown()
    thread.join()
    server.server_close()


def client(session: requests.Session | None = None) -> GatewayClient:
    return GatewayClient(
        url=NOBODY,
        key_id="mk_test_x",
        key=Ed25519SigningKey.generate(),
        attempts=1,
        session=session,
    )


def test_the_proxy_of_the_environment_is_used_and_read_once(
    asked: list[tuple[str, str | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    till = client()
    with pytest.raises(UntrustedAnswerError):  # the proxy signs nothing
        till.ping()
    assert asked[0] == (f"{NOBODY}/v1/ping", None)
    monkeypatch.delenv("http_proxy")
    before = len(asked)
    with pytest.raises(UntrustedAnswerError):
        till.ping()
    assert f"{NOBODY}/v1/ping" in [path for path, _ in asked[before:]]


def test_exceptions_and_a_session_of_ones_own_are_followed(
    asked: list[tuple[str, str | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = requests.Session()
    own.trust_env = False
    with pytest.raises(UnreachableError):
        client(own).ping()
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(UnreachableError):
        client().ping()
    assert asked == []
