"""One list has everything that waits for a second person, each of it once."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from flask import g

from config.web import furnish
from network.adjustments import service as adjusting
from network.campaigns import service as campaigns
from network.campaigns.service import CampaignTerms
from network.clearing.models import SettlementWindow
from network.clearing.parties import NETWORK_PARTY
from network.clock import wall_now
from network.ids import uuid7
from network.merchants import agreements
from network.money.models import PaymentRelease
from network.operators import managing
from network.operators import service as operators
from network.operators.queries import OperatorView
from network.programme.campaigns import Funder
from network.reconciliation.corrections import Movement
from network.services import Services
from settlement import second_person
from settlement.console.app import create_app
from settlement.console.waiting import SOURCES, everything
from tests.integration.reconciliation.desk import NEXT_DAY, Desk
from tests.integration.reconciliation.test_resolving import MORNING, Morning


def administrator(services: Services, name: str) -> OperatorView:
    with services.database.unit_of_work() as session:
        return operators.add_operator(
            session,
            vault=services.vault,
            email=f"{name}@network.example",
            name=name.title(),
            role="administrator",
            password=f"{name} keeps a long secret",
            now=MORNING,
        ).operator


def test_each_kind_of_what_waits_stands_on_the_list_once(desk: Desk, services: Services) -> None:
    morning, now = Morning(desk), wall_now()
    chief, other = administrator(services, "chief"), administrator(services, "other")
    administrator(services, "third")
    later = NEXT_DAY + timedelta(days=30)
    morning.resolve("points_differ", "accept_theirs")
    morning.resolve("missing_there", "adjust_money", movement=Movement(amount=-19_600))
    with services.database.unit_of_work() as session:
        adjusting.propose(
            session,
            now=MORNING,
            member_id=morning.member,
            kind="down",
            issuer_id=desk.shop,
            points=3,
            reason="typed twice",
            proposed_by=morning.anna,
        )
        agreements.propose_agreement(
            session,
            merchant_id=desk.shop,
            effective_from=later,
            issue_price=Decimal(990),
            acceptance_fee=Decimal(0),
            today=NEXT_DAY,
            now=MORNING,
            proposed_by=morning.anna,
        )
        campaigns.propose_campaign(
            session,
            terms=CampaignTerms(
                code="spring",
                name_fa="بهار",
                name_en="Spring",
                owner_id=desk.shop,
                kind="bonus",
                value=Fraction(5),
                first_day=later,
                last_day=later,
                funders=(Funder(party_id=NETWORK_PARTY, share=10_000),),
                merchants=(desk.shop,),
                budget=1000,
            ),
            today=NEXT_DAY,
            now=MORNING,
            proposed_by=morning.anna,
        )
        second_person.propose_mode(
            session,
            mode="direct",
            effective_from=now.date() + timedelta(days=9),
            reason="cheaper",
            by=morning.anna,
            now=now,
        )
        window = SettlementWindow(
            window_id=uuid7(), first_day=NEXT_DAY, end_day=later, state="closed"
        )
        session.add(window)
        session.flush()
        session.add(
            PaymentRelease(
                window_id=window.window_id,
                payouts=1,
                payout_total=5,
                collections=0,
                collection_total=0,
                directs=0,
                direct_total=0,
                proposed_by=morning.anna,
                proposed_at=MORNING,
            )
        )
        managing.begin_recovery(
            session, vault=services.vault, wall=now, by=chief, operator_id=other.operator_id
        )
    app = furnish(create_app(services), services=services)
    with app.test_request_context("/"), services.database.reading() as session:
        g.operator = chief
        found = everything(session)
    kinds = Counter(each.kind for each in found)
    assert kinds == Counter(
        {**dict.fromkeys(SOURCES.keys() - {"proposal"}, 1), "payments.mode": 1, "correction": 2}
    )
    assert all(each.words and each.address and each.proposer for each in found)
    assert {each.proposer for each in found} == {"Anna", "Chief"}
