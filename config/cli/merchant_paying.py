"""Options that say how a merchant is paid: its cycle, holidays, mandate, cap and least amount."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from functools import wraps
from typing import Any, TypeVar, cast

import click

from config.cli.positions import DAY
from network.merchants.settling import CYCLES, Cycle, Settling

Command = TypeVar("Command", bound=Callable[..., object])
WEEKDAYS = {
    "saturday": 6,
    "sunday": 7,
    "monday": 1,
    "tuesday": 2,
    "wednesday": 3,
    "thursday": 4,
    "friday": 5,
}
"""ISO's numbers in the order of the Iranian week."""

_OPTIONS = (
    click.option(
        "--cycle",
        type=click.Choice(CYCLES),
        default=CYCLES[0],
        show_default=True,
        help="With which statements its balance is paid; on other days it is carried over.",
    ),
    click.option("--weekday", type=click.Choice([*WEEKDAYS]), help="For the weekly cycle."),
    click.option(
        "--settles-on",
        type=DAY,
        multiple=True,
        help="A settlement day of a calendar; given once for each.",
    ),
    click.option(
        "--holiday",
        "holidays",
        type=DAY,
        multiple=True,
        help="A day on which nothing is paid; given once for each.",
    ),
    click.option("--cap", type=int, help="Rials that it may owe without a deposit."),
    click.option("--minimum", type=int, default=0, help="A balance below it is carried over."),
    click.option("--mandate", help="The mandate by which its account is debited."),
    click.option("--mandate-signed", type=DAY, help="The day on which the mandate was signed."),
)


def paying_options(command: Command) -> Command:
    """Give a command the options of an agreement's part about paying; it gets ``settling``."""

    @wraps(command)
    def called(
        *,
        cycle: str,
        weekday: str | None,
        settles_on: tuple[datetime, ...],
        holidays: tuple[datetime, ...],
        cap: int | None,
        minimum: int,
        mandate: str | None,
        mandate_signed: datetime | None,
        **others: Any,
    ) -> object:
        settling = Settling(
            cap=cap,
            cycle=cast("Cycle", cycle),
            weekday=None if weekday is None else WEEKDAYS[weekday],
            days=_days(settles_on),
            holidays=_days(holidays),
            minimum=minimum,
            mandate_id=mandate,
            mandate_signed_on=None if mandate_signed is None else mandate_signed.date(),
        )
        return command(settling=settling, **others)

    given: Any = called
    for option in reversed(_OPTIONS):
        given = option(given)
    return cast("Command", given)


def _days(given: tuple[datetime, ...]) -> tuple[date, ...]:
    return tuple(each.date() for each in given)
