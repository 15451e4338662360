"""Notices: a member is told of every redemption, once, in the member's language."""

from __future__ import annotations

from datetime import timedelta

import pytest
import redis

from config.handlers import HANDLERS
from config.queues import MESSAGES, queue
from config.relay import relay_once
from config.schedule import ask_untold
from network.clock import wall_now
from network.events.queries import waiting
from network.ledger import operations
from network.ledger.values import Claim, Event
from network.members.service import set_preferences
from network.messaging.queries import MessageView, latest
from network.notices import untold
from network.services import Services
from tests.browser.console import story as stories
from tests.browser.console.story import Shop, Story
from tests.fixtures.programme import Programme


@pytest.fixture
def story(services: Services, programme: Programme) -> Story:
    """Return a coalition in which every member has earned."""
    story = stories.begin(services, programme, days_ago=0)
    for member_id in story.members:
        story.earn(member_id, story.shops[0], amount=9_000_000)
    return story


def messages(services: Services) -> list[MessageView]:
    with services.database.reading() as session:
        return latest(session, services.vault)


def work(services: Services, client: redis.Redis, *, times: int = 1) -> int:
    """Relay what waits and run the notices' jobs, each as often as told; return how many."""
    relay_once(services.database, client)
    waiting = queue(MESSAGES, connection=client)
    ran = 0
    for job in waiting.jobs:
        topic, payload = job.args
        if topic.startswith("ledger."):
            ran += 1
            for _ in range(times):
                HANDLERS[topic].load()(services, **payload)
    client.flushdb()
    return ran


def test_a_redemption_is_told_once_however_often_its_job_runs(
    story: Story, services: Services, redis_client: redis.Redis
) -> None:
    work(services, redis_client)  # earnings are not announced
    assert messages(services) == []
    shop = story.shops[2]
    story.redeem(story.members[0], shop, points=70)
    assert work(services, redis_client, times=2) == 1
    (message,) = messages(services)
    assert message.recipient == "+989125551000"
    assert (message.kind, message.locale) == ("redeemed", "fa")
    assert message.body == (
        "پیوند: ۷۰ امتیاز در میوه‌سرای بوستان خرج شد.\n"
        "مانده: ۵۰ امتیاز.\n"
        "اگر کار شما نبوده، خرج‌کردن را همین حالا در کیف خود قفل کنید:\n"
        f"{services.settings.wallet_url}"
    )
    # One sending was asked for, not two.
    assert relay_once(services.database, redis_client) == 1


def test_each_redemption_has_its_own_message(
    story: Story, services: Services, redis_client: redis.Redis
) -> None:
    for _ in range(2):
        story.redeem(story.members[0], story.shops[2], points=10)
    assert work(services, redis_client) == 2
    newest, first = messages(services)
    assert newest.message_id != first.message_id


def capture(story: Story, shop: Shop, *, held: int, points: int) -> None:
    """Hold points of the second member and capture a part of them."""
    now, wall = story.programme.now(), wall_now()
    with story.services.database.ledger() as connection:
        posted = operations.authorise(
            connection,
            now=now,
            wall=wall,
            claim=Claim(client_id=shop.merchant_id, key="hold", fingerprint=b"h" * 32),
            member_id=story.members[1],
            event=Event(merchant_id=shop.merchant_id, merchant_ref="hold", effective_at=now),
            points=held,
            hold_until=wall + timedelta(minutes=5),
            consent=None,
            evidence=None,
        )
        operations.capture(
            connection,
            now=now,
            wall=wall,
            claim=Claim(client_id=shop.merchant_id, key="capture", fingerprint=b"c" * 32),
            member_id=story.members[1],
            authorisation=posted.sequence,
            points=points,
            event=Event(merchant_id=shop.merchant_id, merchant_ref="capture", effective_at=now),
            evidence=None,
        )


def test_a_capture_tells_what_was_captured_in_english(
    story: Story, services: Services, redis_client: redis.Redis
) -> None:
    with services.database.unit_of_work() as session:
        set_preferences(session, member_id=story.members[1], locale="en")
    capture(story, story.shops[3], held=90, points=1)
    assert work(services, redis_client) == 1
    (message,) = messages(services)
    assert message.body.startswith(
        "Peyvand: 1 point spent at Green Plain Butchers.\nLeft: 119 points.\n"
    )


def test_pages_of_messages_follow_each_other(
    story: Story, services: Services, redis_client: redis.Redis
) -> None:
    for member_id in story.members:
        story.redeem(member_id, story.shops[2], points=10)
    work(services, redis_client)
    everything = messages(services)
    assert len(everything) == len(story.members)
    found: list[MessageView] = []
    before = None
    with services.database.reading() as session:
        while page := latest(session, services.vault, limit=4, before=before):
            found += page
            before = (page[-1].created_at, page[-1].message_id)
    assert found == everything


def test_what_was_spent_is_told_though_its_job_is_lost(
    story: Story, services: Services, redis_client: redis.Redis
) -> None:
    shop, wall = story.shops[2], wall_now()
    story.redeem(story.members[0], shop, points=70)
    capture(story, shop, held=90, points=40)
    relay_once(services.database, redis_client)
    redis_client.flushdb()  # both jobs are lost, or failed for longer than they were tried
    assert ask_untold(services, redis_client, wall=wall) == []
    later = wall_now() + untold.LEFT_ALONE
    asked = ask_untold(services, redis_client, wall=later)
    assert len(asked) == 2
    assert ask_untold(services, redis_client, wall=later) == []
    # Those jobs fail as well: they are asked for until somebody was told.
    redis_client.flushdb()
    assert set(ask_untold(services, redis_client, wall=later + untold.AGAIN)) == set(asked)
    assert work(services, redis_client, times=2) == 2
    told = {each.recipient: each.body for each in messages(services)}
    assert len(told) == len(messages(services)) == 2
    assert "۷۰ امتیاز" in told["+989125551000"]
    assert ask_untold(services, redis_client, wall=later + 3 * untold.AGAIN) == []


def test_a_job_that_was_done_before_the_relay_committed_is_not_asked_for(
    story: Story, services: Services, redis_client: redis.Redis
) -> None:
    story.redeem(story.members[0], story.shops[2], points=70)
    with services.database.reading() as session:
        (event,) = [each for each in waiting(session, limit=99) if each.topic in untold.TOPICS]
    HANDLERS[event.topic].load()(services, **HANDLERS[event.topic].arguments(event))
    relay_once(services.database, redis_client)
    redis_client.flushdb()
    assert ask_untold(services, redis_client, wall=wall_now() + untold.LEFT_ALONE) == []
    assert [each.kind for each in messages(services)] == ["redeemed"]
