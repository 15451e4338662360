"""Lines of a batch that campaigns add to: in groups, within budgets and caps, never in a circle."""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from time import monotonic, sleep
from typing import Any
from uuid import UUID

from sqlalchemy import event, text
from sqlalchemy.exc import SQLAlchemyError

from merchant_gateway.batches.bench import bench_of
from merchant_gateway.batches.work import run_batch
from network import ids
from network.clearing.parties import NETWORK_PARTY
from network.clock import wall_now
from network.errors import UnavailableError
from network.ledger.batch_arguments import CampaignEarning
from network.ledger.errors import CampaignExhausted
from network.ledger.operations_batch import earn_in_campaigns
from network.ledger.values import Event, Grant, MixedGrants
from network.programme.campaigns import Funder
from tests.integration.gateway.batching import done, earn_line, results, send_batch, work
from tests.integration.gateway.campaigning import paid_by, run, taken
from tests.integration.gateway.house import House, Person, Shop

PATIENCE_SECONDS = 60.0
_WAITING = text(
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
)
_POSTED = text("SELECT posted FROM network.batch WHERE batch_id = :b")
_END_ONE = text(
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
    "WHERE datname = current_database() AND usename = current_user AND xact_start IS NOT NULL "
    "AND pid <> pg_backend_pid()"
)


def in_category(person: Person, category: str) -> dict[str, Any]:
    return earn_line(person.phone, lines=[{"category": category, "amount": 100_000}])


def send(house: House, shop: Shop, lines: Sequence[dict[str, Any]]) -> str:
    answer = send_batch(house, shop, lines)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def test_a_budget_that_ends_inside_a_group_is_given_to_the_last_point(
    house: House, running: list[UUID]
) -> None:
    campaign_id = run(house, running, "ends", 50, budget=170)
    people = [house.member() for _ in range(6)]
    found = done(house, house.green, [earn_line(each.phone, 100_000) for each in people])
    assert sorted(each["points"] for each in found) == [10, 10, 10, 60, 60, 60]
    assert taken(house, campaign_id) == 150
    again = done(house, house.green, [earn_line(each.phone, 100_000) for each in people])
    assert [each["points"] for each in again] == [10] * 6


def test_a_cap_per_person_holds_across_the_lines_of_a_batch(
    house: House, running: list[UUID]
) -> None:
    campaign_id = run(house, running, "capped", 50, person_cap=70)
    one, other = house.member(), house.member()
    lines = [earn_line(each.phone, 100_000) for each in (one, one, other, one, other)]
    assert [each["points"] for each in done(house, house.green, lines)] == [60, 30, 60, 10, 30]
    assert [each["status"] for each in done(house, house.green, lines)] == ["known"] * 5
    assert taken(house, campaign_id) == 140


def test_funder_and_explanation_are_those_of_a_single_earn(
    house: House, running: list[UUID]
) -> None:
    shares = (
        Funder(party_id=house.green.merchant_id, share=6_000),
        Funder(party_id=NETWORK_PARTY, share=4_000),
    )
    run(house, running, "shared", 15, funders=shares, merchants=(house.green.merchant_id,))
    people = [house.member(), house.member()]
    found = done(house, house.green, [earn_line(each.phone, 400_000) for each in people])
    assert [each["points"] for each in found] == [55, 55]
    alone = house.member()
    single = done(house, house.green, [earn_line(alone.phone, 400_000)])
    assert single[0]["points"] == 55
    kept = [_kept(house, each) for each in (*people, alone)]
    green = house.green.merchant_id
    assert kept[0][0] == [(green, 40), (green, 9), (NETWORK_PARTY, 6)]
    assert kept[0] == kept[1] == kept[2]


def test_what_a_campaign_adds_to_is_one_call_of_the_ledger(
    house: House, running: list[UUID]
) -> None:
    run(house, running, "one-call", 10)
    people = [house.member() for _ in range(6)]
    calls: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        calls.extend(re.findall(r"ledger\.(earn\w*)", statement))

    engine = house.services.database.engine
    event.listen(engine, "before_cursor_execute", note)
    found = done(house, house.green, [earn_line(each.phone, 100_000) for each in people])
    event.remove(engine, "before_cursor_execute", note)
    assert [each["points"] for each in found] == [20] * 6
    assert calls == ["earn_in_campaigns"]


def test_batches_that_want_the_same_campaigns_in_opposite_order_both_end(
    house: House, running: list[UUID]
) -> None:
    """There is just enough for all, and somebody who wants too much holds every slice at first."""
    first = run(house, running, "first", 10, categories=("Tea",), budget=40)
    second = run(house, running, "second", 10, categories=("Bread",), budget=40)
    people = [house.member() for _ in range(9)]
    there, back = ("Tea", "Bread", "Tea", "Bread"), ("Bread", "Tea", "Bread", "Tea")
    green = send(house, house.green, list(map(in_category, people[:4], there)))
    blue = send(house, house.blue, list(map(in_category, people[4:8], back)))
    bench_of(house.services)
    with ThreadPoolExecutor(2) as pool:
        with house.services.database.unit_of_work() as session:
            (held,) = earn_in_campaigns(
                session, now=wall_now(), earnings=[_of_both(house, people[8], first, second)]
            )
            assert isinstance(held, CampaignExhausted)
            both = [pool.submit(work, house, each) for each in (green, blue)]
            _await_waiting(house, both)
        for each in both:
            each.result(timeout=PATIENCE_SECONDS)
    for shop, batch_id in ((house.green, green), (house.blue, blue)):
        assert [each["points"] for each in results(house, shop, batch_id)] == [20] * 4
    assert (taken(house, first), taken(house, second)) == (40, 40)


