"""The workbench: breaks with both sides beside each other, their history, and their resolution."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from config.web import listing
from network import ids
from network.errors import PeyvandError
from network.language import format_number, ngettext
from network.language import gettext as _
from network.merchants import queries as merchants
from network.operators.roles import OPERATOR, VIEWER
from network.reconciliation import queries, resolving
from network.reconciliation.facts import KINDS, RESOLUTIONS, BreakView
from network.reconciliation.queries import Wanted
from network.reconciliation.words import KINDS as KIND_WORDS
from settlement.console import access
from settlement.console.reconciling import REFUSED, asked_movement, colleagues, refusal, tell

blueprint = Blueprint("breaks", __name__, url_prefix="/reconciliation/breaks")
MOST_SHOWN = 5_000
_STATES = ("not_closed", "open", "proposed", "resolved", "gone")
_COLUMNS = (
    *("break", "merchant", "business_date", "kind", "state", "merchant_ref", "line", "entry"),
    *("their_amount", "our_amount", "their_points", "our_points", "their_status", "our_status"),
    *("suggestion", "resolution", "owner", "opened_at", "closed_at"),
)


@blueprint.get("")
@access.access(VIEWER)
def index() -> str | Response:
    """Show breaks: those not closed, unless the address asks for others."""
    with access.reading() as session:
        found = queries.breaks(session, wanted=_wanted(session), limit=listing.asked(MOST_SHOWN))
        people = {each.operator_id: each for each in colleagues(session)}
        everybody = merchants.all_merchants(session)
    rows, more = listing.first(found, MOST_SHOWN)
    page = listing.arrange(
        rows,
        sort="opened",
        keys={
            "opened": lambda row: row.opened_at,
            "kind": lambda row: str(KIND_WORDS[row.kind]),
            "name": lambda row: row.merchant_code,
            "day": lambda row: row.business_date,
            "amount": lambda row: abs(row.difference("amount") or 0),
            "points": lambda row: abs(row.difference("points") or 0),
        },
        words=lambda row: f"{row.merchant_code} {row.name_fa} {row.name_en} {_ref(row)}",
    )
    if listing.wants_csv():
        return listing.csv_response(
            "breaks", _COLUMNS, [_exported(row, people) for row in page.rows]
        )
    return render_template(
        "breaks.html",
        page=page,
        beyond=MOST_SHOWN if more else None,
        people=people,
        kinds=KINDS,
        states=_STATES,
        state=_state(),
        everybody=everybody,
        resolutions=RESOLUTIONS,
        wall=access.wall(),
    )


@blueprint.post("/resolve")
@access.access(OPERATOR)
def resolve_several() -> BaseResponse:
    """Resolve the breaks that were chosen, each by itself; ``suggested`` takes each one's own."""
    chosen = request.form.getlist("shown" if request.form.get("every") else "break")
    outcomes: Counter[str] = Counter()
    refused: dict[type[PeyvandError], PeyvandError] = {}
    for public_id in chosen:
        break_id = ids.decode("brk", public_id)
        try:
            outcomes[_resolve(break_id, words=request.form.get("words", ""))] += 1
        except REFUSED as error:
            refused[type(error)] = error
    if not chosen:
        flash(_("Choose some breaks first."), "bad")
    _say(outcomes)
    tell(refused.values())
    return redirect(access.safe_next(request.form.get("next") or url_for("breaks.index")))


@blueprint.get("/<public_id>")
@access.access(VIEWER)
def show(public_id: str) -> str:
    """Show a break: both sides, what it would move, its history, and who has it."""
    break_id = ids.decode("brk", public_id)
    with access.reading() as session:
        found = queries.one_break(session, break_id=break_id)
        facts: dict[str, Any] = {
            "history": queries.history(session, break_id=break_id),
            "corrections": queries.corrections(session, break_id=break_id),
            "people": {each.public_id: each for each in colleagues(session)},
            "record": queries.reconciliation(session, reconciliation_id=found.reconciliation_id),
        }
    return render_template(
        "break.html",
        found=found,
        public=public_id,
        resolutions=RESOLUTIONS,
        points=abs(found.difference("points") or 0),
        wall=access.wall(),
        **facts,
    )


