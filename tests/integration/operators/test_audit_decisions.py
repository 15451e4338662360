"""The audit of decisions finds what a person with every right changed by hand, and names it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from config.demo.accounts import made_up_iban
from network.campaigns import service as campaigns
from network.campaigns.service import CampaignTerms
from network.clearing.parties import NETWORK_PARTY
from network.database.connection import Database
from network.ledger.audit_pass import Check
from network.ledger.partitions import open_first_day
from network.merchants import agreements, service
from network.merchants.agreed import facts_of
from network.merchants.settling import Settling
from network.operators import audit_decisions, proposals
from network.operators.audit import record_act
from network.operators.proposals import Proposal
from network.programme import cancelling, proposing
from network.programme.campaigns import Funder
from network.programme.rules import EarningTerms
from settlement import second_person

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
TODAY = NOW.date()
ANNA, BEHZAD = UUID(int=1), UUID(int=2)

FAULTS = (
    (
        "two_people_behind_proposals",
        "UPDATE network.proposal SET decided_by = proposed_by",
        "approved by who proposed it",
    ),
    (
        "two_people_behind_face_values",
        "UPDATE network.face_value SET numerator = 2000",
        "face value 2000/1 from 2026-11-22",
    ),
    (
        "two_people_behind_face_values",
        """INSERT INTO network.face_value
               (effective_from, numerator, denominator, currency, set_at)
           VALUES ('2027-01-01', 1, 1, 'IRR', now())""",
        "face value 1/1 from 2027-01-01, by nobody",
    ),
    (
        "two_people_behind_terms",
        "UPDATE network.category_rate SET numerator = 9",
        "earning terms of mahtab from 2026-11-22",
    ),
    (
        "two_people_behind_terms",
        "UPDATE network.earning_terms SET expiry_days = 10",
        "earning terms of mahtab from 2026-11-22",
    ),
    (
        "two_people_behind_tiers",
        "UPDATE network.tier SET rank = 7 WHERE code = 'gold'",
        "tier gold of rank 7",
    ),
    (
        "two_people_behind_tap_limits",
        "UPDATE network.tap_limit SET points = 1000000",
        f"a tap up to 1000000 points, by {BEHZAD}",
    ),
    (
        "two_people_behind_agreements",
        "UPDATE network.agreement SET approved_by = proposed_by",
        f"agreement of mahtab, version 1: proposed by {ANNA}, approved by {ANNA}",
    ),
    *(
        (
            "agreements_as_logged",
            f"UPDATE network.agreement SET {change}",
            "agreement of mahtab, version 1 from 2026-11-22",
        )
        for change in (
            "issue_price = issue_price + 1",
            "acceptance_fee = 0.03",
            "funding = 'on_issue'",
            "breakage_beneficiary = 'issuer'",
            "vat_rate = 0.1",
            "vat_on = 'acceptance_fee'",
            "named = true",
            "currency = 'EUR'",
            "settlement_iban = 'IR670550000000000000000002'",
            "settlement_iban = NULL",
            "account_holder = 'Somebody Else'",
            "account_holder = NULL",
            "account_salt = uuid_send(gen_random_uuid())",
            "credit_cap = NULL",
            "settlement_weekday = 3",
            "settlement_cycle = 'daily', settlement_weekday = NULL",
            "settlement_holidays = '{2026-12-01}'",
            "minimum_payment = 1",
            "mandate_id = 'M-2'",
            "mandate_signed_on = '2026-11-02'",
        )
    ),
    (
        "two_people_behind_campaigns",
        """INSERT INTO network.campaign
           SELECT gen_random_uuid(), 'spring', 'b', 'b', merchant_id, 'bonus', 5, 1, 0, now(),
                  now(), '{}', '{}', '{}', '{}', NULL, NULL, 100, 16, 'approved', NULL, now(),
                  NULL, now()
           FROM network.merchant""",
        "campaign spring: proposed by nobody",
    ),
    *(
        (
            "campaigns_as_logged",
            f"UPDATE network.{change}",
            "campaign nowruz: the audit log has no approval of it that says the same",
        )
        for change in (
            "campaign SET numerator = 6",
            "campaign SET budget = budget * 2",
            "campaign SET last_day = last_day + 1",
            "campaign SET minimum_amount = 1",
            "campaign SET person_cap = NULL",
            "campaign SET tiers = '{gold}'",
            "campaign SET owner_id = gen_random_uuid()",
            "campaign_funder SET share = CASE place WHEN 0 THEN 7000 ELSE 3000 END",
        )
    ),
    (
        "two_people_behind_payment_modes",
        """INSERT INTO network.payment_mode
           VALUES ('2027-01-01', 'direct', gen_random_uuid(), now())""",
        "direct from 2027-01-01",
    ),
    (
        "approved_values_stand",
        "DELETE FROM network.face_value",
        "face value from 2026-11-22: two people approved it, and it is gone",
    ),
    (
        "approved_values_stand",
        """INSERT INTO network.proposal
           SELECT gen_random_uuid(), 'agreement.cancel', merchant_id, '{"version": 1}', 'x',
                  proposed_by, now(), approved_by, now(), true
           FROM network.agreement""",
        "agreement of mahtab, version 1 from 2026-11-22: two people cancelled it, and it is still",
    ),
    (
        "two_people_behind_stopped_issuers",
        "UPDATE network.merchant SET issuing = 'default'",
        "mahtab: stopped from giving points: t",
    ),
    (
        "two_people_behind_merges",
        """INSERT INTO ledger.wallet (member_id, status, moved_to)
           SELECT proposed_by, 'closed', approved_by FROM network.agreement""",
        f"member {ANNA} went into {BEHZAD}: no two people agreed on it",
    ),
    (
        "sponsors_sell_nothing",
        "UPDATE network.merchant SET kind = 'sponsor'",
        "mahtab: 0 entries as if of its tills; 2 stores, keys and terms",
    ),
    (
        "two_people_behind_corrections",
        """INSERT INTO ledger.entry (member_id, sequence, business_date, kind, effective_at,
               recorded_at, actor, explanation, digest)
           SELECT proposed_by, 1, '2026-11-22', 'adjustment', now(), now(), 'x', '[]', ''
           FROM network.agreement""",
        f"member {ANNA}, entry 1 of 2026-11-22: nothing posted",
    ),
    (
        "corrections_have_entries",
        """INSERT INTO network.adjustment
           SELECT agreement_id, proposed_by, 'down', merchant_id, 5, NULL, 'x', 'posted',
                  proposed_by, now(), approved_by, now(), 1, '2026-11-22'
           FROM network.agreement""",
        f"down of 5 points for member {ANNA}, entry 1 of 2026-11-22; entries that say the same: 0",
    ),
    (
        "corrections_decided_with_points",
        """WITH a AS (
               INSERT INTO network.adjustment
               SELECT agreement_id, proposed_by, 'down', merchant_id, 5, NULL, 'x', 'declined',
                      proposed_by, now(), approved_by, now()
               FROM network.agreement RETURNING adjustment_id, issuer_id, proposed_by)
           INSERT INTO network.correction
           SELECT adjustment_id, issuer_id, adjustment_id, NULL, 'adjust_points', adjustment_id,
                  NULL, NULL, 'x', 'proposed', proposed_by, now()
           FROM a""",
        "is proposed, its points are declined",
    ),
)


@pytest.fixture
def decided(database: Database, owner_database: Database) -> Database:
    """Return a real installation in which two people set value, terms, a tier and an agreement."""
    with owner_database.unit_of_work() as session:
        open_first_day(session, business_date=TODAY)
        for name in ("proposed_by", "approved_by"):  # the two are nobody here
            session.execute(
                text(f"ALTER TABLE network.campaign DROP CONSTRAINT fk_campaign_{name}_operator")
            )
    with database.unit_of_work() as session:
        shop = service.register_merchant(
            session, code="mahtab", name_fa="مهتاب", name_en="Mahtab", kind="grocer", now=NOW
        )
        service.add_store(session, merchant_id=shop, code="main", name_fa="م", name_en="M")
        facts: dict[str, Any] = {"reason": "agreed", "by": ANNA, "wall": NOW}
        terms = EarningTerms(
            earning_terms_id=UUID(int=9),
            merchant_id=shop,
            effective_from=TODAY,
            base_rate=Fraction(1, 10_000),
            category_rates={"bread": Fraction(3, 10_000)},
            pending_days=0,
            expiry_days=365,
            minimum_amount=0,
        )
        for each in (
            proposing.propose_face_value(
                session, value=Fraction(1000), effective_from=TODAY, **facts
            ),
            proposing.propose_terms(session, terms=terms, **facts),
            proposing.propose_tier(
                session, code="gold", rank=1, name_fa="طلایی", name_en="Gold", **facts
            ),
            proposing.propose_tap_limit(session, points=5000, **facts),
        ):
            done = proposals.decide(
                session, proposal_id=each.proposal_id, approved=True, by=BEHZAD, now=NOW
            )
            proposing.carry_out(session, proposal=done, wall=NOW)
        agreed = agreements.propose_agreement(
            session,
            merchant_id=shop,
            effective_from=TODAY,
            issue_price=Decimal("987.5"),
            acceptance_fee=Decimal("0.02"),
            settlement_iban=made_up_iban("mahtab"),
            account_holder="Mahtab Ltd",
            settling=Settling(
                cap=1_000_000,
                cycle="weekly",
                weekday=6,
                mandate_id="M-1",
                mandate_signed_on=TODAY - timedelta(days=9),
            ),
            today=TODAY,
            now=NOW,
            proposed_by=ANNA,
        )
        made = agreements.approve_agreement(
            session, agreement_id=agreed.agreement_id, today=TODAY, now=NOW, approved_by=BEHZAD
        )
        record_act(
            session,
            now=NOW,
            actor="behzad",
            action="agreement.approved",
            subject="merchant:mahtab",
            facts=facts_of(made),
        )
        promised = campaigns.propose_campaign(
            session,
            terms=CampaignTerms(
                code="nowruz",
                name_fa="نوروز",
                name_en="Nowruz",
                owner_id=shop,
                kind="bonus",
                value=Fraction(5),
                first_day=TODAY,
                last_day=TODAY + timedelta(days=9),
                funders=(
                    Funder(party_id=shop, share=6000),
                    Funder(party_id=NETWORK_PARTY, share=4000),
                ),
                merchants=(shop,),
                budget=1000,
                person_cap=50,
            ),
            today=TODAY,
            now=NOW,
            proposed_by=ANNA,
        )
        campaigns.approve_campaign(
            session, campaign_id=promised, today=TODAY, now=NOW, approved_by=BEHZAD
        )
    return database


def found(session: Session) -> dict[str, Check]:
    return {each.name: each for each in audit_decisions.checks(session)}


@contextmanager
def tampered(owner: Database, statement: str) -> Iterator[Session]:
    """Yield a session of the owner's in which a change was made, guards off; nothing stays."""
    with owner.rehearsal() as session:
        tables = (
            "proposal",
            "face_value",
            "earning_terms",
            "tier",
            "agreement",
            "merchant",
            "payment_mode",
        )
        for table in tables:
            session.execute(text(f"ALTER TABLE network.{table} DISABLE TRIGGER USER"))
        for table in ("proposal", "agreement"):
            name = f"ck_{table}_two_people"
            session.execute(text(f"ALTER TABLE network.{table} DROP CONSTRAINT {name}"))
        for table, name in (
            ("payment_mode", "fk_payment_mode_proposal_id_proposal"),
            ("adjustment", "fk_adjustment_proposed_by_operator"),
            ("adjustment", "fk_adjustment_decided_by_operator"),
            ("correction", "fk_correction_break_id_reconciliation_break"),
            ("correction", "fk_correction_proposed_by_operator"),
        ):
            session.execute(text(f"ALTER TABLE network.{table} DROP CONSTRAINT {name}"))
        session.execute(text(statement))
        yield session


