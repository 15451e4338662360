"""Exposure: what each issuer stands to owe beside its limit, as last measured."""

from __future__ import annotations

from flask import Blueprint, Response, render_template

from network.exposure import queries
from network.language import current_locale
from network.operators.roles import VIEWER
from settlement.console import access, listing

blueprint = Blueprint("exposure", __name__, url_prefix="/exposure")
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
