"""Reconciliation: the merchant's own record of a day, sent as a file, and what came of it."""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from config.web import listing
from merchant_gateway.operations import JSON_LINES
from merchant_gateway.portal import access, calls, forms, words
from merchant_gateway.portal.access import BOOKS
from merchant_gateway.routes.reconciliations import CSV, MOST_BYTES
from network import ids
from network.errors import PeyvandError
from network.ids import UnknownIdError
from network.language import gettext as _
from network.language import parse_day
from network.ledger import queries as ledger
from network.portal import queries as people
from network.reconciliation import queries
from network.reconciliation.errors import UnknownReconciliationError
from network.reconciliation.facts import ReconciliationView
from network.reconciliation.queries import Wanted
from network.reconciliation.reading import form_of
from network.reconciliation.service import PREFIX

blueprint = Blueprint("reconciling", __name__, url_prefix="/reconciliation")
SHOWN = 30
FIRST_BREAKS = 20
_HEAD_BYTES = 64
_FORM_BYTES = 64 * 1024


@blueprint.before_app_request
def let_a_record_in() -> None:
    """Give the form that takes a record more room than the others have."""
    if request.endpoint == "reconciling.upload":
        request.max_content_length = MOST_BYTES + _FORM_BYTES


@blueprint.get("")
@access.area(BOOKS)
def index() -> str:
    """Show where record and network differ, the form that takes a record, and the latest ones."""
    return _page(errors={})


@blueprint.post("/records")
@access.area(BOOKS)
def upload() -> str | Response | tuple[str, int]:
    """Take the merchant's record of a day as the gateway takes it; a worker matches it."""
    given, day = request.files.get("file"), parse_day(request.form.get("day", ""))
    errors = {}
    if day is None:
        errors["day"] = _("Write the day as 1405/10/01 or 2026-12-22.")
    if given is None or not given.filename:
        errors["file"] = _("Choose a file.")
    if day is None or given is None or errors:
        return _page(errors=errors), 422
    content = given.stream.read()
    lines = form_of(content[:_HEAD_BYTES]) == "jsonl"
    try:
        made = calls.send(
            "create_reconciliation",
            content,
            media_type=JSON_LINES[0] if lines else CSV,
            key=forms.form_key(),
            query=f"?{urlencode({'business_date': day.isoformat()})}",
        ).payload
    except PeyvandError as error:
        named, sentence = words.refusal(error)
        return _page(errors={named or "file": sentence}), 422
    return redirect(url_for("reconciling.record", public_id=made["id"]), 303)


@blueprint.get("/records/<public_id>")
@access.area(BOOKS)
def record(public_id: str) -> str:
    """Show a record: what came of it, what could not be read, and its first breaks."""
    merchant_id = access.merchant().merchant_id
    with access.reading() as session:
        try:
            found = queries.reconciliation(
                session, reconciliation_id=ids.decode(PREFIX, public_id), merchant_id=merchant_id
            )
        except UnknownReconciliationError:
            abort(404)
        breaks = queries.breaks(
            session,
            wanted=Wanted(reconciliation_id=found.reconciliation_id),
            limit=FIRST_BREAKS,
        )
        names = people.names_by_sign_in(session, merchant_id=merchant_id, wanted=[found.sent_by])
    part = "books/_record.html" if request.headers.get("HX-Request") else "books/record.html"
    return render_template(part, found=found, public=public_id, breaks=breaks, names=names)


def _page(*, errors: dict[str, str]) -> str:
    merchant_id = access.merchant().merchant_id
    with access.reading() as session:
        found = queries.reconciliations(
            session, merchant_id=merchant_id, before=_before(), limit=SHOWN + 1
        )
        facts = {
            "counts": queries.break_counts(session, merchant_id=merchant_id),
            "undecided": queries.disputes(
                session, merchant_id=merchant_id, undecided=True, limit=SHOWN
            ),
            "open_day": ledger.open_day(session),
        }
    rows = found[:SHOWN]
    return render_template(
        "books/reconciliation.html",
        rows=rows,
        errors=errors,
        typed=request.form,
        key=forms.new_key(),
        most_mebibytes=MOST_BYTES // 2**20,
        wall=access.wall(),
        newest=listing.address(before=None) if request.args.get("before") else None,
        older=listing.address(before=_id(rows[-1])) if len(found) > len(rows) else None,
        **facts,
    )


def _id(row: ReconciliationView) -> str:
    return ids.encode(PREFIX, row.reconciliation_id)


def _before() -> UUID | None:
    text = listing.argument("before")
    try:
        return None if text is None else ids.decode(PREFIX, text)
    except UnknownIdError:
        abort(404)