def test_what_two_people_decided_is_clean_and_each_change_by_hand_is_named(
    decided: Database, owner_database: Database
) -> None:
    with decided.snapshot() as session:
        clean = found(session)
    assert list(clean) == audit_decisions.check_names()
    assert [each for each in clean.values() if each.differences] == []
    assert {name for name, each in clean.items() if not each.rows} == {
        "two_people_behind_payment_modes",
        "two_people_behind_stopped_issuers",
        "two_people_behind_merges",
        "sponsors_sell_nothing",
        "two_people_behind_corrections",
        "corrections_have_entries",
        "corrections_decided_with_points",
    }
    for check, statement, named in FAULTS:
        with tampered(owner_database, statement) as session:
            after = found(session)[check]
        assert any(named in each for each in after.examples), (check, statement, after)
    assert {check for check, _statement, _named in FAULTS} == set(audit_decisions.check_names())


def set_again(session: Session, *, day: date) -> Iterator[Proposal]:
    """Have two people set value, terms and mode for a day, cancel them and set others."""
    shop = session.execute(text("SELECT merchant_id FROM network.merchant")).scalar_one()
    for number, (value, mode) in enumerate(((5000, "direct"), (1000, "hub"))):
        wall = NOW + timedelta(hours=2 * number)
        facts: dict[str, Any] = {"reason": "agreed", "by": ANNA}
        terms = EarningTerms(
            earning_terms_id=UUID(int=9),
            merchant_id=shop,
            effective_from=day,
            base_rate=Fraction(1, value),
            category_rates={},
            pending_days=0,
            expiry_days=365,
            minimum_amount=0,
        )
        for made in (
            proposing.propose_face_value(
                session, value=Fraction(value), effective_from=day, wall=wall, **facts
            ),
            proposing.propose_terms(session, terms=terms, wall=wall, **facts),
            second_person.propose_mode(session, mode=mode, effective_from=day, now=wall, **facts),
        ):
            yield second_person.approve(session, proposal_id=made.proposal_id, by=BEHZAD, now=wall)
        if number:
            return
        wall += timedelta(hours=1)
        for kind in (cancelling.FACE_VALUE, cancelling.TERMS, cancelling.MODE):
            made = cancelling.propose_cancelling(
                session,
                kind=kind,
                subject_id=NETWORK_PARTY if kind in cancelling.OF_ALL else shop,
                effective_from=day,
                wall=wall,
                **facts,
            )
            second_person.approve(session, proposal_id=made.proposal_id, by=BEHZAD, now=wall)


def test_what_was_cancelled_never_stands_for_what_was_approved_after_it(
    decided: Database, owner_database: Database
) -> None:
    day = TODAY + timedelta(days=3)
    with decided.unit_of_work() as session:
        _value, _terms, mode, *_later = set_again(session, day=day)
    with decided.snapshot() as session:
        assert [each for each in found(session).values() if each.differences] == []
    for check, change, named in (
        ("face_values", "face_value SET numerator = 5000", f"face value 5000/1 from {day}"),
        ("terms", "earning_terms SET denominator = 5000", f"earning terms of mahtab from {day}"),
        (
            "payment_modes",
            f"payment_mode SET mode = 'direct', proposal_id = '{mode.proposal_id}'",
            f"direct from {day}",
        ),
    ):
        back = f"UPDATE network.{change} WHERE effective_from = '{day}'"
        with tampered(owner_database, back) as session:
            (after,) = (each for each in found(session).values() if each.differences)
        assert after.name == f"two_people_behind_{check}"
        assert [named in each for each in after.examples] == [True]
