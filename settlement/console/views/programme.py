"""The programme: what a point is worth, what merchants' purchases earn, the ladder of tiers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from config.web import listing
from network.clearing.parties import NETWORK_PARTY
from network.language import gettext as _
from network.members.tiers import tiers
from network.merchants import queries as merchants
from network.operators import proposals
from network.operators import queries as operators
from network.operators.errors import ProposalError
from network.operators.proposals import Proposal
from network.operators.roles import OPERATOR, VIEWER
from network.programme import cancelling, proposing, queries
from network.programme.days import begun_day
from network.programme.service import BackdatedError, DateTakenError, TermsOutOfRangeError
from network.spend_requests.queries import most_by_tap
from settlement.console import access
from settlement.console.programme_form import PER, TAKEN, WRONG, Reader
from settlement.console.proposing import shown
from settlement.console.refusals import refusal
from settlement.console.views.proposals import put_forward, record

blueprint = Blueprint("programme", __name__)
_NOT_OVER = ("approved", "active", "suspended")
"""Merchants in these states need terms, or will."""


@blueprint.get("/programme")
@access.access(VIEWER)
def show() -> str | Response:
    """Show the face values, the tiers, and every merchant's terms of today."""
    with access.reading() as session:
        today = begun_day(session, wall=access.wall())
        values = queries.face_values(session)
        facts: dict[str, Any] = {
            "ladder": tiers(session),
            "tap": most_by_tap(session),
            "shops": [
                each
                for each in merchants.all_merchants(session)
                if each.sells and each.status in _NOT_OVER
            ],
            "terms": queries.terms_by_merchant(session, day=today),
            "decided": _decided(session, proposing.FACE_VALUE),
            "people": {each.operator_id: each for each in operators.all_operators(session)},
            "waiting": {
                kind: shown(session, proposals.waiting(session, kind=kind))
                for kind in (*proposing.KINDS, *cancelling.KINDS)
            },
            "gone": shown(session, cancelling.cancelled(session, kind=cancelling.FACE_VALUE)),
        }
    if listing.wants_csv():
        rows = [
            (day.isoformat(), value.numerator, value.denominator, "rial") for day, value in values
        ]
        return listing.csv_response(
            "face-values", ("effective_from", "numerator", "denominator", "unit"), rows
        )
    return render_template("programme.html", today=today, values=values, per=PER, **facts)


@blueprint.post("/programme/face-value")
@access.access(OPERATOR)
def propose_face_value() -> Response:
    """Propose what a point is worth from a day on."""
    given = Reader(request.form)
    value, day = given.exact("value"), given.day("effective_from")
    if given.wrong:
        return _refused(given.wrong)
    return put_forward(
        lambda session: proposing.propose_face_value(
            session,
            value=value,
            effective_from=day,
            reason=request.form.get("reason", ""),
            by=access.operator().operator_id,
            wall=access.wall(),
        ),
        back=url_for("programme.show"),
    )


@blueprint.post("/programme/tiers")
@access.access(OPERATOR)
def propose_tier() -> Response:
    """Propose another step of the ladder."""
    rank = Reader(request.form).whole("rank")
    return put_forward(
        lambda session: proposing.propose_tier(
            session,
            code=request.form.get("code", "").strip(),
            rank=rank,
            name_fa=request.form.get("name_fa", ""),
            name_en=request.form.get("name_en", ""),
            reason=request.form.get("reason", ""),
            by=access.operator().operator_id,
            wall=access.wall(),
        ),
        back=url_for("programme.show", _anchor="tiers"),
    )


@blueprint.post("/programme/tap-limit")
@access.access(OPERATOR)
def propose_tap_limit() -> Response:
    """Propose up to how many points a tap in the wallet is enough."""
    given = Reader(request.form)
    points = given.whole("points")
    if given.wrong:
        return _refused(given.wrong)
    return put_forward(
        lambda session: proposing.propose_tap_limit(
            session,
            points=points,
            reason=request.form.get("reason", ""),
            by=access.operator().operator_id,
            wall=access.wall(),
        ),
        back=url_for("programme.show", _anchor="tap"),
    )


@blueprint.get("/merchants/<code>/terms/new")
@access.access(OPERATOR)
def terms_form(code: str) -> str:
    """Show the form of earning terms, filled with the latest there are."""
    return _form(code, {})


@blueprint.post("/merchants/<code>/terms")
@access.access(OPERATOR)
def propose_terms(code: str) -> Response | tuple[str, int]:
    """Propose what a merchant's purchases earn from a day on."""
    with access.reading() as session:
        merchant = merchants.merchant(session, code=code)
    if not merchant.sells:
        abort(404)
    given = Reader(request.form)
    terms = given.terms(merchant_id=merchant.merchant_id)
    if terms is None:
        return _form(code, given.wrong), 400
    try:
        with access.unit_of_work() as session:
            made = proposing.propose_terms(
                session,
                terms=terms,
                reason=request.form.get("reason", ""),
                by=access.operator().operator_id,
                wall=access.wall(),
            )
            record(session, "proposed", made)
    except DateTakenError:
        return _form(code, {"effective_from": str(TAKEN)}), 400
    except (BackdatedError, TermsOutOfRangeError) as error:
        field = error.field or "effective_from"
        return _form(code, {field: str(WRONG[field])}), 400
    except ProposalError as error:
        return _form(code, {"reason": refusal(error)}), 400
    flash(_("Proposed. It is done once another person has approved it."), "good")
    return redirect(url_for("merchants.show", code=code, _anchor="terms"))


def _decided(session: Session, kind: str) -> Mapping[str, Proposal]:
    """Return the approved proposals about the whole programme by the day that they begin on."""
    found = proposals.about(session, subject_id=NETWORK_PARTY, kind=kind)
    return {each.terms["effective_from"]: each for each in found if each.approved}


def _refused(wrong: Mapping[str, str]) -> Response:
    for sentence in wrong.values():
        flash(sentence, "bad")
    return redirect(url_for("programme.show"))


def _form(code: str, wrong: Mapping[str, str]) -> str:
    with access.reading() as session:
        merchant = merchants.merchant(session, code=code)
        found = queries.all_terms(session, merchant_id=merchant.merchant_id)
        today = begun_day(session, wall=access.wall())
    return render_template(
        "terms_form.html",
        merchant=merchant,
        latest=found[0] if found else None,
        today=today,
        per=PER,
        errors=wrong,
        given=request.form,
    )
