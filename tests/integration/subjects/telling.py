"""Having members told of what happened, and reading what they were told."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import redis

from config.handlers import HANDLERS
from config.queues import NOTICES, queue
from config.relay import relay_once
from network.clock import local_date, wall_now
from network.ledger import operations
from network.ledger.values import Claim, Event, Grant
from network.messaging.queries import MessageView, latest
from network.notices import choices, expiring, queries
from network.notices.choices import Choice
from network.services import Services
from network.settings import PROGRAMME_ZONE
from tests.browser.console import story as stories
from tests.browser.console.story import Story
from tests.fixtures.programme import Programme

NEVER_QUIET = Choice(quiet_from=0, quiet_until=0)


def begin(services: Services, programme: Programme) -> Story:
    """Return a coalition whose members never want quiet."""
    story = stories.begin(services, programme, days_ago=0)
    with services.database.unit_of_work() as session:
        for member_id in story.members:
            choices.choose(session, member_id=member_id, choice=NEVER_QUIET)
    return story


def grant(story: Story, member_id: UUID, points: int, *, days: int, pending: int = 0) -> None:
    """Give points whose last day is so many days ahead."""
    shop, now = story.shops[0], story.programme.now()
    today = local_date(now, zone=PROGRAMME_ZONE)
    number = next(story.numbers)
    with story.services.database.ledger() as connection:
        operations.earn(
            connection,
            now=now,
            claim=Claim(client_id=shop.merchant_id, key=f"g{number}", fingerprint=b"g" * 32),
            member_id=member_id,
            event=Event(
                merchant_id=shop.merchant_id,
                merchant_ref=f"g{number}",
                effective_at=now,
                amount=points * 1000,
                currency="IRR",
            ),
            grants=[
                Grant(
                    issuer_id=shop.merchant_id,
                    terms_id=shop.agreement_id,
                    price=shop.price,
                    points=points,
                    base=points * 1000,
                    active_from=today + timedelta(days=pending),
                    expires_on=today + timedelta(days=days + 1),
                    line=0,
                )
            ],
            explanation=[],
            evidence=None,
        )


def work(services: Services, client: redis.Redis, *, times: int = 1) -> int:
    """Relay what waits and run the jobs of the notices' queue; return how many."""
    relay_once(services.database, client)
    jobs = queue(NOTICES, connection=client).jobs
    for job in jobs:
        topic, payload = job.args
        for _ in range(times):
            HANDLERS[topic].load()(services, **payload)
    client.flushdb()
    return len(jobs)


def messages(services: Services) -> list[MessageView]:
    """Return the messages that were stored, the newest first."""
    with services.database.reading() as session:
        return latest(session, services.vault)


def bodies(services: Services, recipient: str) -> list[str]:
    """Return the first lines of the messages to a number, in alphabetical order."""
    found = [each.body.rsplit("\n", 1)[0] for each in messages(services)]
    return sorted(
        body
        for body, each in zip(found, messages(services), strict=True)
        if each.recipient == recipient
    )


def page(services: Services, member_id: UUID) -> list[queries.NoticeView]:
    """Return a member's notices, the newest first."""
    with services.database.reading() as session:
        return queries.page(session, services.vault, member_id=member_id, limit=50)


def tell(services: Services, today: datetime) -> None:
    """Run the day's news of expiring points to its end."""
    day = local_date(today, zone=PROGRAMME_ZONE)
    more = True
    while more:
        with services.database.unit_of_work() as session:
            more = expiring.tell_piece(
                session, services.vault, today=day, wallet_url="https://w", wall=wall_now()
            )
