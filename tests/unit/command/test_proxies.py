"""Which address a front believes in, behind none, one or two proxies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest
from werkzeug.test import Client

from config.wsgi import behind_proxies

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

HEADERS = {
    "Host": "gateway.example.org",
    "X-Forwarded-For": "6.6.6.6, 203.0.113.7, 10.0.0.2",
    "X-Forwarded-Proto": "ftp, https, http",
    "X-Forwarded-Host": "evil.example.org",
    "X-Forwarded-Port": "81",
    "X-Forwarded-Prefix": "/elsewhere",
}


def said(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    names = ("REMOTE_ADDR", "wsgi.url_scheme", "HTTP_HOST", "SCRIPT_NAME")
    return [" ".join(str(environ.get(name, "")) for name in names).encode()]


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, "192.0.2.1 http gateway.example.org "),
        (1, "10.0.0.2 http gateway.example.org "),
        (2, "203.0.113.7 https gateway.example.org "),
    ],
)
def test_only_the_trusted_hops_count_and_the_host_stays(count: int, expected: str) -> None:
    client = Client(behind_proxies(said, count=count))
    answer = client.get("/", headers=HEADERS, environ_overrides={"REMOTE_ADDR": "192.0.2.1"})
    assert answer.get_data(as_text=True) == expected
