"""Settled windows: what each came to, its lines, and the statement as a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import islice

from flask import Blueprint, Response, abort, render_template
from sqlalchemy.orm import Session

from merchant_gateway.operations import JSON
from merchant_gateway.portal import access, calls, listing
from merchant_gateway.portal.access import BOOKS
from merchant_gateway.routes import settlements
from network import ids
from network.clearing import queries as clearing
from network.clearing.facts import StatementLine, StatementView
from network.money.direct import handed_out

blueprint = Blueprint("statements", __name__, url_prefix="/statements")
SHOWN = 30
SIDES = ("receivable", "payable", "fee")
FORMS: Mapping[str, str] = {
    "pdf": settlements.PDF,
    "csv": settlements.CSV,
    "json": JSON,
}
"""The forms in which a statement is handed out, by the ending of the file's name."""


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
        partners = handed_out(
            session,
            window_id=found.window.window_id,
            merchant_id=access.merchant().merchant_id,
        )
    rows = lines[: listing.PAGE_ROWS]
    step = listing.PAGE_ROWS
    return render_template(
        "books/statement.html",
        found=found,
        partners=partners,
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
    with access.reading() as session:
        found = _statement(session, window_id)
    answer = calls.fetch("read_statement", media_type=FORMS[kind], settlement_id=window_id)
    response = Response(answer.body(), content_type=answer.media_type)
    name = f"{access.merchant().code}-{found.window.first_day}.{kind}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _lines(
    session: Session, found: StatementView, *, side: str | None, start: int
) -> Iterator[StatementLine]:
    """Return one page's lines and one more; of one side they are counted within that side."""
    every = clearing.statement_lines(session, statement=found)
    wanted = (line for line in every if side in {None, line.direction})
    return islice(wanted, start, start + listing.PAGE_ROWS + 1)


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
