"""Explanations: JSON and back, and words in both languages for every code."""

from __future__ import annotations

import json
from datetime import date
from fractions import Fraction
from uuid import UUID

import pytest

from network.programme import explain
from network.programme.explain import explained, explanation_json, from_json, to_json, words
from network.programme.rules import EarningTerms, Line, Purchase, Step, price_purchase

DAY = date(2026, 11, 22)


def quote_steps(*, minimum: int, pending: int) -> tuple[Step, ...]:
    by = EarningTerms(
        earning_terms_id=UUID(int=1),
        merchant_id=UUID(int=2),
        effective_from=DAY,
        base_rate=Fraction(1, 100_000),
        category_rates={"produce": Fraction(5, 100_000), "tobacco": Fraction(0)},
        pending_days=pending,
        expiry_days=180,
        minimum_amount=minimum,
    )
    lines = (Line(amount=250_000, category="produce"), Line(amount=1_000_000))
    return price_purchase(
        purchase=Purchase(amount=1_250_000, lines=lines), terms=by, day=DAY
    ).explanation


def test_steps_survive_json() -> None:
    for step in quote_steps(minimum=1, pending=3):
        assert from_json(json.loads(json.dumps(to_json(step)))) == step


def test_words_in_english() -> None:
    told = [words(step, "en") for step in quote_steps(minimum=0, pending=3)]
    assert told == [
        "Base rate (1 point per 100,000 rials) on 1,000,000 rials: 10 points",
        (
            "Category \u2068produce\u2069 (1 point per 20,000 rials) on 250,000 rials: "
            "12 points, rounded down"
        ),
        "Rates by category (\u2068tobacco\u2069): not used, nothing of these was bought",
        "Rounded down to whole points, line by line",
        "Pending; can be spent from 25 Nov 2026",
        "Valid for 180 days, until the end of 23 May 2027",
    ]


def test_words_in_persian_with_persian_digits_and_the_members_unit() -> None:
    told = [words(step, "fa", unit="toman") for step in quote_steps(minimum=0, pending=3)]
    assert told[0] == "نرخ پایه (۱ امتیاز به ازای هر ۱۰٬۰۰۰ تومان) برای ۱۰۰٬۰۰۰ تومان: ۱۰ امتیاز"
    assert told[4] == "در انتظار؛ از ۱۴۰۵/۰۹/۰۴ قابل استفاده است"
    assert not any(digit in sentence for sentence in told for digit in "0123456789")


def test_rounding_line_by_line_is_said_where_it_costs_points() -> None:
    terms = EarningTerms(
        earning_terms_id=UUID(int=1),
        merchant_id=UUID(int=2),
        effective_from=DAY,
        base_rate=Fraction(1, 50_000),
        pending_days=0,
        expiry_days=365,
    )

    def base(*amounts: int) -> str:
        lines = tuple(Line(amount=amount) for amount in amounts)
        purchase = Purchase(amount=sum(amounts), lines=lines)
        return words(price_purchase(purchase=purchase, terms=terms, day=DAY).explanation[0], "en")

    assert base(99_000, 99_000, 99_000) == (
        "Base rate (1 point per 50,000 rials) on 297,000 rials: "
        "3 points, each of the 3 lines rounded down by itself"
    )
    assert base(99_000).endswith("99,000 rials: 1 point, rounded down")
    assert base(50_000, 150_000).endswith("200,000 rials: 4 points")


def test_what_had_no_effect_is_a_note_and_not_an_unused_rule() -> None:
    found = {
        (step.rule, step.reason): explain.is_note(step)
        for step in quote_steps(minimum=1, pending=0)
    }
    assert found[("minimum", "reached")]
    assert found[("pending", "at_once")]
    assert not found[("category", "nothing_of_these")]
    assert not found[("base", "rate")]
    assert not found[("expiry", "lapses")]


@pytest.mark.parametrize("code", sorted(explain._WRITERS))
def test_every_code_has_words_of_its_own_in_both_languages(code: tuple[str, str]) -> None:
    facts = {
        "rate": "1/100000",
        "amount": 5,
        "minimum": 1,
        "missing": 1,
        "category": "produce",
        "categories": ["produce", "bread"],
        "days": 2,
        "active_from": "2026-11-22",
        "expires_on": "2026-11-22",
        "campaign": {"code": "nowruz", "fa": "نوروز", "en": "Nowruz"},
        "better": {"code": "yalda", "fa": "یلدا", "en": "Yalda"},
        "value": "3/2",
        "cap": 20,
        "cut": 4,
        "of": "person",
    }
    step = Step(rule=code[0], reason=code[1], fired=True, points=1, facts=facts)
    english, persian = words(step, "en"), words(step, "fa")
    assert english != persian
    assert english != f"{code[0]}: {code[1]}"


def test_both_languages_stand_beside_the_codes() -> None:
    steps = quote_steps(minimum=0, pending=0)
    found = explained(explanation_json(steps))
    assert set(found[0]) == {"rule", "fired", "points", "reason", "facts", "fa", "en"}
    assert found[0]["en"] == words(steps[0], "en")
    assert found[0]["fa"] == words(steps[0], "fa")


def test_a_step_of_a_later_version_still_reads() -> None:
    assert words(Step(rule="tier", reason="gold", fired=True), "fa") == "tier: gold"
