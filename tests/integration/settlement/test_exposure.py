"""What an issuer stands to owe, measured over days and nights; deposits that raise its limit."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from network.clearing import queries as clearing
from network.clearing import service as clearing_service
from network.clearing.statements import statement_json
from network.clock import wall_now
from network.database.connection import Database
from network.exposure import measuring
from network.exposure.cover import CoverError, held
from network.exposure.suspending import SuspensionError
from network.merchants.service import begin_exit as leave
from network.merchants.settling import Settling
from network.money import queries as money
from network.money.paying import under_way
from network.money.today import DayClosingError, open_business_day
from network.services import Services
from network.vault import Vault
from settlement import second_person
from tests.conftest import MASTER_KEY, DatabaseUrls
from tests.fixtures.locks import await_waiters
from tests.fixtures.programme import Programme
from tests.integration.settlement.coalition import (
    BAKER,
    DAY,
    GROCER,
    IBANS,
    NEXT_DAY,
    TERMS,
    THIRD_DAY,
    Coalition,
    member,
)
from tests.integration.settlement.exposed import (
    ANNA,
    BEHNAM,
    given,
    measured,
    moved,
    suspended,
    without_nothing,
)
from tests.integration.settlement.pictures import settle


@pytest.fixture
def coalition(owner_database: Database, programme: Programme, vault: Vault) -> Coalition:
    """Return the coalition with a cap for the baker, and points given on the first day."""
    made = Coalition(
        owner=owner_database,
        programme=programme,
        accounts=IBANS,
        settling={BAKER: Settling(cap=100_000)},
    )
    made.found(vault=vault)
    given(made, 100, issuer=BAKER, to=member(8))
    given(made, 50, issuer=GROCER, to=member(9))
    made.play_two_days()
    return made


def test_exposure_over_two_nights_and_a_deposit(coalition: Coalition, services: Services) -> None:
    # p = 1010.5; 100 given, 8 taken since: 92 × 1010.5 = 92966, and 8 × 1010.5 = 8084 not netted.
    assert measured(services) == (92_966, 8_084, 101_050, 100_000, "full", "limit")
    assert measured(services) == (92_966, 8_084, 101_050, 100_000, "full", "limit")
    # The grocer has no cap: 50 − 12 outstanding at 1000, and 12 taken.
    assert measured(services, GROCER) == (38_000, 12_000, 50_000, None, "within", "open")
    moved(services, "received", 30_000)
    assert measured(services) == (92_966, 8_084, 101_050, 130_000, "within", "open")
    with pytest.raises(CoverError) as covering:
        moved(services, "released", 28_951)
    assert covering.value.reason == "covers"
    with pytest.raises(CoverError) as too_much:
        moved(services, "released", 30_001)
    assert too_much.value.reason == "balance"
    moved(services, "released", 28_950)
    assert measured(services)[3:] == (101_050, "full", "limit")
    with services.database.reading() as session:
        told = session.scalars(
            text("SELECT payload FROM network.outbox WHERE topic = 'exposure.changed' ORDER BY 1")
        ).all()
        lines = money.cover_lines(session, merchant_id=BAKER, limit=9)
    assert sorted(each["standing"] for each in told) == ["full", "full", "within"]
    assert [each.amount for each in lines] == [-28_950, 30_000]

    coalition.programme.move(coalition.at(THIRD_DAY))
    settle(services, DAY)
    # The first day is netted: the baker gets 2827, and owes for one point of the second day.
    assert measured(services)[:3] == (92_966, 1_011, 93_977)
    # The grocer's 3185 are on their way in; its points of the first day stand in them.
    assert measured(services, GROCER)[:2] == (38_000, 3_185)
    settle(services, NEXT_DAY)
    # −1010 of the second day were the baker's, paid against its payout before: collected now.
    assert measured(services)[:2] == (92_966, 1_010)
    with coalition.owner.reading() as session:
        kept = session.execute(
            text("SELECT points FROM network.outstanding WHERE issuer_id = :id"), {"id": BAKER}
        ).scalar_one()
    assert kept == 92


def test_a_booking_of_the_bank_is_entered_once(coalition: Coalition, services: Services) -> None:
    moved(services, "received", 700, bank_ref=" AB-1  x ")
    for again in ("AB-1 x", "ab-1 X"):
        with pytest.raises(CoverError) as twice:
            moved(services, "received", 700, merchant=GROCER, reserve=True, bank_ref=again)
        assert (twice.value.reason, twice.value.field) == ("bank_ref_entered", "bank_ref")
    with pytest.raises(CoverError) as none:
        moved(services, "received", 700, bank_ref="  ")
    assert none.value.reason == "bank_ref_missing"
    # The database lets no second one in either, whoever writes it.
    with (
        pytest.raises(IntegrityError, match="uq_proposal_bank_ref"),
        services.database.unit_of_work() as session,
    ):
        session.execute(
            text("""
                INSERT INTO network.proposal
                    (proposal_id, kind, subject_id, terms, reason, proposed_by, proposed_at)
                SELECT gen_random_uuid(), kind, gen_random_uuid(), terms, reason, proposed_by,
                       proposed_at
                FROM network.proposal
            """)
        )


def test_a_deposit_pays_what_was_not_collected(coalition: Coalition, services: Services) -> None:
    coalition.programme.move(coalition.at(THIRD_DAY))
    settle(services, DAY)
    with services.database.reading() as session:
        (payment,) = money.payments(session, merchant_id=GROCER)
    with services.database.unit_of_work() as session:
        proposal = second_person.propose_cancellation(
            session,
            payment_id=payment.fact.payment_id,
            reason="no transfer came",
            by=ANNA,
            now=wall_now(),
        )
    with services.database.unit_of_work() as session:
        second_person.approve(session, proposal_id=proposal.proposal_id, by=BEHNAM, now=wall_now())
    moved(services, "received", 3_000, merchant=GROCER)
    moved(services, "received", 500, merchant=GROCER, reserve=True)
    with pytest.raises(CoverError) as order:
        moved(services, "drawn", 185, merchant=GROCER, reserve=True)
    assert order.value.reason == "deposit_first"
    moved(services, "drawn", 3_000, merchant=GROCER)
    with pytest.raises(CoverError) as beyond:
        moved(services, "drawn", 186, merchant=GROCER, reserve=True)
    assert beyond.value.reason == "not_owed"
    moved(services, "drawn", 185, merchant=GROCER, reserve=True)
    with services.database.reading() as session:
        left = held(session, merchant_id=GROCER)
    assert (left.deposit, left.reserve, left.owed) == (0, 315, 0)
    settle(services, NEXT_DAY)
    with services.database.reading() as session:
        window = clearing.window_of(session, business_date=NEXT_DAY)
        assert window is not None
        stated = {
            s.merchant.party_id: s.totals for s in clearing.statements(session, window=window)
        }
    # −3185 came back with the cancellation, and the cover paid all of it.
    assert (stated[GROCER].returned, stated[GROCER].paid) == (0, 1175)
    assert settle(services, NEXT_DAY).replayed


def test_a_leaving_merchant_s_statement_says_what_is_held(
    coalition: Coalition, services: Services
) -> None:
    moved(services, "received", 9_000)
    moved(services, "received", 1_000, reserve=True)
    moved(services, "received", 5_000, merchant=GROCER)
    with services.database.unit_of_work() as session:
        for each in (BAKER, GROCER):
            leave(session, merchant_id=each, leaves_on=DAY, today=open_business_day(session))
    with coalition.owner.unit_of_work() as session:
        session.execute(
            text("""
                INSERT INTO ledger.lot
                    (member_id, lot_id, issuer_id, terms_id, price, active, active_from, expires_on,
                     made_on, granted, remaining, redeemed)
                VALUES (:member, 1001, :issuer, :terms, 1010.5, true, :day, :expires, :day, 8, 6,
                        2),
                       (:other, 1001, :grocer, :theirs, 1000, true, :day, :expires, :day, 10, 10,
                        0)
            """),
            {
                "member": member(1),
                "issuer": BAKER,
                "terms": TERMS[BAKER],
                "other": member(9),
                "grocer": GROCER,
                "theirs": TERMS[GROCER],
                "day": DAY,
                "expires": NEXT_DAY + timedelta(days=40),
            },
        )
    coalition.programme.move(coalition.at(THIRD_DAY))
    settle(services, NEXT_DAY)
    told = []
    with services.database.reading() as session:
        for day in (DAY, NEXT_DAY):
            window = clearing.window_of(session, business_date=day)
            assert window is not None
            found = clearing.statement(session, merchant_id=BAKER, window_id=window.window_id)
            assert found is not None
            assert found.reserve is not None
            told.append(found.reserve)
            lines = clearing.statement_lines(session, statement=found)
            whole = statement_json(found, lines=lines, entry_ids=services.entry_ids)
            document = json.loads(b"".join(whole))
            hashed = {name: document[name] for name in ("lines", "reserve", "totals")}
            form = json.dumps(hashed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            assert document["digest"] == f"sha-256:{sha256(form.encode()).hexdigest()}"
    first, second = told
    # The lot holds 6 now; two were taken on the second day, and were out when the first one ended.
    assert (first.deposit, first.reserve, first.points) == (9_000, 1_000, 8)
    ((month,), (later,)) = first.months, second.months
    assert (month.points, month.frees, month.stays) == (8, 8_084, 0)
    assert (second.points, later.frees, later.stays) == (6, 6_063, 1_010)

    # The grocer's collection of the first day has not arrived when the second one ends.
    with services.database.reading() as session:
        window = clearing.window_of(session, business_date=NEXT_DAY)
        assert window is not None
        found = clearing.statement(session, merchant_id=GROCER, window_id=window.window_id)
        (collected,) = [
            each.fact
            for each in money.payments(session, merchant_id=GROCER)
            if each.fact.direction == "collection"
        ]
    assert found is not None
    assert found.reserve is not None
    assert (found.totals.paid, collected.amount) == (1_175, 3_185)
    assert [(each.frees, each.stays) for each in found.reserve.months] == [(1_815, 3_185)]
    # What happens to it later changes nothing of that day, and the next one knows.
    with services.database.unit_of_work() as session:
        proposal = second_person.propose_cancellation(
            session, payment_id=collected.payment_id, reason="unpaid", by=ANNA, now=wall_now()
        )
    with services.database.unit_of_work() as session:
        second_person.approve(session, proposal_id=proposal.proposal_id, by=BEHNAM, now=wall_now())
    with services.database.reading() as session:
        then, next_time = (
            under_way(session, first_day=end - timedelta(days=1), end_day=end)
            for end in (THIRD_DAY, THIRD_DAY + timedelta(days=1))
        )
    assert (then.get((GROCER, "IRR")), next_time.get((GROCER, "IRR"))) == (3_185, None)
    assert settle(services, NEXT_DAY).replayed


def test_an_exit_from_today_waits_for_the_night(coalition: Coalition, services: Services) -> None:
    """Who has left is paid whatever the cycle says: that must not change while a night reckons."""
    with services.database.unit_of_work() as session:
        window_id = clearing_service.ensure_window(session, first_day=DAY)
        clearing_service.advance_window(session, window_id=window_id, state="closing")
    with pytest.raises(DayClosingError), services.database.unit_of_work() as session:
        leave(session, merchant_id=BAKER, leaves_on=DAY, today=open_business_day(session))


def test_one_measures_at_a_time(coalition: Coalition, services: Services) -> None:
    with services.database.unit_of_work() as session:
        assert measuring.measure(session, now=wall_now()) is not None
        with services.database.unit_of_work() as other:
            assert measuring.measure(other, now=wall_now()) is None


def test_what_covers_is_measured_again_before_it_goes(
    coalition: Coalition, services: Services
) -> None:
    """A decision waits for whoever measures, instead of believing what was measured before."""
    moved(services, "received", 30_000)
    with coalition.owner.unit_of_work() as session:  # as if nothing had been given since
        session.execute(text("UPDATE network.exposure SET outstanding = 0, unsettled = 0"))

    def release() -> str:
        with pytest.raises(CoverError) as refused:
            moved(services, "released", 30_000)
        return str(refused.value.reason)

    with ThreadPoolExecutor(max_workers=1) as pool:
        with services.database.unit_of_work() as session:
            session.execute(text("SELECT FROM network.exposure_measure FOR UPDATE"))
            reason = pool.submit(release)
            await_waiters(coalition.owner)
        assert reason.result(60) == "covers"


def test_balances_count_on_from_kept_days(coalition: Coalition, services: Services) -> None:
    """As of any day they are what the postings come to, whatever is kept."""
    moved(services, "received", 30_000)
    before = [DAY, NEXT_DAY, THIRD_DAY, None]

    def found() -> list[dict[tuple[UUID, str], int]]:
        with services.database.reading() as session:
            return [
                money.balances(session, account=account, before=day)
                for account in ("settlement", "deposit", "bank")
                for day in before
            ]

    coalition.programme.move(coalition.at(THIRD_DAY))
    settle(services, NEXT_DAY)
    posted = found()
    measured(services)
    with services.database.reading() as session:
        through, kept = session.execute(
            text(
                "SELECT through, (SELECT count(*) FROM network.money_kept) "
                "FROM network.money_kept_through"
            )
        ).one()
    assert (through, kept > 0) == (NEXT_DAY, True)
    assert [without_nothing(each) for each in found()] == [without_nothing(each) for each in posted]


def test_two_people_stop_an_issuer_whatever_its_limit_says(
    coalition: Coalition, services: Services
) -> None:
    moved(services, "received", 100_000)
    assert measured(services)[4:] == ("within", "open")
    suspended(services, wanted=True)
    assert measured(services)[4:] == ("within", "default")
    with pytest.raises(SuspensionError) as twice:
        suspended(services, wanted=True)
    assert twice.value.reason == "suspended"
    moved(services, "released", 98_950)
    suspended(services, wanted=False)
    # Its limit, which went down meanwhile, is reached: the next measurement says so.
    assert measured(services)[4:] == ("full", "limit")


def test_the_command_measures_and_prints(
    coalition: Coalition, services: Services, database_urls: DatabaseUrls, redis_url: str
) -> None:
    environment = os.environ | {
        "DATABASE_URL": database_urls.application,
        "REDIS_URL": redis_url,
        "PEYVAND_MASTER_KEY": base64.b64encode(MASTER_KEY).decode(),
    }
    printed = subprocess.run(
        [sys.executable, "-m", "config.cli", "exposure", "--json"],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    ).stdout
    baker = next(each for each in json.loads(printed) if each["merchant"] == "baker")
    assert baker == {
        "merchant": "baker",
        "outstanding_points": 92,
        "outstanding": 92_966,
        "unsettled": 8_084,
        "exposure": 101_050,
        "cap": 100_000,
        "deposit": 0,
        "reserve": 0,
        "limit": 100_000,
        "standing": "full",
        "issuing": "limit",
        "currency": "IRR",
    }
