"""The search box: the id of an entry, a lot, a window or a key, a merchant's code or name, a day.

Papers print the beginning of an entry's id. It can't be opened, so the paper's check code is asked
for, and the entry is looked for among the lines of that statement.
"""

from __future__ import annotations

from datetime import date

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from network import ids
from network.clearing import queries as clearing
from network.clearing.checking import read_code
from network.clearing.paper_lines import MOST_LINES
from network.clearing.statement_rows import ENTRY_SHOWN
from network.clearing.statements import entry_namer
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
from network.signing import queries as signing
from settlement.console import access, lots

blueprint = Blueprint("search", __name__)
ENTRY_PREFIXES = ("ent", "ern", "red", "rfd")
_ADDRESSES = {
    "win": "windows.show",
    "obl": "obligations.show",
    "mem": "entries.wallet",
    "pay": "payments.show",
    "dpy": "direct.show",
    "bnk": "findings.show",
}


@blueprint.get("/search")
@access.access(VIEWER)
def find() -> str | Response:
    """Go straight to what an id or a day names, else list the merchants that fit."""
    wanted = normalise(request.args.get("q", ""))
    target = _straight(ascii_digits(wanted))
    if target is not None:
        return redirect(target)
    with access.reading() as session:
        if (there := _statement(session, wanted) or _key(session, wanted)) is not None:
            return redirect(there)
        if _is_short(wanted):
            return _on_paper(session, wanted)
        found = _fitting(merchants.all_merchants(session), wanted) if wanted else []
    if len(found) == 1:
        return redirect(url_for("merchants.show", code=found[0].code))
    return render_template(
        "search.html",
        wanted=wanted,
        found=found,
        short=False,
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


def _key(session: Session, wanted: str) -> str | None:
    """Return the place of a key's row, the network's or a merchant's, ``None`` for no key's id."""
    if any(each.key_id == wanted for each in signing.network_keys(session)):
        return url_for("network_keys.index", _anchor=f"key-{wanted}")
    key = merchants.key(session, key_id=wanted)
    if key is None:
        return None
    return url_for("merchants.show", code=key.merchant_code, _anchor=f"key-{wanted}")


def _is_short(text: str) -> bool:
    """Return whether this is the beginning of an entry's id, as papers print it."""
    prefix, _stroke, rest = text.partition("_")
    return prefix == "ent" and len(text) == ENTRY_SHOWN and rest.isalnum()


def _on_paper(session: Session, wanted: str) -> str | Response:
    """Go to the entry that a paper's line means; without the paper's code, ask for it."""
    typed = request.args.get("paper", "")
    beginning = read_code(typed)
    statement = (
        None if beginning is None else clearing.statement_by_code(session, beginning=beginning)
    )
    if statement is not None and statement.totals.lines <= MOST_LINES:
        name = entry_namer(access.entry_ids())
        named = {
            name(line.member_id, line.sequence)
            for line in clearing.statement_lines(session, statement=statement)
        }
        for public_id in sorted(each for each in named if each.startswith(wanted)):
            return redirect(url_for("entries.show", entry=public_id))
    return render_template("search.html", wanted=wanted, found=[], short=True, typed=typed)


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
