"""Settled windows: what each came to, its lines, and the statement as a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from itertools import islice

from flask import Blueprint, Response, abort, render_template
from sqlalchemy.orm import Session

from merchant_gateway.portal import access, listing
from merchant_gateway.portal.access import BOOKS
from network import ids
from network.clearing import queries as clearing
from network.clearing import statements
from network.clearing.facts import StatementLine, StatementView

blueprint = Blueprint("statements", __name__, url_prefix="/statements")
SHOWN = 30
SIDES = ("receivable", "payable", "fee")
FORMS: Mapping[str, tuple[Callable[..., Iterator[bytes]], str]] = {
    "json": (statements.statement_json, "application/json"),
    "csv": (statements.statement_csv, "text/csv"),
}
"""The forms in which a statement is handed out: how it is written, and its media type."""


@blueprint.get("")
@access.area(BOOKS)
def index() -> str:
    """Show the settled windows, the latest first."""
    before = _day(listing.argument("before"))
    with access.reading() as session:
        found = clearing.windows_for(
            session, merchant_id=access.merchant().merchant_id, limit=SHOWN + 1, cursor=before
        )
    rows = found[:SHOWN]
    return render_template(
        "books/statements.html",
        rows=rows,
        forms=tuple(FORMS),
        newest=listing.address(before=None) if before else None,
        older=(
            listing.address(before=rows[-1].window.first_day.isoformat())
            if len(found) > len(rows)
            else None
        ),
    )


@blueprint.get("/<window_id>")
@access.area(BOOKS)
def show(window_id: str) -> str:
    """Show a window's sums and the postings that they are made of."""
    side, start = listing.argument("side"), listing.offset()
    if side is not None and side not in SIDES:
        abort(404)
    with access.services().database.snapshot() as session:
        found = _statement(session, window_id)
        lines = list(_lines(session, found, side=side, start=start))
    rows = lines[: listing.PAGE_ROWS]
    step = listing.PAGE_ROWS
    return render_template(
        "books/statement.html",
        found=found,
        rows=rows,
        side=side,
        forms=tuple(FORMS),
        newer=listing.address(**{"from": max(0, start - step) or None}) if start else None,
        older=listing.address(**{"from": start + step}) if len(lines) > len(rows) else None,
    )


@blueprint.get("/<window_id>/file.<kind>")
@access.area(BOOKS)
def file(window_id: str, kind: str) -> Response:
    """Hand a statement out, byte for byte what the gateway serves."""
    if kind not in FORMS:
        abort(404)
    write, media_type = FORMS[kind]
    with access.services().database.snapshot() as session:
        found = _statement(session, window_id)
        lines = clearing.statement_lines(session, statement=found)
        body = b"".join(write(found, lines=lines, entry_ids=access.services().entry_ids))
    response = Response(body, mimetype=media_type)
    name = f"{access.merchant().code}-{found.window.first_day}.{kind}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _lines(
    session: Session, found: StatementView, *, side: str | None, start: int
) -> Iterator[StatementLine]:
    """Return one page's lines and one more; of one side they are counted within that side."""
    more = listing.PAGE_ROWS + 1
    if side is None:
        return clearing.statement_lines(session, statement=found, offset=start, limit=more)
    every = clearing.statement_lines(session, statement=found)
    return islice((line for line in every if line.direction == side), start, start + more)


def _statement(session: Session, window_id: str) -> StatementView:
    found = clearing.statement(
        session,
        merchant_id=access.merchant().merchant_id,
        window_id=ids.decode("win", window_id),
    )
    if found is None:
        abort(404)
    return found


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        abort(404)
