"""Settlement: windows, nights, net positions, the matrix, and the postings behind each figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from uuid import UUID

from flask import (
    Blueprint,
    Response,
    abort,
    render_template,
    request,
    url_for,
)
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from config.web import listing
from network import ids
from network.clearing import queries as clearing
from network.clearing.aborting import AbortError, check_abortable
from network.clearing.facts import PartyView, PositionView, RunView, WindowView
from network.clearing.parties import NETWORK_PARTY, account_code
from network.clearing.statements import plain
from network.clearing.terms import terms_of
from network.language import current_locale
from network.money import queries as money
from network.money.morning import release_states
from network.operators import proposals
from network.operators.roles import OPERATOR, VIEWER
from settlement import second_person
from settlement.console import access
from settlement.console.charts import Bar, net_bar
from settlement.console.grid import grid
from settlement.console.proposing import shown
from settlement.console.views.proposals import put_forward
from settlement.console.views.today import read_day
from settlement.console.words import WINDOW_STATES, said
from settlement.night import STEPS
from settlement.words import run_failure

blueprint = Blueprint("windows", __name__, url_prefix="/settlement")
NIGHTS = 14


@blueprint.get("")
@access.access(VIEWER)
def index() -> str | Response:
    """Show windows by state, and the latest nights."""
    state = listing.argument("state")
    before = listing.argument("before")
    with access.reading() as session:
        found = clearing.windows(
            session,
            limit=listing.asked(listing.PAGE_ROWS),
            before=read_day(before) if before else None,
            state=state,
        )
        nights = clearing.latest_runs(session, limit=NIGHTS)
        released = release_states(session, window_ids=[each.window_id for each in found])
    rows, more = listing.first(found, listing.PAGE_ROWS)
    if listing.wants_csv():
        return _windows_file(rows, released=released)
    older = listing.address(before=rows[-1].first_day) if more else None
    return render_template(
        "windows.html",
        rows=rows,
        states=WINDOW_STATES,
        released=released,
        nights=nights,
        newest=listing.address(before=None) if before else None,
        older=older,
    )


@blueprint.get("/windows/<public_id>")
@access.access(VIEWER)
def show(public_id: str) -> str | Response:
    """Show a window: its net positions as bars with their table, its nights, its statements."""
    with access.reading() as session:
        window = read_window(session, public_id)
        positions = clearing.positions(session, window=window)
        days = _days(window)
        nights = [clearing.run(session, business_date=day) for day in days]
        seals = [clearing.seal_of(session, business_date=day) for day in days]
        statements = clearing.statements(session, window=window)
        payments = money.payments(session, window_id=window.window_id)
        pool = clearing.pool(session, window=window)
        known = terms_of(session, wanted=[each.fact.terms_id for each in pool])
        waiting = shown(session, proposals.waiting(session, subject_id=window.window_id))
        current = clearing.window_of(session, business_date=window.first_day)
    page = _arranged(positions)
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
            for name in ("net", "receivable", "payable", "fees", "vat")
        },
        vat=sum(row.net for row in positions if row.account == "vat"),
        code_of=lambda row: account_code(row.party.code, row.account),
        pool=pool,
        terms=known,
        nights=[night for night in nights if night],
        statements=statements,
        payments=payments,
        seals=[seal for seal in seals if seal],
        waiting=waiting,
        current=current,
        abortable=not waiting and _abortable(window, nights[0]),
    )


def _arranged(positions: Sequence[PositionView]) -> listing.Page[PositionView]:
    return listing.arrange(
        positions,
        sort="-net",
        keys={
            "name": lambda row: account_name(row.party, row.account),
            "net": lambda row: row.net,
            "receivable": lambda row: row.receivable,
            "payable": lambda row: row.payable,
            "fees": lambda row: row.fees,
            "vat": lambda row: row.vat,
        },
        words=lambda row: f"{row.party.code} {row.party.name_fa} {row.party.name_en}",
    )


@blueprint.post("/windows/<public_id>/abort")
@access.access(OPERATOR)
def abort_it(public_id: str) -> BaseResponse:
    """Propose that a window which was reckoned and never published counts no more."""
    return put_forward(
        lambda session: second_person.propose_abort(
            session,
            window_id=ids.decode("win", public_id),
            reason=request.form.get("reason", ""),
            by=access.operator().operator_id,
            now=access.wall(),
        ),
        back=url_for("windows.show", public_id=public_id),
    )


def _abortable(window: WindowView, run: RunView | None) -> bool:
    try:
        check_abortable(window, run=run)
    except AbortError:
        return False
    return True


@blueprint.get("/nights/<day>")
@access.access(VIEWER)
def night(day: str) -> str | Response:
    """Show one night: how far it is or how it ended, its control totals and the day's seal."""
    business_date = read_day(day)
    with access.reading() as session:
        run = clearing.run(session, business_date=business_date)
        seal = clearing.seal_of(session, business_date=business_date)
        window = clearing.window_of(session, business_date=business_date)
    if run is None:
        abort(404)
    if listing.wants_csv():
        return _totals_file(run)
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
        window = read_window(session, public_id)
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


