"""What the check of the catalogues finds."""

from __future__ import annotations

import pytest
from babel.messages.catalog import Catalog, Message

from config.translations import contested, reason_against
from network.language import Speaker, use_locale


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
    half = Message(forms, ("%(n)s روز", ""))
    assert reason_against(Message(forms), half) == "a plural form has no Persian"


def catalogue(**said: str) -> Catalog:
    made = Catalog(locale="fa")
    for english, persian in said.items():
        made.add(english, persian, locations=[("config/web/templates/parts.html", 1)])
    return made


def test_what_shared_templates_say_reads_alike_in_every_front() -> None:
    shared = catalogue(Close="", Open="", Send="")
    ours = catalogue(Close="بستن", Open="بازکردن", Send="فرستادن")
    theirs = catalogue(Close="ببند", Open="بازکردن", Other="دیگر")
    found = contested(shared, ours=ours, theirs=theirs)
    assert list(found) == [("config/web/templates/parts.html", "Close")]
    elsewhere = Catalog(locale="fa")
    elsewhere.add("Close", locations=[("config/cli/main.py", 1)])
    assert not list(contested(elsewhere, ours=ours, theirs=theirs))


def test_a_front_says_it_its_own_way_and_borrows_what_it_lacks() -> None:
    with use_locale("fa"):
        said = {each: Speaker(package=each).gettext("Balance") for each in ("wallet", "network")}
        assert said == {"wallet": "موجودی", "network": "مانده"}
        assert Speaker(package="settlement").gettext("Balance") == said["network"]
        assert Speaker(package="config").gettext("My code") == "کد من"
        assert Speaker(package="wallet").gettext("nobody says this") == "nobody says this"
