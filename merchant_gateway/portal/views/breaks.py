"""Breaks: where the merchant's record and the network differ, and what both say of it."""

from __future__ import annotations

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from config.web import listing
from merchant_gateway.portal import access, words
from merchant_gateway.portal.access import BOOKS
from network import ids
from network.errors import PeyvandError
from network.ids import EntryKey
from network.language import gettext as _
from network.portal import queries as people
from network.reconciliation import queries, resolving
from network.reconciliation.errors import UnknownBreakError
from network.reconciliation.facts import KINDS, BreakView, DisputeView
from network.reconciliation.queries import Wanted

blueprint = Blueprint("breaks", __name__, url_prefix="/reconciliation/breaks")
STATES = ("not_closed", "open", "proposed", "resolved", "gone")
MOST_SORTED = 5_000
"""Breaks that a table sorts at once; a file has them all."""

_PREFIX = "brk"
_COLUMNS = (
    *("break", "business_date", "kind", "state", "resolution", "type", "reference", "line"),
    *("your_amount", "network_amount", "your_points", "network_points"),
    *("your_status", "network_status", "entry", "opened", "closed"),
)


@blueprint.get("")
@access.area(BOOKS)
def index() -> str | Response:
    """Show breaks: those not closed, unless the address asks for others."""
    kind, state = listing.argument("kind"), listing.argument("state")
    wanted = Wanted(
        merchant_id=access.merchant().merchant_id,
        kind=kind if kind in KINDS else None,
        state=state if state in STATES else STATES[0],
        day=listing.day("day"),
    )
    with access.reading() as session:
        found = queries.breaks(session, wanted=wanted, limit=listing.asked(MOST_SORTED))
    rows, more = listing.first(found, MOST_SORTED)
    page = listing.arrange(
        rows,
        sort="opened",
        keys={
            "opened": lambda row: row.opened_at,
            "kind": lambda row: words.said(row.kind, "break"),
            "day": lambda row: row.business_date,
            "reference": _reference,
            "difference": lambda row: tuple(
                abs(row.difference(name) or 0) for name in ("amount", "points")
            ),
            "state": lambda row: words.said(row.state, "break_state"),
        },
        words=lambda row: f"{words.said(row.kind, 'break')} {_reference(row)}",
    )
    if listing.wants_csv():
        name = f"{access.merchant().code}-breaks"
        return listing.csv_response(name, _COLUMNS, map(_cells, page.rows))
    return render_template(
        "books/breaks.html",
        page=page,
        beyond=MOST_SORTED if more else None,
        wanted=wanted,
        kind_names=[(each, words.said(each, "break")) for each in KINDS],
        state_names=[(each, words.said(each, "break_state")) for each in STATES],
    )


@blueprint.get("/<public_id>")
@access.area(BOOKS)
def show(public_id: str) -> str:
    """Show a break: both sides, what became of it, and what was said."""
    return _page(public_id, errors={})


@blueprint.post("/<public_id>/say")
@access.area(BOOKS)
def say(public_id: str) -> str | BaseResponse | tuple[str, int]:
    """Say something about a break; or take the network's figure, which closes it."""
    taking = request.form.get("do") == "take"
    act = resolving.concede if taking else resolving.say
    try:
        with access.unit_of_work() as session:
            act(
                session,
                break_id=ids.decode(_PREFIX, public_id),
                merchant_id=access.merchant().merchant_id,
                words=request.form.get("words", ""),
                author=access.user().public_id,
                wall=access.wall(),
            )
    except UnknownBreakError:
        abort(404)
    except PeyvandError as error:
        return _page(public_id, errors={"words": words.refusal(error)[1]}), 422
    flash(_("Closed with the network's figure.") if taking else _("Said."), "good")
    return redirect(url_for("breaks.show", public_id=public_id), 303)


def _page(public_id: str, *, errors: dict[str, str]) -> str:
    merchant_id = access.merchant().merchant_id
    with access.reading() as session:
        try:
            found = queries.one_break(
                session, break_id=ids.decode(_PREFIX, public_id), merchant_id=merchant_id
            )
        except UnknownBreakError:
            abort(404)
        history = queries.history(session, break_id=found.break_id, shared=True)
        corrections = queries.corrections(session, break_id=found.break_id)
        everybody = people.users(session, merchant_id=merchant_id)
        dispute = _dispute(session, found)
    return render_template(
        "books/break.html",
        found=found,
        public=public_id,
        history=history,
        corrections=[each for each in corrections if each.state == "posted"],
        people={each.public_id: each.name for each in everybody},
        dispute=dispute,
        errors=errors,
        typed=request.form,
    )


def _dispute(session: Session, found: BreakView) -> DisputeView | None:
    """Return the latest dispute of the entry that a break is about."""
    if found.member_id is None or found.sequence is None:
        return None
    disputes = queries.disputes(
        session,
        merchant_id=found.merchant_id,
        entry=EntryKey(found.member_id, found.sequence),
        limit=1,
    )
    return disputes[0] if disputes else None


def _reference(row: BreakView) -> str:
    return str((row.theirs or row.ours or {}).get("merchant_ref", ""))


def _cells(row: BreakView) -> tuple[object, ...]:
    theirs, ours = row.theirs or {}, row.ours or {}
    entry = None
    if row.member_id is not None and row.sequence is not None:
        entry = access.services().entry_ids.encode(
            prefix="ent", member_id=row.member_id, sequence=row.sequence
        )
    return (
        ids.encode(_PREFIX, row.break_id),
        row.business_date,
        row.kind,
        row.state,
        row.resolution,
        *((theirs or ours).get(name) for name in ("type", "merchant_ref")),
        row.line,
        *(side.get(name) for name in ("amount", "points", "status") for side in (theirs, ours)),
        entry,
        row.opened_at.isoformat(),
        None if row.closed_at is None else row.closed_at.isoformat(),
    )
