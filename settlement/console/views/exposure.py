"""Exposure: what each issuer stands to owe beside its limit, as last measured."""

from __future__ import annotations

from flask import Blueprint, render_template, request, url_for
from werkzeug.wrappers import Response

from config.web import listing
from network.clearing.parties import MARGIN
from network.exposure import queries, waterfall
from network.language import current_locale, parse_whole_number
from network.money import queries as money
from network.operators import proposals
from network.operators.roles import OPERATOR, VIEWER
from network.settings import CURRENCY
from settlement import defaults, second_person
from settlement.console import access
from settlement.console.proposing import shown
from settlement.console.views.proposals import put_forward

blueprint = Blueprint("exposure", __name__, url_prefix="/exposure")
_LINES = 100
_COLUMNS = (
    *("merchant", "standing", "issuing", "exposure", "limit", "outstanding_points"),
    *("outstanding", "unsettled", "cap", "deposit", "reserve", "since"),
)


@blueprint.get("")
@access.access(VIEWER)
def index() -> str | Response:
    """Show every issuer's exposure; the fullest first."""
    with access.reading() as session:
        found = queries.exposures(session)
        measured_at = queries.measured_at(session)
    page = listing.arrange(
        found,
        sort="-used",
        keys={
            "name": lambda row: row.name(current_locale()),
            "exposure": lambda row: row.found.amount,
            "outstanding": lambda row: row.found.outstanding,
            "unsettled": lambda row: row.found.unsettled,
            "cover": lambda row: row.found.cover,
            "limit": lambda row: row.found.limit or -1,
            "used": lambda row: -1 if row.found.percent is None else row.found.percent,
        },
        words=lambda row: f"{row.code} {row.name_fa} {row.name_en}",
    )
    if listing.wants_csv():
        return listing.csv_response("exposure", _COLUMNS, map(_cells, page.rows))
    return render_template("exposure.html", page=page, measured_at=measured_at)


def _cells(row: queries.ExposureView) -> tuple[object, ...]:
    found = row.found
    return (
        *(row.code, found.standing, row.issuing, found.amount, found.limit, found.points),
        *(found.outstanding, found.unsettled, found.cap, found.deposit, found.reserve),
        row.since.isoformat(),
    )


@blueprint.get("/fund")
@access.access(VIEWER)
def fund() -> str:
    """Show the network's fund, which pays for issuers whose cover is used up."""
    with access.reading() as session:
        return render_template(
            "fund.html",
            balance=waterfall.fund_balance(session),
            margin=money.balances(session, account=MARGIN.name).get((MARGIN.party_id, CURRENCY), 0),
            lines=money.account_lines(session, account=waterfall.FUND, limit=_LINES),
            waiting=shown(
                session,
                [
                    each
                    for each in proposals.waiting(session, subject_id=second_person.PROGRAMME)
                    if each.kind == defaults.MOVE_FUND
                ],
            ),
        )


@blueprint.post("/fund")
@access.access(OPERATOR)
def move_fund() -> Response:
    """Propose that a part of the network's margin goes to the fund, or back."""
    return put_forward(
        lambda session: defaults.propose_fund(
            session,
            act=request.form.get("act", ""),
            amount=parse_whole_number(request.form.get("amount", "")) or 0,
            reason=request.form.get("reason", ""),
            by=access.operator().operator_id,
            now=access.wall(),
        ),
        back=url_for("exposure.fund"),
    )
