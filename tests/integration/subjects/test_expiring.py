"""Points that expire: told 30, 7 and 1 days ahead, once, also where a run was killed."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
import redis

from config.handlers import HANDLERS, TELL_EXPIRING
from config.queues import NOTICES, queue
from config.schedule import ask_expiring
from network.clock import local_date, wall_now
from network.ledger import operations, operations_members, shared_wallets
from network.ledger.values import Claim, Event
from network.notices import expiring
from network.pools import service as pools
from network.services import Services
from network.settings import PROGRAMME_ZONE
from settlement.nightly import run_night
from tests.browser.console import story as stories
from tests.browser.console.story import Story
from tests.fixtures.programme import Programme
from tests.integration.subjects.telling import begin, bodies, grant, messages, page, tell, work


@pytest.fixture
def story(services: Services, programme: Programme) -> Story:
    """Return a coalition whose members never want quiet."""
    return begin(services, programme)


def test_points_that_expire_are_told_30_7_and_1_days_ahead(
    story: Story, services: Services
) -> None:
    member_id, other = story.members[:2]
    for days, points in ((30, 5), (7, 6), (7, 4), (1, 7), (2, 100), (8, 100), (31, 100), (0, 1)):
        grant(story, member_id, points, days=days)
    grant(story, other, 50, days=2)
    today = story.programme.now()
    tell(services, today)
    tell(services, today)
    (told,) = page(services, member_id)
    day = local_date(today, zone=PROGRAMME_ZONE)
    assert told.days == tuple(
        (day + timedelta(days=ahead), points) for ahead, points in ((1, 7), (7, 10), (30, 5))
    )
    assert page(services, other) == []
    (body,) = bodies(services, stories.PHONE)
    assert body.count("امتیاز") == 3
    assert body.startswith("پیوند: ۷ امتیاز شما فقط تا پایان ")
    # A day later the other one's last day is the next.
    tell(services, today + timedelta(days=1))
    assert [each.points for each in page(services, other)] == [50]
    assert [each.points for each in page(services, member_id)] == [300, 22]


def test_days_without_a_run_are_told_by_the_next(story: Story, services: Services) -> None:
    member_id = story.members[0]
    today = story.programme.now()
    tell(services, today)
    grant(story, member_id, 8, days=9)
    grant(story, member_id, 3, days=3)
    tell(services, today + timedelta(days=3))  # nobody told of 7 days, nor of 1, yesterday
    (told,) = page(services, member_id)
    assert [points for _, points in told.days] == [3, 8]
    tell(services, today + timedelta(days=3))
    assert len(page(services, member_id)) == 1


def test_a_run_that_was_killed_goes_on_and_tells_nobody_twice(
    story: Story, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiring, "WALLETS", 2)
    for member_id in story.members:
        grant(story, member_id, 9, days=7)
    today = local_date(story.programme.now(), zone=PROGRAMME_ZONE)
    facts = {"today": today, "wallet_url": "https://w", "wall": wall_now()}

    def piece() -> bool:
        with services.database.unit_of_work() as session:
            return expiring.tell_piece(session, services.vault, **facts)  # type: ignore[arg-type]

    assert piece()
    assert len(messages(services)) == 2
    with services.database.rehearsal() as session:  # killed before it could commit
        assert expiring.tell_piece(session, services.vault, **facts)  # type: ignore[arg-type]
    assert len(messages(services)) == 2
    with services.database.reading() as session:
        assert not expiring.done(session, today=today)
    while piece():
        pass
    assert len(messages(services)) == len(story.members)
    assert len({each.recipient for each in messages(services)}) == len(story.members)
    with services.database.reading() as session:
        assert expiring.done(session, today=today)
        assert [member for member in story.members if len(page(services, member)) != 1] == []


def test_the_schedule_asks_from_the_morning_on_until_it_is_done(
    story: Story, services: Services, redis_client: redis.Redis
) -> None:
    grant(story, story.members[0], 9, days=7)
    eight = story.programme.now().astimezone(PROGRAMME_ZONE).replace(hour=8, minute=0)
    early = eight - timedelta(minutes=1)
    assert not ask_expiring(services, redis_client, now=early, wall=wall_now())
    assert ask_expiring(services, redis_client, now=eight, wall=wall_now())
    (job,) = queue(NOTICES, connection=redis_client).jobs
    assert job.args == [TELL_EXPIRING, {}]
    HANDLERS[TELL_EXPIRING].load()(services)
    assert len(messages(services)) == 1
    redis_client.flushdb()
    assert not ask_expiring(services, redis_client, now=eight, wall=wall_now())


def share(story: Story) -> UUID:
    """Have the first three members share a wallet, of which the third may spend nothing."""
    owner, services = story.members[0], story.services
    now, wall = story.programme.now(), wall_now()
    with services.database.unit_of_work() as session:
        made = pools.make(session, member_id=owner, kind="family", now=now, wall=wall)
    with services.database.ledger() as connection:
        for member_id in story.members[1:3]:
            operations_members.join_pool(
                connection,
                now=now,
                wall=wall,
                claim=Claim(client_id=member_id, key="join", fingerprint=b"j" * 32),
                member_id=member_id,
                pool=made.pool_id,
            )
    with services.database.unit_of_work() as session:
        third = story.members[2]
        shared_wallets.limit_person(session, member_id=third, pool_id=made.pool_id, limit=0)
    return made.pool_id


def spend(story: Story, member_id: UUID, *, points: int) -> int:
    """Pay as a person at a till, from whichever wallet is theirs."""
    shop, now = story.shops[2], story.programme.now()
    with story.services.database.ledger() as connection:
        posted = operations.redeem(
            connection,
            now=now,
            wall=wall_now(),
            claim=Claim(client_id=shop.merchant_id, key="pay", fingerprint=b"p" * 32),
            member_id=member_id,
            event=Event(merchant_id=shop.merchant_id, merchant_ref="pay", effective_at=now),
            points=points,
            consent=None,
            evidence=None,
            follow=True,
        )
    return posted.sequence


def test_of_a_shared_wallet_the_expiry_concerns_who_may_spend_and_the_rest_its_owner(
    story: Story, services: Services, redis_client: redis.Redis
) -> None:
    owner, second, third = story.members[:3]
    grant(story, owner, 40, days=7)
    grant(story, owner, 20, days=90, pending=1)
    pool_id = share(story)
    paid = spend(story, second, points=10)
    story.give_back(pool_id, story.shops[2], paid, points=4)
    work(services, redis_client)
    assert [each.kind for each in page(services, second)] == ["refunded"]
    tell(services, story.programme.now())
    told = {
        member: [(each.kind, each.points) for each in page(services, member)]
        for member in (owner, second, third)
    }
    assert told[owner] == [("expiring", 34)]
    assert told[second] == [("expiring", 34), ("refunded", 4)]
    assert told[third] == []
    story.programme.advance(timedelta(days=1))
    run_night(services, started_by="schedule")
    work(services, redis_client)
    assert page(services, owner)[0].kind == "available"
    assert (len(page(services, second)), len(page(services, third))) == (2, 0)
