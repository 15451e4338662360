"""The console as it is served: its own process, built by ``config.wsgi``."""

from __future__ import annotations

import re

import pyotp
import redis
import requests
from rq import Queue

from config.preparation import prepare_installation
from network.clock import local_date, wall_now
from network.database.connection import Database
from network.ledger.partitions import open_first_day
from network.operators import service as operators
from network.services import Services
from network.settings import PROGRAMME_ZONE
from tests.integration.gateway.house import environment_of, listening, serving

PASSWORD = "correct horse battery"


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
