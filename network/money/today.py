"""The business day that money moved now belongs to, held open until the unit of work ends."""

from __future__ import annotations

from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from network.clearing import service as clearing_service
from network.ledger.queries import open_day
from network.money.errors import MoneyError


class DayClosingError(MoneyError):
    """The business day is just closing: what moves money now belongs to the next one."""

    code = "business_day_closing"


class UnpublishedError(MoneyError):
    """A night before is not published: what a merchant owes and is asked for is not known yet."""

    code = "night_unpublished"


def open_business_day(session: Session) -> date:
    """Return the open business day; its window can't begin to close before the caller commits.

    The night moves the window on under the same lock, so what is posted here is in its sums or
    waits for the next. Raises DayClosingError.
    """
    today = open_day(session)
    clearing_service.ensure_window(session, first_day=today)
    state = session.execute(
        text(
            "SELECT state FROM network.settlement_window WHERE first_day = :day "
            "AND state <> 'aborted' FOR UPDATE"
        ),
        {"day": today},
    ).scalar_one()
    if state != "open" or open_day(session) != today:
        raise DayClosingError(
            "the business day is just closing: try again shortly", reason="closing"
        )
    return today


def require_published(session: Session, *, today: date) -> None:
    """Refuse to pay a merchant's debt while a night of a day before ``today`` is not published.

    That night would collect the debt that is paid here. Raises UnpublishedError.
    """
    waiting = session.execute(
        text("""
            SELECT min(first_day) FROM network.settlement_window
            WHERE first_day < :today AND state NOT IN ('settled', 'aborted')
        """),
        {"today": today},
    ).scalar_one()
    if waiting is not None:
        raise UnpublishedError(
            "the night of a day before is not published yet",
            reason="unpublished",
            facts={"day": waiting.isoformat()},
        )
