"""The first page: what moved, what is outstanding, how the nights went; and a day's figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, abort, render_template, url_for
from sqlalchemy.orm import Session

from config.web import listing
from network.claims import queries as claims
from network.clearing import days
from network.clearing import nights as night_queries
from network.clearing import queries as clearing
from network.clearing.facts import PartyView, RunView
from network.clearing.party_names import parties
from network.exposure import queries as exposure
from network.language import current_locale
from network.ledger import figures
from network.ledger import queries as ledger
from network.merchants import applications
from network.merchants import queries as merchants
from network.messaging import queries as messages
from network.money.morning import money_morning
from network.operators import queries as operators
from network.operators.roles import VIEWER
from network.points import worth
from network.programme.queries import NoFaceValueError, face_value_on
from network.questions import queries as questions
from network.reconciliation import queries as reconciliation
from network.reports import flows
from settlement.console import access, queues
from settlement.console.charts import DayColumns, day_columns
from settlement.console.filters import party
from settlement.console.reconciling import break_ages
from settlement.console.waiting import everything
from settlement.words import run_failure

blueprint = Blueprint("today", __name__)
CHART_DAYS = 14
NIGHTS = 7
MOST_NIGHTS = 100
LATELY = timedelta(days=7)
"""What the bank said is counted since the last sign-in, or for so long where there was none."""
_ENDED_BADLY = ("failed", "stopped")


@blueprint.get("/")
@access.access(VIEWER)
def show() -> str:
    """Show the open day, the fortnight before it, the nights, and what waits."""
    operator = access.operator()
    with access.services().database.snapshot() as session:
        open_day = ledger.open_day(session)
        found = days.to_date(session, first=open_day - timedelta(days=CHART_DAYS - 1))
        held = found.outstanding
        since = operators.previous_sign_in(
            session, current=access.current_session(), operator_id=operator.operator_id
        )
        nights = _nights(session, since=since)
        behind = night_queries.unsettled_days(session)
        facts = {
            "today": found.days[-1] if found.days else None,
            "outstanding": held,
            "worth": worth_at_face_value(session, points=held.points, day=open_day),
            "cover": sum(flows.cover(session).values()),
            "money": money_morning(session, since=since or access.wall() - LATELY),
            "since": since,
            **_facts_of_nights(session, nights=nights, since=since),
            "blocked": _blocked(behind, nights=nights),
            "nearing": exposure.nearing(session),
            **_what_waits(session),
            "merchants": {each.merchant_id: each for each in merchants.all_merchants(session)},
            "backlog": figures.backlog(session),
            "breaks": break_ages(session, wall=access.wall()),
        }
    return render_template(
        "today.html",
        open_day=open_day,
        days=found.days,
        columns=_columns(found.days),
        queues=queues.lengths(),
        failures_of_jobs=queues.newest_failed(limit=3),
        wall=access.wall(),
        **facts,
    )


def _what_waits(session: Session) -> dict[str, Any]:
    """Return what waits for somebody's decision or answer."""
    return {
        "waiting": everything(session),
        "applied": applications.waiting(session),
        "disputes": reconciliation.undecided_disputes(session),
        "claims": claims.count_waiting(session),
        "questions": questions.count_waiting(session),
        "unsent": len(messages.unsent(session, wall=access.wall())),
    }


def _facts_of_nights(
    session: Session, *, nights: Sequence[RunView], since: datetime | None
) -> dict[str, Any]:
    return {
        "nights": nights,
        "fresh": {night.run_id for night in nights if since and night.started_at > since},
        "totals": night_queries.window_totals(
            session, window_ids=[each.window_id for each in nights if each.window_id]
        ),
        "failures": {
            each.run_id: run_failure(each) for each in nights if each.state in _ENDED_BADLY
        },
    }


def _nights(session: Session, *, since: datetime | None) -> list[RunView]:
    """Return every night since the operator's last sign-in, and a week of them in any case."""
    latest = clearing.latest_runs(session, limit=NIGHTS)
    if since is None:
        return latest
    fresh = night_queries.nights_since(session, since=since, limit=MOST_NIGHTS)
    found = {each.run_id: each for each in (*fresh, *latest)}
    return sorted(found.values(), key=lambda each: each.business_date, reverse=True)


def _blocked(behind: Sequence[date], *, nights: Sequence[RunView]) -> dict[UUID, list[date]]:
    """Return which closed days wait, by the night that they wait for: days settle in order."""
    first = next((each for each in nights if behind and each.business_date == behind[0]), None)
    if first is None or first.state not in _ENDED_BADLY:
        return {}
    return {first.run_id: list(behind[1:])}


