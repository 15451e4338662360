"""News beside spending: refunds, available points, quiet hours, a new device."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import pytest
import redis
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError

from config.adapters.sending import send
from config.handlers import GATHERED, HANDLERS, TELL_ENTRIES, TELL_EXPIRING
from config.queues import MESSAGES, NOTICES, queue
from config.relay import relay_once
from config.schedule import ask_messages
from network.clock import wall_now
from network.database.connection import Database
from network.events.queries import waiting
from network.members import leaving
from network.members.sign_in import SignedIn
from network.messaging import service as messaging
from network.messaging.models import Message
from network.messaging.port import SmsNotSentError
from network.messaging.queries import left_alone
from network.messaging.service import Delivery, queue_sms
from network.notices import choices, devices, queries
from network.notices.choices import Choice, ChoiceError
from network.notices.models import MemberDevice, MemberNotice, MemberNoticeChoice
from network.services import Services
from network.settings import PROGRAMME_ZONE
from network.tokens import token_digest
from network.vault import SealBrokenError
from settlement.nightly import run_night
from tests.browser.console import story as stories
from tests.browser.console.story import Story
from tests.fixtures.locks import await_waiters
from tests.fixtures.programme import Programme
from tests.integration.subjects.telling import begin, bodies, grant, messages, page, work


@pytest.fixture
def story(services: Services, programme: Programme) -> Story:
    """Return a coalition whose members never want quiet."""
    return begin(services, programme)


def test_refunds_are_told_once_with_the_debt_they_made(
    story: Story, services: Services, redis_client: redis.Redis
) -> None:
    member_id, shop = story.members[1], story.shops[2]
    bought = story.earn(member_id, shop, amount=9_000_000)
    with services.database.reading() as session:
        sold = text("SELECT available FROM ledger.wallet WHERE member_id = :m")
        points = session.execute(sold, {"m": member_id}).scalar_one()
    paid = story.redeem(member_id, shop, points=points)
    story.give_back(member_id, shop, paid, points=5)
    story.take_back(member_id, shop, bought, amount=9_000_000)
    assert work(services, redis_client, times=2) == 1
    taken, came = page(services, member_id)
    assert (came.kind, came.points, came.owed, came.read_at) == ("refunded", 5, 0, None)
    assert (taken.kind, taken.points, taken.owed) == ("taken_back", points, points - 5)
    assert (came.wallet_id, came.merchant_id) == (member_id, shop.merchant_id)
    told = {each.kind: each.body for each in messages(services)}
    assert told["refunded"].startswith("پیوند: میوه‌سرای بوستان ۵ امتیاز به شما بازگرداند.\n")
    assert "خرج کرده بودید" in told["taken_back"]
    assert len(messages(services)) == 2


def test_who_wants_no_message_of_a_kind_has_it_on_the_page(
    story: Story, services: Services, redis_client: redis.Redis
) -> None:
    member_id, shop = story.members[0], story.shops[2]
    wanted = Choice(muted=frozenset({"refunded"}))
    with services.database.unit_of_work() as session:
        choices.choose(session, member_id=member_id, choice=wanted)
    with services.database.unit_of_work() as session, pytest.raises(ChoiceError):
        choices.choose(session, member_id=member_id, choice=Choice(muted=frozenset({"redeemed"})))
    story.earn(member_id, shop, amount=9_000_000)
    story.give_back(member_id, shop, story.redeem(member_id, shop, points=9), points=4)
    work(services, redis_client)
    assert [each.kind for each in page(services, member_id)] == ["refunded"]
    assert messages(services) == []


def test_points_that_a_night_made_available_are_told(
    story: Story, services: Services, redis_client: redis.Redis
) -> None:
    member_id = story.members[0]
    grant(story, member_id, 30, days=90, pending=1)
    grant(story, member_id, 12, days=80, pending=1)
    story.programme.advance(timedelta(days=1))
    run_night(services, started_by="schedule")
    work(services, redis_client)
    (told,) = page(services, member_id)
    assert (told.kind, told.points) == ("available", 42)
    assert bodies(services, stories.PHONE) == ["پیوند: از این پس ۴۲ امتیاز شما قابل خرج است."]


def activate(story: Story) -> list[UUID]:
    """Have a night activate points of every member; return the members."""
    for member_id in story.members:
        grant(story, member_id, 30, days=90, pending=1)
    story.programme.advance(timedelta(days=1))
    run_night(story.services, started_by="schedule")
    return list(story.members)


def test_a_night_of_activations_is_one_job_in_front_of_nobody(
    story: Story, services: Services, redis_client: redis.Redis
) -> None:
    members = activate(story)
    with services.database.unit_of_work() as session:
        queue_sms(
            session,
            services.vault,
            recipient="+989120000000",
            body="a code",
            kind="sign_in",
            locale="en",
            wall=wall_now(),
        )
    relay_once(services.database, redis_client)
    (job,) = queue(NOTICES, connection=redis_client).jobs
    topic, payload = job.args
    told = {UUID(member_id) for member_id, _ in payload["entries"]}
    assert (topic, told) == (TELL_ENTRIES, set(members))
    assert "messaging.message" in {
        each.args[0] for each in queue(MESSAGES, connection=redis_client).jobs
    }
    for _ in range(2):
        HANDLERS[topic].load()(services, **payload)
    assert [[each.points for each in page(services, member)] for member in members] == [
        [30] for _ in members
    ]
    kinds = [each.kind for each in messages(services)]
    assert kinds.count("available") == len(members)


def test_a_relay_that_fails_again_asks_for_the_same_job(
    story: Story, services: Services, owner_database: Database, redis_client: redis.Redis
) -> None:
    activate(story)
    with owner_database.unit_of_work() as session:
        session.execute(text("REVOKE DELETE ON network.outbox FROM peyvand_app"))
    for _ in range(2):
        with pytest.raises(ProgrammingError):
            relay_once(services.database, redis_client)
    with owner_database.unit_of_work() as session:
        session.execute(text("GRANT DELETE ON network.outbox TO peyvand_app"))
    relay_once(services.database, redis_client)
    jobs = queue(NOTICES, connection=redis_client).jobs
    assert len({job.id for job in jobs}) == 1


def test_an_entry_that_cannot_be_told_keeps_back_no_other(
    story: Story, services: Services, owner_database: Database, redis_client: redis.Redis
) -> None:
    spoilt, *others = activate(story)
    with owner_database.unit_of_work() as session:
        spoil = text("UPDATE network.member SET sealed_phone = '\\x00' WHERE member_id = :m")
        session.execute(spoil, {"m": spoilt})
    with pytest.raises(SealBrokenError):
        work(services, redis_client)
    assert page(services, spoilt) == []
    assert [len(page(services, member)) for member in others] == [1 for _ in others]


@pytest.mark.parametrize(
    ("clock", "quiet", "leaves"),
    [
        ("21:59", (22, 8), None),
        ("22:00", (22, 8), "+1 08:00"),
        ("07:59", (22, 8), "+0 08:00"),
        ("08:00", (22, 8), None),
        ("12:30", (12, 14), "+0 14:00"),
        ("14:00", (12, 14), None),
        ("03:00", (5, 5), None),
    ],
)
def test_quiet_hours_are_those_of_tehran(
    clock: str, quiet: tuple[int, int], leaves: str | None
) -> None:
    hour, minute = map(int, clock.split(":"))
    wall = datetime(2026, 11, 22, hour, minute, tzinfo=PROGRAMME_ZONE)
    choice = Choice(quiet_from=quiet[0], quiet_until=quiet[1])
    if leaves is None:
        assert choice.not_before(wall) == wall
        return
    days, until = leaves.split()
    expected = wall.replace(hour=int(until[:2]), minute=0) + timedelta(days=int(days))
    assert choice.not_before(wall) == expected


def test_quiet_is_kept_until_it_ends_and_codes_go_first(
    story: Story, services: Services, redis_client: redis.Redis
) -> None:
    member_id, shop = story.members[0], story.shops[2]
    wall = wall_now()
    hour = wall.astimezone(PROGRAMME_ZONE).hour
    with services.database.unit_of_work() as session:
        quiet = Choice(quiet_from=hour, quiet_until=(hour + 3) % 24)
        choices.choose(session, member_id=member_id, choice=quiet)
    story.earn(member_id, shop, amount=9_000_000)
    story.give_back(member_id, shop, story.redeem(member_id, shop, points=9), points=4)
    work(services, redis_client)
    (held,) = messages(services)
    assert relay_once(services.database, redis_client) == 0  # nothing asks to send it
    ends = quiet.not_before(wall)
    with services.database.unit_of_work() as session:
        claimed = messaging.claim(
            session,
            services.vault,
            message_id=held.message_id,
            wall=ends - timedelta(minutes=1),
            wanted=choices.leaves_at,
        )
        code = messaging.queue_sms(
            session,
            services.vault,
            recipient="+989120000000",
            body="a code",
            kind="sign_in",
            locale="en",
            wall=ends + timedelta(minutes=1),
        )
    assert claimed is None
    assert ask_messages(services, redis_client, wall=ends) == []
    later = ends + timedelta(minutes=5)
    with services.database.reading() as session:
        asked = [found for found, _ in left_alone(session, before=later)]
    assert asked == [code, held.message_id]
    assert ask_messages(services, redis_client, wall=later) == [code, held.message_id]
    assert len(queue(MESSAGES, connection=redis_client).jobs) == 2


class Away:
    """A provider that takes what it is given once it is back."""

    def __init__(self) -> None:
        self.away = True
        self.taken: list[tuple[str, str]] = []

    def send(self, recipient: str, body: str) -> None:
        if self.away:
            raise SmsNotSentError("away")
        self.taken.append((recipient, body))


def test_what_a_member_wants_is_asked_when_a_message_leaves(
    story: Story, services: Services, redis_client: redis.Redis
) -> None:
    member_id, shop = story.members[0], story.shops[2]
    story.earn(member_id, shop, amount=9_000_000)
    paid = story.redeem(member_id, shop, points=9)
    for points in (4, 5):
        story.give_back(member_id, shop, paid, points=points)
    work(services, redis_client)
    first, second = (each.message_id for each in messages(services))
    late = wall_now().astimezone(PROGRAMME_ZONE).replace(hour=21, minute=55) + timedelta(days=1)
    night, morning = late + timedelta(minutes=30), late.replace(hour=8, minute=0, second=0)
    provider = Away()

    def attempt(message_id: UUID, wall: datetime) -> Delivery | None:
        return send(services, senders={"sms": provider}, message_id=message_id, wall=wall)

    with services.database.unit_of_work() as session:
        choices.choose(session, member_id=member_id, choice=Choice())
    assert attempt(first, late) == Delivery(state="waiting", attempts=1)
    provider.away = False
    # Neither a further attempt nor the end of a long queue comes in the quiet.
    assert [attempt(each, night) for each in (first, second)] == [None, None]
    after = morning + timedelta(days=1, minutes=1)
    with services.database.reading() as session:
        assert left_alone(session, before=after - timedelta(minutes=2)) == []
        assert dict(left_alone(session, before=after)) == {first: 1, second: 0}
    assert attempt(first, after) == Delivery(state="sent", attempts=2)
    # Who wants no more of a kind gets no more of what was stored, and still has it on the page.
    with services.database.unit_of_work() as session:
        muted = Choice(muted=frozenset({"refunded"}))
        choices.choose(session, member_id=member_id, choice=muted)
    assert attempt(second, after) is None
    assert [each.message_id for each in messages(services)] == [first]
    assert len(provider.taken) == 1
    assert len(page(services, member_id)) == 2


def test_who_leaves_while_a_job_runs_is_told_nothing_any_more(
    story: Story, services: Services, redis_client: redis.Redis
) -> None:
    member_id, shop, now = story.members[0], story.shops[2], story.programme.now()
    grant(story, member_id, 20, days=7)
    story.give_back(member_id, shop, story.redeem(member_id, shop, points=9), points=4)
    with services.database.reading() as session:
        spent = [each for each in waiting(session, limit=99) if each.member_id == member_id]
    jobs = [
        partial(handler.load(), services, **handler.arguments(event))
        for event in spent
        if (handler := HANDLERS.get(event.topic)) is not None
    ]
    entries = [
        (str(each.member_id), each.payload["sequence"]) for each in spent if each.topic in GATHERED
    ]
    jobs.append(partial(HANDLERS[TELL_ENTRIES].load(), services, entries=entries))
    jobs.append(partial(HANDLERS[TELL_EXPIRING].load(), services))
    assert len(jobs) == 3
    with ThreadPoolExecutor(max_workers=3) as pool:
        with services.database.unit_of_work() as session:
            leaving.erase(session, member_id=member_id, now=now, wall=wall_now())
            running = [pool.submit(job) for job in jobs]
            await_waiters(services.database, count=3)
        for each in running:
            each.result()
    with services.database.reading() as session:
        assert session.scalars(select(MemberNotice)).all() == []
        assert session.scalars(select(Message)).all() == []


def sign_in(services: Services, member_id: UUID, *, token: str, joined: bool = False) -> bool:
    """Note a sign-in on the device with this token."""
    with services.database.unit_of_work() as session:
        signed_in = SignedIn(
            member_id=member_id,
            session_id=UUID(bytes=token_digest(f"{member_id}{token}{joined}")[:16]),
            token="t",
            expires_at=wall_now(),
            joined=joined,
        )
        return devices.note_sign_in(
            session,
            services.vault,
            signed_in=signed_in,
            token=token,
            device="Firefox · Android",
            wallet_url="https://w",
            wall=wall_now(),
        )


def test_a_new_device_is_told_at_once_also_in_quiet_hours(
    story: Story, services: Services, redis_client: redis.Redis
) -> None:
    first, second = story.members[:2]
    hour = wall_now().astimezone(PROGRAMME_ZONE).hour
    with services.database.unit_of_work() as session:
        quiet = Choice(quiet_from=hour, quiet_until=(hour + 3) % 24)
        choices.choose(session, member_id=first, choice=quiet)
    relay_once(services.database, redis_client)
    assert not sign_in(services, first, token="one", joined=True)
    assert not sign_in(services, first, token="one")
    assert sign_in(services, first, token="two")
    assert sign_in(services, second, token="two")  # one phone, two members
    told = messages(services)
    assert {each.kind for each in told} == {"device"}
    assert "Firefox · Android" in told[0].body
    assert relay_once(services.database, redis_client) == 2
    assert [each.device for each in page(services, first)] == ["Firefox · Android"]
    with services.database.reading() as session:
        stored = session.execute(text("SELECT n::text FROM network.member_notice n LIMIT 1"))
        assert b"Firefox".hex() not in stored.scalar_one()


def test_what_was_told_is_read_once_and_leaves_with_the_member(
    story: Story, services: Services
) -> None:
    member_id = story.members[0]
    sign_in(services, member_id, token="one")
    sign_in(services, member_id, token="two")
    newest, oldest = page(services, member_id)
    with services.database.unit_of_work() as session:
        assert queries.unread(session, member_id=member_id) == 2
        queries.mark_read(session, member_id=member_id, until=oldest.created_at, wall=wall_now())
        assert queries.unread(session, member_id=member_id) == 1
        (rest,) = queries.page(
            session, services.vault, member_id=member_id, before=newest.notice_id, limit=9
        )
        assert rest.notice_id == oldest.notice_id
        assert rest.read_at is not None
    with services.database.unit_of_work() as session:
        leaving.erase(session, member_id=member_id, now=story.programme.now(), wall=wall_now())
    with services.database.reading() as session:
        for table in (MemberNotice, MemberNoticeChoice, MemberDevice):
            left = select(table).where(table.member_id == member_id)
            assert session.scalars(left).all() == []
        assert session.scalars(select(Message)).all() == []
