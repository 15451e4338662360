"""Every scenario table of this directory, played against the real database."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from network.clock import local_date
from network.database.connection import Database
from network.database.migrate import repeatable_files
from network.ledger.errors import Refusal
from network.ledger.errors_by_code import refusal_of
from network.ledger.partitions import open_first_day
from network.settings import PROGRAMME_ZONE
from tests.fixtures.cluster import Cluster
from tests.scenarios.ledger import player_campaigns, player_lots, player_members
from tests.scenarios.ledger.player import VERBS, Player, beginning
from tests.scenarios.ledger.reader import Scenario, read
from tests.scenarios.ledger.stand import faults_in_figures

VERBS |= player_members.VERBS | player_campaigns.VERBS | player_lots.VERBS
DAYS = Path(__file__).parent / "days.md"
FILES = sorted(set(Path(__file__).parent.glob("*.md")) - {DAYS})
FOLLOWED = {"reference_moved", "wallet_moved"}
"""What callers of the Python functions do not see: they ask the other wallet, or ask again."""
SUSPENDED = {"issuer_suspended", "points_suspended"}
"""Two operators stand behind these; ``integration/ledger/test_suspended_issuers.py`` plays them."""
OFTEN = {"too_many_refunds"}
"""Two hundred rows come before it; ``integration/ledger/test_refunds_by_amount.py`` has them."""

SCENARIOS = [(path.stem, scenario) for path in FILES for scenario in read(path)]


@pytest.fixture(scope="module")
def start() -> datetime:
    """Return the moment at which every scenario begins."""
    return beginning()


@pytest.fixture(scope="module")
def ledger(cluster: Cluster, start: datetime) -> Iterator[Database]:
    """Yield one database for all scenarios, each on a wallet of its own; audited at the end."""
    with cluster.fresh_database() as name:
        database = Database(cluster.url("peyvand", database=name), pool_size=2)
        with database.unit_of_work() as session:
            open_first_day(session, business_date=local_date(start, zone=PROGRAMME_ZONE))
        yield database
        wrong = faults_in_figures(database)
        database.dispose()
        assert wrong == []


@pytest.mark.parametrize(
    "scenario", [pytest.param(s, id=f"{name}: {s.title}") for name, s in SCENARIOS]
)
def test_scenario(scenario: Scenario, ledger: Database, start: datetime) -> None:
    Player(database=ledger, start=start).play(scenario)


@pytest.mark.parametrize("scenario", [pytest.param(s, id=s.title) for s in read(DAYS)])
def test_days_that_end(scenario: Scenario, database: Database, start: datetime) -> None:
    with database.unit_of_work() as session:
        open_first_day(session, business_date=local_date(start, zone=PROGRAMME_ZONE))
    Player(database=database, start=start).play(scenario)
    assert faults_in_figures(database) == []


def test_every_refusal_has_a_row() -> None:
    shown = {
        part.removeprefix("refused ")
        for _, scenario in SCENARIOS
        for step in scenario.steps
        for part in step.then.split(", ")
        if part.startswith("refused ")
    }
    assert shown == codes_in_the_functions() - FOLLOWED - SUSPENDED - OFTEN


def test_every_refusal_is_known_to_callers() -> None:
    known = {code for code in codes_in_the_functions() if refusal_of(code) is not Refusal}
    assert known == codes_in_the_functions()
    assert known == {kind.code for kind in _kinds(Refusal)}


def codes_in_the_functions() -> set[str]:
    """Return every code with which the ledger's functions refuse."""
    written = "".join(path.read_text(encoding="utf-8") for path in repeatable_files())
    return set(re.findall(r"(?:refuse\(|MESSAGE = |_refusal text DEFAULT )'(\w+)'", written))


def _kinds(root: type[Refusal]) -> set[type[Refusal]]:
    """Return the kinds of refusals that are raised; one that has kinds of its own is not."""
    kinds: set[type[Refusal]] = set()
    for kind in root.__subclasses__():
        kinds |= _kinds(kind) or {kind}
    return kinds
