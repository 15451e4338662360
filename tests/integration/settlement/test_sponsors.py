"""Sponsors: they pay for points and settle like the others, and sell nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from network.clearing import queries as clearing
from network.clock import wall_now
from network.database.connection import Database
from network.merchants import agreements, service
from network.merchants.errors import MerchantDataError, SponsorSellsNothingError
from network.merchants.queries import SPONSOR
from network.merchants.settling import Settling
from network.operators import audit_decisions as audit
from network.services import Services
from network.vault import Vault
from settlement.payments.files import schema
from tests.integration.settlement.bank import HOUSE_IBAN
from tests.integration.settlement.coalition import (
    DAY,
    GROCER,
    NEXT_DAY,
    TERMS,
    Coalition,
    member,
)
from tests.integration.settlement.paying import made, payments, release, totals, window
from tests.integration.settlement.pictures import documents, settle

IBAN = "IR190540000000100324200001"


@pytest.fixture
def sponsor(coalition: Coalition, database: Database, monkeypatch: pytest.MonkeyPatch) -> UUID:
    """Return a sponsor with an agreement that two people signed, and a mandate to debit it."""
    now = wall_now()
    with database.unit_of_work() as session:
        merchant_id = service.register_merchant(
            session, code="cola", name_fa="کولا", name_en="Cola", kind=SPONSOR, now=now
        )
        proposed = agreements.propose_agreement(
            session,
            merchant_id=merchant_id,
            effective_from=DAY,
            issue_price=Decimal("1005.5"),
            acceptance_fee=Decimal(0),
            settlement_iban=IBAN,
            settling=Settling(mandate_id="COLA-1", mandate_signed_on=date(2026, 3, 1)),
            today=DAY,
            now=now,
            proposed_by=uuid4(),
        )
        agreements.approve_agreement(
            session,
            agreement_id=proposed.agreement_id,
            today=DAY,
            now=now,
            approved_by=uuid4(),
        )
    monkeypatch.setitem(TERMS, merchant_id, proposed.agreement_id)
    return merchant_id


def test_a_sponsor_owes_its_points_and_is_collected_from(
    coalition: Coalition, services: Services, sponsor: UUID
) -> None:
    paying = replace(services, settings=replace(services.settings, payment_iban=HOUSE_IBAN))
    coalition.taken(7, by=member(1), issuer=sponsor, acceptor=GROCER)
    coalition.programme.move(coalition.at(NEXT_DAY))
    settle(paying, DAY)
    with paying.database.reading() as session:
        found = {
            each.fact.kind: (each.payer.code, each.payer.kind, each.payee.code, each.fact.amount)
            for each in clearing.obligations(session, window=window(paying))
        }
    # 7 × 979.5 = 6856.5, to even; 7 × (1005.5 − 979.5) = 182.
    assert found == {
        "redemption": ("cola", SPONSOR, "grocer", 6856),
        "margin": ("cola", SPONSOR, "network", 182),
    }
    stated = totals(paying, 0)[sponsor]
    assert (stated.payable, stated.fees, stated.paid, stated.closing) == (6856, 182, -7038, 0)
    assert set(documents(paying, DAY)) == {"cola", "grocer"}
    paid = payments(paying)[sponsor]
    assert (paid.fact.direction, paid.fact.amount, paid.merchant.kind) == (
        "collection",
        7038,
        SPONSOR,
    )
    release(paying)
    file = made(paying, "pain.008")
    schema("pain.008").validate(file.content.decode())
    assert IBAN.encode() in file.content
    with paying.database.snapshot() as session:
        checks = {each.name: each.differences for each in audit.checks(session)}
    assert checks["sponsors_sell_nothing"] == 0


def test_a_sponsor_sells_nothing(
    coalition: Coalition, database: Database, sponsor: UUID, vault: Vault
) -> None:
    now = wall_now()
    with pytest.raises(SponsorSellsNothingError), database.unit_of_work() as session:
        service.add_store(session, merchant_id=sponsor, code="x", name_fa="ف", name_en="X")
    with pytest.raises(SponsorSellsNothingError), database.unit_of_work() as session:
        service.register_key(session, vault, merchant_id=sponsor, environment="live", now=now)
    with pytest.raises(MerchantDataError) as takes, database.unit_of_work() as session:
        agreements.propose_agreement(
            session,
            merchant_id=sponsor,
            effective_from=NEXT_DAY,
            issue_price=Decimal(1000),
            acceptance_fee=Decimal("0.01"),
            today=DAY,
            now=now,
        )
    assert takes.value.field == "acceptance_fee"
    # What no service of ours does, the database refuses, its owner's statements too.
    for statement in (
        """INSERT INTO network.store
               (store_id, merchant_id, code, name_fa, name_en, city_fa, city_en)
           VALUES (gen_random_uuid(), :id, 'x', 'x', 'x', '', '')""",
        """INSERT INTO network.earning_terms
               (earning_terms_id, merchant_id, effective_from, numerator, denominator, pending_days,
                expiry_days, minimum_amount, set_at)
           VALUES (gen_random_uuid(), :id, now(), 1, 1, 0, 1, 0, now())""",
        "UPDATE network.merchant SET kind = 'retail' WHERE merchant_id = :id",
        "UPDATE network.merchant SET kind = 'sponsor' WHERE merchant_id <> :id",
    ):
        with pytest.raises(IntegrityError, match="sponsor"), coalition.owner.unit_of_work() as it:
            it.execute(text(statement), {"id": sponsor})
    # An entry that is there all the same is found and named.
    coalition.taken(3, by=member(1), issuer=GROCER, acceptor=sponsor)
    with database.snapshot() as session:
        (found,) = (each for each in audit.checks(session) if each.name == "sponsors_sell_nothing")
    assert found.differences == 1
    assert "cola" in found.examples[0]
