"""Who pays whom when points move: one written-out example per cell of the table, and the pool.

The bakery pays 1010.5 rials for each of its points, the grocer is paid 1000 × (1 − 0.0205) = 979.5
for each that it takes, so the network's margin is 31.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from network.clearing.facts import Agreement, FaceValue, Obligation, PoolBalance, PostingSum
from network.clearing.parties import (
    BREAKAGE,
    MARGIN,
    POOL,
    ROUNDING,
    VAT,
    Account,
    deposit_account,
    settlement_account,
)
from settlement import controls, money_controls, netting
from settlement.pool import amount_in, flows, pool_after
from settlement.pricing import PriceBook, price_obligations

DAY = date(2026, 3, 21)
WINDOW = UUID(int=99)
BAKER, GROCER, CINEMA, FLORIST = (UUID(int=number) for number in (1, 2, 3, 4))
MODELS = {BAKER: "on_redemption", CINEMA: "on_issue", FLORIST: "prefunded"}
ISSUERS = {"on_redemption": BAKER, "on_issue": CINEMA, "prefunded": FLORIST}
P = Decimal("1010.5")

Owed = tuple[str, Account, Account, int, int]


def terms_id(merchant: UUID) -> UUID:
    return UUID(int=100 + merchant.int)


def book(
    *,
    beneficiary: str = "network",
    vat: str = "0",
    vat_on: str = "margin",
    grocer_vat: str = "0",
    price: Decimal = P,
    fee: str = "0.0205",
) -> PriceBook:
    issuers = [
        Agreement(
            agreement_id=terms_id(merchant),
            merchant_id=merchant,
            effective_from=DAY,
            issue_price=price,
            acceptance_fee=Decimal(0),
            currency="IRR",
            funding=model,
            breakage_beneficiary=beneficiary,
            vat_rate=Decimal(vat),
            vat_on=vat_on,
        )
        for merchant, model in MODELS.items()
    ]
    grocer = Agreement(
        agreement_id=terms_id(GROCER),
        merchant_id=GROCER,
        effective_from=DAY,
        issue_price=Decimal(1000),
        acceptance_fee=Decimal(fee),
        currency="IRR",
        vat_rate=Decimal(grocer_vat),
        vat_on="acceptance_fee",
    )
    face_value = FaceValue(effective_from=DAY, numerator=1000, denominator=1, currency="IRR")
    return PriceBook(agreements=[*issuers, grocer], face_values=[face_value])


def moved(account: str, points: int, *, issuer: UUID, postings: int = 1) -> PostingSum:
    """Return points as they stand on an account of the points ledger, signed as there."""
    taken = account == "redemption"
    return PostingSum(
        account=account,
        issuer_id=issuer,
        acceptor_id=GROCER if taken else None,
        terms_id=terms_id(issuer),
        priced_on=DAY if taken else None,
        negative=points < 0,
        points=points,
        postings=postings,
    )


def owed(*sums: PostingSum, prices: PriceBook | None = None) -> list[Owed]:
    found = price_obligations(sums, book=prices or book(), window_id=WINDOW)
    return [
        (
            each.kind,
            Account(each.payer_id, each.payer_account),
            Account(each.payee_id, each.payee_account),
            each.points,
            each.amount,
        )
        for each in found
    ]


@pytest.mark.parametrize(
    ("model", "payer"),
    [
        ("on_redemption", settlement_account(BAKER)),
        ("on_issue", POOL),
        ("prefunded", deposit_account(FLORIST)),
    ],
)
def test_redemption(model: str, payer: Account) -> None:
    issuer = ISSUERS[model]
    # 7 × 979.5 = 6856.5, half to even 6856; 7 × 31 = 217. Together what 7 points cost, 7073.5.
    assert owed(moved("redemption", 7, issuer=issuer)) == [
        ("margin", payer, MARGIN, 7, 217),
        ("redemption", payer, settlement_account(GROCER), 7, 6856),
    ]
    # The same undone: each amount below zero, payer and payee unchanged.
    assert owed(moved("redemption", -7, issuer=issuer)) == [
        ("margin_return", payer, MARGIN, -7, -217),
        ("redeposit", payer, settlement_account(GROCER), -7, -6856),
    ]


@pytest.mark.parametrize(
    ("account", "points", "expected"),
    [
        # 3 × 1010.5 = 3031.5, half to even 3032; points that members get stand below zero.
        ("issuance", -3, ("issuance", settlement_account(CINEMA), POOL, 3, 3032)),
        ("adjustment", -3, ("adjustment_up", settlement_account(CINEMA), POOL, 3, 3032)),
        ("clawback", 3, ("clawback", POOL, settlement_account(CINEMA), 3, 3032)),
        ("adjustment", 3, ("adjustment_down", POOL, settlement_account(CINEMA), 3, 3032)),
        ("expiry", 3, ("expiry", POOL, BREAKAGE, 3, 3032)),
    ],
)
def test_on_issue_the_pool_is_paid_and_pays(account: str, points: int, expected: Owed) -> None:
    assert owed(moved(account, points, issuer=CINEMA)) == [expected]


def test_the_contract_says_who_keeps_the_money_of_lapsed_points() -> None:
    prices = book(beneficiary="issuer")
    assert owed(moved("expiry", 3, issuer=CINEMA), prices=prices) == [
        ("expiry", POOL, settlement_account(CINEMA), 3, 3032)
    ]


@pytest.mark.parametrize("account", ["issuance", "adjustment", "clawback", "expiry"])
@pytest.mark.parametrize("issuer", [BAKER, FLORIST])
def test_on_redemption_and_prefunded_only_redemptions_cost(account: str, issuer: UUID) -> None:
    assert owed(moved(account, 3, issuer=issuer), moved(account, -3, issuer=issuer)) == []


@pytest.mark.parametrize("account", ["transfer", "receivable", "debt", "available", "held"])
def test_debts_transfers_and_holds_settle_nothing(account: str) -> None:
    for issuer in MODELS:
        assert owed(moved(account, 5, issuer=issuer), moved(account, -5, issuer=issuer)) == []


def test_vat_falls_on_the_margin_and_is_the_issuers() -> None:
    prices = book(vat="0.1")
    # 31 × 0.1 = 3.1 per point; 7 × 3.1 = 21.7, rounded to 22. The pool holds no tax.
    for issuer, payer in (
        (BAKER, settlement_account(BAKER)),
        (CINEMA, settlement_account(CINEMA)),
        (FLORIST, deposit_account(FLORIST)),
    ):
        taken = owed(moved("redemption", 7, issuer=issuer), prices=prices)
        assert ("vat", payer, VAT, 7, 22) in taken
        back = owed(moved("redemption", -7, issuer=issuer), prices=prices)
        assert ("vat_return", payer, VAT, -7, -22) in back


def test_vat_on_the_acceptance_fee_is_the_acceptors_and_no_fee_is_taxed_twice() -> None:
    grocer = settlement_account(GROCER)
    # The grocer gives up 20.5 of 1000: 2.05 per point, 7 × 2.05 = 14.35.
    only = owed(moved("redemption", 7, issuer=BAKER), prices=book(grocer_vat="0.1"))
    assert [each for each in only if each[2] == VAT] == [("acceptance_vat", grocer, VAT, 7, 14)]
    # With both the bakery's falls on what is left of the margin, 31 − 20.5 = 10.5: 7 × 1.05 = 7.35.
    both = owed(moved("redemption", 7, issuer=BAKER), prices=book(vat="0.1", grocer_vat="0.1"))
    assert [each for each in both if each[2] == VAT] == [
        ("acceptance_vat", grocer, VAT, 7, 14),
        ("vat", settlement_account(BAKER), VAT, 7, 7),
    ]


def test_where_the_network_adds_to_a_price_there_is_no_fee_and_no_vat() -> None:
    taken = owed(
        moved("redemption", 7, issuer=BAKER), prices=book(vat="0.1", price=Decimal("979.5"))
    )
    assert [each[0] for each in taken] == ["margin", "redemption"]
    cheaper = owed(moved("redemption", 7, issuer=BAKER), prices=book(vat="0.1", price=Decimal(900)))
    assert [(each[0], each[4]) for each in cheaper] == [("margin", -556), ("redemption", 6856)]


def test_the_rounding_account_takes_what_many_roundings_leave() -> None:
    # Given 3 points: 3 × 1010.5 = 3031.5 → 3032. Later one lapses: 1010.5 → 1010, to even.
    # Two points are 2021; the pool has 3032 − 1010 = 2022, so one rial goes to rounding.
    given = price_obligations(
        [moved("issuance", -3, issuer=CINEMA)], book=book(), window_id=UUID(int=1)
    )
    first, rounding = after(given, before=[])
    assert (first[0].points, first[0].amount, rounding) == (3, 3032, [])
    lapsed = price_obligations([moved("expiry", 1, issuer=CINEMA)], book=book(), window_id=WINDOW)
    then, (unit,) = after(lapsed, before=first)
    assert (then[0].points, then[0].amount) == (2, 2021)
    assert (unit.kind, unit.payer_account, unit.payee_account, unit.amount) == (
        "rounding",
        ROUNDING.name,
        POOL.name,
        -1,
    )
    # The last two are taken: 2 × 979.5 = 1959 and 2 × 31 = 62 are just what is there.
    taken = price_obligations(
        [moved("redemption", 2, issuer=CINEMA)], book=book(), window_id=UUID(int=3)
    )
    empty, none = after(taken, before=then)
    assert (empty[0].points, empty[0].amount, none) == (0, 0, [])


def price_of(terms: UUID) -> Decimal:
    del terms
    return P


def after(
    found: list[Obligation], *, before: list[PoolBalance]
) -> tuple[list[PoolBalance], list[Obligation]]:
    return pool_after(flows(found), before=before, prices=price_of, window_id=WINDOW)


def pool_checks(
    stored: list[Obligation], *, balances: list[PoolBalance], outstanding: dict[UUID, int]
) -> list[controls.Check]:
    ledger = controls.Ledger(
        postings=0, points=0, days=1, days_in_windows=1, outstanding=outstanding
    )
    found = controls.ObligationControls(ledger=ledger)
    found.take(computed=[], stored=stored, details={})
    return money_controls.check_pool(
        moving=found.moving, rounding=found.rounding, balances=balances, ledger=ledger
    )


SENSES = [
    ("issuance", -1),
    ("clawback", 1),
    ("expiry", 1),
    *(
        (account, sense)
        for account in ("adjustment", "redemption", "transfer")
        for sense in (-1, 1)
    ),
]
"""The accounts of the points ledger with the signs that postings can have there."""

one_sum = st.builds(
    lambda sense, points, issuer: moved(sense[0], sense[1] * points, issuer=issuer),
    st.sampled_from(SENSES),
    st.integers(min_value=1, max_value=10**6),
    st.sampled_from(list(MODELS)),
)
prices_of_a_day = st.builds(
    lambda beneficiary, vat, vat_on, grocer_vat, price, fee: book(
        beneficiary=beneficiary,
        vat=str(vat),
        vat_on=vat_on,
        grocer_vat=str(grocer_vat),
        price=price,
        fee=str(fee),
    ),
    st.sampled_from(["network", "issuer"]),
    st.decimals(min_value=0, max_value=Decimal("0.5"), places=3),
    st.sampled_from(["margin", "acceptance_fee"]),
    st.decimals(min_value=0, max_value=Decimal("0.5"), places=3),
    st.decimals(min_value=1, max_value=2000, places=10),
    st.decimals(min_value=0, max_value=Decimal("0.9"), places=4),
)


@settings(max_examples=60)
@given(st.lists(st.lists(one_sum, max_size=12), max_size=5), prices_of_a_day)
def test_any_postings_keep_the_pool_and_sum_to_zero(
    windows: list[list[PostingSum]], prices: PriceBook
) -> None:
    balances: dict[UUID, PoolBalance] = {}
    accounts: defaultdict[Account, int] = defaultdict(int)
    points = 0
    for number, sums in enumerate(windows):
        found = price_obligations(sums, book=prices, window_id=UUID(int=1000 + number))
        for each in found:
            assert abs(each.amount - each.points * Fraction(each.price)) <= Fraction(1, 2)
        moved_terms, rounding = pool_after(
            flows(found),
            before=balances.values(),
            prices=lambda terms: prices.issuer_terms(terms).issue_price,
            window_id=UUID(int=1000 + number),
        )
        balances |= {each.terms_id: each for each in moved_terms}
        everything = [*found, *rounding]
        for position in netting.positions(controls.debts(everything)):
            accounts[Account(position.party, position.account)] += position.net
        # Members hold what was given and has neither been spent nor gone, so the sum of it all.
        points -= sum(
            each.points for each in sums if each.issuer_id == CINEMA and each.account != "transfer"
        )
        price = prices.issuer_terms(terms_id(CINEMA)).issue_price
        assert sum(accounts.values()) == 0
        assert accounts[POOL] == sum(each.amount for each in balances.values())
        assert abs(accounts[POOL] - points * Fraction(price)) <= Fraction(1, 2)
        assert sum(each.points for each in balances.values()) == points
        checks = pool_checks(
            everything,
            balances=list(balances.values()),
            outstanding={each.terms_id: each.points for each in balances.values()},
        )
        assert [check.name for check in checks if not check.agrees] == []


@given(st.lists(one_sum, max_size=12), prices_of_a_day)
def test_what_is_undone_in_the_same_groups_costs_the_same_back(
    sums: list[PostingSum], prices: PriceBook
) -> None:
    """Half to even is symmetric: a reversal of all of a window's redemptions undoes every rial."""

    def amounts(found: list[Obligation]) -> dict[tuple[str, UUID, Account, Account], int]:
        return {
            (
                each.kind.removesuffix("_return").replace("redeposit", "redemption"),
                each.issuer_id,
                Account(each.payer_id, each.payer_account),
                Account(each.payee_id, each.payee_account),
            ): each.amount
            for each in found
            if each.amount
        }

    taken = [
        each._replace(points=abs(each.points), negative=False)
        for each in sums
        if each.account == "redemption"
    ]
    back = [each._replace(points=-each.points, negative=True) for each in taken]
    there = amounts(price_obligations(taken, book=prices, window_id=WINDOW))
    again = amounts(price_obligations(back, book=prices, window_id=WINDOW))
    assert again == {key: -amount for key, amount in there.items()}


def test_points_that_the_ledger_has_and_the_pool_has_not_are_found() -> None:
    found = price_obligations([moved("issuance", -3, issuer=CINEMA)], book=book(), window_id=WINDOW)
    balances, _ = after(found, before=[])

    def wrong(outstanding: dict[UUID, int], held: list[PoolBalance]) -> set[str]:
        checks = pool_checks(found, balances=held, outstanding=outstanding)
        return {check.name for check in checks if not check.agrees}

    right = {terms_id(CINEMA): 3}
    assert wrong(right, balances) == set()
    assert wrong({terms_id(CINEMA): 4}, balances) == {"pool_covers_points"}
    assert wrong(right, []) == {"pool_covers_points"}
    assert sum(map(amount_in, found)) == 3032
