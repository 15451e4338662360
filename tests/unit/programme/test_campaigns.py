"""Campaigns on a purchase: order, caps, budget and the split between funders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from network.programme.campaign_pricing import (
    as_offered,
    decided_by_purchase,
    price_with_campaigns,
)
from network.programme.campaigns import (
    WHOLE,
    Award,
    Campaign,
    CampaignQuote,
    Funder,
    Had,
    Standing,
    split,
)
from network.programme.explain import words
from network.programme.rules import EarningTerms, Line, Purchase, price_purchase

DAY = date(2026, 11, 22)
SHOP, NETWORK, BANK = (UUID(int=n) for n in (2, 3, 4))
TERMS = EarningTerms(
    earning_terms_id=UUID(int=1),
    merchant_id=SHOP,
    effective_from=DAY,
    base_rate=Fraction(1, 1000),
    category_rates={"tobacco": Fraction(0)},
    pending_days=0,
    expiry_days=180,
)


def campaign(code: str, value: str = "15", **other: Any) -> Campaign:
    facts: dict[str, Any] = {
        "campaign_id": UUID(int=sum(code.encode())),
        "code": code,
        "name_fa": f"«{code}»",
        "name_en": code.upper(),
        "kind": "bonus" if Fraction(value) >= 10 else "multiplier",
        "value": Fraction(value),
        "first_day": DAY,
        "last_day": DAY,
        "funders": (Funder(party_id=SHOP, share=WHOLE),),
        "left": 10**9,
    }
    return Campaign(**facts | other)


def price(
    *campaigns: Campaign,
    purchase: Purchase | None = None,
    terms: EarningTerms = TERMS,
    standing: Standing | None = None,
    gone: Mapping[UUID, Any] | None = None,
    channel: str = "in_store",
) -> CampaignQuote:
    return price_with_campaigns(
        purchase=purchase or Purchase(amount=40_000),
        terms=terms,
        day=DAY,
        channel=channel,
        campaigns=campaigns,
        standing=standing,
        gone=gone,
    )


def told(quote: CampaignQuote) -> list[tuple[str, bool, str, int]]:
    return [
        (step.facts["campaign"]["code"], step.fired, step.reason, step.points)
        for step in quote.explanation
        if step.rule.startswith("campaign")
    ]


def test_without_campaigns_a_purchase_is_priced_as_ever() -> None:
    quote = price()
    assert quote.own == price_purchase(purchase=Purchase(amount=40_000), terms=TERMS, day=DAY)
    assert (quote.points, quote.explanation) == (40, quote.own.explanation)


def test_the_best_multiplier_then_every_bonus_then_caps_then_rounding() -> None:
    quote = price(
        campaign("double", "2"),
        campaign("half", "3/2"),
        campaign("treat", "15"),
        campaign("gift", "30", person_cap=20),
    )
    assert quote.points == 40 + 40 + 15 + 20
    assert told(quote) == [
        ("double", True, "multiplier", 40),
        ("half", False, "not_best", 0),
        ("gift", True, "bonus", 20),
        ("treat", True, "bonus", 15),
        ("gift", True, "person", 0),
    ]
    assert [step.rule for step in quote.explanation] == [
        *("base", "category", "campaign", "campaign", "campaign", "campaign", "campaign_cap"),
        *("rounding", "pending", "expiry"),
    ]


def test_a_multiplied_line_is_rounded_once() -> None:
    lines = (Line(amount=700), Line(amount=800, category="tobacco"), Line(amount=1_700))
    purchase = Purchase(amount=3_200, lines=lines)
    quote = price(campaign("treble", "3"), purchase=purchase)
    assert [line.points for line in quote.own.lines] == [0, 0, 1]
    assert quote.lines == (2, 0, 5)  # 2.1 and 5.1, not 0 × 3 and 1 × 3
    rounding = next(step for step in quote.explanation if step.rule == "rounding")
    assert (rounding.fired, rounding.facts) == (True, {"lines": [0, 2]})
    whole = price(campaign("tenfold", "9"), purchase=Purchase(amount=40_000))
    assert next(step for step in whole.explanation if step.rule == "rounding").fired is False


def test_ties_go_to_the_member_who_keeps_an_allowance() -> None:
    quote = price(campaign("a", "2", person_cap=1000), campaign("b", "2"))
    assert [award.campaign.code for award in quote.awards] == ["b"]


def test_a_bonus_of_a_purchase_that_earns_nothing_by_itself_has_its_days() -> None:
    terms = replace(TERMS, base_rate=Fraction(0), pending_days=2)
    quote = price(campaign("treat"), terms=terms)
    assert (quote.points, quote.own.points, quote.state) == (15, 0, "pending")
    assert [step.rule for step in quote.explanation][-2:] == ["pending", "expiry"]


GOLD = Standing(
    tier="gold", sequence=7, had={UUID(int=sum(b"treat")): Had(points=10, day_points=4)}
)


@pytest.mark.parametrize(
    ("offer", "reason"),
    [
        (campaign("treat", tiers=frozenset({"gold"})), "no_member"),
        (campaign("treat", channels=frozenset({"online"})), "channel"),
        (campaign("treat", categories=frozenset({"produce"})), "category"),
        (campaign("treat", minimum_amount=40_001), "below_minimum"),
        (campaign("treat", left=14), "exhausted"),
        (campaign("treat", running=False), "paused"),
        (campaign("treat", "2", categories=frozenset({"tobacco"})), "nothing"),
    ],
)
def test_what_does_not_fire_says_why(offer: Campaign, reason: str) -> None:
    purchase = Purchase(
        amount=40_000, lines=(Line(amount=39_000), Line(amount=1_000, category="tobacco"))
    )
    quote = price(offer, purchase=purchase)
    assert (quote.points, told(quote)) == (39, [("treat", False, reason, 0)])


@pytest.mark.parametrize(
    ("offer", "decided"),
    [
        (campaign("treat", channels=frozenset({"online"}), tiers=frozenset({"gold"})), True),
        (campaign("treat", categories=frozenset({"produce"}), person_cap=5), True),
        (campaign("treat", minimum_amount=40_001), True),
        (campaign("treat", running=False), True),
        (campaign("treat"), False),
        (campaign("treat", tiers=frozenset({"gold"})), False),
        (campaign("treat", left=14), False),
        (campaign("treat", left=6, person_cap=15), False),
    ],
)
def test_whether_the_purchase_alone_decides(offer: Campaign, decided: bool) -> None:  # noqa: FBT001 - a table
    quote = price(offer)
    assert decided_by_purchase(quote) is decided
    if decided:
        assert price(offer, standing=GOLD) == quote


def test_a_tier_and_what_a_person_has_had() -> None:
    gold = campaign("treat", tiers=frozenset({"gold"}))
    assert told(price(gold, standing=GOLD)) == [("treat", True, "bonus", 15)]
    assert price(gold, standing=GOLD).sequence is None
    assert told(price(replace(gold, tiers=frozenset({"blue"})), standing=GOLD)) == [
        ("treat", False, "tier", 0)
    ]
    capped = price(replace(gold, person_cap=12, day_cap=20), standing=GOLD)
    assert (capped.points, capped.sequence) == (42, 7)
    daily = price(replace(gold, person_cap=100, day_cap=5), standing=GOLD)
    assert (daily.points, told(daily)[-1][2]) == (41, "day")
    spent = price(replace(gold, person_cap=10), standing=GOLD)
    assert (told(spent), spent.sequence) == ([("treat", False, "cap_used", 0)], None)


def test_what_the_ledger_said_is_gone_gives_way_to_the_next_best() -> None:
    double, half = campaign("double", "2"), campaign("half", "3/2")
    quote = price(double, half, gone={double.campaign_id: "exhausted"})
    assert told(quote) == [
        ("double", False, "exhausted", 0),
        ("half", True, "multiplier", 20),
    ]


def test_a_budget_gives_the_whole_or_nothing() -> None:
    assert price(campaign("treat", left=15)).points == 55
    assert price(campaign("treat", left=14)).points == 40
    assert price(campaign("treat", left=14, person_cap=14)).points == 54


def test_a_bonus_lies_on_its_lines_by_what_was_paid() -> None:
    lines = (Line(amount=10_000), Line(amount=0, category="x"), Line(amount=30_000, category="x"))
    purchase = Purchase(amount=40_000, lines=lines)
    assert price(campaign("treat"), purchase=purchase).awards[0].lines == (4, 0, 11)
    only = campaign("treat", categories=frozenset({"x"}))
    assert price(only, purchase=purchase).awards[0].lines == (0, 0, 15)


def test_funders_split_by_largest_remainder() -> None:
    shared = campaign(
        "treat", funders=(Funder(party_id=SHOP, share=6000), Funder(party_id=NETWORK, share=4000))
    )
    (award,) = price(shared).awards
    assert [(part.party_id, part.lines) for part in split(award)] == [
        (SHOP, (9,)),
        (NETWORK, (6,)),
    ]


def test_a_quote_says_would() -> None:
    quote = price(campaign("double", "2"), campaign("treat"))
    offered = as_offered(quote.explanation)
    said = [words(step, "en") for step in offered if step.rule == "campaign"]
    assert said == [
        "\u2068DOUBLE\u2069: would multiply the points by 2 on 40,000 rials, 40 points more",
        "\u2068TREAT\u2069: would add a bonus of 15 points",
    ]
    assert "would" not in " ".join(words(step, "en") for step in quote.explanation)


_POINTS = st.integers(0, 10**12)
_SHARES = st.lists(st.integers(1, 3000), min_size=1, max_size=3).map(
    lambda some: (*some, WHOLE - sum(some))
)


@given(lines=st.lists(_POINTS, min_size=1, max_size=8), shares=_SHARES)
def test_funders_and_lines_both_add_up(lines: list[int], shares: tuple[int, ...]) -> None:
    funders = tuple(Funder(party_id=UUID(int=n), share=share) for n, share in enumerate(shares))
    award = Award(campaign=campaign("treat", funders=funders), lines=tuple(lines))
    parts = split(award)
    assert [sum(part.lines[n] for part in parts) for n in range(len(lines))] == lines
    for part, funder in zip(parts, funders, strict=True):
        assert min(part.lines) >= 0
        assert abs(sum(part.lines) - Fraction(award.points * funder.share, WHOLE)) < 1


_LINES = st.lists(
    st.builds(
        Line,
        amount=st.integers(0, 10**9),
        category=st.sampled_from([None, "tobacco", "produce"]),
    ),
    min_size=1,
    max_size=5,
).filter(lambda lines: any(line.amount for line in lines))
_CAMPAIGNS = st.lists(
    st.builds(
        campaign,
        st.text("abcdef", min_size=1, max_size=8),
        st.sampled_from(["3/2", "2", "10", "999"]),
        left=st.integers(0, 2000),
        person_cap=st.none() | st.integers(1, 1000),
        day_cap=st.none() | st.integers(1, 1000),
        tiers=st.sampled_from([frozenset(), frozenset({"gold"})]),
        categories=st.sampled_from([frozenset(), frozenset({"produce"})]),
    ),
    max_size=5,
    unique_by=lambda each: each.code,
)


@given(lines=_LINES, campaigns=_CAMPAIGNS, had=st.integers(0, 1500))
def test_no_cap_and_no_budget_is_exceeded_and_nobody_loses(
    lines: list[Line], campaigns: list[Campaign], had: int
) -> None:
    standing = Standing(
        tier="gold",
        sequence=3,
        had={each.campaign_id: Had(points=had, day_points=had // 2) for each in campaigns},
    )
    purchase = Purchase(amount=sum(line.amount for line in lines), lines=tuple(lines))
    quote = price(*campaigns, purchase=purchase, standing=standing)
    assert quote.own == price_purchase(purchase=purchase, terms=TERMS, day=DAY)
    assert sum(award.campaign.kind == "multiplier" for award in quote.awards) <= 1
    assert sum(quote.lines) == quote.points
    for award in quote.awards:
        each = award.campaign
        assert 0 < award.points <= each.left
        assert each.person_cap is None or award.points + had <= each.person_cap
        assert each.day_cap is None or award.points + had // 2 <= each.day_cap
        assert min(award.lines) >= 0
        for line in quote.own.lines:
            if each.categories and line.category not in each.categories:
                assert award.lines[line.line] == 0
    fired = [step for step in quote.explanation if step.rule == "campaign"]
    assert len(fired) == len(campaigns)
    assert sum(step.points for step in fired) == quote.points - quote.own.points
    for step in quote.explanation:
        assert words(step, "fa")
        assert words(step, "en")
