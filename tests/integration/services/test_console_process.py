"""The console as it is served: its own process, built by ``config.wsgi``."""

from __future__ import annotations

import re
import socket
from urllib.parse import urlsplit

import pyotp
import redis
import requests
from rq import Queue

from config.preparation import prepare_installation
from config.web import furnish
from config.web.unread import refusing
from network.clock import local_date, wall_now
from network.database.connection import Database
from network.ledger.partitions import open_first_day
from network.operators import service as operators
from network.services import Services
from network.settings import PROGRAMME_ZONE
from tests.integration.gateway.house import environment_of, listening, serving
from tests.integration.services.fronting import everything
from wallet.app import create_app

PASSWORD = "correct horse battery"
UNREAD = (
    (b"GET /" + b"x" * 8_190 + b" HTTP/1.1\r\n\r\n", 414, "این نشانی بیش از اندازه بلند است"),
    (b"GET / HTTP/1.1\r\nCookie: " + b"x" * 8_190 + b"\r\n", 431, "The browser sent too much"),
    (b"hello\r\n", 400, "This request cannot be read"),
    (b"GET / HTTP/1.1\r\nExpect: miracles\r\n", 417, "This request cannot be read"),
)


def _what_cannot_be_read(url: str) -> None:
    """The server's own refusals are pages like any other, and give nothing of the server away."""
    place = urlsplit(url)
    for wire, status, title in UNREAD:
        head, end = (wire, b"") if wire.endswith(b"\r\n\r\n") else (wire, b"\r\n")
        if wire != UNREAD[0][0]:
            head += b"Accept-Language: en\r\n"
        with socket.create_connection((place.hostname or "", place.port or 0), 20) as line:
            line.sendall(head + end)
            heard = everything(line)
        first, _, page = heard.decode().partition("\r\n\r\n")
        assert first.startswith(f"HTTP/1.1 {status} "), first
        assert "Content-Security-Policy: default-src 'none'" in first
        assert "Set-Cookie" not in first
        assert title in page
        assert "xxx" not in page
        assert "gunicorn" not in heard.decode().lower()


def test_who_was_too_slow_is_told_so_on_a_page(services: Services) -> None:
    app = furnish(create_app(services, local_messages=False), services=services)
    found = refusing(app)("request_late", language="fa", pause=5)
    assert (found.status, found.headers["Retry-After"]) == (503, "5")
    assert found.headers["Content-Language"] == "fa"
    assert "اتصال بیش از اندازه کند بود" in found.body.decode()


def test_the_first_page_shows_the_queues(
    services: Services, owner_database: Database, redis_client: redis.Redis, redis_url: str
) -> None:
    now = wall_now()
    with owner_database.unit_of_work() as session:
        open_first_day(session, business_date=local_date(now, zone=PROGRAMME_ZONE))
    prepare_installation(services, wall=now)
    with services.database.unit_of_work() as session:
        added = operators.add_operator(
            session,
            vault=services.vault,
            now=now,
            email="viewer@example.org",
            name="A Viewer",
            role="viewer",
            password=PASSWORD,
        )
    Queue("messages", connection=redis_client).enqueue("nobody.works_here")
    environment = environment_of(services)
    with (
        listening() as (listener, url),
        serving(listener, url=url, environment=environment, application="console"),
        requests.Session() as browser,
    ):
        _what_cannot_be_read(url)
        form = browser.get(f"{url}/sign-in?lang=en", timeout=20).text
        token = re.search(r'name="csrf_token" value="([^"]+)"', form)
        assert token is not None
        page = browser.post(
            f"{url}/sign-in",
            data={
                "csrf_token": token[1],
                "email": "viewer@example.org",
                "password": PASSWORD,
                "code": pyotp.TOTP(added.totp_secret).now(),
            },
            timeout=20,
        ).text
    assert "Outbox and queues" in page
    assert "can&#39;t be asked" not in page
    row = re.search(r'>Messages</th><td class="number">(\d)</td>', page)
    assert row is not None
    assert row[1] == "1"
