"""Days' figures: kept by the night, added up for the open day, and always the wallets' sums."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import text

from network.clearing import days
from network.database.connection import Database
from network.ledger import figures
from network.ledger.figures import Outstanding
from network.services import Services
from tests.browser.console import story as stories
from tests.browser.console.story import Story
from tests.fixtures.programme import Programme


@pytest.fixture
def story(services: Services, programme: Programme) -> Story:
    """Return a coalition with one settled day and one that is open."""
    story = stories.begin(services, programme, days_ago=1)
    story.play_day(0)
    story.night()
    story.play_day(1)
    return story


def kept(services: Services) -> list[date]:
    with services.database.reading() as session:
        found = session.execute(
            text("SELECT business_date FROM network.day_figures ORDER BY business_date")
        )
        return list(found.scalars())


def to_date(services: Services, first: date) -> days.ToDate:
    with services.database.snapshot() as session:
        return days.to_date(session, first=first)


def in_wallets(services: Services) -> Outstanding:
    sums = ", ".join(f"sum({name})::bigint AS {name}" for name in Outstanding.__dataclass_fields__)
    with services.database.reading() as session:
        row = session.execute(text(f"SELECT {sums} FROM ledger.wallet")).one()
    return Outstanding(**row._mapping)


def test_the_night_keeps_the_closed_day_only(story: Story, services: Services) -> None:
    assert kept(services) == [story.first_day]
    end = story.first_day + timedelta(days=2)
    with services.database.reading() as session:
        live = figures.day_figures(session, first=story.first_day, end=end)
    found = to_date(services, story.first_day)
    assert list(found.days) == live
    assert [each.redeemed > 0 for each in live] == [True, True]
    assert found.outstanding == in_wallets(services)
    later = to_date(services, end)
    assert (later.days, later.outstanding) == ((), found.outstanding)


def test_a_day_alone(story: Story, services: Services) -> None:
    with services.database.reading() as session:
        for number in range(2):
            day = story.first_day + timedelta(days=number)
            found = days.day(session, business_date=day)
            assert found == figures.day_figures(session, first=day, end=day + timedelta(days=1))[0]
        assert days.day(session, business_date=story.first_day - timedelta(days=1)) is None


def test_closed_days_are_read_and_not_added_up_again(
    story: Story, services: Services, owner_database: Database
) -> None:
    before = to_date(services, story.first_day)
    change(owner_database, "UPDATE network.day_figures SET issued = 7, available = available + 5")
    after = to_date(services, story.first_day)
    assert after.days[0].issued == 7
    assert after.days[1] == before.days[1]
    assert after.outstanding.available == before.outstanding.available + 5
    with services.database.reading() as session:
        found = days.day(session, business_date=story.first_day)
    assert found == after.days[0]


def test_days_that_were_settled_before_are_made_up_for(
    story: Story, services: Services, owner_database: Database
) -> None:
    before = to_date(services, story.first_day)
    change(owner_database, "DELETE FROM network.day_figures")
    assert to_date(services, story.first_day) == before
    story.night()
    assert kept(services) == [story.first_day, story.first_day + timedelta(days=1)]
    assert to_date(services, story.first_day).days[:2] == before.days
    with services.database.unit_of_work() as session:
        assert days.keep_closed(session, until=story.first_day + timedelta(days=9)) == 0


def test_a_kept_figure_stays(story: Story, owner_database: Database) -> None:
    with (
        pytest.raises(Exception, match="never changed or deleted"),
        owner_database.unit_of_work() as session,
    ):
        session.execute(text("DELETE FROM network.day_figures"))


def change(owner: Database, statement: str) -> None:
    """Change kept figures as nobody may."""
    with owner.unit_of_work() as session:
        session.execute(text("ALTER TABLE network.day_figures DISABLE TRIGGER append_only"))
        session.execute(text(statement))
        session.execute(text("ALTER TABLE network.day_figures ENABLE TRIGGER append_only"))
