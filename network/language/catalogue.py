"""Gettext over the .po files of every package, with the reader's language in a context variable.

English is the message id itself. The Persian files are read directly at first use and kept, so
that no compiled file needs committing. The files of all packages make one catalogue: a message
means the same wherever it stands, and ``pgettext`` tells apart the few that do not.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LOCALES = ("fa", "en")
DEFAULT_LOCALE = "en"
"""The language outside a reader's context: logs, commands. Fronts choose Persian by default."""

PACKAGES = ("network", "merchant_gateway", "wallet", "settlement", "config")
_ROOT = Path(__file__).resolve().parents[2]
_locale: ContextVar[str] = ContextVar("peyvand_locale", default=DEFAULT_LOCALE)


def catalogue_path(package: str, *, locale: str = "fa") -> Path:
    """Return where the messages of a top-level package stand."""
    return _ROOT / package / "locale" / locale / "LC_MESSAGES" / "messages.po"


def current_locale() -> str:
    """Return the reader's language, ``fa`` or ``en``."""
    return _locale.get()


def set_locale(locale: str) -> None:
    """Make ``locale`` the reader's language in this context; an unknown one means English."""
    _locale.set(locale if locale in LOCALES else DEFAULT_LOCALE)


@contextmanager
def use_locale(locale: str) -> Iterator[None]:
    """Speak ``locale`` inside the block."""
    token = _locale.set(locale if locale in LOCALES else DEFAULT_LOCALE)
    try:
        yield
    finally:
        _locale.reset(token)


def gettext(message: str, /, **facts: object) -> str:
    """Return ``message`` in the reader's language; ``%(name)s`` takes its value from ``facts``."""
    return _fill(_translations(current_locale()).gettext(message), facts)


def ngettext(singular: str, plural: str, n: int, /, **facts: object) -> str:
    """Return the form for ``n`` in the reader's language."""
    return _fill(_translations(current_locale()).ngettext(singular, plural, n), facts)


def pgettext(context: str, message: str, /, **facts: object) -> str:
    """Return ``message`` as it reads in ``context``."""
    return _fill(_translations(current_locale()).pgettext(context, message), facts)


def npgettext(context: str, singular: str, plural: str, n: int, /, **facts: object) -> str:
    """Return the form for ``n`` as it reads in ``context``."""
    translations = _translations(current_locale())
    return _fill(translations.npgettext(context, singular, plural, n), facts)


class LazyText:
    """A message that is translated each time it is shown: for constants of a module."""

    __slots__ = ("_message",)

    def __init__(self, message: str) -> None:
        self._message = message

    def __str__(self) -> str:
        return gettext(self._message)

    def __repr__(self) -> str:
        return f"LazyText({self._message!r})"


def lazy_gettext(message: str, /) -> LazyText:
    """Return a text that reads in the language of the moment it is shown in."""
    return LazyText(message)


def _fill(text: str, facts: dict[str, object]) -> str:
    return text % facts if facts else text


@cache
def _translations(locale: str) -> NullTranslations:
    """Return the merged messages of all packages; English needs none."""
    if locale == DEFAULT_LOCALE:
        return NullTranslations()
    merged = Catalog(locale=locale)
    for package in PACKAGES:
        path = catalogue_path(package, locale=locale)
        if not path.exists():
            continue
        with path.open("rb") as file:
            for message in read_po(file, locale=locale):
                if message.id and not message.fuzzy:
                    merged.add(message.id, message.string, context=message.context)
    compiled = io.BytesIO()
    write_mo(compiled, merged)
    compiled.seek(0)
    return GNUTranslations(compiled)
