"""A window that can't go on is aborted by two people; its days settle in the next attempt."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from sqlalchemy import text

from config.schedule import due_night
from network.clearing import queries
from network.clearing.aborting import AbortError
from network.clearing.runs import InputChangedError
from network.clock import wall_now
from network.database.connection import Database
from network.ids import uuid7
from network.operators import proposals
from network.operators.errors import ProposalError
from network.services import Services
from settlement import second_person
from settlement.controls import ControlTotalsError
from settlement.nightly import EarlierDayError
from tests.integration.settlement.coalition import (
    DAY,
    NEXT_DAY,
    THIRD_DAY,
    Coalition,
)
from tests.integration.settlement.pictures import documents, facts, run_row, settle

ONE, OTHER = uuid7(), uuid7()


@pytest.fixture
def played(coalition: Coalition) -> Coalition:
    """Return the coalition on the third day, after two days of redemptions."""
    coalition.play_two_days()
    coalition.programme.move(coalition.at(THIRD_DAY))
    return coalition


def stuck(services: Services, owner: Database) -> UUID:
    """Let the first day's night stop at a planted obligation, and return its window."""
    with owner.unit_of_work() as session:
        session.execute(
            text("""
                CREATE FUNCTION network.plant() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN NEW.points := NEW.points + 1; RETURN NEW; END $$
            """)
        )
        session.execute(
            text("""
                CREATE TRIGGER plant BEFORE INSERT ON network.obligation
                FOR EACH ROW WHEN (NEW.kind = 'redemption') EXECUTE FUNCTION network.plant()
            """)
        )
    with pytest.raises(ControlTotalsError):
        settle(services, DAY)
    with owner.unit_of_work() as session:
        session.execute(text("DROP FUNCTION network.plant CASCADE"))
    with services.database.reading() as session:
        window = queries.window_of(session, business_date=DAY)
    assert window is not None
    assert window.state == "pending_settlement"
    return window.window_id


def proposed(services: Services, window_id: UUID) -> UUID:
    with services.database.unit_of_work() as session:
        return second_person.propose_abort(
            session, window_id=window_id, reason="wrong obligations", by=ONE, now=wall_now()
        ).proposal_id


def abort(services: Services, window_id: UUID, *, by: UUID = OTHER) -> None:
    waiting = proposed(services, window_id)
    with services.database.unit_of_work() as session:
        second_person.approve(session, proposal_id=waiting, by=by, now=wall_now())


def test_its_days_settle_in_the_next_attempt_as_if_it_had_not_been(
    services: Services, played: Coalition, owner_database: Database
) -> None:
    window_id = stuck(services, owner_database)
    with pytest.raises(ControlTotalsError):
        settle(services, DAY)  # what is stored never changes, so it can't go on
    with pytest.raises(EarlierDayError):
        settle(services, NEXT_DAY)
    assert due_night(services.database, now=played.programme.now()) == NEXT_DAY

    with pytest.raises(ProposalError, match="second person"):
        abort(services, window_id, by=ONE)
    with services.database.unit_of_work() as session:
        (waiting,) = proposals.waiting(session, subject_id=window_id)
        second_person.approve(session, proposal_id=waiting.proposal_id, by=OTHER, now=wall_now())
    with services.database.reading() as session:
        now_open = queries.window_of(session, business_date=DAY)
        old = queries.window(session, window_id=window_id)
    assert old is not None
    assert now_open is not None
    assert (old.state, now_open.state, now_open.attempt) == ("aborted", "open", 2)
    assert due_night(services.database, now=played.programme.now()) == DAY

    result = settle(services, NEXT_DAY)
    assert result.earlier == (DAY,)
    assert result.control_totals["agree"]
    assert settle(services, DAY).replayed
    assert settle(services, DAY).run_key == f"peyvand:{DAY}:2:v1"
    found = facts(services.database)
    assert sum('"aborted"' in row for row in found["settlement_window"]) == 1
    assert sum(str(window_id) in row for row in found["statement"]) == 0
    assert sum(str(window_id) in row for row in found["obligation"]) == 6  # kept as it was
    assert set(documents(services, DAY)) == {"baker", "grocer"}
    with services.database.reading() as session:
        window = queries.window_of(session, business_date=DAY)
        assert window is not None
        nets = {each.party.code: each.net for each in queries.positions(session, window=window)}
    assert nets == {"baker": 2827, "grocer": -3185, "network": 358}


def test_a_run_whose_input_changed_is_aborted_and_reckoned_anew(
    services: Services, played: Coalition, owner_database: Database
) -> None:
    window_id = stuck(services, owner_database)
    with owner_database.unit_of_work() as session:
        # A wrong face value is put right afterwards; a night reckons from it.
        session.execute(text("UPDATE network.face_value SET numerator = numerator + 1"))
    with pytest.raises(InputChangedError):
        settle(services, DAY)
    assert run_row(services.database, DAY)["state"] == "stopped"
    abort(services, window_id)
    assert settle(services, DAY).control_totals["agree"]


def test_what_is_settled_open_or_under_way_is_not_aborted(
    services: Services, played: Coalition, owner_database: Database
) -> None:
    window_id = stuck(services, owner_database)
    with owner_database.unit_of_work() as session:
        session.execute(
            text("""
                UPDATE network.settlement_run
                SET state = 'running', heartbeat_at = clock_timestamp() WHERE business_date = :day
            """),
            {"day": DAY},
        )
    with pytest.raises(AbortError, match="works on"):
        proposed(services, window_id)
    with owner_database.unit_of_work() as session:
        session.execute(text("UPDATE network.settlement_run SET state = 'failed'"))
    waiting = proposed(services, window_id)
    with services.database.unit_of_work() as session:
        second_person.approve(session, proposal_id=waiting, by=OTHER, now=wall_now())
    done = settle(services, DAY)
    for ended, words in ((window_id, "aborted"), (done.window_id, "settled")):
        with pytest.raises(AbortError, match=words):
            proposed(services, ended)
        with (
            pytest.raises(Exception, match="stays so"),
            services.database.unit_of_work() as session,
        ):
            session.execute(
                text(
                    "UPDATE network.settlement_window SET state = 'open', settled_at = NULL"
                    " WHERE window_id = :id"
                ),
                {"id": ended},
            )
    with services.database.reading() as session:
        still_open = queries.window_of(session, business_date=NEXT_DAY)
    assert still_open is not None
    with pytest.raises(AbortError, match="not reckoned"):
        proposed(services, still_open.window_id)


def test_an_abort_and_a_night_at_once_leave_one_of_them(
    services: Services, played: Coalition, owner_database: Database
) -> None:
    window_id = stuck(services, owner_database)
    waiting = proposed(services, window_id)

    def approve() -> bool:
        try:
            with services.database.unit_of_work() as session:
                second_person.approve(session, proposal_id=waiting, by=OTHER, now=wall_now())
        except AbortError:
            return False
        return True

    def night() -> bool:
        try:
            settle(services, DAY)
        except ControlTotalsError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        settling = pool.submit(night)
        aborted = pool.submit(approve).result()
        settled = settling.result()
    if not aborted:
        assert not settled
        assert approve()
    assert settle(services, DAY).control_totals["agree"]
    with services.database.reading() as session:
        states = session.execute(
            text("SELECT attempt, state FROM network.settlement_window WHERE first_day = :day"),
            {"day": DAY},
        )
        assert sorted(tuple(row) for row in states) == [(1, "aborted"), (2, "settled")]
