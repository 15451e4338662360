"""Reconciliation: records of merchants, the overview of breaks, corrections for a second person."""

from __future__ import annotations

from itertools import groupby
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from config.web import listing
from network import ids
from network.errors import PeyvandError
from network.language import format_number, ngettext, parse_day
from network.language import gettext as _
from network.merchants import queries as merchants
from network.operators import queries as operators
from network.operators.roles import APPROVER, OPERATOR, VIEWER
from network.reconciliation import deciding, queries, service
from network.reconciliation.facts import KINDS
from network.reconciliation.reading import form_of
from settlement.console import access
from settlement.console.reconciling import REFUSED, refusal, tell

blueprint = Blueprint("reconciliation", __name__, url_prefix="/reconciliation")
_LATEST = 50
_HEAD_BYTES = 64
_FORM_BYTES = 64 * 1024


@blueprint.before_app_request
def let_a_record_in() -> None:
    """Give the form that takes a record more room than the others have."""
    if request.endpoint == "reconciliation.upload":
        request.max_content_length = service.MOST_BYTES + _FORM_BYTES


@blueprint.get("")
@access.access(VIEWER)
def index() -> str:
    """Show breaks by merchant and kind, what waits for a second person, and the latest records."""
    with access.reading() as session:
        counts = queries.break_counts(session)
        records = queries.reconciliations(session, limit=_LATEST)
        facts = {
            "corrections": len(queries.corrections(session, state="proposed")),
            "disputes": queries.disputes(session, undecided=True, limit=500),
            "everybody": [
                each
                for each in merchants.all_merchants(session)
                if each.status in {"active", "leaving", "suspended"}
            ],
        }
    return render_template(
        "reconciliation.html",
        rows=[
            (rows[0], {each.kind: each.breaks for each in rows}, min(each.oldest for each in rows))
            for rows in (list(group) for _, group in groupby(counts, lambda each: each.merchant_id))
        ],
        kinds=[kind for kind in KINDS if any(each.kind == kind for each in counts)],
        records=records,
        wall=access.wall(),
        most_mebibytes=service.MOST_BYTES // 2**20,
        **facts,
    )


@blueprint.post("/records")
@access.access(OPERATOR)
def upload() -> BaseResponse:
    """Take a merchant's record of a day; a worker matches it."""
    given = request.files.get("file")
    day = parse_day(request.form.get("day", ""))
    if given is None or not given.filename or day is None:
        flash(_("Choose a merchant, a day and a file."), "bad")
        return redirect(url_for("reconciliation.index"))
    file = cast("BinaryIO", given.stream)
    head = file.read(_HEAD_BYTES)
    try:
        with access.unit_of_work() as session:
            merchant = merchants.merchant(session, code=request.form.get("merchant", ""))
            received = service.receive(
                session,
                access.services().vault,
                merchant_id=merchant.merchant_id,
                day=day,
                form=form_of(head),
                file=file,
                sent_by=access.operator().public_id,
                wall=access.wall(),
            )
            public_id = ids.encode(service.PREFIX, received.reconciliation_id)
            _record(session, "record.taken", public_id)
    except REFUSED as error:
        flash(refusal(error), "bad")
        return redirect(url_for("reconciliation.index"))
    if received.known:
        flash(_("This very record was taken before: here it is."), "info")
    return redirect(url_for("reconciliation.record", public_id=public_id))


@blueprint.get("/records/<public_id>")
@access.access(VIEWER)
def record(public_id: str) -> str:
    """Show a record: what came of it, and the lines that could not be read."""
    with access.reading() as session:
        found = queries.reconciliation(
            session, reconciliation_id=ids.decode(service.PREFIX, public_id)
        )
        breaks = queries.breaks(
            session,
            wanted=queries.Wanted(reconciliation_id=found.reconciliation_id),
            limit=_LATEST,
        )
        names = {each.public_id: each.name for each in operators.all_operators(session)}
    part = "_record.html" if request.headers.get("HX-Request") else "record.html"
    return render_template(
        part,
        found=found,
        public=public_id,
        breaks=breaks,
        sender=names.get(found.sent_by),
        wall=access.wall(),
    )


