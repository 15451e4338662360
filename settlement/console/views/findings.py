"""A line of the bank's statement: what it stands for, and its way out where it moved nothing."""

from __future__ import annotations

from flask import Blueprint, abort, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from network import ids
from network.money import booking
from network.money import queries as money
from network.money.errors import BankLineAgainError
from network.money.facts import BankAnswerView
from network.operators import proposals
from network.operators.roles import OPERATOR, VIEWER
from settlement import second_person
from settlement.console import access
from settlement.console.proposing import shown
from settlement.console.refusals import refusal
from settlement.console.views.proposals import put_forward

blueprint = Blueprint("findings", __name__, url_prefix="/settlement/bank/lines/<public_id>")
PREFIX = "bnk"
FINDINGS = frozenset({"mismatched", "duplicate", "unknown"})
"""What a line means that moved nothing."""


@blueprint.get("")
@access.access(VIEWER)
def show(public_id: str) -> str:
    """Show what a line says, what was proposed with its reference, and what can be done."""
    with access.reading() as session:
        found = _found(session, public_id)
        payment = (
            None
            if found.payment_id is None
            else money.payment(session, payment_id=found.payment_id)
        )
        entered = shown(session, proposals.with_bank_ref(session, bank_ref=found.line.bank_ref))
        waiting = shown(session, proposals.waiting(session, subject_id=found.bank_answer_id))
        now, why_not = _now(session, found)
    return render_template(
        "finding.html",
        found=found,
        payment=payment,
        entered=entered,
        waiting=waiting,
        now=now,
        why_not=why_not,
        open_=found.outcome in FINDINGS,
    )


@blueprint.post("")
@access.access(OPERATOR)
def again(public_id: str) -> Response:
    """Propose that a line which moved nothing counts after all."""
    return put_forward(
        lambda session: second_person.propose_again(
            session,
            bank_answer_id=ids.decode(PREFIX, public_id),
            reason=request.form.get("reason", ""),
            by=access.operator().operator_id,
            now=access.wall(),
        ),
        back=url_for("findings.show", public_id=public_id),
    )


def _found(session: Session, public_id: str) -> BankAnswerView:
    found = money.bank_answer(session, bank_answer_id=ids.decode(PREFIX, public_id))
    if found is None:
        abort(404)
    return found


def _now(session: Session, found: BankAnswerView) -> tuple[str, str]:
    """Return what a finding would mean now, or why it would move nothing."""
    if found.outcome not in FINDINGS:
        return "", ""
    try:
        return booking.would_mean(session, bank_answer_id=found.bank_answer_id).outcome, ""
    except BankLineAgainError as error:
        return "", refusal(error)
