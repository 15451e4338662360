"""What the check of the catalogues finds."""

from __future__ import annotations

import pytest
from babel.messages.catalog import Message

from config.translations import reason_against


@pytest.mark.parametrize(
    ("persian", "reason"),
    [
        (None, "no Persian"),
        ("", "no Persian"),
        ("%(count)s روز", None),
        ("چند روز", "the Persian lacks a placeholder of the English"),
        ("%(count)s روز از %(all)s", "the Persian has a placeholder that the English lacks"),
        ("%(count)s روز كاري", "the Persian has Arabic letters or digits"),
    ],
)
def test_a_faulty_translation_is_named(persian: str | None, reason: str | None) -> None:
    english = Message("%(count)s days")
    found = None if persian is None else Message("%(count)s days", persian)
    assert reason_against(english, found) == reason


def test_fuzzy_and_plural_forms() -> None:
    forms = ("%(n)s day", "%(n)s days")
    assert reason_against(Message(forms), Message(forms, ("%(n)s روز", "%(n)s روز"))) is None
    fuzzy = Message("Day", "روز", flags={"fuzzy"})
    assert reason_against(Message("Day"), fuzzy) == "the Persian is marked fuzzy"
