"""The numbered decisions count on, and their index leads to what there is."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
INDEX = re.findall(r"^\| [^|]+ \| ([^|]+) \| ([\d, ]+) \|$", TEXT, flags=re.MULTILINE)


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = [int(number) for number in re.findall(r"^(\d+)\. ", TEXT, flags=re.MULTILINE)]
    decisions = numbers[-max(numbers) :]
    assert decisions == list(range(1, max(numbers) + 1))


def test_the_index_leads_to_decisions_and_places_that_exist() -> None:
    last = max(int(number) for number in re.findall(r"^(\d+)\. ", TEXT, flags=re.MULTILINE))
    assert len(INDEX) > 20
    for places, numbers in INDEX:
        assert all(1 <= int(number) <= last for number in numbers.split(",")), numbers
        for place in re.findall(r"`([\w./*-]+)`", places):
            assert any(ROOT.glob(place)), place