def test_a_worker_whose_connection_ends_midway_loses_and_doubles_nothing(
    house: House, running: list[UUID]
) -> None:
    campaign_id = run(house, running, "midway", 10, budget=10_000)
    people = [house.member() for _ in range(8)]
    lines = [earn_line(people[number % 8].phone, 100_000) for number in range(160)]
    public = send(house, house.green, lines)
    batch_id = ids.decode("bat", public)
    deadline = monotonic() + PATIENCE_SECONDS
    with ThreadPoolExecutor(1) as pool:
        begun = pool.submit(run_batch, house.services, batch_id=str(batch_id))
        posted = 0
        while posted == 0 and monotonic() < deadline:
            with house.services.database.reading() as session:
                posted = session.execute(_POSTED, {"b": batch_id}).scalar_one()
        ended = 0
        with house.services.database.ledger() as connection:
            while not ended and not begun.done():
                ended = connection.execute(_END_ONE).scalar_one()
        failure = begun.exception(timeout=PATIENCE_SECONDS)
    assert failure is None or isinstance(failure, (SQLAlchemyError, UnavailableError))
    work(house, public)
    found = results(house, house.green, public)
    assert [(each["status"], each["points"]) for each in found] == [("posted", 20)] * 160
    assert taken(house, campaign_id) == 1_600


def _kept(house: House, person: Person) -> tuple[list[tuple[UUID, int]], Any]:
    """Return who gave a member's lots, and the explanation of its entry."""
    with house.services.database.reading() as session:
        rows = session.execute(
            text("SELECT issuer_id, granted FROM ledger.lot WHERE member_id = :id ORDER BY lot_id"),
            {"id": person.member_id},
        )
        said = session.execute(
            text("SELECT explanation FROM ledger.entry WHERE member_id = :id"),
            {"id": person.member_id},
        ).scalar_one()
        return [(row.issuer_id, row.granted) for row in rows], said


def _of_both(house: House, person: Person, *campaigns: UUID) -> CampaignEarning:
    today = house.today()
    return CampaignEarning(
        member_id=person.member_id,
        event=Event(
            merchant_id=house.green.merchant_id,
            merchant_ref="both",
            effective_at=wall_now(),
            amount=100,
            currency="IRR",
        ),
        grants=MixedGrants.of(
            [
                Grant(
                    issuer_id=NETWORK_PARTY,
                    terms_id=campaign_id,
                    price=Decimal(1_000),
                    points=41,
                    base=100,
                    active_from=today,
                    expires_on=today + timedelta(days=30),
                    line=0,
                    campaign_id=campaign_id,
                )
                for campaign_id in campaigns
            ]
        ),
        explanation=[],
    )


def _await_waiting(house: House, both: Sequence[Future[None]]) -> None:
    """Wait until both workers stand before a lock."""
    deadline = monotonic() + PATIENCE_SECONDS
    while monotonic() < deadline:
        with house.services.database.reading() as session:
            if session.execute(_WAITING).scalar_one() >= len(both):
                return
        assert not any(each.done() for each in both)
        sleep(0.005)
    raise TimeoutError("the batches do not meet")


def test_a_purchase_in_a_campaign_takes_from_its_budget(house: House, running: list[UUID]) -> None:
    person, own = house.member(), paid_by(house.blue)
    campaign_id = run(house, running, "autumn", 25, budget=60, **own)
    lines = [earn_line(person.phone, 100_000) for _ in range(3)]
    found = done(house, house.blue, lines)
    assert [each["points"] for each in found] == [35, 35, 10]
    again = done(house, house.blue, lines)
    assert [(each["status"], each["points"]) for each in again] == [
        ("known", 35), ("known", 35), ("known", 10),
    ]  # fmt: skip
    assert taken(house, campaign_id) == 50


def test_what_a_campaign_is_not_for_is_posted_together(house: House, running: list[UUID]) -> None:
    person, own = house.member(), paid_by(house.blue)
    run(house, running, "bakery", 25, budget=60, channels=("online",), **own)
    other = house.member()
    lines = [
        earn_line(other.phone),
        earn_line(other.phone, channel="online"),
        earn_line(person.phone),
    ]
    found = done(house, house.blue, lines)
    assert [each["points"] for each in found] == [10, 35, 10]
    with house.services.database.reading() as session:
        alone = session.scalars(
            text(
                "SELECT l.line FROM network.batch_line AS l JOIN network.batch USING (batch_id) "
                "WHERE received_at = (SELECT max(received_at) FROM network.batch)"
            )
        ).all()
    assert alone == [2]
