"""What obligations come to for one party, and the prices behind them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from network.clearing.facts import (
    Agreement,
    FaceValue,
    Obligation,
    ObligationView,
    PartyView,
    PositionView,
    PostingSum,
)
from network.clearing.owed import Portion
from network.clearing.parties import MARGIN, NETWORK_PARTY, Account, settlement_account
from network.clearing.terms import TermsView
from settlement.console import proof
from settlement.pricing import PriceBook, price_obligations

DAY = date(2026, 11, 22)
BAKER, GROCER = UUID(int=1), UUID(int=2)
VALUES = [FaceValue(effective_from=DAY, numerator=1000, denominator=1, currency="IRR")]
PRICES = {BAKER: ("1010.5", "0.01"), GROCER: ("950.25", "0.0205")}


def terms_id(merchant: UUID) -> UUID:
    return UUID(int=100 + merchant.int)


def priced() -> list[ObligationView]:
    agreements = [
        Agreement(
            agreement_id=terms_id(merchant),
            merchant_id=merchant,
            effective_from=DAY,
            issue_price=Decimal(price),
            acceptance_fee=Decimal(fee),
            currency="IRR",
        )
        for merchant, (price, fee) in PRICES.items()
    ]
    taken = [(BAKER, GROCER, 7), (GROCER, BAKER, 10), (GROCER, GROCER, 3), (BAKER, GROCER, -2)]
    found = price_obligations(
        [
            PostingSum(
                account="redemption",
                issuer_id=issuer,
                acceptor_id=acceptor,
                terms_id=terms_id(issuer),
                priced_on=DAY,
                negative=points < 0,
                points=points,
                postings=1,
            )
            for issuer, acceptor, points in taken
        ],
        book=PriceBook(agreements=agreements, face_values=VALUES),
        window_id=UUID(int=9),
    )
    return [
        ObligationView(
            fact=fact,
            issuer=party(fact.issuer_id),
            acceptor=party(fact.acceptor_id),
            payer=party(fact.payer_id),
            payee=party(fact.payee_id),
        )
        for fact in found
    ]


def party(party_id: UUID) -> PartyView:
    code = str(party_id.int)
    return PartyView(party_id=party_id, code=code, name_fa=code, name_en=code)


def terms() -> dict[UUID, TermsView]:
    return {
        terms_id(merchant): TermsView(
            agreement_id=terms_id(merchant),
            merchant_id=merchant,
            version=1,
            effective_from=DAY,
            issue_price=Decimal(price),
            acceptance_fee=Decimal(fee),
        )
        for merchant, (price, fee) in PRICES.items()
    }


def one(found: list[ObligationView], issuer: UUID, acceptor: UUID, kind: str) -> Obligation:
    (fact,) = (
        each.fact
        for each in found
        if (each.fact.issuer_id, each.fact.acceptor_id, each.fact.kind) == (issuer, acceptor, kind)
    )
    return fact


def portions(found: list[ObligationView], *, account: Account) -> list[Portion]:
    """Return each obligation as a portion of its own."""
    return [
        Portion(
            kind=each.fact.kind,
            directions=proof.directions(each.fact, account=account),
            into_pool=each.fact.payee_account == "pool",
            rows=1,
            points=each.fact.points,
            amount=each.fact.amount,
            counted=proof.counted(each.fact, account=account),
            postings=each.fact.postings,
        )
        for each in found
    ]


def test_subtotals_prove_every_net() -> None:
    found = priced()
    nets = {
        each.party_id: proof.sums(portions(found, account=each))
        for each in (settlement_account(BAKER), settlement_account(GROCER), MARGIN)
    }
    # 7 and −2 points at 979.5 (6856 half to even, −1959); 10 at 990; 3 at 979.5 (2938 to even).
    assert (nets[BAKER].receivable, nets[BAKER].payable) == (9900, 6856 - 1959)
    assert nets[BAKER].fees == 217 - 62
    assert (nets[GROCER].receivable, nets[GROCER].payable) == (6856 - 1959 + 2938, 9900 + 2938)
    assert sum(each.net for each in nets.values()) == 0
    assert nets[NETWORK_PARTY].payable == nets[NETWORK_PARTY].fees == 0
    for party_id, totals in nets.items():
        account = MARGIN if party_id == NETWORK_PARTY else settlement_account(party_id)
        counted = sum(proof.counted(each.fact, account=account) for each in found)
        assert counted == totals.net


def test_own_points_in_the_own_shop_stand_on_both_sides() -> None:
    fact = one(priced(), GROCER, GROCER, "redemption")
    assert proof.directions(fact, account=settlement_account(GROCER)) == ("receivable", "payable")
    assert proof.counted(fact, account=settlement_account(GROCER)) == 0
    assert proof.directions(fact, account=settlement_account(BAKER)) == ()


def test_others_margins_are_nobody_else_s() -> None:
    margin = one(priced(), BAKER, GROCER, "margin")
    assert proof.directions(margin, account=settlement_account(GROCER)) == ()
    assert proof.directions(margin, account=settlement_account(BAKER)) == ("fee",)
    assert proof.directions(margin, account=MARGIN) == ("receivable",)


def test_sums_are_compared_with_the_position() -> None:
    totals = proof.sums(portions(priced(), account=settlement_account(BAKER)))
    position = PositionView(
        party=party(BAKER),
        currency="IRR",
        payable=totals.payable,
        receivable=totals.receivable,
        fees=totals.fees,
        net=totals.net,
    )
    assert totals.agree(position)
    assert not totals.agree(replace(position, fees=totals.fees + 1))
    assert not totals.agree(None)
    assert proof.Sums(receivable=0, payable=0, fees=0).agree(None)


def test_prices_are_reckoned_again_from_their_sources() -> None:
    found = priced()
    for kind in ("redemption", "margin"):
        shown = proof.reckoning(one(found, BAKER, GROCER, kind), terms=terms(), face_values=VALUES)
        assert shown is not None
        assert (shown.face_value, shown.fee) == (Fraction(1000), Decimal("0.0205"))
        assert (shown.paid, shown.price, shown.margin) == (
            Decimal("979.5"),
            Decimal("1010.5"),
            Decimal(31),
        )
    margin = proof.reckoning(one(found, GROCER, BAKER, "margin"), terms=terms(), face_values=VALUES)
    assert margin is not None
    assert margin.margin == Decimal("-39.75")


def test_a_price_that_the_sources_no_longer_give_is_not_explained() -> None:
    fact = one(priced(), BAKER, GROCER, "redemption")
    assert proof.reckoning(fact, terms={}, face_values=VALUES) is None
    assert proof.reckoning(fact, terms=terms(), face_values=[]) is None
    dearer = [replace(VALUES[0], numerator=1100)]
    assert proof.reckoning(fact, terms=terms(), face_values=dearer) is None
