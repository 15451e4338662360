"""A merchant's statement of a window: how its balance came about, what was paid, and its files."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from flask import Blueprint, Response, abort, render_template
from sqlalchemy.orm import Session

from network import ids
from network.clearing import queries as clearing
from network.clearing import sources, statement_pdf, statement_words, statements
from network.clearing.checking import check_code
from network.clearing.facts import PartyView, StatementLine, StatementView
from network.clearing.party_names import named_parties
from network.clearing.terms import terms_behind
from network.language import current_locale
from network.merchants import queries as merchants
from network.money import direct
from network.money import queries as money
from network.operators.roles import ANALYST, VIEWER
from settlement.console import access, stating

blueprint = Blueprint("statements", __name__, url_prefix="/merchants/<code>/statements")
_FORMS = {"json": "application/json", "csv": "text/csv", "pdf": "application/pdf"}


@blueprint.get("/<window_id>")
@access.access(VIEWER)
def show(code: str, window_id: str) -> str:
    """Show a statement: its balance, its deposit, lines by kind, tax, payments and proof."""
    with access.reading() as session:
        found = _statement(session, code=code, window_id=window_id)
        merchant_id, window = found.merchant.party_id, found.window
        behind = stating.lines(
            clearing.obligations(session, window=window, party_id=merchant_id),
            merchant_id=merchant_id,
            named=named_parties(session, window=window),
        )
        known = terms_behind(session, obligations=[each.of.fact for each in behind])
        values = sources.face_values(session)
        payments = money.payments(session, window_id=window.window_id, merchant_id=merchant_id)
        directs = direct.directs(session, window_id=window.window_id, merchant_id=merchant_id)
    return render_template(
        "statement.html",
        found=found,
        last_day=window.end_day - timedelta(days=1),
        sums=statement_words.sums(found.totals),
        kinds=stating.by_kind(behind),
        agrees=stating.agree(behind, totals=found.totals),
        taxes=stating.taxes(behind, terms=known, face_values=values),
        untaxed=stating.untaxed(behind, merchant_id=merchant_id, terms=known, face_values=values),
        terms=known,
        payments=[each for each in payments if each.fact.currency == found.totals.currency],
        directs=[each for each in directs if each.fact.currency == found.totals.currency],
        side_label=statement_words.direction_label,
        kind_label=statement_words.kind_label,
        check=check_code(found.digest),
        check_url=access.services().settings.gateway_url + statement_pdf.CHECK_PATH,
    )


@blueprint.get("/<window_id>.<kind>")
@access.access(ANALYST)
def file(code: str, window_id: str, kind: str) -> Response:
    """Hand out a published statement as JSON, CSV or PDF in the operator's language."""
    if kind not in _FORMS:
        abort(404)
    with access.services().database.snapshot() as session:
        found = _statement(session, code=code, window_id=window_id)
        lines = clearing.statement_lines(session, statement=found)
        names = named_parties(session, window=found.window)
        body = _document(found, lines, kind=kind, names=names)
    response = Response(body, mimetype=_FORMS[kind])
    name = f"{code}-{found.window.first_day}.{kind}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _document(
    found: StatementView,
    lines: Iterable[StatementLine],
    *,
    kind: str,
    names: dict[str, PartyView],
) -> bytes:
    entry_ids = access.entry_ids()
    if kind == "pdf":
        return statement_pdf.statement_pdf(
            found,
            lines=lines,
            entry_ids=entry_ids,
            names=names,
            locale=current_locale(),
            check_url=access.services().settings.gateway_url + statement_pdf.CHECK_PATH,
        )
    write = statements.statement_json if kind == "json" else statements.statement_csv
    return b"".join(write(found, lines=lines, entry_ids=entry_ids))


def _statement(session: Session, *, code: str, window_id: str) -> StatementView:
    found = clearing.statement(
        session,
        merchant_id=merchants.merchant(session, code=code).merchant_id,
        window_id=ids.decode("win", window_id),
    )
    if found is None:
        abort(404)
    return found
