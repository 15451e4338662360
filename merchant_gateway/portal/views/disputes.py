"""Disputes: the merchant objects to one line; both signed messages stand beside what was said."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask import Response as FileResponse
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from config.web import listing
from merchant_gateway.portal import access, calls, forms, words
from merchant_gateway.portal.access import BOOKS
from network import ids
from network.clearing.facts import EntryLine
from network.errors import PeyvandError
from network.ids import EntryKey
from network.language import gettext as _
from network.language import parse_whole_number
from network.ledger import queries as ledger
from network.ledger.views import EntryView
from network.portal import queries as people
from network.reconciliation import queries
from network.reconciliation.disputes import DECIDED_WITHIN, PREFIX
from network.reconciliation.errors import UnknownDisputeError
from network.reconciliation.evidence import SignedRequest, signed_request
from network.reconciliation.evidence_file import evidence_file, file_bytes
from network.reconciliation.facts import DISPUTE_REASONS, DisputeView
from network.reconciliation.parts import part_of, points_of
from network.settings import CURRENCY

blueprint = Blueprint("disputes", __name__, url_prefix="/reconciliation/disputes")


@blueprint.get("")
@access.area(BOOKS)
def index() -> str | Response:
    """Show the merchant's disputes, the latest first unless asked otherwise."""
    with access.reading() as session:
        found = queries.disputes(
            session,
            merchant_id=access.merchant().merchant_id,
            limit=listing.asked(listing.MOST_EXPORTED),
        )
    page = listing.arrange(
        listing.first(found, listing.MOST_EXPORTED)[0],
        keys={
            "reason": lambda each: words.said(each.reason, "dispute_reason"),
            "day": lambda each: each.business_date,
            "opened": lambda each: each.opened_at,
            "due": lambda each: None if each.decided_at else each.due_at,
            "state": lambda each: words.said(each.state, "dispute"),
        },
        sort="-opened",
        words=lambda each: f"{words.said(each.reason, 'dispute_reason')} {each.words}",
    )
    if listing.wants_csv():
        rows = (
            (
                ids.encode(PREFIX, each.dispute_id),
                *(each.reason, each.business_date, each.words),
                *(each.opened_at, each.due_at, each.decided_at, each.state),
            )
            for each in page.rows
        )
        columns = ("id", "reason", "business_date", "words", "opened", "due", "decided", "state")
        return listing.csv_response(f"{access.merchant().code}-disputes", columns, rows)
    return render_template("books/disputes.html", page=page, wall=access.wall())


@blueprint.get("/new")
@access.area(BOOKS)
def new() -> str | Response:
    """Show the form that disputes an entry, or the dispute of it that is not decided."""
    public_id = request.args.get("entry", "")
    with access.reading() as session:
        entry, lines = _entry(session, public_id)
        open_ones = queries.disputes(
            session,
            merchant_id=access.merchant().merchant_id,
            entry=EntryKey(entry.member_id, entry.sequence),
            undecided=True,
            limit=1,
        )
    if open_ones:
        return redirect(_address(open_ones[0]))
    return _form(entry, lines, public_id, errors={})


@blueprint.post("")
@access.area(BOOKS)
def create() -> Response | tuple[str, int]:
    """Open a dispute as the gateway opens it: the network's word on the entry is signed at once."""
    public_id = request.form.get("entry", "")
    with access.reading() as session:
        entry, lines = _entry(session, public_id)
    body: dict[str, Any] = {
        "entry": public_id,
        "reason": request.form.get("reason", ""),
        "words": request.form.get("words", "").strip(),
    }
    errors = {} if body["words"] else {"words": _("Say in words what is wrong.")}
    for name in ("points", "amount"):
        text = request.form.get(name, "").strip()
        number = parse_whole_number(text) if text else None
        if number is not None:
            body[name] = number
        elif text:
            errors[name] = _("Write a whole number.")
    if "amount" in body:
        body["currency"] = CURRENCY
    if found := request.form.get("break"):
        body["break_id"] = found
    if errors:
        return _form(entry, lines, public_id, errors=errors), 422
    try:
        made = calls.ask("create_dispute", body, key=forms.form_key())
    except PeyvandError as error:
        return _form(entry, lines, public_id, errors={"words": words.refusal(error)[1]}), 422
    flash(_("Opened. Nothing else waits for it: the rest of the statement is paid."), "good")
    return redirect(url_for("disputes.show", public_id=made["id"]), 303)


@blueprint.get("/<public_id>")
@access.area(BOOKS)
def show(public_id: str) -> str:
    """Show a dispute: both sides' words, the network's signed answer, the merchant's request."""
    return _page(public_id, errors={})