@blueprint.get("/windows/<public_id>/pool")
@access.access(VIEWER)
def pool(public_id: str) -> Response:
    """Hand out the pool after a window as a file: points with members by terms, and their money."""
    with access.reading() as session:
        window = read_window(session, public_id)
        found = clearing.pool(session, window=window)
        known = terms_of(session, wanted=[each.fact.terms_id for each in found])
    return listing.csv_response(
        f"pool-{window.first_day}",
        ("issuer", "terms_version", "points", "price", "amount", "currency"),
        (
            (
                each.issuer.code,
                known[each.fact.terms_id].version if each.fact.terms_id in known else None,
                each.fact.points,
                plain(each.fact.price),
                each.fact.amount,
                each.fact.currency,
            )
            for each in found
        ),
    )


def read_window(session: Session, public_id: str) -> WindowView:
    """Return the window of an address, or answer 404."""
    window = clearing.window(session, window_id=ids.decode("win", public_id))
    if window is None:
        abort(404)
    return window


def _days(window: WindowView) -> list[date]:
    return [
        window.first_day + timedelta(days=number)
        for number in range((window.end_day - window.first_day).days)
    ]


def _bars(positions: list[PositionView]) -> dict[tuple[UUID, str], Bar | None]:
    largest = max((abs(row.net) for row in positions), default=0)
    mirrored = current_locale() == "fa"
    return {
        (row.party.party_id, row.account): net_bar(row.net, largest=largest, mirrored=mirrored)
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


def party_name(party: PartyView) -> str:
    """Return a party's name in the reader's language."""
    return party.name_fa if current_locale() == "fa" else party.name_en


def account_name(party: PartyView, account: str) -> str:
    """Return how an account is called on the pages: a party's main one by the party's name."""
    if account in {"settlement", "margin"}:
        return party_name(party)
    words = said(account, "money_account")
    return words if party.party_id == NETWORK_PARTY else f"{party_name(party)} · {words}"


def _windows_file(found: Sequence[WindowView], *, released: Mapping[UUID, str]) -> Response:
    return listing.csv_response(
        "windows",
        ("window", "first_day", "end_day", "attempt", "state", "settled_at", "payments"),
        (
            (
                ids.encode("win", row.window_id),
                row.first_day.isoformat(),
                row.end_day.isoformat(),
                row.attempt,
                row.state,
                row.settled_at.isoformat() if row.settled_at else None,
                released.get(row.window_id),
            )
            for row in found
        ),
    )


def _positions_file(window: WindowView, rows: Sequence[PositionView]) -> Response:
    return listing.csv_response(
        f"positions-{window.first_day}",
        ("party", "name", "net", "receivable", "payable", "fees", "currency", "vat", "account"),
        (
            (
                row.party.code,
                account_name(row.party, row.account),
                row.net,
                row.receivable,
                row.payable,
                row.fees,
                row.currency,
                row.vat,
                row.account,
            )
            for row in rows
        ),
    )


def _totals_file(run: RunView) -> Response:
    totals = run.control_totals or {"checks": []}
    return listing.csv_response(
        f"control-totals-{run.business_date}",
        ("check", "words", "rows", "expected", "found", "differences", "agrees"),
        (
            (
                each["name"],
                said(each["name"], "check"),
                each["rows"],
                each["expected"],
                each["found"],
                each["differences"],
                each["agrees"],
            )
            for each in totals["checks"]
        ),
    )
