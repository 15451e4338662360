"""What points cost: prices of the day of the capture, terms of the lot, rounding once."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from network.clearing.facts import Agreement, FaceValue, Obligation, PostingSum
from network.clearing.parties import NETWORK_PARTY
from settlement.pricing import (
    AmountTooLargeError,
    MissingPriceError,
    PriceBook,
    price_obligations,
)

BAKER, GROCER = UUID(int=1), UUID(int=2)
BAKER_TERMS, GROCER_TERMS, GROCER_LATER = UUID(int=11), UUID(int=12), UUID(int=13)
WINDOW = UUID(int=99)
SPRING, SUMMER = date(2026, 3, 21), date(2026, 6, 22)


def agreement(terms: UUID, merchant: UUID, day: date, price: str, fee: str) -> Agreement:
    return Agreement(
        agreement_id=terms,
        merchant_id=merchant,
        effective_from=day,
        issue_price=Decimal(price),
        acceptance_fee=Decimal(fee),
        currency="IRR",
    )


def book(*, face_value: tuple[int, int] = (1000, 1)) -> PriceBook:
    return PriceBook(
        agreements=[
            agreement(GROCER_LATER, GROCER, SUMMER, "990", "0.03"),
            agreement(BAKER_TERMS, BAKER, SPRING, "1010.5", "0.01"),
            agreement(GROCER_TERMS, GROCER, SPRING, "1000", "0.0205"),
        ],
        face_values=[
            FaceValue(
                effective_from=SPRING,
                numerator=face_value[0],
                denominator=face_value[1],
                currency="IRR",
            )
        ],
    )


def taken(points: int, day: date, *, issuer: UUID = BAKER, postings: int = 1) -> PostingSum:
    return PostingSum(
        account="redemption",
        issuer_id=issuer,
        acceptor_id=GROCER,
        terms_id=BAKER_TERMS if issuer == BAKER else GROCER_TERMS,
        priced_on=day,
        negative=points < 0,
        points=points,
        postings=postings,
    )


def by_kind(found: list[Obligation]) -> dict[str, Obligation]:
    assert len({each.kind for each in found}) == len(found)
    return {each.kind: each for each in found}


def test_the_acceptor_gets_the_face_value_less_its_fee_and_the_network_the_rest() -> None:
    found = by_kind(price_obligations([taken(7, SPRING)], book=book(), window_id=WINDOW))
    # q = 1000 × (1 − 0.0205) = 979.5; 7 × 979.5 = 6856.5, half to even: 6856.
    assert found["redemption"].price == Decimal("979.5")
    assert found["redemption"].amount == 6856
    assert found["redemption"].payee_id == GROCER
    # p − q = 1010.5 − 979.5 = 31; 7 × 31 = 217.
    assert found["margin"].amount == 217
    assert found["margin"].payee_id == NETWORK_PARTY
    assert found["margin"].payer_id == BAKER


def test_a_price_change_takes_hold_by_the_day_of_the_capture() -> None:
    found = price_obligations(
        [taken(10, SUMMER), taken(-4, SPRING, postings=2)], book=book(), window_id=WINDOW
    )
    kinds = by_kind(found)
    # Summer: q = 970, 10 points. The redeposit keeps the spring's 979.5: −4 × 979.5 = −3918.
    assert (kinds["redemption"].amount, kinds["redemption"].acceptor_terms_id) == (
        9700,
        GROCER_LATER,
    )
    assert (kinds["redeposit"].amount, kinds["redeposit"].acceptor_terms_id) == (
        -3918,
        GROCER_TERMS,
    )
    assert (kinds["margin"].amount, kinds["margin_return"].amount) == (405, -124)
    assert kinds["redeposit"].payer_id == BAKER
    assert kinds["redeposit"].postings == 2


def test_days_with_the_same_prices_are_priced_as_one_obligation() -> None:
    # 1 × 979.5 alone would round to 980 each; together 2 × 979.5 = 1959.
    days = [taken(-1, date(2026, 4, 1)), taken(-1, date(2026, 4, 2))]
    found = by_kind(price_obligations(days, book=book(), window_id=WINDOW))
    assert found["redeposit"].amount == -1959
    assert found["redeposit"].priced_on == (date(2026, 4, 1), date(2026, 4, 2))


def test_a_margin_may_be_below_zero() -> None:
    found = by_kind(
        price_obligations([taken(3, SPRING)], book=book(face_value=(1100, 1)), window_id=WINDOW)
    )
    # q = 1100 × 0.9795 = 1077.45; p − q = −66.95; 3 × −66.95 = −200.85.
    assert (found["redemption"].amount, found["margin"].amount) == (3232, -201)


def test_own_points_in_the_own_shop_are_an_obligation_to_itself() -> None:
    found = by_kind(
        price_obligations([taken(2, SPRING, issuer=GROCER)], book=book(), window_id=WINDOW)
    )
    assert found["redemption"].payer_id == found["redemption"].payee_id == GROCER
    assert found["margin"].amount == 41  # 2 × (1000 − 979.5)


def test_a_price_with_no_end_is_rounded_to_the_ten_places_that_are_stored() -> None:
    found = by_kind(
        price_obligations([taken(3, SPRING)], book=book(face_value=(1, 3)), window_id=WINDOW)
    )
    assert found["redemption"].price == Decimal("0.3265000000")
    other = by_kind(
        price_obligations([taken(3, SPRING)], book=book(face_value=(1, 7)), window_id=WINDOW)
    )
    assert other["redemption"].price == Decimal("0.1399285714")


def test_missing_prices_are_named() -> None:
    with pytest.raises(MissingPriceError, match="no agreement on 2026-03-20"):
        price_obligations([taken(1, date(2026, 3, 20))], book=book(), window_id=WINDOW)
    unknown = PriceBook(
        agreements=[agreement(GROCER_TERMS, GROCER, SPRING, "1", "0")],
        face_values=[FaceValue(effective_from=SPRING, numerator=1, denominator=1, currency="IRR")],
    )
    with pytest.raises(MissingPriceError, match="no approved agreement"):
        price_obligations([taken(1, SPRING)], book=unknown, window_id=WINDOW)
    no_value = PriceBook(
        agreements=[agreement(GROCER_TERMS, GROCER, SPRING, "1", "0")], face_values=[]
    )
    with pytest.raises(MissingPriceError, match="no face value"):
        price_obligations([taken(1, SPRING)], book=no_value, window_id=WINDOW)


def test_currencies_are_never_mixed() -> None:
    euros = PriceBook(
        agreements=[agreement(GROCER_TERMS, GROCER, SPRING, "1", "0")],
        face_values=[FaceValue(effective_from=SPRING, numerator=1, denominator=1, currency="EUR")],
    )
    with pytest.raises(MissingPriceError, match=r"IRR.*EUR"):
        price_obligations([taken(1, SPRING)], book=euros, window_id=WINDOW)


def test_an_amount_beyond_a_bigint_is_refused() -> None:
    with pytest.raises(AmountTooLargeError):
        price_obligations([taken(2**62, SPRING)], book=book(), window_id=WINDOW)


@given(
    st.lists(st.integers(min_value=-(10**8), max_value=10**8).filter(bool), min_size=1),
    st.integers(min_value=1, max_value=10**8),
    st.integers(min_value=1, max_value=10**6),
)
def test_every_obligation_is_within_half_a_unit_of_points_times_price(
    points: list[int], numerator: int, denominator: int
) -> None:
    sums = [taken(each, SPRING) for each in points]
    prices = book(face_value=(numerator, denominator))
    found = price_obligations(sums, book=prices, window_id=WINDOW)
    for each in found:
        assert abs(each.amount - each.points * Fraction(each.price)) <= Fraction(1, 2)
    moved = [each for each in found if each.kind in ("redemption", "redeposit")]
    assert sum(each.points for each in moved) == sum(points)
    again = price_obligations(reversed(sums), book=prices, window_id=WINDOW)
    assert again == found


def test_the_network_pays_for_its_own_points_what_the_acceptor_gets() -> None:
    """No agreement stands behind them, and no margin: it would owe it to itself."""
    one = PostingSum(
        account="redemption",
        issuer_id=NETWORK_PARTY,
        acceptor_id=GROCER,
        terms_id=UUID(int=77),
        priced_on=SPRING,
        negative=False,
        points=7,
        postings=1,
    )
    (found,) = price_obligations([one], book=book(), window_id=WINDOW)
    assert (found.kind, found.payer_id, found.payee_id) == ("redemption", NETWORK_PARTY, GROCER)
    assert (found.price, found.amount) == (Decimal("979.5"), 6856)
