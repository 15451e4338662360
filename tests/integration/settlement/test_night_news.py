"""Operators who want it are told how a night ended or that it stands still: once, by their way."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
import redis
from sqlalchemy import text

from config.adapters.sending import send_message
from config.jobs import announce_night
from config.schedule import tell_stalled
from network.clock import wall_now
from network.database.connection import Database
from network.messaging import queries as messages
from network.operators import service
from network.services import Services
from network.vault import Vault
from settlement.controls import ControlTotalsError
from tests.integration.settlement.coalition import DAY, NEXT_DAY, THIRD_DAY, Coalition
from tests.integration.settlement.pictures import settle


class Server(socketserver.ThreadingTCPServer):
    """A mail server that keeps what it is sent."""

    daemon_threads = True
    taken: list[str]


class Talk(socketserver.StreamRequestHandler):
    """Speaks as much SMTP (RFC 5321) as one message needs."""

    def handle(self) -> None:
        """Answer line by line."""
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            word = line[:4].upper()
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                body = b""
                while (part := self.rfile.readline()) != b".\r\n":
                    body += part
                self.server.taken.append(body.decode())  # type: ignore[attr-defined]
            self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 fine\r\n")


@contextmanager
def mail_server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Talk) as server:
        server.taken = []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def told(services: Services, vault: Vault, coalition: Coalition) -> Coalition:
    """Return the coalition with one operator for each way, and a day that ended."""
    for way, locale in (("none", "en"), ("email", "en"), ("sms", "fa")):
        with services.database.unit_of_work() as session:
            added = service.add_operator(
                session,
                vault=vault,
                now=wall_now(),
                email=f"{way}@example.org",
                name=way,
                role="viewer",
                password="correct horse battery",
            ).operator
            service.set_locale(session, now=wall_now(), operator=added, locale=locale)
            service.set_notices(
                session,
                vault=vault,
                now=wall_now(),
                operator=added,
                notices=way,
                phone="0912 123 4567" if way == "sms" else "",
            )
    coalition.play_two_days()
    coalition.programme.move(coalition.at(NEXT_DAY))
    return coalition


def sent(database: Database, vault: Vault) -> list[tuple[str, str]]:
    with database.reading() as session:
        return [(each.recipient, each.body) for each in messages.latest(session, vault)]


def ended(database: Database) -> list[dict[str, str]]:
    with database.reading() as session:
        return list(
            session.scalars(
                text("""
                    SELECT payload FROM network.outbox WHERE topic = 'settlement.night_ended'
                    ORDER BY event_id
                """)
            )
        )


def test_a_settled_night_is_told_once_and_leaves_by_mail(
    services: Services, told: Coalition, vault: Vault
) -> None:
    settle(services, DAY)
    settle(services, DAY)
    (payload,) = ended(services.database)
    assert payload == {"business_date": str(DAY), "state": "done"}
    for _ in range(2):
        announce_night(services, **payload)
    found = dict(sent(services.database, vault))
    assert set(found) == {"email@example.org", "+989121234567"}
    assert found["email@example.org"].startswith("Peyvand: the night of ")
    assert "تسویه شد" in found["+989121234567"].splitlines()[0]

    with services.database.reading() as session:
        message_id = next(
            each.message_id
            for each in messages.latest(session, vault)
            if each.recipient == "email@example.org"
        )
    with mail_server() as server:
        url = f"smtp://127.0.0.1:{server.server_address[1]}"
        mailing = replace(services, settings=replace(services.settings, smtp_url=url))
        send_message(mailing, message_id=str(message_id))
        send_message(mailing, message_id=str(message_id))
    (mail,) = server.taken
    assert "To: email@example.org" in mail
    assert "Subject: Peyvand: the night of" in mail
    assert f"/settlement/nights/{DAY}" in mail


def test_a_night_that_stops_says_why_and_the_same_failure_is_told_once(
    services: Services, told: Coalition, vault: Vault, owner_database: Database
) -> None:
    with owner_database.unit_of_work() as session:
        session.execute(
            text("""
                CREATE FUNCTION network.plant() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN NEW.points := NEW.points + 1; RETURN NEW; END $$;
                CREATE TRIGGER plant BEFORE INSERT ON network.obligation
                FOR EACH ROW WHEN (NEW.kind = 'redemption') EXECUTE FUNCTION network.plant()
            """)
        )
    for _ in range(2):
        with pytest.raises(ControlTotalsError):
            settle(services, DAY)
    for payload in ended(services.database):
        assert payload["state"] == "stopped"
        announce_night(services, **payload)
    found = dict(sent(services.database, vault))
    assert len(found) == 2
    assert "Control totals do not agree" in found["email@example.org"]


def test_a_night_that_does_not_begin_or_falls_silent_is_told(
    services: Services,
    told: Coalition,
    vault: Vault,
    owner_database: Database,
    redis_client: redis.Redis,
) -> None:
    asked: set[object] = set()
    midnight = told.at(NEXT_DAY, hour=0)

    def look(*, minutes: int) -> object:
        now = midnight + timedelta(minutes=minutes)
        return tell_stalled(services, redis_client, now=now, told=asked)  # type: ignore[arg-type]

    assert look(minutes=30) is None
    assert look(minutes=61) == DAY
    assert look(minutes=62) is None
    announce_night(services, business_date=str(DAY), state="stalled")
    assert "has not begun" in dict(sent(services.database, vault))["email@example.org"]

    settle(services, DAY)
    told.programme.move(told.at(THIRD_DAY))
    settle(services, NEXT_DAY)
    midnight = told.at(THIRD_DAY, hour=0)
    assert look(minutes=90) is None
    with owner_database.unit_of_work() as session:
        session.execute(
            text("""
                UPDATE network.settlement_run SET state = 'running', step = 'mature',
                    heartbeat_at = clock_timestamp() - interval '3 minutes'
                WHERE business_date = :day
            """),
            {"day": NEXT_DAY},
        )
    assert look(minutes=90) == NEXT_DAY
    announce_night(services, business_date=str(NEXT_DAY), state="stalled")
    bodies = [body for recipient, body in sent(services.database, vault) if "@" in recipient]
    assert any("is silent" in body for body in bodies)
