"""What two people approved for a day to come: two people cancel it before that day, nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from config.preparation import prepare_installation
from network.campaigns.service import CampaignTerms, approve_campaign, propose_campaign
from network.clearing.parties import NETWORK_PARTY
from network.clock import wall_now
from network.database.connection import Database
from network.merchants import agreements, queries, service
from network.merchants.agreed import facts_of
from network.money import direct
from network.operators import audit_decisions
from network.operators.audit import record_act
from network.operators.proposals import Proposal
from network.programme import cancelling, proposing
from network.programme import queries as programme
from network.programme.campaigns import Funder
from network.programme.cancelling import ValueKeptError
from network.programme.days import begun_day
from network.programme.rules import EarningTerms
from network.services import Services
from settlement import second_person
from tests.integration.settlement.office import Office, open_office

ANNA, BEHZAD = uuid4(), uuid4()
NOTHING_BEGINS = "nothing approved begins"


@pytest.fixture
def installed(services: Services) -> Services:
    """Return an installation with its first day and one merchant."""
    prepare_installation(services, wall=wall_now())
    with services.database.unit_of_work() as session:
        service.register_merchant(
            session, code="mahtab", name_fa="مهتاب", name_en="Mahtab", kind="grocer", now=wall_now()
        )
    return services


@pytest.fixture
def office(installed: Services) -> Iterator[Office]:
    """Yield two operators in front of its console."""
    with open_office(installed) as made:
        yield made


def shop(session: Session) -> UUID:
    return queries.merchant(session, code="mahtab").merchant_id


def decide(session: Session, proposal: Proposal) -> None:
    """Have Behzad approve what Anna proposed."""
    second_person.approve(session, proposal_id=proposal.proposal_id, by=BEHZAD, now=wall_now())


def agree(session: Session, *, day: date, version: int) -> None:
    """Have two people sign an agreement, and the log say so as the console does."""
    today = begun_day(session, wall=wall_now())
    made = agreements.propose_agreement(
        session,
        merchant_id=shop(session),
        effective_from=day,
        issue_price=Decimal(990 + version),
        acceptance_fee=Decimal("0.02"),
        today=today,
        now=wall_now(),
        proposed_by=ANNA,
    )
    agreements.approve_agreement(
        session, agreement_id=made.agreement_id, today=today, now=wall_now(), approved_by=BEHZAD
    )
    assert made.version == version
    record_act(
        session,
        now=wall_now(),
        actor="behzad",
        action="agreement.approved",
        subject="merchant:mahtab",
        facts=facts_of(made),
    )


def set_all(session: Session, *, day: date, version: int) -> None:
    """Have two people set all that begins on a day."""
    facts: dict[str, Any] = {"reason": "agreed", "by": ANNA}
    terms = EarningTerms(
        earning_terms_id=uuid4(),
        merchant_id=shop(session),
        effective_from=day,
        base_rate=Fraction(1, 10_000),
        category_rates={"bread": Fraction(3, 10_000)},
        pending_days=0,
        expiry_days=365,
        minimum_amount=0,
    )
    decide(
        session,
        proposing.propose_face_value(
            session, value=Fraction(1000), effective_from=day, wall=wall_now(), **facts
        ),
    )
    decide(session, proposing.propose_terms(session, terms=terms, wall=wall_now(), **facts))
    agree(session, day=day, version=version)


def set_mode(session: Session, *, day: date) -> None:
    decide(
        session,
        second_person.propose_mode(
            session,
            mode="direct",
            effective_from=day,
            reason="agreed",
            by=ANNA,
            now=wall_now(),
        ),
    )


def differences(session: Session) -> dict[str, tuple[str, ...]]:
    return {
        each.name: each.examples for each in audit_decisions.checks(session) if each.differences
    }


def standing(session: Session) -> tuple[list[date], list[date], list[date], list[date]]:
    """Return the days on which face values, terms, agreements and modes begin."""
    return (
        [day for day, _value in programme.face_values(session)],
        [each.effective_from for each in programme.all_terms(session, merchant_id=shop(session))],
        [each.effective_from for each in queries.agreements(session, merchant_id=shop(session))],
        [day for day, _mode in direct.modes(session)],
    )


def cancel(session: Session, kind: str, day: date, *, by: UUID = ANNA) -> Proposal:
    return cancelling.propose_cancelling(
        session,
        kind=kind,
        subject_id=NETWORK_PARTY if kind in cancelling.OF_ALL else shop(session),
        effective_from=day,
        reason="changed our minds",
        by=by,
        wall=wall_now(),
    )


def test_two_people_cancel_what_has_not_begun_on_the_pages_where_it_stands(
    installed: Services, office: Office
) -> None:
    database = installed.database
    with database.unit_of_work() as session:
        today = begun_day(session, wall=wall_now())
        day = today + timedelta(days=2)
        set_all(session, day=today, version=1)
        set_all(session, day=day, version=2)
        set_mode(session, day=day)
        assert differences(session) == {}
        service.register_merchant(
            session, code="cola", name_fa="ک", name_en="C", kind=queries.SPONSOR, now=wall_now()
        )
    shown = {
        "/programme": "A point is worth 1,000 rials",
        "/merchants/mahtab": "agreement 2, 992 rials per point, a fee of 2%",
        "/settlement/mode": "How merchants are paid from",
    }
    for path, words in shown.items():
        office.agree(path, "/cancellations", reason="too early")
        page = office.clerk.get(path)
        assert "Cancel, before it begins" in page.text
        assert words in page.text
        assert "too early The operator" in page.text
    # The merchant's page has two forms; now that the agreement is gone, that of its terms is left.
    office.agree("/merchants/mahtab", "/cancellations", reason="too early")
    assert "purchases earn nothing here" not in office.clerk.get("/programme").text
    page = office.head.get("/audit")
    assert 'href="/merchants/mahtab"' in page.answer.text
    log = page.text
    assert "Cancelled an agreement to come" in log
    assert "Cancelled a way of paying to come" in log
    with database.unit_of_work() as session:
        assert standing(session) == ([today], [today], [today], [])
        assert differences(session) == {}
        # The same day is free again, and no version means two agreements.
        set_all(session, day=day, version=3)
    with database.snapshot() as session:
        assert differences(session) == {}


def test_what_has_begun_or_is_relied_on_stays(installed: Services) -> None:
    database = installed.database
    with database.unit_of_work() as session:
        today = begun_day(session, wall=wall_now())
        day = today + timedelta(days=2)
        set_all(session, day=today, version=1)
        sponsor = service.register_merchant(
            session, code="cola", name_fa="ک", name_en="C", kind=queries.SPONSOR, now=wall_now()
        )
        made = agreements.propose_agreement(
            session,
            merchant_id=sponsor,
            effective_from=day,
            issue_price=Decimal(1000),
            acceptance_fee=Decimal(0),
            today=today,
            now=wall_now(),
        )
        agreements.approve_agreement(
            session, agreement_id=made.agreement_id, today=today, now=wall_now()
        )
        campaign = propose_campaign(
            session,
            terms=CampaignTerms(
                code="spring",
                name_fa="بهار",
                name_en="Spring",
                owner_id=NETWORK_PARTY,
                kind="bonus",
                value=Fraction(5),
                first_day=day,
                last_day=day,
                funders=[Funder(party_id=sponsor, share=10_000)],
                budget=1000,
            ),
            today=today,
            now=wall_now(),
        )
        approve_campaign(session, campaign_id=campaign, today=today, now=wall_now())
        for kind in (cancelling.FACE_VALUE, cancelling.TERMS, cancelling.AGREEMENT):
            with pytest.raises(ValueKeptError) as begun:
                cancel(session, kind, today)
            assert begun.value.reason == "begun"
            with pytest.raises(ValueKeptError, match=NOTHING_BEGINS):
                cancel(session, kind, day)
        with pytest.raises(ValueKeptError) as relied:
            cancelling.propose_cancelling(
                session,
                kind=cancelling.AGREEMENT,
                subject_id=sponsor,
                effective_from=day,
                reason="?",
                by=ANNA,
                wall=wall_now(),
            )
        assert relied.value.reason == "funds_campaign"


def test_nothing_goes_without_two_people_and_the_audit_misses_what_did(
    installed: Services, owner_database: Database
) -> None:
    with installed.database.unit_of_work() as session:
        today = begun_day(session, wall=wall_now())
        day = today + timedelta(days=2)
        set_all(session, day=day, version=1)
        set_mode(session, day=day)
        waiting = cancel(session, cancelling.MODE, day)
        # Meanwhile two others decide something else for that day.
        decide(
            session,
            second_person.propose_mode(
                session, mode="hub", effective_from=day, reason="x", by=ANNA, now=wall_now()
            ),
        )
    with pytest.raises(ValueKeptError) as changed, installed.database.unit_of_work() as session:
        decide(session, waiting)
    assert changed.value.reason == "changed"
    tables = ("face_value", "earning_terms", "agreement", "payment_mode")
    for table in tables:
        with (
            pytest.raises(DBAPIError, match="cancelled by two people"),
            installed.database.unit_of_work() as session,
        ):
            session.execute(text(f"DELETE FROM network.{table}"))
    with owner_database.rehearsal() as session:
        for table in tables:
            session.execute(text(f"ALTER TABLE network.{table} DISABLE TRIGGER USER"))
            session.execute(text(f"DELETE FROM network.{table}"))
        (examples,) = differences(session).values()
    assert sorted(each.partition(" from")[0] for each in examples) == [
        "agreement of mahtab, version 1",
        "earning terms",
        "face value",
        "mode of payment",
    ]
    assert all("approved it, and it is gone" in each for each in examples)
