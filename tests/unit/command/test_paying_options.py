"""How a merchant is paid, as options of a command: what is typed is what is agreed."""

from __future__ import annotations

from datetime import date

import click
import pytest
from click.testing import CliRunner

from config.cli.merchant_paying import WEEKDAYS, paying_options
from network.merchants.settling import DEFAULT, Settling, checked


def typed(*options: str) -> Settling:
    found: list[Settling] = []

    @click.command()
    @paying_options
    def command(*, settling: Settling) -> None:
        found.append(settling)

    result = CliRunner().invoke(command, options)
    assert result.exit_code == 0, result.output
    return checked(found[0])


def test_without_options_every_statement_is_paid() -> None:
    assert typed() == DEFAULT


@pytest.mark.parametrize(("name", "number"), WEEKDAYS.items())
def test_a_week_has_its_day_and_holidays(name: str, number: int) -> None:
    found = typed("--cycle", "weekly", "--weekday", name, "--holiday", "2026-12-26")
    assert found == Settling(cycle="weekly", weekday=number, holidays=(date(2026, 12, 26),))
    # 2026-12-22 is a Tuesday: the name means the day that calendars show.
    assert (date(2026, 12, 22).isoweekday() == number) == (name == "tuesday")


def test_a_calendar_has_its_days_in_any_order() -> None:
    days = ("--settles-on", "2027-01-21", "--settles-on", "2026-12-22")
    found = typed("--cycle", "calendar", *days, "--minimum", "50000", "--cap", "900000")
    assert found.days == (date(2026, 12, 22), date(2027, 1, 21))
    assert (found.minimum, found.cap) == (50_000, 900_000)
    assert found.next_day(after=date(2026, 12, 22)) == date(2027, 1, 21)


def test_a_mandate_debits_the_account() -> None:
    found = typed("--mandate", "M-1", "--mandate-signed", "2026-11-01")
    assert (found.mandate_id, found.mandate_signed_on) == ("M-1", date(2026, 11, 1))
