"""Settlement: windows, nights, net positions, the matrix, and the postings behind each figure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

from flask import Blueprint, Response, abort, render_template, request
from sqlalchemy.orm import Session

from network import ids
from network.clearing import queries as clearing
from network.clearing.facts import ObligationView, PartyView, PositionView, RunView, WindowView
from network.language import current_locale
from network.operators.roles import VIEWER
from settlement.console import access, listing
from settlement.console.charts import Bar, net_bar
from settlement.console.grid import grid
from settlement.console.views.today import read_day
from settlement.console.words import WINDOW_STATES
from settlement.night import STEPS
from settlement.words import run_failure

blueprint = Blueprint("windows", __name__, url_prefix="/settlement")
NIGHTS = 14


@blueprint.get("")
@access.access(VIEWER)
def index() -> str:
    """Show windows by state, and the latest nights."""
    state = listing.argument("state")
    before = listing.argument("before")
    with access.reading() as session:
        found = clearing.windows(
            session,
            limit=listing.PAGE_ROWS + 1,
            before=read_day(before) if before else None,
            state=state,
        )
        nights = clearing.latest_runs(session, limit=NIGHTS)
    rows = found[: listing.PAGE_ROWS]
    older = listing.address(before=rows[-1].first_day) if len(found) > len(rows) else None
    return render_template(
        "windows.html",
        rows=rows,
        states=WINDOW_STATES,
        nights=nights,
        newest=listing.address(before=None) if before else None,
        older=older,
    )


@blueprint.get("/windows/<public_id>")
@access.access(VIEWER)
def show(public_id: str) -> str | Response:
    """Show a window: its net positions as bars with their table, its nights, its statements."""
    with access.reading() as session:
        window = _window(session, public_id)
        positions = clearing.positions(session, window=window)
        days = _days(window)
        nights = [clearing.run(session, business_date=day) for day in days]
        seals = [clearing.seal_of(session, business_date=day) for day in days]
        statements = clearing.statements(session, window=window)
    page = listing.arrange(
        positions,
        sort="-net",
        keys={
            "name": lambda row: _name(row.party),
            "net": lambda row: row.net,
            "receivable": lambda row: row.receivable,
            "payable": lambda row: row.payable,
            "fees": lambda row: row.fees,
        },
        words=lambda row: f"{row.party.code} {row.party.name_fa} {row.party.name_en}",
    )
    if listing.wants_csv():
        return _positions_file(window, page.rows)
    return render_template(
        "window.html",
        window=window,
        days=days,
        page=page,
        bars=_bars(positions),
        sums={
            name: sum(getattr(row, name) for row in positions)
            for name in ("net", "receivable", "payable", "fees")
        },
        nights=[night for night in nights if night],
        statements=statements,
        seals=[seal for seal in seals if seal],
    )


@blueprint.get("/nights/<day>")
@access.access(VIEWER)
def night(day: str) -> str:
    """Show one night: how far it is or how it ended, its control totals and the day's seal."""
    business_date = read_day(day)
    with access.reading() as session:
        run = clearing.run(session, business_date=business_date)
        seal = clearing.seal_of(session, business_date=business_date)
        window = clearing.window_of(session, business_date=business_date)
    if run is None:
        abort(404)
    return render_template(
        "night.html",
        run=run,
        seal=seal,
        window=window,
        steps=_steps(run),
        failure=run_failure(run),
    )


@blueprint.get("/nights/<day>/progress")
@access.access(VIEWER)
def progress(day: str) -> str:
    """Return the part of a night's page that changes while it runs."""
    with access.reading() as session:
        run = clearing.run(session, business_date=read_day(day))
    if run is None:
        abort(404)
    return render_template("_progress.html", run=run, steps=_steps(run), failure=run_failure(run))


@blueprint.get("/windows/<public_id>/matrix")
@access.access(VIEWER)
def matrix(public_id: str) -> str | Response:
    """Show issuer × acceptor in points or money."""
    measure = "amount" if request.args.get("measure") == "amount" else "points"
    with access.reading() as session:
        window = _window(session, public_id)
        cells = clearing.matrix(session, window=window)
    if listing.wants_csv():
        return listing.csv_response(
            f"matrix-{window.first_day}",
            ("issuer", "acceptor", "points", "amount", "currency"),
            (
                (cell.issuer.code, cell.acceptor.code, cell.points, cell.amount, cell.currency)
                for cell in cells
            ),
        )
    return render_template(
        "matrix.html", window=window, measure=measure, grid=grid(cells, measure=measure)
    )


