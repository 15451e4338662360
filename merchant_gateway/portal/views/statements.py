"""Settled windows: what each came to, its lines, and the statement as a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import (
    Blueprint,
    Response,
    abort,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from config.web import listing
from merchant_gateway.operations import JSON
from merchant_gateway.portal import access, calls, forms, words
from merchant_gateway.portal.access import BOOKS
from merchant_gateway.routes import settlements
from network import ids
from network.clearing import queries as clearing
from network.clearing.facts import PartyView, StatementView
from network.clearing.lines import SORTS, LineTable, table_lines
from network.clearing.party_names import named_parties
from network.errors import PeyvandError
from network.language import current_locale, format_date
from network.language import gettext as _
from network.money.direct import handed_out
from network.money.receipts import UnknownDirectPaymentError, receipts

blueprint = Blueprint("statements", __name__, url_prefix="/statements")
MOST_WINDOWS = 4_000
"""Ten years of nights, which a table sorts in memory."""

SIDES = ("receivable", "payable", "fee", "vat", "deposit")
FORMS: Mapping[str, str] = {
    "pdf": settlements.PDF,
    "csv": settlements.CSV,
    "json": JSON,
}
"""The forms in which a statement is handed out, by the ending of the file's name."""


@blueprint.get("")
@access.area(BOOKS)
def index() -> str | Response:
    """Show the settled windows, the latest first unless asked otherwise."""
    with access.reading() as session:
        found = clearing.windows_for(
            session, merchant_id=access.merchant().merchant_id, limit=MOST_WINDOWS
        )
    sums = ("opening", "receivable", "payable", "fees", "net", "paid", "closing", "lines")
    page = listing.arrange(
        found,
        keys={"day": lambda each: each.window.first_day}
        | {name: _sum(name) for name in sums}
        | {"paid": lambda each: -each.totals.paid},  # as the table shows it
        sort="-day",
        words=lambda each: f"{each.window.first_day} {format_date(each.window.first_day)}",
    )
    if listing.wants_csv():
        rows = (
            (
                *(each.window.first_day, each.window.end_day),
                *(getattr(each.totals, name) for name in sums),
                ids.encode("win", each.window.window_id),
            )
            for each in page.rows
        )
        columns = ("first_day", "end_day", *sums, "id")
        return listing.csv_response(f"{access.merchant().code}-statements", columns, rows)
    return render_template("books/statements.html", page=page, forms=tuple(FORMS))


def _sum(name: str) -> Callable[[StatementView], int]:
    return lambda each: int(getattr(each.totals, name))


@blueprint.get("/<window_id>")
@access.area(BOOKS)
def show(window_id: str) -> str:
    """Show a window's sums and the postings that they are made of."""
    side, start = listing.argument("side"), listing.offset()
    if side is not None and side not in SIDES:
        abort(404)
    sort = listing.order(SORTS, usual="recorded")
    with access.services().database.snapshot() as session:
        found = _statement(session, window_id)
        names = named_parties(session, window=found.window)
        lines = table_lines(
            session,
            window=found.window,
            merchant_id=found.merchant.party_id,
            wanted=_table(sort, names, side=side, start=start),
        )
        partners = handed_out(
            session,
            window_id=found.window.window_id,
            merchant_id=access.merchant().merchant_id,
        )
        said = receipts(
            session, direct_payment_ids=[each.fact.direct_payment_id for each in partners]
        )
    return render_template(
        "books/statement.html",
        found=found,
        partners=partners,
        said=said,
        keys={each.fact.direct_payment_id: forms.new_key() for each in partners},
        page=listing.cut(
            lines[: listing.PAGE_ROWS], start=start, total=start + len(lines), sort=sort
        ),
        names=names,
        side=side,
        sides=_sides(found),
        forms=tuple(FORMS),
    )


def _table(sort: str, names: Mapping[str, PartyView], *, side: str | None, start: int) -> LineTable:
    """Return which lines to read: one more than the page shows, to know of the rest."""
    column = sort.removeprefix("-")
    shown = {
        "kind": {each: words.said(each, "line") for each in words.LINE_KINDS},
        "side": {each: words.said(each, "side") for each in SIDES},
        "counterparty": {
            code: each.name_fa if current_locale() == "fa" else each.name_en
            for code, each in names.items()
        }
        | {access.merchant().code: _("yourself")},
    }
    return LineTable(
        direction=side,
        column=column,
        falls=sort.startswith("-"),
        ranked=listing.ranked(shown.get(column, {})),
        offset=start,
        limit=listing.PAGE_ROWS + 1,
    )


@blueprint.post("/<window_id>/payments/<payment_id>")
@access.area(BOOKS)
def receipt(window_id: str, payment_id: str) -> BaseResponse:
    """Say as the payee whether another merchant's payment arrived, as a signed request does."""
    body = {"outcome": request.form.get("outcome", "")}
    try:
        calls.ask(
            "confirm_direct_payment", body, key=forms.form_key(), direct_payment_id=payment_id
        )
    except UnknownDirectPaymentError:
        abort(404)
    except PeyvandError as error:
        flash(words.refusal(error)[1], "bad")
    else:
        flash(_("Written down."), "good")
    return redirect(url_for("statements.show", window_id=window_id), 303)


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


def _sides(found: StatementView) -> tuple[str, ...]:
    """Return the sides that the statement can have lines on."""
    rare = {"vat": found.totals.vat, "deposit": found.totals.deposit_used}
    return tuple(side for side in SIDES if rare.get(side, 1))


def _statement(session: Session, window_id: str) -> StatementView:
    found = clearing.statement(
        session,
        merchant_id=access.merchant().merchant_id,
        window_id=ids.decode("win", window_id),
    )
    if found is None:
        abort(404)
    return found
