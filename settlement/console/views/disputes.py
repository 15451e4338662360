"""Disputes: one line, what both sides say of it, both signed messages, and the decision."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from uuid import UUID

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from config.web import listing
from network import ids
from network.clearing.party_names import parties
from network.language import gettext as _
from network.ledger import queries as ledger
from network.ledger.views import EntryView
from network.merchants import queries as merchants
from network.operators import queries as operators
from network.operators.roles import OPERATOR, VIEWER
from network.reconciliation import disputes, queries
from network.reconciliation.disputes import PREFIX
from network.reconciliation.errors import NothingToMoveError
from network.reconciliation.evidence import SignedRequest, signed_request
from network.reconciliation.facts import ADJUST_MONEY, ADJUST_POINTS, DISPUTE_REASONS, DisputeView
from network.reconciliation.parts import parties_of
from settlement.console import access
from settlement.console.reconciling import REFUSED, asked_movement, asked_whole, refusal

blueprint = Blueprint("disputes", __name__, url_prefix="/reconciliation/disputes")
_MOST = 1_000
_COLUMNS = (
    *("dispute", "merchant", "business_date", "entry", "reason", "words", "points", "amount"),
    *("state", "decision", "opened_at", "due_at", "decided_at"),
)


@blueprint.get("")
@access.access(VIEWER)
def index() -> str | Response:
    """Show disputes: those not decided, the one that is due first at the top, or all."""
    every, before = listing.argument("show") == "all", listing.argument("before")
    with access.reading() as session:
        found = queries.disputes(
            session,
            undecided=not every,
            before=ids.decode(PREFIX, before) if before else None,
            limit=listing.asked(_MOST),
        )
    shown, more = listing.first(found, _MOST)
    page = listing.arrange(
        shown,
        sort="due",
        keys={
            "due": lambda row: row.due_at,
            "opened": lambda row: row.opened_at,
            "name": lambda row: row.merchant_code,
            "day": lambda row: row.business_date,
        },
        words=lambda row: f"{row.merchant_code} {row.name_fa} {row.name_en} {row.words}",
    )
    if listing.wants_csv():
        return listing.csv_response("disputes", _COLUMNS, (_cells(each) for each in page.rows))
    return render_template(
        "disputes.html",
        page=page,
        every=every,
        wall=access.wall(),
        most=_MOST,
        newest=listing.address(before=None, **{"from": None}) if before else None,
        older=_before(shown[-1].dispute_id) if more else None,
    )


def _cells(row: DisputeView) -> tuple[object, ...]:
    return (
        *(ids.encode(PREFIX, row.dispute_id), row.merchant_code, row.business_date.isoformat()),
        access.entry_ids().encode(prefix="ent", member_id=row.member_id, sequence=row.sequence),
        *(row.reason, row.words, row.wanted_points, row.wanted_amount, row.state, row.decision),
        *(row.opened_at.isoformat(), row.due_at.isoformat()),
        None if row.decided_at is None else row.decided_at.isoformat(),
    )


def _before(dispute_id: UUID) -> str:
    return listing.address(before=ids.encode(PREFIX, dispute_id), **{"from": None})


@blueprint.get("/new")
@access.access(OPERATOR)
def new() -> str:
    """Show the form that opens a dispute of an entry for a merchant who asked for it."""
    public_id = request.args.get("entry", "")
    with access.reading() as session:
        entry = _entry(session, public_id)
        every = parties(session)
        may = parties_of(session, entry=entry)
    return render_template(
        "dispute_form.html",
        entry=entry,
        public=public_id,
        merchants=[each for each in every.values() if each.party_id in may],
        reasons=DISPUTE_REASONS,
        break_id=request.args.get("break", ""),
    )


@blueprint.post("")
@access.access(OPERATOR)
def create() -> BaseResponse:
    """Open a dispute for a merchant who asked for it by telephone or by letter."""
    public_id, named = request.form.get("entry", ""), request.form.get("break")
    try:
        with access.unit_of_work() as session:
            entry = _entry(session, public_id)
            merchant = merchants.merchant(session, code=request.form.get("merchant", ""))
            dispute_id = disputes.open_dispute(
                session,
                access.services().vault,
                merchant_id=merchant.merchant_id,
                member_id=entry.member_id,
                sequence=entry.sequence,
                reason=request.form.get("reason", ""),
                words=request.form.get("words", ""),
                opened_by=access.operator().public_id,
                wall=access.wall(),
                points=asked_whole("points"),
                amount=asked_whole("amount"),
                break_id=ids.decode("brk", named) if named else None,
            )
            opened = ids.encode(PREFIX, dispute_id)
            access.record(
                session, "dispute.opened", subject=opened, facts={"merchant": merchant.code}
            )
    except REFUSED as error:
        flash(refusal(error), "bad")
        return redirect(url_for("disputes.new", entry=public_id))
    flash(_("Opened in the merchant's name; it sees the dispute in its portal."), "good")
    return redirect(url_for("disputes.show", public_id=opened))


@blueprint.get("/<public_id>")
@access.access(VIEWER)
def show(public_id: str) -> str:
    """Show a dispute with the signed request and the network's signed answer."""
    with access.reading() as session:
        found = _dispute(session, public_id)
        notes = queries.dispute_notes(session, dispute_id=found.dispute_id)
        corrections = queries.corrections(session, dispute_id=found.dispute_id)
        names = {each.public_id: each.name for each in operators.all_operators(session)}
    return render_template(
        "dispute.html",
        found=found,
        public=public_id,
        entry=access.entry_ids().encode(
            prefix="ent", member_id=found.member_id, sequence=found.sequence
        ),
        answer=json.dumps(json.loads(found.answer), ensure_ascii=False, indent=2),
        answer_signature=b64encode(found.answer_signature).decode(),
        signed=_signed(found),
        notes=notes,
        corrections=corrections,
        opener=names.get(found.opened_by),
        wall=access.wall(),
    )


