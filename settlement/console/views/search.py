"""The search box: the id of an entry, a lot or a window, a merchant's code or name, a day."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from network import ids
from network.clearing import queries as clearing
from network.clearing.checking import read_code
from network.ids import UnknownIdError
from network.language import (
    ascii_digits,
    current_locale,
    format_date,
    normalise,
    parse_day,
    sort_key,
)
from network.merchants import queries as merchants
from network.merchants.queries import MerchantView
from network.operators.roles import VIEWER
from network.settings import PROGRAMME_ZONE
from settlement.console import access, lots

blueprint = Blueprint("search", __name__)
ENTRY_PREFIXES = ("ent", "ern", "red", "rfd")
_ADDRESSES = {"win": "windows.show", "obl": "obligations.show", "mem": "entries.wallet"}


@blueprint.get("/search")
@access.access(VIEWER)
def find() -> str | Response:
    """Go straight to what an id or a day names, else list the merchants that fit."""
    wanted = normalise(request.args.get("q", ""))
    target = _straight(ascii_digits(wanted))
    if target is not None:
        return redirect(target)
    with access.reading() as session:
        if (statement := _statement(session, wanted)) is not None:
            return redirect(statement)
        found = _fitting(merchants.all_merchants(session), wanted) if wanted else []
    if len(found) == 1:
        return redirect(url_for("merchants.show", code=found[0].code))
    return render_template(
        "search.html",
        wanted=wanted,
        found=found,
        example=_example(access.now().astimezone(PROGRAMME_ZONE).date()),
    )


def _statement(session: Session, wanted: str) -> str | None:
    """Return the page of the statement with the check code that was typed, ``None`` without one."""
    beginning = read_code(wanted)
    found = None if beginning is None else clearing.statement_by_code(session, beginning=beginning)
    if found is None:
        return None
    window_id = ids.encode("win", found.window.window_id)
    return url_for("statements.show", code=found.merchant.code, window_id=window_id)


def _example(today: date) -> str:
    """Return a day as the reader would type it."""
    return format_date(today) if current_locale() == "fa" else today.isoformat()


def _straight(text: str) -> str | None:
    prefix = text.partition("_")[0]
    if prefix in ENTRY_PREFIXES:
        try:
            access.entry_ids().decode(text, prefix=prefix)
        except UnknownIdError:
            return None
        return url_for("entries.show", entry=text)
    if prefix == lots.PREFIX:
        try:
            lots.decode(access.entry_ids(), text)
        except UnknownIdError:
            return None
        return url_for("lots.show", public_id=text)
    if prefix in _ADDRESSES and "_" in text:
        return url_for(_ADDRESSES[prefix], public_id=text)
    day = parse_day(text)
    return None if day is None else url_for("today.day", day=day.isoformat())


def _fitting(found: list[MerchantView], wanted: str) -> list[MerchantView]:
    key = sort_key(wanted)
    exact = [each for each in found if each.code == wanted.lower()]
    return exact or [
        each for each in found if key in sort_key(f"{each.code} {each.name_fa} {each.name_en}")
    ]
