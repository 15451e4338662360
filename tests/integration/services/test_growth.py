"""The schedule keeps months ahead: the first call of a new month finds its partitions."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from config import schedule
from config.cli.main import group
from config.preparation import DAYS_AHEAD
from network.clock import local_date, wall_now
from network.database.connection import Database
from network.services import Services
from network.settings import PROGRAMME_ZONE
from tests.conftest import DatabaseUrls
from tests.integration.ledger_audit.test_command import use


def partitions(database: Database) -> set[str]:
    with database.reading() as session:
        return set(
            session.scalars(
                text(
                    "SELECT c.relname FROM pg_class AS c WHERE c.relispartition AND c.relkind = 'r'"
                    " AND c.relnamespace = 'ledger'::regnamespace"
                )
            )
        )


def wanted(today: date) -> set[str]:
    """Return the partitions that the days up to DAYS_AHEAD after today lie in."""
    days = [today + timedelta(days=n) for n in range(DAYS_AHEAD + 1)]
    return {f"evidence_{day:%Y_%m_%d}" for day in days} | {
        f"{table}_{day:%Y_%m}" for day in days for table in ("entry", "movement")
    }


def test_a_tick_makes_the_coming_weeks_partitions_once_a_day(services: Services) -> None:
    now = wall_now() + timedelta(days=400)
    today = local_date(now, zone=PROGRAMME_ZONE)
    assert wanted(today) & partitions(services.database) == set()
    assert schedule._partition_ahead(services, now, None) == today
    made = partitions(services.database)
    assert made >= wanted(today)
    assert len({name for name in wanted(today) if name.startswith("movement")}) >= 2
    later = now + timedelta(days=90)
    assert schedule._partition_ahead(services, now, today) == today
    assert partitions(services.database) == made
    assert schedule._partition_ahead(services, later, today) not in {None, today}
    assert partitions(services.database) >= made | wanted(local_date(later, zone=PROGRAMME_ZONE))


def test_the_command_says_why_a_month_stays(
    database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, database_urls.application)
    monkeypatch.setenv("DATABASE_OWNER_URL", database_urls.owner.replace("+psycopg", ""))
    this_month = local_date(wall_now(), zone=PROGRAMME_ZONE)
    for month, words in ((f"{this_month:%Y-%m}", "no such month"), ("2001-01", "no such month")):
        result = CliRunner().invoke(group, ["archive", "--month", month])
        assert result.exit_code == 1
        assert words in result.output
    assert CliRunner().invoke(group, ["archive", "--month", "soon"]).exit_code == 2
