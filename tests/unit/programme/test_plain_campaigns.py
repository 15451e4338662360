"""Campaigns of plain purchases are priced and explained as the rules do it, to the letter."""

from __future__ import annotations

import json
from datetime import date
from fractions import Fraction
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from network.points import largest_remainder, spread
from network.programme.campaign_pricing import price_with_campaigns
from network.programme.campaigns import Campaign, Funder, Had, Standing, split
from network.programme.explain import explanation_json
from network.programme.plain_campaigns import PlainCampaigns
from network.programme.plain_pricing import PlainPricing
from network.programme.rules import EarningTerms, Line, Purchase
from tests.unit.programme.test_plain_pricing import DAY, NAMES, RATES, terms_with

SHARES = st.sampled_from([(10_000,), (6_000, 4_000), (1_000, 3_000, 6_000)])


@st.composite
def campaigns(draw: st.DrawFn) -> list[Campaign]:
    return [
        Campaign(
            campaign_id=UUID(int=100 + place),
            code=draw(st.sampled_from("xyz")) + str(place),
            name_fa="جشن «۱»",
            name_en='F"est',
            kind=draw(st.sampled_from(["multiplier", "bonus"])),
            value=draw(st.builds(Fraction, st.integers(40, 200), st.integers(7, 39))),
            first_day=date(2026, 1, 1),
            last_day=date(2026, 12, 31),
            funders=tuple(
                Funder(party_id=UUID(int=n), share=share) for n, share in enumerate(draw(SHARES))
            ),
            left=draw(st.sampled_from([0, 3, 10**9, 10**9])),
            running=draw(st.sampled_from([True, True, True, False])),
            minimum_amount=draw(st.sampled_from([0, 0, 600_000])),
            tiers=draw(st.sampled_from([frozenset(), frozenset(), frozenset({"gold", "blue"})])),
            channels=draw(st.sampled_from([frozenset(), frozenset({"online"})])),
            categories=draw(st.sampled_from([frozenset(), frozenset(NAMES[:2]), frozenset({"z"})])),
            person_cap=draw(st.sampled_from([None, None, 12])),
            day_cap=draw(st.sampled_from([None, None, 9])),
        )
        for place in range(draw(st.integers(0, 4)))
    ]


@settings(max_examples=300)
@given(
    base=RATES,
    rates=st.dictionaries(st.sampled_from(NAMES), RATES),
    pending=st.sampled_from([0, 3]),
    lines=st.lists(
        st.fixed_dictionaries(
            {"amount": st.integers(0, 900_000)},
            optional={"category": st.sampled_from([*NAMES, "other"])},
        ),
        max_size=4,
    ),
    alone=st.integers(1, 2_000_000),
    channel=st.sampled_from(["online", "in_store"]),
    running=campaigns(),
    standing=st.none()
    | st.builds(
        Standing,
        tier=st.sampled_from(["gold", "plain"]),
        sequence=st.just(7),
        had=st.dictionaries(
            st.integers(100, 103).map(lambda n: UUID(int=n)),
            st.builds(Had, points=st.integers(5, 14), day_points=st.integers(0, 5)),
        ),
    ),
)
def test_it_says_what_the_rules_say(
    base: Fraction,
    rates: dict[str, Fraction],
    pending: int,
    lines: list[dict[str, Any]],
    alone: int,
    channel: str,
    running: list[Campaign],
    standing: Standing | None,
) -> None:
    terms: EarningTerms = terms_with(base, rates, pending=pending)
    amount = sum(line["amount"] for line in lines) or alone
    if lines and amount == alone:
        lines[0]["amount"] += alone - sum(line["amount"] for line in lines)
    found = PlainCampaigns(plain=PlainPricing(terms=terms, day=DAY), campaigns=running).price(
        amount=amount, lines=lines, channel=channel, standing=standing
    )
    assert found is not None
    quote = price_with_campaigns(
        purchase=Purchase(amount=amount, lines=tuple(Line(**line) for line in lines)),
        terms=terms,
        day=DAY,
        channel=channel,
        campaigns=running,
        standing=standing,
    )
    assert list(found.points) == [line.points for line in quote.own.lines]
    assert list(found.bases) == [line.amount for line in quote.own.lines]
    assert found.explanation == json.dumps(
        explanation_json(quote.explanation), ensure_ascii=False, separators=(",", ":")
    )
    assert [
        (award.campaign, [(party, tuple(share)) for party, share in award.shares])
        for award in found.awards
    ] == [
        (award.campaign, [(part.party_id, part.lines) for part in split(award)])
        for award in quote.awards
    ]
    expected = standing.sequence if standing is not None and found.historic else None
    assert expected == quote.sequence


@given(total=st.integers(0, 10**6), weights=st.lists(st.integers(0, 50), min_size=1, max_size=9))
def test_whole_weights_are_spread_like_fractions(total: int, weights: list[int]) -> None:
    if not any(weights):
        total = 0
    assert spread(total=total, weights=weights) == largest_remainder(
        total=total, weights=[Fraction(weight) for weight in weights]
    )