@blueprint.post("/<public_id>/say")
@access.area(BOOKS)
def say(public_id: str) -> Response | tuple[str, int]:
    """Say more in a dispute that is not decided."""
    said = request.form.get("words", "").strip()
    if not said:
        return _page(public_id, errors={"words": _("Say it in words.")}), 422
    try:
        key = forms.form_key()
        calls.ask("add_dispute_note", {"words": said}, key=key, dispute_id=public_id)
    except UnknownDisputeError:
        abort(404)
    except PeyvandError as error:
        return _page(public_id, errors={"words": words.refusal(error)[1]}), 422
    flash(_("Said."), "good")
    return redirect(url_for("disputes.show", public_id=public_id), 303)


@blueprint.post("/<public_id>/evidence")
@access.area(BOOKS)
def evidence(public_id: str) -> FileResponse:
    """Hand out one file that proves the entry: the request as it came, the signed answer, keys."""
    with access.unit_of_work() as session:
        try:
            found = queries.dispute(
                session,
                dispute_id=ids.decode(PREFIX, public_id),
                merchant_id=access.merchant().merchant_id,
            )
        except UnknownDisputeError:
            abort(404)
        entry = ledger.entry(session, member_id=found.member_id, sequence=found.sequence)
        if entry is None or entry.merchant_id != access.merchant().merchant_id:
            abort(404)
        document = evidence_file(
            session,
            access.services().vault,
            entry=entry,
            public_id=_entry_id(entry),
            actor=access.user().public_id,
            wall=access.wall(),
        )
    response = FileResponse(file_bytes(document), mimetype="application/json")
    name = f"evidence-{public_id}.json"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _page(public_id: str, *, errors: dict[str, str]) -> str:
    merchant_id = access.merchant().merchant_id
    with access.reading() as session:
        try:
            found = queries.dispute(
                session, dispute_id=ids.decode(PREFIX, public_id), merchant_id=merchant_id
            )
        except UnknownDisputeError:
            abort(404)
        notes = queries.dispute_notes(session, dispute_id=found.dispute_id)
        authors = [found.opened_by, *(each.author for each in notes)]
        facts: dict[str, Any] = {
            "names": people.names_by_sign_in(session, merchant_id=merchant_id, wanted=authors),
            "corrections": queries.corrections(session, dispute_id=found.dispute_id),
            "entry": ledger.entry(session, member_id=found.member_id, sequence=found.sequence),
        }
    return render_template(
        "books/dispute.html",
        found=found,
        public=public_id,
        notes=[each for each in notes if each.action in {"said", "accepted", "rejected"}],
        answer=json.dumps(json.loads(found.answer), ensure_ascii=False, indent=2),
        answer_signature=b64encode(found.answer_signature).decode(),
        signed=_signed(facts["entry"]),
        wall=access.wall(),
        errors=errors,
        typed=request.form,
        key=forms.new_key(),
        **facts,
    )


def _signed(entry: EntryView | None) -> SignedRequest | None:
    """Read the merchant's own request behind an entry, and log who read it."""
    if entry is None or entry.merchant_id != access.merchant().merchant_id:
        return None
    with access.unit_of_work() as session:
        return signed_request(
            session,
            access.services().vault,
            entry=entry,
            public_id=_entry_id(entry),
            reveal=False,
            actor=access.user().public_id,
            wall=access.wall(),
        )


def _form(
    entry: EntryView, lines: list[EntryLine], public_id: str, *, errors: dict[str, str]
) -> str:
    """Show what is disputed: the shop's own entry, or of another's what its statement says."""
    own = entry.merchant_id == access.merchant().merchant_id
    return render_template(
        "books/dispute_form.html",
        entry=entry,
        public=public_id,
        reasons=DISPUTE_REASONS,
        days=DECIDED_WITHIN.days,
        own=own,
        line_kind=None if own else lines[0].kind,
        points=entry.points if own else points_of(lines),
        break_id=request.values.get("break", ""),
        errors=errors,
        typed=request.form,
        key=forms.new_key(),
    )


def _entry(session: Session, public_id: str) -> tuple[EntryView, list[EntryLine]]:
    """Return an entry and this merchant's statement lines of it; 404 where it has no part."""
    key = access.services().entry_ids.decode(public_id, prefix="ent")
    found = ledger.entry(session, member_id=key.member_id, sequence=key.sequence)
    merchant_id = access.merchant().merchant_id
    lines = None if found is None else part_of(session, entry=found, merchant_id=merchant_id)
    if found is None or lines is None:
        abort(404)
    return found, lines


def _entry_id(entry: EntryView) -> str:
    return access.services().entry_ids.encode(
        prefix="ent", member_id=entry.member_id, sequence=entry.sequence
    )


def _address(found: DisputeView) -> str:
    return url_for("disputes.show", public_id=ids.encode(PREFIX, found.dispute_id))
