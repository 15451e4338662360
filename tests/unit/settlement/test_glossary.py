"""The glossary: the page of the documentation says what the console says, in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from network.language import use_locale
from settlement.console.glossary import GROUPS

ROOT = Path(__file__).resolve().parents[3]
TERMS = [term for _title, terms in GROUPS for term in terms]


def test_every_word_has_one_anchor() -> None:
    anchors = [term.anchor for term in TERMS]
    assert len(anchors) == len(set(anchors))


@pytest.mark.parametrize("locale", ["en", "fa"])
def test_the_documentation_says_the_same(locale: str) -> None:
    page = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
    with use_locale(locale):
        for term in TERMS:
            assert f"| {term.word} | {term.meaning} |" in page


def test_heads_of_tables_lead_to_words_that_are_there() -> None:
    templates = (ROOT / "settlement/console/templates").glob("**/*.html")
    linked = {
        found[1]
        for path in templates
        for found in re.finditer(r'\bword\("([a-z_]+)"', path.read_text(encoding="utf-8"))
    }
    assert linked
    assert linked <= {term.anchor for term in TERMS}