@blueprint.post("/records/<public_id>/again")
@access.access(OPERATOR)
def again(public_id: str) -> BaseResponse:
    """Have a record matched once more, for entries that came since."""
    with access.unit_of_work() as session:
        asked = service.match_again(
            session,
            reconciliation_id=ids.decode(service.PREFIX, public_id),
            wall=access.wall(),
        )
        if asked:
            _record(session, "record.matched_again", public_id)
    flash(_("It is matched again.") if asked else _("This record is not in force."), "info")
    return redirect(url_for("reconciliation.record", public_id=public_id))


@blueprint.get("/records/<public_id>/file")
@access.access(OPERATOR)
def file(public_id: str) -> BaseResponse:
    """Give a record out as it was given; that somebody asked is in the audit log."""
    kept = SpooledTemporaryFile(max_size=service.PIECE_BYTES)  # noqa: SIM115 - sent, then closed
    with access.unit_of_work() as session:
        found = queries.reconciliation(
            session, reconciliation_id=ids.decode(service.PREFIX, public_id)
        )
        for piece in service.content(
            session, access.services().vault, reconciliation_id=found.reconciliation_id
        ):
            kept.write(piece)
        _record(session, "record.read", public_id)
    kept.seek(0)
    response = Response(iter(lambda: kept.read(_FORM_BYTES), b""), mimetype="text/plain")
    response.call_on_close(kept.close)
    name = f"{found.merchant_code}-{found.business_date}-{found.version}.{found.form}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@blueprint.get("/corrections")
@access.access(VIEWER)
def corrections() -> str | Response:
    """Show the corrections that wait for a second person."""
    with access.reading() as session:
        found = queries.corrections(session, state="proposed")
        people = {each.operator_id: each.name for each in operators.all_operators(session)}
    page = listing.arrange(
        found,
        sort="proposed",
        keys={
            "proposed": lambda row: row.proposed_at,
            "name": lambda row: row.merchant_code,
            "points": lambda row: row.points,
            "amount": lambda row: row.amount,
        },
        words=lambda row: f"{row.merchant_code} {row.name_fa} {row.name_en} {row.reason}",
    )
    return render_template("corrections.html", page=page, people=people, wall=access.wall())


@blueprint.post("/corrections")
@access.access(APPROVER)
def decide() -> BaseResponse:
    """Post or decline the corrections that were chosen, each by itself."""
    approved = request.form.get("decision") == "approve"
    act = deciding.approve if approved else deciding.decline
    done, refused = 0, dict[type[PeyvandError], PeyvandError]()
    for public_id in request.form.getlist("correction"):
        try:
            with access.unit_of_work() as session:
                act(
                    session,
                    correction_id=ids.decode("cor", public_id),
                    by=access.operator().operator_id,
                    now=access.now(),
                    wall=access.wall(),
                )
            done += 1
        except REFUSED as error:
            refused[type(error)] = error
    if done:
        flash(_said_of(done, approved=approved), "good")
    tell(refused.values())
    return redirect(url_for("reconciliation.corrections"))


def _said_of(done: int, *, approved: bool) -> str:
    count = format_number(done)
    if approved:
        return ngettext(
            "%(count)s correction is posted.",
            "%(count)s corrections are posted.",
            done,
            count=count,
        )
    return ngettext(
        "%(count)s correction is declined.",
        "%(count)s corrections are declined.",
        done,
        count=count,
    )


@blueprint.post("/corrections/<public_id>/withdraw")
@access.access(OPERATOR)
def withdraw(public_id: str) -> BaseResponse:
    """Take back a correction that one proposed oneself; what it was for is open again."""
    try:
        with access.unit_of_work() as session:
            deciding.withdraw(
                session,
                correction_id=ids.decode("cor", public_id),
                by=access.operator().operator_id,
                now=access.now(),
                wall=access.wall(),
            )
    except REFUSED as error:
        flash(refusal(error), "bad")
    else:
        flash(_("Taken back: nothing was changed."), "good")
    return redirect(url_for("reconciliation.corrections"))


def _record(session: Session, action: str, public_id: str) -> None:
    access.record(session, action, subject=f"record:{public_id}")
