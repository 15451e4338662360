"""The audit of money finds nothing in an honest house, and names what was tampered with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from config.services.postgres import SUPERUSER
from network.clearing import lines
from network.clearing import queries as clearing
from network.clearing.parties import NETWORK_PARTY
from network.clock import wall_now
from network.database.connection import Database
from network.exposure import measuring
from network.exposure.cover import Movement
from network.ids import EntryIds
from network.ledger import operations
from network.ledger.audit_pass import run_pass
from network.money import audit, service
from network.money import queries as money
from network.money.correcting import post_correction
from network.services import Services
from network.settings import Settings
from network.vault import Vault
from settlement import second_person
from settlement.payments.importing import take_answers
from tests.conftest import MASTER_KEY
from tests.fixtures.cluster import Cluster
from tests.fixtures.programme import Programme
from tests.integration.settlement.bank import HOUSE_IBAN, Booking, statement
from tests.integration.settlement.coalition import (
    BAKER,
    CINEMA,
    DAY,
    GROCER,
    IBANS,
    NEXT_DAY,
    TERMS,
    THIRD_DAY,
    Coalition,
    member,
)
from tests.integration.settlement.mixed import play
from tests.integration.settlement.pictures import settle
from tests.integration.settlement.till import Till

ANNA, BEHNAM = uuid4(), uuid4()


@dataclass(frozen=True, kw_only=True)
class House:
    """A house with money of every kind in its ledger, and its database in a superuser's hands."""

    database: Database
    superuser_url: str

    @contextmanager
    def tampered(self, *statements: str) -> Iterator[Session]:
        """Yield a snapshot in which the statements ran, triggers off; nothing of it stays."""
        engine = create_engine(self.superuser_url, isolation_level="REPEATABLE READ")
        try:
            with Session(engine) as session:
                session.execute(text("SET LOCAL session_replication_role = replica"))
                for each in statements:
                    session.execute(text(each.replace(":", "\\:")))
                yield session
                session.rollback()
        finally:
            engine.dispose()


@pytest.fixture(scope="module")
def house(cluster: Cluster) -> Iterator[House]:
    """Settle three days of all funding models, and move money in every way there is, once."""
    with cluster.fresh_database() as name:
        vault = Vault(MASTER_KEY)
        owner = Database(cluster.url("peyvand_owner", database=name))
        database = Database(cluster.url("peyvand", database=name))
        services = Services(
            settings=Settings(
                database_url=cluster.url("peyvand", database=name),
                redis_url="",
                master_key=MASTER_KEY,
                payment_iban=HOUSE_IBAN,
            ),
            database=database,
            vault=vault,
            entry_ids=EntryIds(vault),
        )
        coalition = Coalition(
            owner=owner,
            programme=Programme(database=database, owner=owner),
            accounts=IBANS,
            funding={CINEMA: "on_issue", GROCER: "prefunded"},
            vat={BAKER: "0.1"},
        )
        coalition.found(vault=vault)
        superuser_url = cluster.url(SUPERUSER, database=name)
        try:
            _live(services, coalition, superuser_url)
            yield House(database=database, superuser_url=superuser_url)
        finally:
            owner.dispose()
            database.dispose()


