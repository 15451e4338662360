"""Whoever signs an agreement sees every term of it, and which of them change."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from network.merchants.agreed import facts_of
from network.merchants.queries import AgreementView, MerchantView
from network.merchants.settling import Settling
from settlement.console.agreement_rows import waiting_rows

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
DAY = date(2026, 11, 23)
SHOP = MerchantView(
    merchant_id=UUID(int=1),
    code="mahtab",
    name_fa="مهتاب",
    name_en="Mahtab",
    kind="grocer",
    status="active",
    issuing="open",
    joined_at=NOW,
    directory_fa=None,
    directory_en=None,
    directory_url=None,
)
AGREED = AgreementView(
    agreement_id=UUID(int=2),
    merchant_id=SHOP.merchant_id,
    version=1,
    effective_from=DAY,
    issue_price=Decimal("987.5"),
    acceptance_fee=Decimal("0.02"),
    funding="on_redemption",
    breakage_beneficiary="network",
    vat_rate=Decimal(0),
    vat_on="margin",
    named=False,
    currency="IRR",
    settlement_iban="IR940550000000000000000001",
    account_holder=None,
    account_salt=bytes(16),
    settling=Settling(cap=5000),
    proposed_by=UUID(int=3),
    proposed_at=NOW,
    approved_by=UUID(int=4),
    approved_at=NOW,
)
WHO_AND_WHEN = {
    *("agreement_id", "merchant_id", "version", "effective_from", "currency"),
    *("proposed_by", "proposed_at", "approved_by", "approved_at", "settling"),
    "account_salt",
}
OTHER: dict[str, Any] = {
    "issue_price": Decimal(990),
    "acceptance_fee": Decimal("0.03"),
    "funding": "on_issue",
    "breakage_beneficiary": "issuer",
    "vat_rate": Decimal("0.1"),
    "vat_on": "acceptance_fee",
    "named": True,
    "settlement_iban": None,
    "account_holder": "Mahtab Trading",
}
PAYING: dict[str, Any] = {
    "cap": None,
    "cycle": "weekly",
    "weekday": 6,
    "days": (DAY,),
    "holidays": (DAY,),
    "minimum": 10,
    "mandate_id": "M-1",
    "mandate_signed_on": DAY,
}


def changed(proposed: AgreementView) -> list[str]:
    """Return which terms of a proposal are marked."""
    later = replace(proposed, version=2, effective_from=DAY + timedelta(days=1), approved_at=None)
    (found,) = waiting_rows([later, AGREED], SHOP)
    assert found.before == AGREED
    return [f"{row.name}: {row.before} > {row.after}" for row in found.rows if row.changed]


def test_each_term_is_shown_and_marked_where_it_changes() -> None:
    assert changed(AGREED) == []
    assert {each.name for each in fields(AgreementView)} == WHO_AND_WHEN | set(OTHER)
    assert {each.name for each in fields(Settling)} == set(PAYING)
    for name, value in OTHER.items():
        assert len(changed(replace(AGREED, **{name: value}))) == 1, name
    mandate = ("mandate_id", "mandate_signed_on")
    for name, value in PAYING.items():
        terms = {each: PAYING[each] for each in mandate} if name in mandate else {name: value}
        found = changed(replace(AGREED, settling=replace(AGREED.settling, **terms)))
        assert len(found) == 1, name
    no_cap = replace(AGREED, settling=replace(AGREED.settling, cap=None))
    assert changed(no_cap) == ["Cap, rials: 5,000 > no limit"]


def test_a_first_agreement_has_nothing_before_it() -> None:
    (found,) = waiting_rows([replace(AGREED, approved_at=None)], SHOP)
    assert found.before is None
    assert {row.before for row in found.rows} == {None}
    assert all(row.after for row in found.rows)


def test_the_log_has_each_term_and_no_whole_account() -> None:
    before = facts_of(AGREED)
    for name, value in OTHER.items():
        assert facts_of(replace(AGREED, **{name: value})) != before, name
    for name, value in PAYING.items():
        paying = replace(AGREED.settling, **{name: value})
        assert facts_of(replace(AGREED, settling=paying)) != before, name
    assert str(AGREED.settlement_iban) not in str(before)
    assert before["account"] == "…0001"
    assert "Mahtab" not in str(facts_of(replace(AGREED, account_holder="Mahtab Trading")))
    salted = facts_of(replace(AGREED, account_salt=bytes(15) + b"1"))
    assert {name for name in before if salted[name] != before[name]} == {"account_digest"}
