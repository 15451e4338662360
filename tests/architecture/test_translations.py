"""Every string that a person reads has its Persian."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from config.translations import extracted, faults, translated
from network.language.catalogue import PACKAGES

# Right to left, the parts of a day between hyphens would change places: 22-12-2026.
BARE_DAY = re.compile("(?<!\u2066)[0-9۰-۹]{4}-[0-9۰-۹]{2}-[0-9۰-۹]{2}")

DISCARDED = re.compile(
    "گذرواژه|رایانامه|صندوقدار|فروشندگان|شمارهٔ همراه|تلفن همراه|همراهان|رمز مشترک|عامل دوم|"
    "خرید با امتیاز|پرداخت نقدی|پرتال|پورتال"
)
"""What docs/glossary.md says not to write: another word stands for each."""


def test_every_message_is_translated() -> None:
    found = faults()
    assert found == [], "\n".join(str(fault) for fault in found)


def test_a_day_in_persian_text_is_isolated() -> None:
    root = Path(__file__).parents[2]
    catalogues = list(root.glob("*/locale/fa/LC_MESSAGES/messages.po"))
    assert catalogues
    bare = [
        line
        for path in catalogues
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith("msgstr") and BARE_DAY.search(line)
    ]
    assert bare == []


def test_messages_are_found_in_python_and_in_templates() -> None:
    places = {
        file.rsplit(".", 1)[1]
        for package in ("network", "config")
        for message in extracted(package)
        for file, _ in message.locations
    }
    assert places >= {"py", "html"}


@pytest.mark.parametrize("package", PACKAGES)
def test_one_word_stands_for_one_thing(package: str) -> None:
    wrong = []
    for message in translated(package):
        english, persian = _text(message.id), _text(message.string)
        if DISCARDED.search(persian):
            wrong.append(persian)
        about_portal = re.search(r"\bportal\b", english, flags=re.IGNORECASE)
        if about_portal and "gateway" not in english.lower() and "درگاه" in persian:
            wrong.append(persian)
    assert wrong == []


def _text(said: str | Iterable[str] | None) -> str:
    """Return one message, or its forms by number, as one text."""
    return said if isinstance(said, str) else " ".join(said or ())