@blueprint.post("/<public_id>/say")
@access.access(OPERATOR)
def say(public_id: str) -> BaseResponse:
    """Answer the merchant."""

    def act(session: Session, found: DisputeView) -> str:
        disputes.say(
            session,
            dispute_id=found.dispute_id,
            side="network",
            author=access.operator().public_id,
            words=request.form.get("words", ""),
            wall=access.wall(),
        )
        return _("Said.")

    return _do(public_id, act)


@blueprint.post("/<public_id>/decide")
@access.access(OPERATOR)
def decide(public_id: str) -> BaseResponse:
    """Reject, accept, or propose what an accepted dispute moves."""

    def act(session: Session, found: DisputeView) -> str:
        by, wall = access.operator().operator_id, access.wall()
        words = request.form.get("words", "")
        decision = request.form.get("decision", "")
        if decision == "reject":
            disputes.reject(session, dispute_id=found.dispute_id, words=words, by=by, wall=wall)
            return _("Rejected.")
        if decision not in {"accept", ADJUST_POINTS, ADJUST_MONEY}:
            abort(400)
        movement = asked_movement(session, resolution=decision)
        if decision != "accept" and movement is None:
            raise NothingToMoveError("the form does not say what is to move")
        state = disputes.accept(
            session,
            dispute_id=found.dispute_id,
            words=words,
            by=by,
            now=access.now(),
            wall=wall,
            movement=movement,
        )
        if state == "accepted":
            return _("Accepted.")
        return _("Proposed. It is posted once another person has approved it.")

    return _do(public_id, act)


def _do(public_id: str, act: Callable[[Session, DisputeView], str]) -> BaseResponse:
    try:
        with access.unit_of_work() as session:
            said = act(session, _dispute(session, public_id))
    except REFUSED as error:
        flash(refusal(error), "bad")
    else:
        flash(said, "good")
    return redirect(url_for("disputes.show", public_id=public_id))


def _dispute(session: Session, public_id: str) -> DisputeView:
    return queries.dispute(session, dispute_id=ids.decode(PREFIX, public_id))


def _entry(session: Session, public_id: str) -> EntryView:
    key = access.entry_ids().decode(public_id, prefix="ent")
    found = ledger.entry(session, member_id=key.member_id, sequence=key.sequence)
    return found or abort(404)


def _signed(found: DisputeView) -> SignedRequest | None:
    """Read the signed request for a role that may, and log that it was read."""
    operator = access.operator()
    if not operator.may(OPERATOR):
        return None
    with access.unit_of_work() as session:
        entry = ledger.entry(session, member_id=found.member_id, sequence=found.sequence)
        if entry is None:
            return None
        return signed_request(
            session,
            access.services().vault,
            entry=entry,
            public_id=access.entry_ids().encode(
                prefix="ent", member_id=entry.member_id, sequence=entry.sequence
            ),
            reveal=False,
            actor=operator.public_id,
            wall=access.wall(),
        )
