"""The demo's pure parts: its sample, its names, its coalition, and how a basket is cut up."""

import csv
import json
import socket
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from uuid import UUID

import pytest

from config.demo.actions import Line
from config.demo.coalition import (
    FACE_VALUE,
    PARTNERS,
    acceptor_price,
    as_json,
    partner_of_department,
)
from config.demo.make_sample import COLUMNS, DEPARTMENTS
from config.demo.names import member_name, member_phone, store
from config.demo.plans import YEAR_PACE, Plan, plan_of
from config.demo.purchases import SAMPLE, load_baskets, share_out, within_opening_hours
from config.demo.show import addresses
from config.demo.stage import Seat
from config.demo.story import SIGN_INS, Pace, Story
from config.home import Home
from config.up import FRONTS, parts
from merchant_gateway.signing.keys import Ed25519SigningKey

FIRST_DAY = date(2026, 3, 15)


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with SAMPLE.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_sample_holds_what_its_readme_says(rows: list[dict[str, str]]) -> None:
    assert tuple(rows[0]) == COLUMNS
    counts = {name: len({row[name] for row in rows}) for name in COLUMNS[:3]}
    assert counts == {"basket_id": 787, "household_id": 250, "store_id": 107}
    assert len(rows) == 7_351
    assert len({(row["basket_id"], row["department"]) for row in rows}) == 1_914
    assert {row["department"] for row in rows} == set(DEPARTMENTS)
    assert len({row["bought_at"][:10] for row in rows}) == 14
    assert min(int(row["cents"]) for row in rows) > 0
    assert min(int(row["quantity"]) for row in rows) > 0
    assert [row["bought_at"] for row in rows] == sorted(row["bought_at"] for row in rows)
    assert SAMPLE.stat().st_size < 1_000_000


def test_a_product_stands_once_in_a_basket(rows: list[dict[str, str]]) -> None:
    """Refunds by lines name a line by its product."""
    assert len({(row["basket_id"], row["product_id"]) for row in rows}) == len(rows)


def test_baskets_land_on_the_fourteen_days_in_opening_hours(rows: list[dict[str, str]]) -> None:
    baskets = load_baskets(first_day=FIRST_DAY)
    days = {basket.bought_at.date() for basket in baskets}
    assert (min(days), max(days), len(days)) == (FIRST_DAY, date(2026, 3, 28), 14)
    assert all((each.bought_at.date() - FIRST_DAY).days == each.day for each in baskets)
    assert all(7 <= each.bought_at.hour < 23 for each in baskets)
    assert {str(each.bought_at.tzinfo) for each in baskets} == {"Asia/Tehran"}
    rials = sum(part.amount for basket in baskets for part in basket.parts)
    assert rials == 6_000 * sum(int(row["cents"]) for row in rows)


@pytest.mark.parametrize(
    ("before", "after"),
    [("06:59:59", "18:59:59"), ("07:00", "07:00"), ("22:59", "22:59"), ("23:10", "11:10")],
)
def test_night_purchases_move_by_twelve_hours(before: str, after: str) -> None:
    moved = within_opening_hours(datetime.fromisoformat(f"2026-03-15T{before}+03:30"))
    assert moved == datetime.fromisoformat(f"2026-03-15T{after}+03:30")


def test_what_is_paid_in_money_is_spread_over_the_lines() -> None:
    def lines(*amounts: int) -> tuple[Line, ...]:
        return tuple(
            Line(sku=str(number), category="c", quantity=1, amount=amount)
            for number, amount in enumerate(amounts)
        )

    # 100 over 1 : 1 : 1 is 33 1/3 each, and the rial left goes to the first line
    assert [line.amount for line in share_out(amount=100, lines=lines(50, 50, 50))] == [34, 33, 33]
    # 3 over 10 : 20 : 70 is 0.3, 0.6 and 2.1: 0, 1 and 2, and a line without a rial drops out
    assert [line.sku for line in share_out(amount=3, lines=lines(10, 20, 70))] == ["1", "2"]
    assert share_out(amount=0, lines=lines(10)) == ()


