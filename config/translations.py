"""Keeps the Persian catalogues complete: ``python -m config.translations check|extract``.

``check`` fails on a string of Python or Jinja that has no Persian, on placeholders that differ, on
Arabic letters where Persian ones belong, and where two catalogues disagree on what one page says.
``extract`` adds what is missing to the .po file of the package the string stands in, for a person
to translate, and drops what nothing uses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from network.language.catalogue import PACKAGES, catalogue_path

FRONTS = ("merchant_gateway", "wallet", "settlement")
ROOT = Path(__file__).resolve().parents[1]
METHODS = [
    ("**.py", "python"),
    ("**/templates/**.html", "jinja2"),
    ("**/templates/**.txt", "jinja2"),
]
OPTIONS = {
    "**/templates/**.html": {"trimmed": "true", "silent": "false"},
    "**/templates/**.txt": {"trimmed": "true", "silent": "false"},
}
KEYWORDS: dict[str, Any] = {
    "_": None,
    "gettext": None,
    "lazy_gettext": None,
    "_l": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
_PLACEHOLDER = re.compile(r"%\((\w+)\)[a-z]")
_ARABIC_LETTERS = re.compile("[يىك٠-٩]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One message that cannot be shown in Persian as it should."""

    package: str
    where: str
    message: str
    reason: str

    def __str__(self) -> str:
        return f"{self.package}: {self.where}: {self.reason}: {self.message!r}"


def extracted(package: str) -> Catalog:
    """Return every message that the Python and Jinja files of ``package`` use."""
    catalogue = Catalog(locale="fa", charset="utf-8")
    found = extract_from_dir(
        ROOT / package, method_map=METHODS, options_map=OPTIONS, keywords=KEYWORDS
    )
    for file, line, message, _, context in found:
        catalogue.add(message, locations=[(f"{package}/{file}", line)], context=context)
    return catalogue


def translated(package: str) -> Catalog:
    """Return the Persian messages of ``package`` as its file has them."""
    path = catalogue_path(package)
    if not path.exists():
        return Catalog(locale="fa", charset="utf-8")
    with path.open("rb") as file:
        return read_po(file, locale="fa")


def faults() -> list[Fault]:
    """Return every fault in the catalogues of all packages, in the order of the source."""
    missing = [fault for package in PACKAGES for fault in _faults_of(package)]
    return [*missing, *disagreements()]


def disagreements() -> list[Fault]:
    """Return what reads one way here and another way there, though it is said in one place.

    Python reads as its own package's catalogue says, and so do templates. Those of ``config`` stand
    in every front's pages and read as that front says where it has the message: it must be alike.
    """
    shared, ours = extracted("config"), translated("config")
    return [
        Fault(package=front, where=file, message=english, reason="config has other Persian for it")
        for front in FRONTS
        for file, english in contested(shared, ours=ours, theirs=translated(front))
    ]


def contested(shared: Catalog, *, ours: Catalog, theirs: Catalog) -> Iterator[tuple[str, str]]:
    """Yield the messages of shared templates that two catalogues say differently, with a place."""
    for message in shared:
        files = [file for file, _ in message.locations if "/templates/" in file]
        said = theirs.get(message.id, context=message.context) if message.id else None
        own = ours.get(message.id, context=message.context) if message.id else None
        if files and said and own and _forms(said.string) != _forms(own.string):
            yield files[0], message.id if isinstance(message.id, str) else message.id[0]


def _faults_of(package: str) -> Iterator[Fault]:
    persian = translated(package)
    for message in extracted(package):
        if not message.id:
            continue
        reason = reason_against(message, persian.get(message.id, context=message.context))
        if reason is not None:
            file, line = message.locations[0]
            english = message.id if isinstance(message.id, str) else message.id[0]
            yield Fault(package=package, where=f"{file}:{line}", message=english, reason=reason)


def reason_against(message: Message, persian: Message | None) -> str | None:
    """Return why ``persian`` cannot stand for ``message``, ``None`` where it can."""
    if persian is None or not _forms(persian.string):
        return "no Persian"
    if persian.fuzzy:
        return "the Persian is marked fuzzy"
    if not isinstance(persian.string, str) and not all(persian.string or ()):
        return "a plural form has no Persian"
    return _against_forms(message, persian)


def _against_forms(message: Message, persian: Message) -> str | None:
    wanted = set(_PLACEHOLDER.findall(" ".join(_forms(message.id))))
    for form in _forms(persian.string):
        if not set(_PLACEHOLDER.findall(form)) <= wanted:
            return "the Persian has a placeholder that the English lacks"
        if _ARABIC_LETTERS.search(form):
            return "the Persian has Arabic letters or digits"
    last = _forms(persian.string)[-1]
    if set(_PLACEHOLDER.findall(_forms(message.id)[-1])) != set(_PLACEHOLDER.findall(last)):
        return "the Persian lacks a placeholder of the English"
    return None


def _forms(text: str | tuple[str, ...] | list[str] | None) -> list[str]:
    forms = [text] if isinstance(text, str) else list(text or ())
    return [form for form in forms if form]


@click.group()
def main() -> None:
    """Look after the Persian catalogues."""


@main.command()
def check() -> None:
    """Fail where a string has no proper Persian."""
    found = faults()
    for fault in found:
        click.echo(str(fault))
    if found:
        raise click.ClickException(f"{len(found)} messages are not ready in Persian")
    click.echo("Every message has its Persian.")


@main.command()
@click.argument("packages", nargs=-1, type=click.Choice(PACKAGES))
def extract(packages: tuple[str, ...]) -> None:
    """Bring the .po files in line with the source (all packages, or those named)."""
    for package in packages or PACKAGES:
        wanted = extracted(package)
        if not len(wanted):
            continue
        persian = translated(package)
        persian.update(wanted, no_fuzzy_matching=True)
        persian.obsolete.clear()
        path = catalogue_path(package)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            write_po(
                file, persian, width=100, sort_output=True, no_location=True, omit_header=False
            )
        empty = sum(1 for message in persian if message.id and not _forms(message.string))
        click.echo(f"{package}: {len(persian)} messages, {empty} without Persian")


if __name__ == "__main__":
    main()