@blueprint.get("/windows/<public_id>/obligations")
@access.access(VIEWER)
def obligations(public_id: str) -> str | Response:
    """Show what was found to be owed: all of it, one party's, or one cell of the matrix."""
    party, issuer, acceptor = (listing.argument(name) for name in ("party", "issuer", "acceptor"))
    with access.reading() as session:
        window = _window(session, public_id)
        found = clearing.obligations(session, window=window)
    wanted = [
        row
        for row in found
        if issuer in {None, row.issuer.code}
        and acceptor in {None, row.acceptor.code}
        and (party is None or party in {row.issuer.code, row.acceptor.code, row.payee.code})
    ]
    page = listing.arrange(
        wanted,
        sort="issuer",
        keys={
            "issuer": lambda row: _name(row.issuer),
            "acceptor": lambda row: _name(row.acceptor),
            "payee": lambda row: _name(row.payee),
            "kind": lambda row: row.fact.kind,
            "points": lambda row: row.fact.points,
            "price": lambda row: row.fact.price,
            "amount": lambda row: row.fact.amount,
            "postings": lambda row: row.fact.postings,
        },
        words=lambda row: f"{_name(row.issuer)} {_name(row.acceptor)} {_name(row.payee)}",
    )
    if listing.wants_csv():
        return _obligations_file(window, page.rows)
    names = {each.code: each for row in found for each in (row.issuer, row.acceptor, row.payee)}
    return render_template(
        "obligations.html",
        window=window,
        page=page,
        party_view=names.get(party or ""),
        issuer=names.get(issuer or ""),
        acceptor=names.get(acceptor or ""),
        signed=_signed(wanted, party) if party else None,
        points=sum(
            row.fact.points for row in wanted if row.fact.kind in {"redemption", "redeposit"}
        ),
        amount=sum(row.fact.amount for row in wanted),
    )


@blueprint.get("/obligations/<public_id>")
@access.access(VIEWER)
def obligation(public_id: str) -> str | Response:
    """Show an obligation and the postings behind it, each with its share of the amount."""
    obligation_id = ids.decode("obl", public_id)
    size = listing.MOST_EXPORTED if listing.wants_csv() else listing.PAGE_ROWS + 1
    with access.reading() as session:
        found = clearing.obligation(session, obligation_id=obligation_id)
        if found is None:
            abort(404)
        window = clearing.window(session, window_id=found.fact.window_id)
        lines = clearing.obligation_lines(
            session,
            obligation_id=obligation_id,
            cursor=listing.after_line(access.entry_ids()),
            limit=size,
        )
    if listing.wants_csv():
        return listing.csv_response(
            f"obligation-{public_id}",
            ("entry", "business_date", "recorded_at", "merchant_ref", "points", "share"),
            (
                (
                    access.entry_ids().encode(
                        prefix="ent", member_id=row.member_id, sequence=row.sequence
                    ),
                    row.business_date.isoformat(),
                    row.recorded_at.isoformat(),
                    row.merchant_ref,
                    row.points,
                    row.share,
                )
                for row in lines
            ),
        )
    rows = lines[: listing.PAGE_ROWS]
    more = listing.next_line(access.entry_ids(), rows) if len(lines) > len(rows) else None
    return render_template(
        "obligation.html",
        window=window,
        found=found,
        rows=rows,
        more=more,
        first=request.path if request.args.get("after") else None,
    )


def _window(session: Session, public_id: str) -> WindowView:
    window = clearing.window(session, window_id=ids.decode("win", public_id))
    if window is None:
        abort(404)
    return window


def _days(window: WindowView) -> list[date]:
    return [
        window.first_day + timedelta(days=number)
        for number in range((window.end_day - window.first_day).days)
    ]


def _bars(positions: list[PositionView]) -> dict[UUID, Bar | None]:
    largest = max((abs(row.net) for row in positions), default=0)
    mirrored = current_locale() == "fa"
    return {
        row.party.party_id: net_bar(row.net, largest=largest, mirrored=mirrored)
        for row in positions
    }


def _steps(run: RunView) -> list[tuple[str, str]]:
    """Return each step of a night with how it stands: done, now, stuck or waiting."""
    place = len(STEPS) if run.step == "done" or run.state == "done" else STEPS.index(run.step)
    here = "now" if run.state == "running" else "stuck"
    return [
        (step, "done" if number < place else here if number == place else "waiting")
        for number, step in enumerate(STEPS)
    ]


def _name(party: PartyView) -> str:
    return party.name_fa if current_locale() == "fa" else party.name_en


def _signed(found: list[ObligationView], party: str) -> int:
    """Return what obligations come to for a party: owed to it above zero, owed by it below."""
    total = 0
    for row in found:
        total += row.fact.amount if row.payee.code == party else 0
        total -= row.fact.amount if row.issuer.code == party else 0
    return total


def _positions_file(window: WindowView, rows: Sequence[PositionView]) -> Response:
    return listing.csv_response(
        f"positions-{window.first_day}",
        ("party", "receivable", "payable", "fees", "net", "currency"),
        (
            (row.party.code, row.receivable, row.payable, row.fees, row.net, row.currency)
            for row in rows
        ),
    )


def _obligations_file(window: WindowView, rows: Sequence[ObligationView]) -> Response:
    return listing.csv_response(
        f"obligations-{window.first_day}",
        (
            *("id", "issuer", "acceptor", "payee", "kind", "points", "price", "amount"),
            *("currency", "postings"),
        ),
        (
            (
                ids.encode("obl", row.fact.obligation_id),
                row.issuer.code,
                row.acceptor.code,
                row.payee.code,
                row.fact.kind,
                row.fact.points,
                f"{row.fact.price:f}",
                row.fact.amount,
                row.fact.currency,
                row.fact.postings,
            )
            for row in rows
        ),
    )
