"""Reports on what moved between merchants: issuance and redemption, and the trade balance."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from uuid import UUID

from flask import Blueprint, Response, render_template, request
from sqlalchemy.orm import Session

from config.web import listing
from network.clearing import days
from network.clearing.facts import PartyView, code_of
from network.clearing.party_names import parties
from network.ledger import figures
from network.ledger import queries as ledger
from network.merchants import queries as merchants
from network.operators.roles import VIEWER
from network.reports import flows
from network.reports.facts import TradeCell, Traded, TradeWindow
from settlement.console import access
from settlement.console.charts import DayColumns, net_bar
from settlement.console.filters import party
from settlement.console.periods import Period, columns_of, mirrored, read_period

blueprint = Blueprint("trading", __name__, url_prefix="/reports")
_SUMS = tuple(figures.FIGURES)
_LONGEST = 90
"""Figures by merchant are added up from the period's postings, so the period is bounded."""


@blueprint.get("/movement")
@access.access(VIEWER)
def movement() -> str | Response:
    """Show points issued, redeemed and expired by merchant over a period."""
    with access.services().database.snapshot() as session:
        period = read_period(ledger.open_day(session), longest=_LONGEST)
        names = parties(session)
        found = figures.period_figures(session, first=period.since, end=period.until)
        ends = days.to_date(session, first=period.since).days
    page = listing.arrange(
        found,
        sort="-issued",
        keys={
            "name": lambda row: party(names.get(row.merchant_id)),
            **{name: _by(name) for name in _SUMS},
        },
        words=lambda row: party(names.get(row.merchant_id)),
    )
    if listing.wants_csv():
        return listing.csv_response(
            f"movement-{period.since}-{period.days}-days",
            ("merchant", *_SUMS),
            (
                (code_of(names, row.merchant_id), *(getattr(row, name) for name in _SUMS))
                for row in page.rows
            ),
        )
    return render_template(
        "reports/movement.html",
        page=page,
        names=names,
        period=period,
        days=ends,
        sums={name: sum(getattr(row, name) for row in found) for name in _SUMS},
        chart=_three(ends),
    )


@blueprint.get("/movement/<code>")
@access.access(VIEWER)
def merchant_movement(code: str) -> str | Response:
    """Show a merchant's points day by day; each figure leads to the postings behind it."""
    with access.services().database.snapshot() as session:
        period = read_period(ledger.open_day(session), longest=_LONGEST)
        view = _view(session, code)
        moved = figures.merchant_days(
            session, merchant_id=view.party_id, first=period.since, end=period.until
        )
    if listing.wants_csv():
        return listing.csv_response(
            f"movement-{code}-{period.since}-{period.days}-days",
            ("business_date", *_SUMS),
            ((row.business_date, *(getattr(row, name) for name in _SUMS)) for row in moved),
        )
    return render_template(
        "reports/merchant_movement.html",
        merchant=view,
        period=period,
        days=moved,
        sums={name: sum(getattr(row, name) for row in moved) for name in _SUMS},
        chart=_three(moved),
    )


@blueprint.get("/trade")
@access.access(VIEWER)
def trade() -> str | Response:
    """Show who sends whom customers: points taken from others against own points spent there."""
    with access.reading() as session:
        period = read_period(ledger.open_day(session))
        names = parties(session)
        cells = flows.trade(session, since=period.since, until=period.until)
    found = flows.balances(cells)
    page = listing.arrange(
        found,
        sort="-balance",
        keys={
            "name": lambda row: party(names.get(row.merchant_id)),
            "balance": lambda row: row.balance,
            "taken": lambda row: row.taken_amount,
            "spent": lambda row: row.spent_amount,
            "own": lambda row: row.own_points,
        },
        words=lambda row: party(names.get(row.merchant_id)),
    )
    if listing.wants_csv():
        return _trade_file(page.rows, names=names, period=period)
    largest = max((abs(each.balance) for each in found), default=0)
    return render_template(
        "reports/trade.html",
        page=page,
        names=names,
        period=period,
        bars={
            each.merchant_id: net_bar(each.balance, largest=largest, mirrored=mirrored())
            for each in found
        },
    )


