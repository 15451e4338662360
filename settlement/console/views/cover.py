"""A merchant's cover: deposit and reserve, what they stand for, how two people move them."""

from __future__ import annotations

from typing import Any, cast

from flask import Blueprint, render_template, request, url_for
from werkzeug.wrappers import Response

from network.exposure import queries, waterfall
from network.exposure.cover import ACCOUNTS, ACTS, Account, Act, Movement, held
from network.exposure.limits import release_schedule
from network.exposure.recovering import Recovery, balance_of, borne_for
from network.language import parse_whole_number
from network.ledger import queries as ledger
from network.ledger.suspending import suspended_issuers
from network.merchants import queries as merchants
from network.merchants.queries import ISSUING_OPEN
from network.money import queries as money
from network.operators import proposals
from network.operators.roles import OPERATOR, VIEWER
from settlement import defaults, second_person
from settlement.console import access
from settlement.console.proposing import COVER_ACTS, shown
from settlement.console.views.proposals import put_forward

blueprint = Blueprint("cover", __name__, url_prefix="/merchants/<code>/cover")
_LINES = 200


@blueprint.get("")
@access.access(VIEWER)
def show(code: str) -> str:
    """Show what the network holds of a merchant, against what, and when it comes free."""
    with access.reading() as session:
        merchant = merchants.merchant(session, code=code)
        exposure = queries.exposure_of(session, merchant_id=merchant.merchant_id)
        facts: dict[str, Any] = {
            "held": held(session, merchant_id=merchant.merchant_id),
            "lines": money.cover_lines(session, merchant_id=merchant.merchant_id, limit=_LINES),
            "lapsing": queries.lapsing(session, issuer_id=merchant.merchant_id),
            "default": waterfall.default_of(
                session,
                merchant_id=merchant.merchant_id,
                issuing=exposure.issuing if exposure else ISSUING_OPEN,
            ),
            "borne": borne_for(session, issuer_id=merchant.merchant_id),
            "balance": balance_of(session, merchant_id=merchant.merchant_id),
            "waiting": shown(session, proposals.waiting(session, subject_id=merchant.merchant_id)),
            "measured_at": queries.measured_at(session),
            "today": ledger.open_day(session),
            "suspended_at": suspended_issuers(session).get(merchant.merchant_id),
        }
    schedule = release_schedule(exposure.found, lapsing=facts["lapsing"]) if exposure else []
    releasable = exposure.found.releasable(leaving=exposure.leaving) if exposure else 0
    return render_template(
        "cover.html",
        merchant=merchant,
        exposure=exposure,
        releasable=releasable,
        schedule=schedule if exposure and exposure.leaving else [],
        acts=[(f"{act}.{account}", str(words)) for (act, account), words in COVER_ACTS.items()],
        **facts,
    )


@blueprint.post("")
@access.access(OPERATOR)
def propose(code: str) -> Response:
    """Propose a movement; it is done once another person has approved it."""
    act, _dot, account = request.form.get("movement", "").partition(".")
    return put_forward(
        lambda session: second_person.propose_cover(
            session,
            movement=Movement(
                merchant_id=merchants.merchant(session, code=code).merchant_id,
                account=cast("Account", account if account in ACCOUNTS else ""),
                act=cast("Act", act if act in ACTS else ""),
                amount=parse_whole_number(request.form.get("amount", "")) or 0,
            ),
            bank_ref=request.form.get("bank_ref", ""),
            reason=request.form.get("reason", ""),
            by=access.operator().operator_id,
            now=access.wall(),
        ),
        back=url_for("cover.show", code=code),
    )


@blueprint.post("/issuing")
@access.access(OPERATOR)
def issuing(code: str) -> Response:
    """Propose that the merchant gives no points any more, or that it may again."""
    return put_forward(
        lambda session: defaults.propose_suspension(
            session,
            merchant_id=merchants.merchant(session, code=code).merchant_id,
            wanted=request.form.get("wanted") == "suspended",
            reason=request.form.get("reason", ""),
            by=access.operator().operator_id,
            now=access.wall(),
        ),
        back=url_for("cover.show", code=code),
    )


@blueprint.post("/points")
@access.access(OPERATOR)
def points(code: str) -> Response:
    """Propose that nobody can spend the merchant's points, or that everybody can again."""
    return put_forward(
        lambda session: defaults.propose_points(
            session,
            merchant_id=merchants.merchant(session, code=code).merchant_id,
            wanted=request.form.get("wanted") == "suspended",
            reason=request.form.get("reason", ""),
            by=access.operator().operator_id,
            now=access.wall(),
        ),
        back=url_for("cover.show", code=code),
    )


@blueprint.post("/default")
@access.access(OPERATOR)
def default(code: str) -> Response:
    """Propose that the fund pays what the merchant owes, or that its acceptors bear it."""
    return put_forward(
        lambda session: defaults.propose_default(
            session,
            merchant_id=merchants.merchant(session, code=code).merchant_id,
            step=request.form.get("step", ""),
            amount=parse_whole_number(request.form.get("amount", "")) or 0,
            reason=request.form.get("reason", ""),
            by=access.operator().operator_id,
            now=access.wall(),
        ),
        back=url_for("cover.show", code=code),
    )


@blueprint.post("/recovered")
@access.access(OPERATOR)
def recovered(code: str) -> Response:
    """Propose that what the merchant paid after its default goes back to who bore its loss."""
    return put_forward(
        lambda session: defaults.propose_recovery(
            session,
            recovery=Recovery(
                merchant_id=merchants.merchant(session, code=code).merchant_id,
                source=request.form.get("source", ""),
                amount=parse_whole_number(request.form.get("amount", "")) or 0,
                bank_ref=request.form.get("bank_ref", ""),
            ),
            reason=request.form.get("reason", ""),
            by=access.operator().operator_id,
            now=access.wall(),
        ),
        back=url_for("cover.show", code=code),
    )
