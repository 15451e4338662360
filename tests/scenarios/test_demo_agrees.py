"""The demo, played through the running gateway, agrees with the oracle to the last unit.

The oracle imports nothing of the product: it reads the requests as they were sent, and the
coalition's terms. What the product says is read from its command line.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from config.cli.main import group
from config.environment import load_settings, running_servers
from config.home import Home
from tests.fixtures.memory import passable_directory
from tests.scenarios.comparison import expected_rows, stated_rows
from tests.scenarios.oracle.coalition import Coalition
from tests.scenarios.oracle.money import pool
from tests.scenarios.oracle.oracle import Oracle, read_records

# A whole demo is played before the first test: minutes on a machine that is busy otherwise.
pytestmark = pytest.mark.timeout(1200)


@dataclass(frozen=True)
class Played:
    """A demo that has ended: its home, what it printed, and the oracle that read its record."""

    home: Path
    environment: dict[str, str]
    printed: dict[str, Any]
    oracle: Oracle
    days: list[date]

    def ask(self, *arguments: str) -> Any:
        """Return what a command of the product prints as JSON."""
        result = CliRunner().invoke(group, list(arguments), env=dict(self.environment))
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)


def played_demo(*, home: Path) -> Any:
    """Play the demo as a person would start it, and return what it printed."""
    foreign = {"DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL"}
    environment = {name: value for name, value in os.environ.items() if name not in foreign}
    done = subprocess.run(
        [sys.executable, "-m", "config.cli", "demo", "--no-serve", "--json"],
        env={**environment, "PEYVAND_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with passable_directory("pv-demo-") as directory:
        yield directory / "home"


@pytest.fixture(scope="module")
def played(home: Path) -> Iterator[Played]:
    printed = played_demo(home=home)
    oracle = Oracle(Coalition(json.loads((home / "coalition.json").read_text("utf-8"))))
    with (home / "requests.jsonl").open(encoding="utf-8") as stream:
        oracle.run(read_records(stream))
    days = [date.fromisoformat(day["business_date"]) for day in printed["days"]]
    oracle.advance_to(days[-1] + timedelta(days=1))
    own = {"PEYVAND_HOME": str(home)}
    # Its servers run once for all commands: each would start them for itself otherwise.
    with running_servers(own):
        settings = load_settings(own)
        environment = {
            "DATABASE_URL": settings.database_url,
            "REDIS_URL": settings.redis_url,
            "PEYVAND_MASTER_KEY": Home.from_environment(own).master_key(),
        }
        yield Played(home, environment, printed, oracle, days)


def test_the_demo_agrees_with_the_oracle(played: Played) -> None:
    found = played.oracle.obligations()
    expected = expected_rows(found)
    positions = played.oracle.positions()
    in_the_pool = 0
    for day in played.days:
        stated = played.ask("obligations", "--date", day.isoformat(), "--json")
        assert stated_rows(stated) == expected.get(day, Counter()), day
        accounts = played.ask("positions", "--date", day.isoformat(), "--json")
        nets = {row["merchant"]: row["net"] for row in accounts}
        assert {name: net for name, net in nets.items() if net} == {
            name: position.net for name, position in positions.get(day, {}).items() if position.net
        }, day
        assert sum(nets.values()) == 0
        for row in accounts:
            assert row["net"] == row["receivable"] - row["payable"] - row["fees"]
        in_the_pool += nets.get("network:pool", 0)
        assert in_the_pool == pool(found, until=day)
    assert in_the_pool > 0
    kinds = {kind for counter in expected.values() for _payer, _payee, kind, *_ in counter}
    assert kinds >= {"vat", "acceptance_vat", "issuance", "clawback", "expiry", "rounding"}
    payers = {payer for counter in expected.values() for payer, *_ in counter}
    assert "noosh" in payers
    assert sum(map(sum, (counter.values() for counter in expected.values()))) > 100


def test_the_fortnight_holds_what_was_promised(played: Played) -> None:
    kinds: Counter[str] = Counter()
    refused = 0
    for day in played.printed["days"]:
        kinds.update(day["by_kind"])
        refused += day["refused"]
    assert refused == 0
    assert len(played.days) == 14
    for kind in ("Earn", "Redeem", "Capture", "Void", "RefundEarn", "RefundRedeem"):
        assert kinds[kind] > 0, kind
    ends = [balance for day in played.oracle.day_ends.values() for balance in day.values()]
    assert any(balance.pending for balance in ends)
    assert any(balance.debt for balance in ends)


def test_the_demo_s_audit_is_clean_and_looked_at_something(played: Played) -> None:
    assert all(check["differences"] == 0 for check in played.printed["audit"])
    empty = {check["name"] for check in played.printed["audit"] if check["rows"] == 0}
    # After the fortnight no hold is open; nobody gave points away, locked or corrected any, or sent
    # purchases in batches; no payment left the house, and merchants are paid through the network.
    assert empty <= {
        "held_lots_match_holds",
        "two_people",
        "operators_exist",
        "transfers_name_each_other",
        "transfers_mirror_each_other",
        "people_are_in_their_pools",
        "locked_credit",
        "batch_lines_have_entries",
        "clearing_is_underway",
        "bank_is_what_was_booked",
        "two_people_behind_money",
        "two_people_behind_releases",
        "two_people_behind_suspensions",
        "recovered_was_borne",
        "directs_in_money_ledger",
        "two_people_behind_directs",
        "two_people_behind_proposals",
        "two_people_behind_payment_modes",
        "approved_values_stand",
        "two_people_behind_tap_limits",
        "two_people_behind_stopped_issuers",
        "two_people_behind_merges",
        "two_people_behind_corrections",
        "corrections_have_entries",
        "corrections_decided_with_points",
        "one_entry_per_proposal",
        "outstanding_matches_lots",
    }
    assert all(check["differences"] == 0 for check in played.ask("audit", "--json"))


def test_settling_a_settled_day_changes_nothing(played: Played) -> None:
    day = played.days[3].isoformat()
    before = played.ask("obligations", "--date", day, "--json")
    again = played.ask("settle", "--date", day, "--json")
    assert again["replayed"] is True
    assert played.ask("obligations", "--date", day, "--json") == before
