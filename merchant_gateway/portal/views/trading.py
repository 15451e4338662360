"""A merchant's trade: whose points it takes, and where its own are spent, as far as it may know."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from flask import Blueprint, Response, abort, render_template

from config.web import listing
from merchant_gateway.portal import access
from merchant_gateway.portal.access import BOOKS
from network.clearing.facts import PartyView
from network.clearing.parties import NETWORK_NAME
from network.language import current_locale, sort_key
from network.language import gettext as _
from network.ledger import queries as ledger
from network.reports.named import NamedTrade, trade_by_name

blueprint = Blueprint("trading", __name__, url_prefix="/trade")
PERIODS = (7, 30, 90, 365)
USUAL = 30


@blueprint.get("")
@access.area(BOOKS)
def show() -> str | Response:
    """Show trade by partner that may be named, and all others in one row, over a period."""
    days = _days()
    merchant_id = access.merchant().merchant_id
    with access.services().database.snapshot() as session:
        until = ledger.open_day(session) + timedelta(days=1)
        found = trade_by_name(
            session, merchant_id=merchant_id, since=until - timedelta(days=days), until=until
        )
    page = listing.arrange(
        [(_name(partner), partner, sums) for partner, sums in found.rows],
        keys={
            "name": lambda row: (row[1] is None, sort_key(row[0])),
            "balance": lambda row: row[2].balance,
            "taken": lambda row: row[2].taken_amount,
            "spent": lambda row: row[2].spent_amount,
        },
        sort="-balance",
        words=lambda row: row[0],
    )
    if listing.wants_csv():
        return _file(((partner, sums) for _words, partner, sums in page.rows), days=days)
    return render_template(
        "books/trade.html",
        page=page,
        days=days,
        periods=PERIODS,
        named=found.named,
    )


def _file(rows: Iterable[NamedTrade], *, days: int) -> Response:
    figures = ("taken_points", "taken_amount", "spent_points", "spent_amount", "balance")
    return listing.csv_response(
        f"{access.merchant().code}-trade-{days}-days",
        ("partner", *figures),
        (
            (
                NETWORK_NAME if partner is None else partner.code,
                *(getattr(sums, name) for name in figures),
            )
            for partner, sums in rows
        ),
    )


def _days() -> int:
    asked = listing.argument("days") or str(USUAL)
    found = next((each for each in PERIODS if str(each) == asked), None)
    if found is None:
        abort(404)
    return found


def _name(partner: PartyView | None) -> str:
    if partner is None:
        return _("Others in the network")
    return partner.name_fa if current_locale() == "fa" else partner.name_en
