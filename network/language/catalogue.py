"""Gettext over the .po files of every package, with the reader's language in a context variable.

English is the message id itself. The Persian files are read directly at first use and kept, so
that no compiled file needs committing. Each package has its own words for its own readers: a
message reads as the catalogue of the package it stands in says, a template's as that of its front.
What that catalogue lacks is looked for in the network's, then in the others'.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """Gettext as ``package`` says it: its own catalogue first, then the network's, then the rest.

    Templates have one: their words are those of the front that they belong to. Python needs none,
    there a message is that of the package whose code it stands in.
    """

    package: str

    def gettext(self, message: str, /, **facts: object) -> str:
        """Return ``message`` in the reader's language."""
        return _fill(self._said().gettext(message), facts)

    def ngettext(self, singular: str, plural: str, n: int, /, **facts: object) -> str:
        """Return the form for ``n`` in the reader's language."""
        return _fill(self._said().ngettext(singular, plural, n), facts)

    def pgettext(self, context: str, message: str, /, **facts: object) -> str:
        """Return ``message`` as it reads in ``context``."""
        return _fill(self._said().pgettext(context, message), facts)

    def npgettext(
        self, context: str, singular: str, plural: str, n: int, /, **facts: object
    ) -> str:
        """Return the form for ``n`` as it reads in ``context``."""
        return _fill(self._said().npgettext(context, singular, plural, n), facts)

    def _said(self) -> NullTranslations:
        return _translations(current_locale(), self.package)


def gettext(message: str, /, **facts: object) -> str:
    """Return ``message`` in the reader's language; ``%(name)s`` takes its value from ``facts``."""
    return _caller().gettext(message, **facts)


def ngettext(singular: str, plural: str, n: int, /, **facts: object) -> str:
    """Return the form for ``n`` in the reader's language."""
    return _caller().ngettext(singular, plural, n, **facts)


def pgettext(context: str, message: str, /, **facts: object) -> str:
    """Return ``message`` as it reads in ``context``."""
    return _caller().pgettext(context, message, **facts)


def npgettext(context: str, singular: str, plural: str, n: int, /, **facts: object) -> str:
    """Return the form for ``n`` as it reads in ``context``."""
    return _caller().npgettext(context, singular, plural, n, **facts)


class LazyText:
    """A message that is translated each time it is shown: for constants of a module."""

    __slots__ = ("_message", "_speaker")

    def __init__(self, message: str, speaker: Speaker) -> None:
        self._message = message
        self._speaker = speaker

    def __str__(self) -> str:
        return self._speaker.gettext(self._message)

    def __repr__(self) -> str:
        return f"LazyText({self._message!r})"


def lazy_gettext(message: str, /) -> LazyText:
    """Return a text that reads in the language of the moment it is shown in."""
    return LazyText(message, _caller())


def _caller() -> Speaker:
    """Return the speaker of the package whose code called a function of this module."""
    frame = sys._getframe(2)  # noqa: SLF001 - CPython's own way, as its warnings and logging use it
    package = frame.f_globals.get("__package__") or ""
    return _speaker(package.partition(".")[0])


@cache
def _speaker(package: str) -> Speaker:
    return Speaker(package=package)


def _fill(text: str, facts: dict[str, object]) -> str:
    return text % facts if facts else text


@cache
def _translations(locale: str, package: str) -> NullTranslations:
    """Return the messages as ``package`` says them; English needs none."""
    if locale == DEFAULT_LOCALE:
        return NullTranslations()
    first = [each for each in (package, *PACKAGES) if each in PACKAGES]
    found, *rest = [_compiled(locale, each) for each in dict.fromkeys(first)]
    said = GNUTranslations(io.BytesIO(found))
    for each in rest:
        said.add_fallback(GNUTranslations(io.BytesIO(each)))
    return said


@cache
def _compiled(locale: str, package: str) -> bytes:
    """Return a package's own messages as a compiled catalogue."""
    found = Catalog(locale=locale)
    path = catalogue_path(package, locale=locale)
    if path.exists():
        with path.open("rb") as file:
            found = read_po(file, locale=locale)
    compiled = io.BytesIO()
    write_mo(compiled, found)  # without what is fuzzy; each file says how many forms it has
    return compiled.getvalue()
