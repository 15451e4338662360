"""The guide for merchants' engineers: the Markdown files of this folder as pages.

``name.md`` is English, ``name.fa.md`` beside it Persian. Its blocks of code and output are those of
the English page, to the letter, and its headings stand in the same order and have the same anchors,
so a link leads to the same place in both. The files are part of the package, so an installed
gateway has them; they may hold no HTML, and what looks like some is shown as text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

FOLDER = Path(__file__).parent
ENGLISH = "en"
NAMES = (
    *("quick-start", "sandbox", "signing", "keys", "flows", "campaigns", "idempotency"),
    *("batches", "webhooks", "reconciliation", "portal", "client", "errors"),
)
"""The pages, in the order in which they are read."""

_NOT_IN_ANCHOR = re.compile(r"[^\w -]")
_SISTER = re.compile(r"^([a-z-]+)\.md(#.*)?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page; ``html`` is safe to show as it is."""

    name: str
    title: str
    html: str
    locale: str


def load_pages(locale: str = ENGLISH) -> dict[str, Page]:
    """Return every page by its name, rendered in ``locale``."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    return {name: _page(markdown, name, locale) for name in NAMES}


def _page(markdown: MarkdownIt, name: str, locale: str) -> Page:
    suffix = "" if locale == ENGLISH else f".{locale}"
    path, sister = FOLDER / f"{name}{suffix}.md", rf"/docs/guide/\1?lang={locale}\2"
    tokens = markdown.parse(path.read_text(encoding="utf-8"))
    title, anchors = "", iter(_anchors(markdown, name))
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            title = title or inline.content
            opening.attrSet("id", next(anchors))
    for link in _links(tokens):
        link.attrSet("href", _SISTER.sub(sister, str(link.attrGet("href") or "")))
    html = markdown.renderer.render(tokens, markdown.options, {})
    return Page(name=name, title=title, html=html, locale=locale)


def _links(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield from (child for child in token.children or () if child.type == "link_open")


def _anchors(markdown: MarkdownIt, name: str) -> list[str]:
    """Return the anchors of a page's headings in their order: those of the English ones."""
    tokens = markdown.parse((FOLDER / f"{name}.md").read_text(encoding="utf-8"))
    return [
        _anchor(inline.content)
        for opening, inline in pairwise(tokens)
        if opening.type == "heading_open"
    ]


def _anchor(heading: str) -> str:
    """Return the anchor of a heading, as GitHub forms it: so one link works in both places."""
    return _NOT_IN_ANCHOR.sub("", heading.lower()).replace(" ", "-")