@blueprint.get("/days/<day>")
@access.access(VIEWER)
def day(day: str) -> str | Response:
    """Show a business day's figures by merchant."""
    business_date = read_day(day)
    with access.reading() as session:
        totals = days.day(session, business_date=business_date)
        found = figures.party_figures(session, business_date=business_date)
        names = parties(session)
        window = clearing.window_of(session, business_date=business_date)
        run = clearing.run(session, business_date=business_date)
    if totals is None:
        abort(404)
    page = listing.arrange(
        found,
        sort="name",
        keys={
            "name": lambda row: _name(names, row),
            **{figure: _by(figure) for figure in figures.FIGURES},
        },
        words=lambda row: _name(names, row),
    )
    if listing.wants_csv():
        return listing.csv_response(
            f"day-{business_date}",
            ("merchant", *figures.FIGURES),
            (
                (names[row.merchant_id].code, *(getattr(row, name) for name in figures.FIGURES))
                for row in page.rows
            ),
        )
    return render_template(
        "day.html",
        day=business_date,
        totals=totals,
        page=page,
        names=names,
        window=window,
        run=run,
    )


@blueprint.get("/days/<day>/<figure>")
@access.access(VIEWER)
def behind(day: str, figure: str) -> str | Response:
    """Show the postings behind a figure of a day, of all merchants or one."""
    business_date = read_day(day)
    if figure not in figures.FIGURES:
        abort(404)
    code = listing.argument("merchant")
    with access.reading() as session:
        names = parties(session)
        merchant = _named(names, code) if code else None
        read = partial(
            figures.figure_lines,
            figure=figure,
            business_date=business_date,
            merchant_id=merchant.party_id if merchant else None,
        )
        if listing.wants_csv():
            return _file(read, names, name=f"{figure}-{business_date}")
        after = listing.after_line(access.entry_ids())
        found = read(session, after=after, limit=listing.PAGE_ROWS + 1)
    rows, beyond = listing.first(found, listing.PAGE_ROWS)
    more = listing.next_line(access.entry_ids(), rows) if beyond else None
    return render_template(
        "figure.html",
        day=business_date,
        figure=figure,
        merchant=merchant,
        rows=rows,
        names=names,
        more=more,
        first=url_for("today.behind", day=day, figure=figure, merchant=code),
    )


def read_day(text: str) -> date:
    """Return the day of an address, or answer 404."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        abort(404)


def worth_at_face_value(session: Session, *, points: int, day: date) -> int | None:
    """Return what points are worth to members on a day, ``None`` before there is a face value."""
    try:
        return worth(points=points, face_value=face_value_on(session, day=day))
    except NoFaceValueError:
        return None


def _columns(moved: Sequence[figures.DayFigures]) -> list[DayColumns]:
    return day_columns(
        [
            (
                each.business_date,
                (("issued", each.issued), ("redeemed", each.redeemed), ("expired", each.expired)),
            )
            for each in moved
        ],
        mirrored=current_locale() == "fa",
    )


def _named(names: dict[UUID, PartyView], code: str) -> PartyView:
    found = next((each for each in names.values() if each.code == code), None)
    return found or abort(404)


def _name(names: dict[UUID, PartyView], row: figures.PartyFigures) -> str:
    return party(names[row.merchant_id]) if row.merchant_id in names else ""


def _by(figure: str) -> Callable[[figures.PartyFigures], int]:
    return lambda row: int(getattr(row, figure))


def _file(
    read: Callable[..., list[figures.FigureLine]], names: dict[UUID, PartyView], *, name: str
) -> Response:
    """Return the postings behind a figure, however many: ``read`` takes a session and a place."""

    def code(merchant_id: UUID | None) -> str | None:
        return names[merchant_id].code if merchant_id in names else None

    ids = access.entry_ids()

    def cells(row: figures.FigureLine) -> tuple[object, ...]:
        return (
            ids.encode(prefix="ent", member_id=row.member_id, sequence=row.sequence),
            row.line,
            row.kind,
            code(row.issuer_id),
            code(row.acceptor_id),
            row.merchant_ref,
            row.recorded_at.isoformat(),
            row.points,
        )

    def rows(session: Session, size: int) -> Iterator[tuple[object, ...]]:
        found = listing.pieces(
            lambda after: read(session, after=after, limit=size),
            key=lambda row: (row.member_id, row.sequence, row.line),
        )
        return map(cells, found)

    return listing.streamed(
        name,
        ("entry", "line", "kind", "issuer", "acceptor", "merchant_ref", "recorded_at", "points"),
        rows,
    )
