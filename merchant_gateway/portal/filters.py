"""What the portal's templates may say beyond the shared filters."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from flask import Flask
from jinja2 import pass_context
from jinja2.runtime import Context

from config.web import listing
from merchant_gateway.portal import access, forms, words
from network import ids
from network.language import current_locale, format_number, unit_factor
from network.programme import explain


def install(app: Flask) -> None:
    """Give the templates of ``app`` their filters and globals."""
    app.jinja_env.filters.update(
        said=said,
        tone=words.tone,
        explained=explained,
        is_note=is_note,
        toman=toman,
        iso_day=date.fromisoformat,
        instant=datetime.fromisoformat,
    )
    app.jinja_env.globals.update(
        address=listing.address,
        entry_id=entry_id,
        public_id=ids.encode,
        till_unit=forms.UNIT,
        new_key=forms.new_key,
    )


@pass_context
def said(_context: Context, code: object, kind: str) -> str:
    """Return the words for a code; asked for in each answer, even where a template names the code.

    Without the context Jinja would work a constant out once, in the language of the first reader.
    """
    return words.said(code, kind)


def explained(step: dict[str, Any], unit: str = "rial") -> str:
    """Return a stored step of an explanation in the reader's words."""
    return explain.words(explain.from_json(step), current_locale(), unit=unit)


def is_note(step: dict[str, Any]) -> bool:
    """Return whether a stored step says how things stand, rather than what a rule did."""
    return explain.is_note(explain.from_json(step))


def toman(amount: int) -> str:
    """Return an amount of rials as a till's field has it: whole tomans, grouped, without a word."""
    return format_number(amount // unit_factor(unit=forms.UNIT))


def entry_id(member_id: UUID, sequence: int) -> str:
    """Return the public id of an entry."""
    return access.services().entry_ids.encode(prefix="ent", member_id=member_id, sequence=sequence)
