"""Messages: queued with what causes them, delivered once if all goes well, tried again if not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from config.adapters.sending import send
from config.handlers import HANDLERS
from network.database.connection import Database
from network.ids import uuid7
from network.messaging import queries, service
from network.messaging.port import SmsNotSentError
from network.messaging.service import Claimed, Delivery
from network.messaging.texts import sign_in_text
from network.notices.choices import leaves_at
from network.services import Services
from network.vault import Vault

WALL = datetime(2026, 11, 22, 9, tzinfo=UTC)
PHONE, BODY = "+989123456789", "hello"
MOMENT = timedelta(microseconds=1)


class Provider:
    """A provider that is away for its first calls."""

    def __init__(self, *, away_for: int = 0) -> None:
        self.away_for = away_for
        self.taken: list[tuple[str, str]] = []

    def send(self, recipient: str, body: str) -> None:
        if self.away_for > 0:
            self.away_for -= 1
            raise SmsNotSentError("away")
        self.taken.append((recipient, body))


def queue(database: Database, vault: Vault, *, expires_at: datetime | None = None) -> UUID:
    with database.unit_of_work() as session:
        return service.queue_sms(
            session,
            vault,
            recipient=PHONE,
            body=BODY,
            kind="sign_in",
            locale="fa",
            wall=WALL,
            expires_at=expires_at,
        )


def deliver(
    database: Database, vault: Vault, message_id: UUID, provider: Provider, wall: datetime = WALL
) -> Delivery | None:
    with database.unit_of_work() as session:
        claimed = service.claim(session, vault, message_id=message_id, wall=wall, wanted=leaves_at)
    if claimed is None:
        return None
    return note(database, claimed, sent=taken(provider, claimed), wall=wall)


def try_again_and_again(
    database: Database, vault: Vault, message_id: UUID, provider: Provider, *, times: int
) -> list[Delivery | None]:
    """Deliver at the times at which the message is to be tried."""
    wall, outcomes = WALL, []
    for number in range(times):
        outcomes.append(deliver(database, vault, message_id, provider, wall))
        wall += service.PAUSES[min(number, len(service.PAUSES) - 1)]
    return outcomes


def taken(provider: Provider, claimed: Claimed) -> bool:
    try:
        provider.send(claimed.recipient, claimed.body)
    except SmsNotSentError:
        return False
    return True


def note(database: Database, claimed: Claimed, *, sent: bool, wall: datetime = WALL) -> Delivery:
    with database.unit_of_work() as session:
        return service.note_outcome(session, claimed=claimed, sent=sent, wall=wall)


def test_delivered_once_and_announced_by_id_only(database: Database, vault: Vault) -> None:
    message_id = queue(database, vault)
    provider = Provider()
    assert deliver(database, vault, message_id, provider) == Delivery(state="sent", attempts=1)
    assert deliver(database, vault, message_id, provider) is None
    assert deliver(database, vault, uuid7(), provider) is None
    assert provider.taken == [(PHONE, BODY)]
    with database.reading() as session:
        announced = session.execute(text("SELECT topic, payload FROM network.outbox")).all()
        assert [tuple(row) for row in announced] == [
            (service.TOPIC, {"message_id": str(message_id)})
        ]
        (shown,) = queries.latest(session, vault)
        assert (shown.recipient, shown.body, shown.state) == (PHONE, BODY, "sent")
        assert PHONE not in repr(shown)
        assert BODY not in repr(shown)


def test_nothing_personal_is_stored_in_clear(database: Database, vault: Vault) -> None:
    queue(database, vault)
    with database.reading() as session:
        row = session.execute(text("SELECT m::text FROM network.message m")).scalar_one()
    assert PHONE.encode().hex() not in row
    assert BODY.encode().hex() not in row
    assert PHONE[1:] not in row


def test_a_provider_that_comes_back(database: Database, vault: Vault) -> None:
    message_id = queue(database, vault)
    provider = Provider(away_for=2)
    outcomes = try_again_and_again(database, vault, message_id, provider, times=3)
    assert outcomes == [
        Delivery(state="waiting", attempts=1),
        Delivery(state="waiting", attempts=2),
        Delivery(state="sent", attempts=3),
    ]
    assert [outcome.soon for outcome in outcomes if outcome] == [True, True, False]


def test_a_provider_that_stays_away(database: Database, vault: Vault) -> None:
    message_id = queue(database, vault)
    provider = Provider(away_for=99)
    times = service.MAX_ATTEMPTS
    outcomes = try_again_and_again(database, vault, message_id, provider, times=times)
    assert outcomes[-1] == Delivery(state="failed", attempts=times)
    soon = [each.soon for each in outcomes if each is not None]
    assert (len(soon), sum(soon)) == (times, len(service.SOON))  # the others are the schedule's
    assert deliver(database, vault, message_id, provider) is None
    with database.reading() as session:
        (left,) = queries.unsent(session, wall=WALL)
    assert (left.message_id, left.kind, left.channel) == (message_id, "sign_in", "sms")
    with database.unit_of_work() as session:
        assert service.send_again(session, message_id=message_id, wall=WALL)
        assert not service.send_again(session, message_id=message_id, wall=WALL)
    assert deliver(database, vault, message_id, Provider()) == Delivery(state="sent", attempts=1)


def left_alone(database: Database, after: timedelta) -> list[tuple[UUID, int]]:
    with database.reading() as session:
        return queries.left_alone(session, before=WALL + after)


def test_a_message_that_nobody_tries_is_found_at_its_time(database: Database, vault: Vault) -> None:
    message_id = queue(database, vault)
    first, *_ = service.PAUSES
    assert left_alone(database, first) == []
    assert left_alone(database, first + MOMENT) == [(message_id, 0)]  # its job was lost
    provider = Provider(away_for=5)
    try_again_and_again(database, vault, message_id, provider, times=5)
    due = sum(service.PAUSES[:5], timedelta())
    assert left_alone(database, due) == []
    early = WALL + due - service.EARLY - MOMENT
    assert deliver(database, vault, message_id, provider, early) is None
    assert left_alone(database, due + MOMENT) == [(message_id, 5)]
    deliver(database, vault, message_id, provider, WALL + due)
    assert left_alone(database, timedelta(days=9)) == []


def test_what_came_too_late_is_not_sent_again(database: Database, vault: Vault) -> None:
    message_id = queue(database, vault, expires_at=WALL + timedelta(minutes=3))
    late = WALL + timedelta(minutes=3)
    deliver(database, vault, message_id, Provider(), late)
    with database.unit_of_work() as session:
        assert queries.unsent(session, wall=late) == []
        assert not service.send_again(session, message_id=message_id, wall=late)
    assert stored(database) == ("failed", 0)


def test_a_message_too_late_is_not_sent(database: Database, vault: Vault) -> None:
    message_id = queue(database, vault, expires_at=WALL + timedelta(minutes=3))
    provider = Provider()
    late = deliver(database, vault, message_id, provider, WALL + timedelta(minutes=3))
    assert late is None
    assert provider.taken == []
    assert stored(database) == ("failed", 0)


def stored(database: Database) -> tuple[str, int]:
    """Return state and attempts of the only message."""
    with database.reading() as session:
        row = session.execute(text("SELECT state, attempts FROM network.message")).one()
    return row.state, row.attempts


class Colleague:
    """A provider during whose call another worker is sent for the same message."""

    def __init__(self, services: Services, message_id: UUID) -> None:
        self.services, self.message_id, self.calls = services, message_id, 0

    def send(self, *_: str) -> None:
        self.calls += 1
        with self.services.database.unit_of_work() as session:  # its row is nobody's
            session.execute(text("SELECT 1 FROM network.message FOR UPDATE NOWAIT"))
        with pytest.raises(service.MessageHeldError):
            send(self.services, senders={"sms": self}, message_id=self.message_id)


def test_no_row_is_held_while_a_message_is_sent(services: Services) -> None:
    message_id = queue(services.database, services.vault)
    provider = Colleague(services, message_id)
    sent = send(services, senders={"sms": provider}, message_id=message_id)
    assert sent == Delivery(state="sent", attempts=1)
    assert provider.calls == 1


def test_what_a_dead_worker_claimed_is_sent_after_its_time(
    database: Database, vault: Vault
) -> None:
    message_id = queue(database, vault)
    with database.unit_of_work() as session:
        dead = service.claim(session, vault, message_id=message_id, wall=WALL, wanted=leaves_at)
    assert dead is not None
    provider = Provider(away_for=1)
    after = WALL + service.CLAIM
    outcome = deliver(database, vault, message_id, provider, after)
    assert outcome == Delivery(state="waiting", attempts=2)
    # The first one was only slow: its message has left, and its failure would have said nothing.
    assert note(database, dead, sent=False) == outcome
    assert note(database, dead, sent=True) == Delivery(state="sent", attempts=2)
    assert deliver(database, vault, message_id, provider, after) is None


def test_a_claim_outlives_the_job_that_sends() -> None:
    assert service.CLAIM.total_seconds() > HANDLERS[service.TOPIC].timeout_seconds
    assert HANDLERS[service.TOPIC].retry_seconds == (5, 30, 120, 600)


def test_a_rolled_back_cause_sends_nothing(database: Database, vault: Vault) -> None:
    with database.unit_of_work() as session:
        service.queue_sms(
            session, vault, recipient=PHONE, body=BODY, kind="x", locale="en", wall=WALL
        )
        session.rollback()
    with database.reading() as session:
        assert queries.latest(session, vault) == []
        assert session.execute(text("SELECT count(*) FROM network.outbox")).scalar_one() == 0


def test_old_messages_are_forgotten(database: Database, vault: Vault) -> None:
    message_id = queue(database, vault)
    with database.unit_of_work() as session:
        service.forget_messages(session, before=WALL, limit=9)
        assert len(queries.latest(session, vault)) == 1
        service.forget_messages(session, before=WALL + timedelta(seconds=1), limit=9)
        assert queries.latest(session, vault) == []
        assert (
            service.claim(session, vault, message_id=message_id, wall=WALL, wanted=leaves_at)
            is None
        )


@pytest.mark.parametrize(("locale", "shown"), [("fa", "۰۴۲۷۱۹"), ("en", "042719")])
def test_the_sign_in_text_ends_with_what_browsers_fill_in(locale: str, shown: str) -> None:
    body = sign_in_text(code="042719", minutes=3, domain="wallet.example", locale=locale)
    assert shown in body.split("\n")[0]
    assert body.split("\n")[-1] == "@wallet.example #042719"