def _live(services: Services, coalition: Coalition, superuser_url: str) -> None:
    with services.database.ledger() as connection:
        for number in (1, 2, 3):
            operations.open_wallet(connection, member_id=member(number))
    coalition.pay_directly(since=THIRD_DAY)
    play(coalition, Till(database=services.database, coalition=coalition))
    settle(services, NEXT_DAY)
    paid = {}
    with services.database.reading() as session:
        for each in money.payments(session):
            paid[each.first_day, each.fact.merchant_id] = each.fact
    for window_id in {each.window_id for each in paid.values()}:
        _release(services, window_id)
    # Baker: paid out on both days. Grocer: collected, then paid out.
    first, second = paid[DAY, BAKER], paid[NEXT_DAY, BAKER]
    booked = Booking(reference="B1", end_to_end_id=first.end_to_end_id, amount=first.amount)
    received = Booking(
        reference="B2",
        end_to_end_id=paid[DAY, GROCER].end_to_end_id,
        amount=paid[DAY, GROCER].amount,
        credit=True,
    )
    assert [each.direction for each in (first, second, paid[DAY, GROCER])] == [
        "payout",
        "collection",
        "collection",
    ]
    assert take_answers(services, content=statement(booked), by=ANNA, now=wall_now()).outcomes == {
        "settled": 1
    }
    _take(services, received)
    _take(services, replace(booked, reference="B3", credit=True, reason="AC04"))
    with services.database.unit_of_work() as session:
        proposal = second_person.propose_cancellation(
            session, payment_id=second.payment_id, reason="silence", by=ANNA, now=wall_now()
        )
    _approve(services, proposal.proposal_id)
    covers = (
        Movement(merchant_id=CINEMA, account="deposit", act="received", amount=9000),
        Movement(merchant_id=CINEMA, account="reserve", act="received", amount=70),
        Movement(merchant_id=CINEMA, account="deposit", act="drawn", amount=500),
    )
    for number, movement in enumerate(covers):
        with services.database.unit_of_work() as session:
            proposal = second_person.propose_cover(
                session,
                movement=movement,
                bank_ref=f"C-{number}",
                reason="agreed",
                by=ANNA,
                now=wall_now(),
            )
        _approve(services, proposal.proposal_id)
    _correct(services, superuser_url, merchant_id=BAKER, amount=-40)
    # So that the grocer has something to pay the baker.
    _correct(services, superuser_url, merchant_id=GROCER, amount=-60)
    settle(services, THIRD_DAY)
    with services.database.unit_of_work() as session:
        measuring.measure(session, now=wall_now())


def _release(services: Services, window_id: UUID) -> None:
    with services.database.unit_of_work() as session:
        seen = money.release_totals(session, window_id=window_id)
        service.propose_release(session, window_id=window_id, totals=seen, by=ANNA, now=wall_now())
    with services.database.unit_of_work() as session:
        service.approve_release(session, window_id=window_id, by=BEHNAM, now=wall_now())


def _take(services: Services, booking: Booking) -> None:
    found = take_answers(services, content=statement(booking), by=ANNA, now=wall_now())
    assert found.proposal is not None
    _approve(services, found.proposal.proposal_id)


def _approve(services: Services, proposal_id: UUID) -> None:
    with services.database.unit_of_work() as session:
        second_person.approve(session, proposal_id=proposal_id, by=BEHNAM, now=wall_now())


def _correct(services: Services, superuser_url: str, *, merchant_id: UUID, amount: int) -> None:
    """Post a correction; its row comes without the break and the people that it would name."""
    correction_id = uuid4()
    engine = create_engine(superuser_url)
    with Session(engine) as session, session.begin():
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(
            text("""
                INSERT INTO network.correction
                    (correction_id, merchant_id, break_id, resolution, currency, amount, reason,
                     state, proposed_by, proposed_at, decided_by, decided_at, business_date)
                VALUES (:id, :merchant, gen_random_uuid(), 'adjust_money', 'IRR', :amount, 'agreed',
                        'posted', :anna, now(), :behnam, now(), :day)
            """),
            {
                "id": correction_id,
                "merchant": merchant_id,
                "amount": amount,
                "anna": ANNA,
                "behnam": BEHNAM,
                "day": THIRD_DAY,
            },
        )
    engine.dispose()
    with services.database.unit_of_work() as session:
        post_correction(
            session,
            correction_id=correction_id,
            merchant_id=merchant_id,
            currency="IRR",
            amount=amount,
            business_date=THIRD_DAY,
        )


def test_an_honest_house_is_clean_and_every_check_looked_at_something(house: House) -> None:
    with house.database.snapshot() as session:
        checks = list(audit.checks(session))
    assert [check.name for check in checks] == audit.check_names()
    assert [check for check in checks if check.differences or check.examples] == []
    assert [check.name for check in checks if check.rows == 0] == []


