"""A house with money of every kind in its ledger, for the audit to look at and for faults in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from config.services.postgres import SUPERUSER
from network.clock import wall_now
from network.database.connection import Database
from network.exposure import measuring
from network.exposure.cover import Movement
from network.ids import EntryIds
from network.ledger import operations
from network.money import queries as money
from network.money import service
from network.money.correcting import post_correction
from network.services import Services
from network.settings import Settings
from network.vault import Vault
from settlement import defaults, second_person
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


@contextmanager
def audited_house(cluster: Cluster) -> Iterator[House]:
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
        proposal = defaults.propose_points(
            session, merchant_id=CINEMA, wanted=True, reason="unpaid", by=ANNA, now=wall_now()
        )
    _approve(services, proposal.proposal_id)


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
