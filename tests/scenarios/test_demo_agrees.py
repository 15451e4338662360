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
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.oracle.coalition import Coalition
from tests.scenarios.oracle.money import NETWORK
from tests.scenarios.oracle.oracle import Oracle, read_records

# A whole demo is played before the first test: minutes on a machine that is busy otherwise.
pytestmark = pytest.mark.timeout(1200)

KINDS = {
    "redemption": "redemption",
    "redeposit": "redeposit",
    "redemption_margin": "margin",
    "redeposit_margin": "margin_return",
}


@dataclass(frozen=True)
class Played:
    """A demo that has ended: its home, what it printed, and the oracle that read its record."""

    home: Path
    printed: dict[str, Any]
    oracle: Oracle
    days: list[date]

    def ask(self, *arguments: str) -> Any:
        """Return what a command of the product prints as JSON."""
        return json.loads(command(*arguments, home=self.home))


def command(*arguments: str, home: Path) -> str:
    foreign = {"DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL"}
    environment = {name: value for name, value in os.environ.items() if name not in foreign}
    done = subprocess.run(
        [sys.executable, "-m", "config.cli", *arguments],
        env={**environment, "PEYVAND_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    home = tmp_path_factory.mktemp("demo")
    printed = json.loads(command("demo", "--no-serve", "--json", home=home))
    oracle = Oracle(Coalition(json.loads((home / "coalition.json").read_text("utf-8"))))
    with (home / "requests.jsonl").open(encoding="utf-8") as stream:
        oracle.run(read_records(stream))
    days = [date.fromisoformat(day["business_date"]) for day in printed["days"]]
    oracle.advance_to(days[-1] + timedelta(days=1))
    return Played(home, printed, oracle, days)


def test_the_demo_agrees_with_the_oracle(played: Played) -> None:
    oracle = played.oracle
    expected: dict[date, Counter[tuple[str, str, str, int, int]]] = {}
    for each in oracle.obligations():
        acceptor = NETWORK if each.payee == NETWORK else each.acceptor
        expected.setdefault(each.business_date, Counter())[
            each.payer, acceptor, KINDS[each.kind], each.points, each.amount
        ] += 1
    positions = oracle.positions()
    for day in played.days:
        stated = played.ask("obligations", "--date", day.isoformat(), "--json")
        found = Counter(
            (row["issuer"], row["acceptor"], row["kind"], row["points"], row["amount"])
            for row in stated
        )
        assert found == expected.get(day, Counter()), day
        nets = {
            row["merchant"]: row["net"]
            for row in played.ask("positions", "--date", day.isoformat(), "--json")
        }
        assert {name: net for name, net in nets.items() if net} == {
            name: position.net for name, position in positions.get(day, {}).items() if position.net
        }, day
        assert sum(nets.values()) == 0
        for row in played.ask("positions", "--date", day.isoformat(), "--json"):
            assert row["net"] == row["receivable"] - row["payable"] - row["fees"]
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
    # After the fortnight no hold is open; nobody gave points away, locked or corrected any.
    assert empty <= {
        "held_lots_match_holds",
        "two_people",
        "operators_exist",
        "transfers_name_each_other",
        "transfers_mirror_each_other",
        "locked_credit",
    }
    assert all(check["differences"] == 0 for check in played.ask("audit", "--json"))


def test_settling_a_settled_day_changes_nothing(played: Played) -> None:
    day = played.days[3].isoformat()
    before = played.ask("obligations", "--date", day, "--json")
    again = played.ask("settle", "--date", day, "--json")
    assert again["replayed"] is True
    assert played.ask("obligations", "--date", day, "--json") == before
