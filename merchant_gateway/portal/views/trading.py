"""A merchant's trade: whose points it takes, and where its own are spent, as far as it may know."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from flask import Blueprint, Response, abort, render_template

from config.web import listing
from merchant_gateway.portal import access
from merchant_gateway.portal.access import BOOKS
from network.clearing.facts import PartyView
from network.clearing.parties import NETWORK_NAME
from network.clearing.party_names import may_be_named, parties
from network.language import current_locale
from network.language import gettext as _
from network.ledger import queries as ledger
from network.reports import flows
from network.reports.facts import PartnerTrade

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
        found = flows.trade_of(
            session, merchant_id=merchant_id, since=until - timedelta(days=days), until=until
        )
        names = parties(
            session, wanted=[each.partner_id for each in found if each.partner_id is not None]
        )
        named = may_be_named(session, merchant_id=merchant_id, day=until)
    page = listing.arrange(
        [(_name(each, names), each) for each in found],
        keys={
            "name": lambda row: (row[1].partner_id is None, row[0]),
            "balance": lambda row: row[1].balance,
            "taken": lambda row: row[1].taken_amount,
            "spent": lambda row: row[1].spent_amount,
        },
        sort="-balance",
        words=lambda row: row[0],
    )
    if listing.wants_csv():
        return _file((each for _words, each in page.rows), names=names, days=days)
    return render_template(
        "books/trade.html",
        page=page,
        days=days,
        periods=PERIODS,
        named=named,
    )


def _file(rows: Iterable[PartnerTrade], *, names: dict[UUID, PartyView], days: int) -> Response:
    figures = ("taken_points", "taken_amount", "spent_points", "spent_amount", "balance")
    return listing.csv_response(
        f"{access.merchant().code}-trade-{days}-days",
        ("partner", *figures),
        (
            (
                NETWORK_NAME if each.partner_id is None else names[each.partner_id].code,
                *(getattr(each, name) for name in figures),
            )
            for each in rows
        ),
    )


def _days() -> int:
    asked = listing.argument("days") or str(USUAL)
    found = next((each for each in PERIODS if str(each) == asked), None)
    if found is None:
        abort(404)
    return found


def _name(each: PartnerTrade, names: dict[UUID, PartyView]) -> str:
    if each.partner_id is None:
        return _("Others in the network")
    found = names[each.partner_id]
    return found.name_fa if current_locale() == "fa" else found.name_en
