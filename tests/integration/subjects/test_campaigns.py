"""Campaigns as rows: two people, terms that never change, shares that are whole."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from network.campaigns import queries, service
from network.campaigns.errors import (
    CampaignCodeTakenError,
    CampaignDataError,
    CampaignSamePersonError,
    CampaignStateError,
    UnknownCampaignError,
)
from network.campaigns.service import CampaignTerms
from network.clearing.parties import NETWORK_PARTY
from network.database.connection import Database
from network.ids import uuid7
from network.merchants import agreements
from network.merchants import service as merchants
from network.operators import service as operators
from network.programme.campaigns import Funder
from network.vault import Vault

TODAY = date(2026, 11, 22)
NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)


@pytest.fixture
def shop(database: Database) -> UUID:
    """Return a merchant with an agreement."""
    with database.unit_of_work() as session:
        merchant_id = merchants.register_merchant(
            session, code="bakery", name_fa="نانوایی", name_en="Bakery", kind="grocer", now=NOW
        )
        proposed = agreements.propose_agreement(
            session,
            merchant_id=merchant_id,
            effective_from=TODAY,
            issue_price=Decimal(1000),
            acceptance_fee=Decimal("0.02"),
            today=TODAY,
            now=NOW,
        )
        agreements.approve_agreement(
            session, agreement_id=proposed.agreement_id, today=TODAY, now=NOW
        )
    return merchant_id


@pytest.fixture
def people(database: Database, vault: Vault) -> list[UUID]:
    """Return two operators."""
    with database.unit_of_work() as session:
        return [
            operators.add_operator(
                session,
                vault=vault,
                now=NOW,
                email=f"{name}@example.org",
                name=name,
                role="approver",
                password="correct horse battery",
            ).operator.operator_id
            for name in ("one", "two")
        ]


def terms(shop: UUID, **other: Any) -> CampaignTerms:
    facts: dict[str, Any] = {
        "code": "spring",
        "name_fa": "بهار",
        "name_en": "Spring",
        "owner_id": shop,
        "kind": "bonus",
        "value": Fraction(15),
        "first_day": TODAY,
        "last_day": TODAY + timedelta(days=3),
        "funders": (
            Funder(party_id=shop, share=6000),
            Funder(party_id=NETWORK_PARTY, share=4000),
        ),
        "budget": 1000,
        "merchants": (shop,),
    }
    return CampaignTerms(**facts | other)


def propose(database: Database, wanted: CampaignTerms, by: UUID | None = None) -> UUID:
    with database.unit_of_work() as session:
        return service.propose_campaign(session, terms=wanted, today=TODAY, now=NOW, proposed_by=by)


def approve(database: Database, campaign_id: UUID, by: UUID | None = None) -> None:
    with database.unit_of_work() as session:
        service.approve_campaign(
            session, campaign_id=campaign_id, today=TODAY, now=NOW, approved_by=by
        )


def test_a_second_person_approves_and_the_budget_opens(
    database: Database, shop: UUID, people: list[UUID]
) -> None:
    one, two = people
    campaign_id = propose(database, terms(shop, budget=1003), one)
    with database.reading() as session:
        assert queries.running(session, merchant_id=shop, day=TODAY) == ()
    for alone in (one, None):
        with pytest.raises(CampaignSamePersonError):
            approve(database, campaign_id, alone)
    approve(database, campaign_id, two)
    with pytest.raises(CampaignStateError):
        approve(database, campaign_id, two)
    with database.reading() as session:
        (found,) = queries.running(session, merchant_id=shop, day=TODAY)
        assert (found.left, found.running, found.value) == (1003, True, Fraction(15))
        assert [funder.share for funder in found.funders] == [6000, 4000]
        assert queries.running(session, merchant_id=uuid7(), day=TODAY) == ()
        assert queries.running(session, merchant_id=shop, day=TODAY + timedelta(days=4)) == ()
        slices = session.scalars(
            text("SELECT budget FROM ledger.campaign_slice ORDER BY slice")
        ).all()
        acts = session.scalars(
            text("SELECT action FROM network.audit_log WHERE action LIKE 'campaign.%' ORDER BY 1")
        ).all()
    assert slices == [63] * 11 + [62] * 5
    assert acts == ["campaign.approved", "campaign.proposed"]


def test_a_campaign_ends_with_its_funders_last_day(
    database: Database, owner_database: Database, shop: UUID
) -> None:
    with owner_database.unit_of_work() as session:
        session.execute(text("SELECT ledger.open_first_day(:today)"), {"today": TODAY})
    approve(database, propose(database, terms(shop)))
    later = propose(database, terms(shop, code="later"))

    def leave(on: date) -> None:
        with owner_database.unit_of_work() as session:
            session.execute(
                text("UPDATE network.merchant SET status = 'leaving', leaves_on = :on"), {"on": on}
            )

    leave(TODAY + timedelta(days=1))
    with pytest.raises(CampaignDataError, match="leaving"):
        approve(database, later)
    with database.reading() as session:
        assert len(queries.running(session, merchant_id=shop, day=TODAY)) == 1
    leave(TODAY)
    with database.reading() as session:
        assert queries.running(session, merchant_id=shop, day=TODAY) == ()


def test_states_follow_each_other(database: Database, shop: UUID) -> None:
    campaign_id = propose(database, terms(shop))
    with pytest.raises(CampaignStateError), database.unit_of_work() as session:
        service.pause_campaign(session, campaign_id=campaign_id, now=NOW)
    approve(database, campaign_id)
    for act, running in (
        (service.pause_campaign, False),
        (service.resume_campaign, True),
        (service.end_campaign, None),
    ):
        with database.unit_of_work() as session:
            act(session, campaign_id=campaign_id, now=NOW)
        with database.reading() as session:
            found = queries.running(session, merchant_id=shop, day=TODAY)
        assert [each.running for each in found] == ([] if running is None else [running])
    for late in (service.resume_campaign, service.end_campaign, service.decline_campaign):
        with pytest.raises(CampaignStateError), database.unit_of_work() as session:
            late(session, campaign_id=campaign_id, now=NOW)
    with pytest.raises(UnknownCampaignError), database.unit_of_work() as session:
        service.end_campaign(session, campaign_id=uuid7(), now=NOW)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"code": "Spring time"}, "code"),
        ({"name_fa": " "}, "name_fa"),
        ({"kind": "raffle"}, "kind"),
        ({"value": Fraction(3, 2)}, "value"),
        ({"kind": "multiplier", "value": Fraction(1)}, "value"),
        ({"first_day": TODAY - timedelta(days=1)}, "first_day"),
        ({"last_day": TODAY - timedelta(days=1)}, "last_day"),
        ({"slices": 15}, "slices"),
        ({"budget": 15}, "budget"),
        ({"person_cap": 0}, "person_cap"),
        ({"categories": ("a", "a")}, "categories"),
        ({"tiers": ("gold",)}, "tiers"),
        ({"merchants": ()}, "owner"),
        ({"funders": ()}, "funders"),
        ({"funders": (Funder(party_id=NETWORK_PARTY, share=9999),)}, "funders"),
        ({"merchants": (uuid7(),)}, "merchants"),
    ],
)
def test_terms_that_cannot_be_are_named(
    database: Database, shop: UUID, wrong: dict[str, Any], field: str
) -> None:
    with pytest.raises(CampaignDataError) as refused:
        propose(database, terms(shop, **wrong))
    assert refused.value.field == field


def test_a_code_is_taken_once(database: Database, shop: UUID) -> None:
    propose(database, terms(shop))
    with pytest.raises(CampaignCodeTakenError):
        propose(database, terms(shop))


def test_a_funder_without_an_agreement_cannot_be_approved(database: Database, shop: UUID) -> None:
    with database.unit_of_work() as session:
        other = merchants.register_merchant(
            session, code="cinema", name_fa="سینما", name_en="Cinema", kind="cinema", now=NOW
        )
    campaign_id = propose(database, terms(shop, funders=(Funder(party_id=other, share=10_000),)))
    with pytest.raises(CampaignDataError):
        approve(database, campaign_id)


def test_the_database_itself_holds_shares_and_terms(database: Database, shop: UUID) -> None:
    campaign_id = propose(database, terms(shop))
    with pytest.raises(IntegrityError), database.unit_of_work() as session:
        session.execute(
            text("INSERT INTO network.campaign_funder VALUES (:id, 3, :party, 1)"),
            {"id": campaign_id, "party": uuid7()},
        )
    with pytest.raises(ProgrammingError), database.unit_of_work() as session:
        session.execute(text("UPDATE network.campaign SET budget = budget + 1"))