def test_every_department_has_a_partner_with_plausible_terms() -> None:
    assert set(partner_of_department()) == set(DEPARTMENTS)
    for partner in PARTNERS:
        assert partner.name.fa
        assert partner.name.en.isascii()
        assert partner.terms[0].from_day == 0
        for terms in partner.terms:
            assert Fraction(1, 100) <= terms.base_rate * FACE_VALUE <= Fraction(5, 100)
            assert terms.price == round(terms.price, 10)
            assert Decimal(900) < terms.price < Decimal(1_100)
            assert acceptor_price(terms) < FACE_VALUE
    assert any(len(partner.terms) > 1 for partner in PARTNERS)
    assert {terms.pending_days for each in PARTNERS for terms in each.terms} > {0, 2, 7}


def test_terms_change_on_their_day() -> None:
    grocer = partner_of_department()["GROCERY"]
    assert [grocer.terms_on(day).version for day in (0, 6, 7, 13)] == [1, 1, 2, 2]
    assert acceptor_price(grocer.terms_on(0)) == 975
    assert acceptor_price(grocer.terms_on(7)) == Fraction("977.5")


def test_the_coalition_survives_json() -> None:
    plain = json.loads(json.dumps(as_json(first_day=FIRST_DAY)))
    grocer = next(each for each in plain["partners"] if each["merchant"] == "mahtab")
    assert [terms["from"] for terms in grocer["terms"]] == ["2026-03-15", "2026-03-22"]
    assert grocer["terms"][0]["price"] == "987.6543210987"
    assert Fraction(grocer["terms"][1]["base_rate"]) == Fraction(1, 80_000)


def test_names_follow_from_ids_and_stores_never_share_one(rows: list[dict[str, str]]) -> None:
    households = {int(row["household_id"]) for row in rows}
    assert len({member_phone(each) for each in households}) == len(households)
    assert member_name(803).en == "Leila Yazdani"
    stores = {int(row["store_id"]) for row in rows}
    assert len({store(each).name.fa for each in stores}) == len(stores)
    assert store(330).name.fa.endswith("۳۳۰")


def test_the_demo_s_background_writes_to_its_own_log(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with socket.socket() as listener:
        found = {
            part.name: part.output
            for part in parts(
                home,
                {},
                dict.fromkeys(FRONTS, "http://127.0.0.1:1"),
                dict.fromkeys(FRONTS, listener),
                background_log=home.background_log,
            )
        }
    assert {name for name, output in found.items() if output is None} == set(FRONTS)
    assert {output for name, output in found.items() if name not in FRONTS} == {home.background_log}


def test_the_sign_ins_are_the_last_thing_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / SIGN_INS).write_text(
        json.dumps([{"email": "a@demo", "password": "pw-1", "secret": "JBSWY3DPEHPK3PXP" * 2}]),
        encoding="utf-8",
    )
    seat = Seat(
        partner=PARTNERS[0],
        merchant_id=UUID(int=1),
        key_id="mk_live_x",
        key=Ed25519SigningKey.generate(),
    )
    story = Story(first_day=FIRST_DAY, seats={"mahtab": seat}, member_phone="+989120000000")
    urls = {name: f"http://127.0.0.1/{name}" for name in FRONTS}
    addresses(urls, story, home=tmp_path)
    lines = [line for line in capsys.readouterr().out.splitlines() if line]
    assert "a@demo  pw-1" in lines[-2]
    assert "demo --sign-ins" in lines[-1]
    assert [line.split()[0].rstrip(":") for line in lines[1:7]] == [
        "Gateway",
        "A",
        ".venv/bin/peyvand-merchant",
        "Wallet",
        "Portal",
        "Console",
    ]


def test_the_whole_year_is_played_where_it_is_and_else_what_comes_along(
    tmp_path: Path, rows: list[dict[str, str]]
) -> None:
    missing = tmp_path / "none.csv"
    fortnight = Plan(purchases=SAMPLE, days=14, pace=Pace())
    assert plan_of(days=None, full=False, year=missing) == fortnight
    assert plan_of(days=3, full=False, year=missing) == replace(fortnight, days=3)
    assert plan_of(days=None, full=True, year=missing) == replace(fortnight, cut_short=True)
    year = tmp_path / "year.csv"
    days = ("2017-01-01T09:00:00", "2017-02-09T10:00:00")
    with year.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows({**rows[0], "bought_at": moment} for moment in days)
    assert plan_of(days=None, full=True, year=year) == Plan(purchases=year, days=40, pace=YEAR_PACE)
    assert plan_of(days=None, full=False, year=year) == fortnight
    for full, most in ((True, 40), (False, 14)):
        with pytest.raises(ValueError, match=f"there are {most} days"):
            plan_of(days=most + 1, full=full, year=year)