def _trade_file(
    rows: Sequence[Traded], *, names: Mapping[UUID, PartyView], period: Period
) -> Response:
    header = tuple(each.name for each in fields(Traded) if each.name != "merchant_id")
    return listing.csv_response(
        f"trade-{period.since}-{period.days}-days",
        ("merchant", *header, "balance"),
        (
            (
                code_of(names, row.merchant_id),
                *(getattr(row, name) for name in header),
                row.balance,
            )
            for row in rows
        ),
    )


@blueprint.get("/trade/<code>")
@access.access(VIEWER)
def partners(code: str) -> str | Response:
    """Show a merchant's partners: whose points it takes, and where its own are spent."""
    other = request.args.get("partner")
    with access.reading() as session:
        period = read_period(ledger.open_day(session))
        names = parties(session)
        view = _view(session, code)
        cells = flows.trade(session, since=period.since, until=period.until)
        partner = _view(session, other) if other else None
        windows = _windows(session, view, partner, period)
    rows = _partners(cells, view=view)
    if listing.wants_csv():
        return listing.csv_response(
            f"trade-{code}-{period.since}-{period.days}-days",
            ("partner", "taken_points", "taken_rials", "spent_points", "spent_rials"),
            (
                (code_of(names, partner_id), t_points, t_amount, s_points, s_amount)
                for partner_id, (t_points, t_amount, s_points, s_amount) in rows.items()
            ),
        )
    largest = max((abs(row[1] - row[3]) for row in rows.values()), default=0)
    return render_template(
        "reports/partners.html",
        merchant=view,
        partner=partner,
        names=names,
        period=period,
        rows=rows,
        windows=windows,
        bars={
            key: net_bar(row[1] - row[3], largest=largest, mirrored=mirrored())
            for key, row in rows.items()
        },
    )


Sides = tuple[int, int, int, int]


def _partners(cells: list[TradeCell], *, view: PartyView) -> dict[UUID, Sides]:
    """Return by partner: points and amount taken from it, own points and amount spent there."""
    found: dict[UUID, Sides] = {}
    for cell in cells:
        if view.party_id == cell.acceptor_id != cell.issuer_id:
            taken, spent = (cell.points, cell.amount), (0, 0)
            key = cell.issuer_id
        elif view.party_id == cell.issuer_id != cell.acceptor_id:
            taken, spent = (0, 0), (cell.points, cell.amount)
            key = cell.acceptor_id
        else:
            continue
        before = found.get(key, (0, 0, 0, 0))
        added = zip(before, (*taken, *spent), strict=True)
        points, amount, own_points, own_amount = (old + new for old, new in added)
        found[key] = (points, amount, own_points, own_amount)
    return dict(sorted(found.items(), key=lambda each: -(each[1][1] + each[1][3])))


def _windows(
    session: Session, view: PartyView, partner: PartyView | None, period: Period
) -> dict[str, list[TradeWindow]]:
    if partner is None:
        return {}
    days = {"since": period.since, "until": period.until}
    here, there = view.party_id, partner.party_id
    return {
        "taken": flows.trade_windows(session, issuer_id=there, acceptor_id=here, **days),
        "spent": flows.trade_windows(session, issuer_id=here, acceptor_id=there, **days),
    }


def _view(session: Session, code: str) -> PartyView:
    found = merchants.merchant(session, code=code)
    return parties(session)[found.merchant_id]


def _three(moved: Iterable[figures.DayFigures | figures.MerchantDay]) -> list[DayColumns]:
    return columns_of(
        (
            each.business_date,
            (
                ("issued", each.issued),
                ("redeemed", each.redeemed),
                ("expired", each.expired),
            ),
        )
        for each in moved
    )


def _by(name: str) -> Callable[[figures.PartyFigures], int]:
    return lambda row: int(getattr(row, name))