@blueprint.post("/<public_id>/resolve")
@access.access(OPERATOR)
def resolve(public_id: str) -> BaseResponse:
    """Resolve a break, or propose what has to move for it."""
    try:
        state = _resolve(ids.decode("brk", public_id), words=request.form.get("words", ""))
    except REFUSED as error:
        flash(refusal(error), "bad")
    else:
        flash(
            _("Resolved.")
            if state == "resolved"
            else _("Proposed. It is posted once another person has approved it."),
            "good",
        )
    return redirect(url_for("breaks.show", public_id=public_id))


@blueprint.post("/<public_id>/comment")
@access.access(OPERATOR)
def comment(public_id: str) -> BaseResponse:
    """Say something about a break, here or to the merchant; or give it another owner."""
    break_id = ids.decode("brk", public_id)
    by, wall = access.operator().operator_id, access.wall()
    owner = request.form.get("owner")
    try:
        with access.unit_of_work() as session:
            if owner is not None:
                resolving.own(
                    session,
                    break_id=break_id,
                    owner_id=ids.decode("opr", owner) if owner else None,
                    by=by,
                    wall=wall,
                )
            else:
                resolving.comment(
                    session,
                    break_id=break_id,
                    words=request.form.get("words", ""),
                    by=by,
                    wall=wall,
                    told=request.form.get("told") == "yes",
                )
    except REFUSED as error:
        flash(refusal(error), "bad")
    return redirect(url_for("breaks.show", public_id=public_id))


def _resolve(break_id: UUID, *, words: str) -> str:
    with access.unit_of_work() as session:
        resolution = request.form.get("resolution", "")
        if resolution == "suggested":
            resolution = queries.one_break(session, break_id=break_id).suggestion
        return resolving.resolve(
            session,
            break_id=break_id,
            resolution=resolution,
            words=words,
            by=access.operator().operator_id,
            now=access.now(),
            wall=access.wall(),
            movement=asked_movement(session, resolution=resolution),
        )


def _say(outcomes: Counter[str]) -> None:
    """Say on the next page what became of the breaks that were chosen."""
    if resolved := outcomes["resolved"]:
        flash(
            ngettext(
                "%(count)s break is resolved.",
                "%(count)s breaks are resolved.",
                resolved,
                count=format_number(resolved),
            ),
            "good",
        )
    if proposed := outcomes["proposed"]:
        flash(
            ngettext(
                "%(count)s correction waits for a second person.",
                "%(count)s corrections wait for a second person.",
                proposed,
                count=format_number(proposed),
            ),
            "good",
        )


def _wanted(session: Session) -> Wanted:
    """Return which breaks the address asks for."""
    code, kind = listing.argument("merchant"), listing.argument("kind")
    merchant = merchants.merchant(session, code=code) if code else None
    return Wanted(
        merchant_id=None if merchant is None else merchant.merchant_id,
        kind=kind if kind in KINDS else None,
        state=_state(),
        owner_id=access.operator().operator_id if listing.argument("owner") == "me" else None,
    )


def _state() -> str:
    asked = listing.argument("state")
    return asked if asked in _STATES else _STATES[0]


def _ref(row: BreakView) -> str:
    return str((row.theirs or row.ours or {}).get("merchant_ref", ""))


def _exported(row: BreakView, people: Any) -> tuple[object, ...]:
    theirs, ours = row.theirs or {}, row.ours or {}
    entry = None
    if row.member_id is not None and row.sequence is not None:
        entry = access.entry_ids().encode(
            prefix="ent", member_id=row.member_id, sequence=row.sequence
        )
    return (
        ids.encode("brk", row.break_id),
        row.merchant_code,
        row.business_date,
        row.kind,
        row.state,
        _ref(row),
        row.line,
        entry,
        *(side.get(name) for name in ("amount", "points", "status") for side in (theirs, ours)),
        row.suggestion,
        row.resolution,
        people[row.owner_id].name if row.owner_id in people else None,
        row.opened_at.isoformat(),
        None if row.closed_at is None else row.closed_at.isoformat(),
    )