def test_the_network_s_own_lines_stay_in_the_database(house: House) -> None:
    """It pays out of the pool, and has no statement that its lines could stand on."""
    with house.database.reading() as session:
        window = clearing.window_of(session, business_date=DAY)
        assert window is not None
        payers = {each.fact.payer_id for each in clearing.obligations(session, window=window)}
        found = {each.merchant_id for each in lines.all_statement_lines(session, window=window)}
    assert NETWORK_PARTY in payers
    assert found == {BAKER, GROCER, CINEMA}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What was changed, which check must name it and how."""

    check: str
    statement: str
    named: str


def fault(check: str, statement: str, *, named: object = "") -> Fault:
    return Fault(check=check, statement=statement, named=str(named))


def _of(kind: str, account: str = "") -> str:
    """Return the condition on the postings of entries of a kind."""
    found = (
        f"money_entry_id IN (SELECT money_entry_id FROM network.money_entry WHERE kind = '{kind}')"
    )
    return f"{found} AND account = '{account}'" if account else found


def _loss(*, agreed: dict[UUID, int], posted: dict[UUID, int]) -> str:
    """Return statements that lay a loss of the cinema on others than two people agreed on."""
    shares = json.dumps({str(who): part for who, part in agreed.items()})
    lines = {CINEMA: sum(posted.values())} | {who: -part for who, part in posted.items()}
    values = ", ".join(
        f"('{UUID(int=2)}', {line}, 'settlement', '{who}', 'loss', 'IRR', {amount})"
        for line, (who, amount) in enumerate(lines.items(), start=1)
    )
    return (
        "INSERT INTO network.proposal (proposal_id, kind, subject_id, terms, reason, proposed_by,"
        f" proposed_at, decided_by, decided_at, approved) VALUES ('{UUID(int=1)}', 'default.pay',"
        f" '{CINEMA}', jsonb_build_object('step', 'acceptors', 'amount', {sum(agreed.values())},"
        f" 'currency', 'IRR', 'shares', CAST('{shares}' AS jsonb)), 'x', '{ANNA}', now(),"
        f" '{BEHNAM}', now(), true);"
        "INSERT INTO network.money_entry (money_entry_id, kind, business_date, proposal_id)"
        f" VALUES ('{UUID(int=2)}', 'loss', '{THIRD_DAY}', '{UUID(int=1)}');"
        "INSERT INTO network.money_posting (money_entry_id, line, account, party_id, reason,"
        f" currency, amount) VALUES {values}"
    )


_ONE = "payment_id = (SELECT payment_id FROM network.payment WHERE {} LIMIT 1)"
_WINDOW = f"(SELECT window_id FROM network.settlement_window WHERE first_day = '{NEXT_DAY}')"

FAULTS = (
    fault(
        "money_entries_balance",
        "UPDATE network.money_posting SET amount = amount + 1 WHERE account = 'vat'",
        named="is off by 1 IRR",
    ),
    fault(
        "positions_sum_to_zero",
        "UPDATE network.net_position SET net = net + 1, receivable = receivable + 1"
        " WHERE account = 'pool'",
        named=f"window of {DAY} is off by 1 IRR",
    ),
    fault(
        "positions_from_obligations",
        "UPDATE network.obligation SET amount = amount + 1 WHERE kind = 'vat'",
        named=f"window of {DAY}, account vat",
    ),
    fault(
        "positions_in_money_ledger",
        f"DELETE FROM network.money_posting WHERE {_of('netting', 'margin')}",
        named=f"window of {DAY}, account margin",
    ),
    fault(
        "obligations_priced",
        "UPDATE network.obligation SET amount = amount + 2 WHERE kind = 'vat'",
        named=" × ",
    ),
    fault(
        "postings_in_one_window",
        "UPDATE network.obligation SET postings = postings + 1 WHERE kind = 'issuance'",
        named=f"window of {DAY}: ",
    ),
    fault(
        "pool_covers_points",
        "UPDATE ledger.lot SET remaining = remaining + 1, granted = granted + 1"
        f" WHERE terms_id = '{TERMS[CINEMA]}' AND open",
        named=f"terms {TERMS[CINEMA]}",
    ),
    fault(
        "pool_in_money_ledger",
        "UPDATE network.pool_balance SET amount = amount + 1",
        named="IRR: the pool is",
    ),
    fault(
        "openings_are_closings",
        "UPDATE network.statement SET opening = opening + 1, closing = closing + 1",
        named=f"window of {DAY}: opens with 1",
    ),
    # A closed day that no window has, and one whose window was aborted without another attempt.
    fault(
        "days_in_one_window",
        f"DELETE FROM network.settlement_window WHERE first_day = '{NEXT_DAY}'",
        named=f"{NEXT_DAY} stands in 0 windows: none",
    ),
    fault(
        "days_in_one_window",
        "UPDATE network.settlement_window SET state = 'aborted', settled_at = NULL"
        f" WHERE first_day = '{NEXT_DAY}'",
        named=f"{NEXT_DAY} stands in 0 windows: none",
    ),
    fault(
        "days_in_one_window",
        "UPDATE network.settlement_window SET state = 'closed', settled_at = NULL"
        f" WHERE first_day = '{NEXT_DAY}'",
        named=f"{NEXT_DAY} stands in 1 windows: closed",
    ),
    fault(
        "days_in_one_window",
        "ALTER TABLE network.settlement_window DROP CONSTRAINT ex_settlement_window_period;"
        f"UPDATE network.settlement_window SET end_day = end_day + 1 WHERE first_day = '{DAY}'",
        named=f"{NEXT_DAY} stands in 2 windows: settled, settled",
    ),
    fault(
        "closings_in_money_ledger",
        # Openings follow closings and every sum of the statement holds: only the ledger knows.
        f"UPDATE network.statement SET closing = closing + 7, returned = returned + 7"
        f" WHERE merchant_id = '{CINEMA}' AND window_id = (SELECT window_id FROM"
        f" network.settlement_window WHERE first_day = '{THIRD_DAY}')",
        named=f"merchant {CINEMA}, window of {THIRD_DAY}: ",
    ),
    fault(
        "closings_in_money_ledger",
        f"UPDATE network.money_entry SET business_date = '{NEXT_DAY}' WHERE kind = 'correction'",
        named=f"merchant {BAKER}, window of {NEXT_DAY}: ",
    ),
    fault(
        "money_stands_on_statements",
        f"DELETE FROM network.statement WHERE window_id = {_WINDOW}",
        named=f"window of {NEXT_DAY}: ",
    ),
    fault(
        "clearing_is_underway",
        "UPDATE network.payment SET state = 'released' WHERE state = 'cancelled'",
        named="(released): 0 in clearing",
    ),
    fault(
        "clearing_is_underway",
        "UPDATE network.money_entry SET payment_id = gen_random_uuid() WHERE kind = 'instruction'"
        " AND " + _ONE.format("state = 'settled'"),
        named="(no payment): ",
    ),
    fault(
        "bank_is_what_was_booked",
        "UPDATE network.payment SET state = 'returned' WHERE state = 'settled'",
        named="(returned): the bank's account has ",
    ),
    fault(
        "two_people_behind_money",
        "ALTER TABLE network.correction DROP CONSTRAINT ck_correction_two_people;"
        "UPDATE network.correction SET decided_by = proposed_by",
        named="(correction of ",
    ),
    fault(
        "two_people_behind_money",
        "UPDATE network.correction SET amount = amount - 1",
        named=f"settlement {BAKER} -41 IRR; moved: margin {NETWORK_PARTY} 40 IRR",
    ),
    *(
        fault(
            "two_people_behind_money",
            "ALTER TABLE network.proposal DROP CONSTRAINT ck_proposal_two_people;"
            f"UPDATE network.proposal SET decided_by = proposed_by WHERE kind = '{kind}'",
            named=f"({entry} of ",
        )
        for kind, entry in (
            ("cover.move", "draw"),
            ("cover.move", "cover"),
            ("payment.cancel", "cancellation"),
            ("bank.returns", "return"),
            ("bank.returns", "settlement"),
        )
    ),
    fault(
        "two_people_behind_money",
        f"UPDATE network.money_posting SET amount = amount * 2 WHERE {_of('draw')}",
        named=f"settlement {CINEMA} 500 IRR; moved: deposit {CINEMA} -1000 IRR",
    ),
    # The right figure the wrong way, on the wrong account, or on another merchant's.
    *(
        fault(
            "two_people_behind_money",
            f"UPDATE network.money_posting SET {change} WHERE {_of(kind, account)}",
            named=f"({kind} of ",
        )
        for kind, account, change in (
            ("correction", "", "amount = -amount"),
            ("cover", "", "amount = -amount"),
            ("cancellation", "", "amount = -amount"),
            ("draw", "", f"party_id = '{GROCER}'"),
            ("draw", "settlement", f"party_id = '{GROCER}'"),
            ("cover", "deposit", "account = 'reserve'"),
        )
    ),
    fault(
        "two_people_behind_money",
        _loss(agreed={BAKER: 60, GROCER: 40}, posted={BAKER: 100}),
        named=f"settlement {BAKER} -60 IRR, settlement {GROCER} -40 IRR, settlement {CINEMA} 100",
    ),
    fault(
        "one_entry_per_proposal",
        "INSERT INTO network.money_entry (money_entry_id, kind, business_date, proposal_id)"
        " SELECT gen_random_uuid(), kind, business_date, proposal_id FROM network.money_entry"
        " WHERE kind = 'draw'",
        named="(cover.move): 2 entries",
    ),
    fault(
        "one_entry_per_proposal",
        "DELETE FROM network.money_entry WHERE kind = 'cancellation'",
        named="(payment.cancel): 0 entries",
    ),
    fault(
        "two_people_behind_money",
        "UPDATE network.money_entry SET proposal_id = NULL WHERE kind = 'settlement'",
        named="(settlement of ",
    ),
    fault(
        "two_people_behind_releases",
        "UPDATE network.payment_release SET approved_by = NULL, approved_at = NULL",
        named="left on less than two people's word",
    ),
    fault(
        "directs_in_money_ledger",
        "UPDATE network.direct_payment SET amount = amount + 1",
        named="(prepared of ",
    ),
    fault(
        "directs_in_money_ledger",
        "UPDATE network.direct_payment SET state = 'failed'",
        named="(failed of ",
    ),
    fault(
        "two_people_behind_directs",
        "UPDATE network.direct_payment SET state = 'confirmed'",
        named="is confirmed on less than two people's word",
    ),
    fault(
        "outstanding_matches_lots",
        "UPDATE network.outstanding SET points = points + 1",
        named=f"issuer {CINEMA}, terms {TERMS[CINEMA]}: ",
    ),
    fault(
        "day_figures_match_wallets",
        "UPDATE network.day_figures SET held = held + 1",
        named="held: days come to 3, wallets hold 0",
    ),
)


@pytest.mark.parametrize("planted", FAULTS, ids=lambda planted: planted.check)
def test_what_was_tampered_with_is_named(house: House, planted: Fault) -> None:
    (part,) = (each for each in audit.PASSES if planted.check in {rule.name for rule in each.rules})
    with house.tampered(*planted.statement.split(";")) as session:
        found = {check.name: check for check in run_pass(session, part)}
    assert any(planted.named in example for example in found[planted.check].examples), found


def test_every_check_has_a_fault() -> None:
    assert {planted.check for planted in FAULTS} == set(audit.check_names())
