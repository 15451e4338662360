"""What the console's templates may say beyond the shared filters."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Flask

from network import ids
from network.language import current_locale, gettext
from network.ledger.figures import granted_by
from network.programme import explain
from settlement.console import access, listing, words
from settlement.console.charts import BAR_HEIGHT, BAR_WIDTH, COLUMNS_HEIGHT, COLUMNS_WIDTH


def install(app: Flask) -> None:
    """Give the templates of ``app`` their filters and globals."""
    app.jinja_env.filters.update(
        said=words.said, tone=tone, explained=explained, short=short, plain=plain
    )
    app.jinja_env.globals.update(
        address=listing.address,
        entry_id=entry_id,
        public_id=ids.encode,
        party=party,
        granted_by=granted_by,
        bar_size=(BAR_WIDTH, BAR_HEIGHT),
        columns_size=(COLUMNS_WIDTH, COLUMNS_HEIGHT),
    )


def tone(code: object) -> str:
    """Return the colour of a state."""
    return words.TONES.get(str(code), "")


def explained(step: dict[str, Any]) -> str:
    """Return a stored step of an explanation in the reader's words."""
    return explain.words(explain.from_json(step), current_locale(), unit="rial")


def short(text: str, length: int = 12) -> str:
    """Return the beginning of a long identifier."""
    return text if len(text) <= length else f"{text[:length]}…"


def plain(price: object) -> str:
    """Return a price exactly, without idle zeros."""
    text = f"{price:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def entry_id(member_id: UUID, sequence: int) -> str:
    """Return the public id of an entry."""
    return access.entry_ids().encode(prefix="ent", member_id=member_id, sequence=sequence)


def party(view: Any) -> str:
    """Return a party's name in the reader's language."""
    if view is None:
        return gettext("Unknown")
    return str(getattr(view, f"name_{current_locale()}"))
