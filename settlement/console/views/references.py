"""Finding entries by the merchant's own reference."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from flask import Blueprint, Response, render_template, request

from config.web import listing
from config.web.rendering import typed_day
from network.clock import local_date
from network.language import gettext as _
from network.language import normalise
from network.language.dates import parse_day
from network.ledger import searching
from network.merchants import queries as merchants
from network.operators.roles import VIEWER
from network.settings import PROGRAMME_ZONE
from settlement.console import access
from settlement.console.filters import entry_id, party

blueprint = Blueprint("references", __name__, url_prefix="/references")
USUAL_DAYS = 31
MOST_FOUND = 500


@blueprint.get("")
@access.access(VIEWER)
def find() -> str | Response:
    """Show the form, and the entries that carry the reference."""
    today = local_date(access.now(), zone=PROGRAMME_ZONE)
    last = parse_day(request.args.get("to", "")) or today
    first = parse_day(request.args.get("first", "")) or last - timedelta(days=USUAL_DAYS)
    wanted = normalise(request.args.get("ref", ""))
    errors = _errors(first, last)
    with access.reading() as session:
        known = sorted(merchants.all_merchants(session), key=party)
        merchant = next((m for m in known if m.code == request.args.get("merchant")), None)
        found = (
            searching.by_reference(
                session,
                merchant_id=merchant.merchant_id,
                merchant_ref=wanted,
                first=first,
                last=last,
                limit=listing.asked(MOST_FOUND),
            )
            if merchant and wanted and not errors
            else []
        )
    rows, more = listing.first(found, MOST_FOUND)
    page = _arranged(rows)
    if listing.wants_csv():
        return _file(page.rows)
    return render_template(
        "references.html",
        page=page,
        beyond=MOST_FOUND if more else None,
        merchants=known,
        merchant=merchant,
        ref=wanted,
        first=typed_day(first),
        last=typed_day(last),
        errors=errors,
        asked=bool(merchant and wanted),
    )


def _arranged(rows: Sequence[searching.FoundEntry]) -> listing.Page[searching.FoundEntry]:
    return listing.arrange(
        rows,
        sort="recorded",
        keys={
            "recorded": lambda row: row.recorded_at,
            "day": lambda row: row.business_date,
            "kind": lambda row: row.kind,
        },
    )


def _file(rows: Sequence[searching.FoundEntry]) -> Response:
    return listing.csv_response(
        "entries",
        ("entry", "kind", "merchant_ref", "business_date", "recorded_at"),
        (
            (
                entry_id(row.member_id, row.sequence),
                row.kind,
                row.merchant_ref,
                row.business_date.isoformat(),
                row.recorded_at.isoformat(),
            )
            for row in rows
        ),
    )


def _errors(first: date, last: date) -> dict[str, str]:
    if not timedelta(0) <= last - first <= timedelta(days=searching.MOST_DAYS):
        return {"first": _("The days go from the earlier to the later, at most 92 of them.")}
    return {}
