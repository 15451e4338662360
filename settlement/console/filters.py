"""What the console's templates may say beyond the shared filters."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

from flask import Flask
from jinja2 import pass_context
from jinja2.runtime import Context

from config.web import listing
from network import ids
from network.clearing.statement_rows import most_places, rest
from network.clearing.statements import plain
from network.language import current_locale, gettext
from network.money.facts import PaymentView
from network.programme import explain
from settlement.console import access, lots, reconciling, redemptions, taxing, words
from settlement.console.charts import BAR_HEIGHT, BAR_WIDTH, COLUMNS_HEIGHT, COLUMNS_WIDTH

_CREATED = re.compile(r";created=(\d{1,11})\b")
_CLOCKS_DIFFER = timedelta(minutes=10)


def install(app: Flask) -> None:
    """Give the templates of ``app`` their filters and globals."""
    app.jinja_env.filters.update(
        said=said,
        age=reconciling.age,
        instant=datetime.fromisoformat,
        as_uuid=UUID,
        tone=tone,
        explained=explained,
        is_note=is_note,
        plain=plain,
        typed=typed,
        lot_name=lots.name,
        became=redemptions.became,
        margin_tax=taxing.sentence,
        places=places,
        idle=rest,
        standing=standing,
        base64=base64,
        created=created,
        apart=apart,
    )
    app.jinja_env.globals.update(
        address=listing.address,
        entry_id=entry_id,
        lot_id_of=lot_id_of,
        public_id=ids.encode,
        party=party,
        said_all=words.said_all,
        bar_size=(BAR_WIDTH, BAR_HEIGHT),
        columns_size=(COLUMNS_WIDTH, COLUMNS_HEIGHT),
    )


@pass_context
def said(_context: Context, code: object, kind: str) -> str:
    """Return the words for a code; asked for in each answer, even where a template names the code.

    Without the context Jinja would work a constant out once, in the language of the first reader.
    """
    return words.said(code, kind)


def tone(code: object) -> str:
    """Return the colour of a state."""
    return words.TONES.get(str(code), "")


def standing(view: PaymentView) -> str:
    """Return how far a payment is, as ``words_money.STANDINGS`` calls it."""
    if view.state == "released" or (view.state == "prepared" and view.fact.awaited):
        return "awaited" if view.fact.awaited else "sent"
    return view.state


def explained(step: dict[str, Any]) -> str:
    """Return a stored step of an explanation in the reader's words."""
    return explain.words(explain.from_json(step), current_locale(), unit="rial")


def is_note(step: dict[str, Any]) -> bool:
    """Return whether a stored step says how things stand, rather than what a rule did."""
    return explain.is_note(explain.from_json(step))


def typed(value: Fraction) -> str:
    """Return an exact value as a person types it: a decimal number of at most ten places."""
    return plain(Decimal(round(value * 10**10)).scaleb(-10))


def places(values: Iterable[Decimal | Fraction | None]) -> int:
    """Return how many digits behind the decimal mark the longest figure of a column has."""
    return most_places(each for each in values if each is not None)


def base64(raw: bytes) -> str:
    """Return bytes in base64 (RFC 4648), as keys are published."""
    return b64encode(raw).decode()


def created(signature_base: str) -> datetime | None:
    """Return when a request says that it was signed (RFC 9421, ``created``), wall time."""
    found = _CREATED.search(signature_base)
    return None if found is None else datetime.fromtimestamp(int(found[1]), tz=UTC)


def apart(between: timedelta) -> bool:
    """Return whether two moments are further apart than clocks and networks explain."""
    return abs(between) > _CLOCKS_DIFFER


def entry_id(member_id: UUID, sequence: int) -> str:
    """Return the public id of an entry."""
    return access.entry_ids().encode(prefix="ent", member_id=member_id, sequence=sequence)


def lot_id_of(member_id: UUID, lot_id: int) -> str:
    """Return the public id of a lot."""
    return lots.encode(access.entry_ids(), member_id=member_id, lot_id=lot_id)


def party(view: Any) -> str:
    """Return a party's name in the reader's language."""
    if view is None:
        return gettext("Unknown")
    return str(getattr(view, f"name_{current_locale()}"))
