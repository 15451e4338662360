"""References: what nobody sees is not taken, and nothing that is taken is folded."""

from __future__ import annotations

import pytest

from network.references import flaw_of

HALF_SPACE = "\u200c"


@pytest.mark.parametrize(
    "reference",
    [
        *("R-1", "a b", "caf\u00e9", "\uff32-1", "\u06f1\u0661", "🧾"),
        *("\u06cc", "\u064a", "\u0643", "\u06a9", f"می{HALF_SPACE}شود"),
    ],
    ids=ascii,
)
def test_what_is_seen_is_taken(reference: str) -> None:
    assert flaw_of(reference) is None


@pytest.mark.parametrize(
    ("reference", "character"),
    [
        ("R\u200b1", "U+200B"),
        ("R\u20661", "U+2066"),
        ("R\u00a01", "U+00A0"),
        ("R\ufe0f", "U+FE0F"),
        ("R\u3164", "U+3164"),
        ("R\U000e0041", "U+E0041"),
        ("R\u00ad1", "U+00AD"),
        ("R\x7f", "U+007F"),
        (f"R{HALF_SPACE}1", "U+200C"),
        (f"می{HALF_SPACE}", "U+200C"),
        (f"می{HALF_SPACE}{HALF_SPACE}شود", "U+200C"),
        (f"دارو{HALF_SPACE}ها", "U+200C"),  # after a letter that joins nothing it parts nothing
    ],
    ids=ascii,
)
def test_what_nobody_sees_is_named(reference: str, character: str) -> None:
    assert flaw_of(reference) == ("invisible_character", character)


@pytest.mark.parametrize("reference", ["cafe\u0301", "\u212b", "\u0648\u0654"], ids=ascii)
def test_one_letter_is_written_in_one_way(reference: str) -> None:
    assert flaw_of(reference) == ("not_composed", "")
