"""Payments: what a window leads to, its release by two people, its files, the bank's answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from typing import cast
from uuid import UUID

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from config.web import listing
from network import ids
from network.clearing import queries as clearing
from network.clearing.facts import WindowView
from network.language import gettext as _
from network.money import keeping, morning, service
from network.money import queries as money
from network.money.accounts import changed_accounts
from network.money.cancelling import check_cancellable
from network.money.errors import MoneyError, ReleaseError
from network.money.facts import FileKind, KeptFile, PaymentView, ReleaseTotals, ReleaseView
from network.money.withdrawing import withdraw_release
from network.operators import proposals
from network.operators import queries as operators
from network.operators.roles import APPROVER, OPERATOR, VIEWER
from network.services import Services
from settlement import second_person
from settlement.console import access, bank_table
from settlement.console.payments_table import payments_file
from settlement.console.proposing import shown
from settlement.console.refusals import REFUSED, refusal
from settlement.console.views.proposals import put_forward
from settlement.payments.answers import LARGEST_FILE
from settlement.payments.files import PaymentFileError
from settlement.payments.importing import TAKE_RETURNS, Imported, take_answers
from settlement.payments.release import payment_file

blueprint = Blueprint("payments", __name__, url_prefix="/settlement")
_ANSWERS = 200
MOST_ANSWERS = 5_000
LARGEST_FORM_BYTES = 64 * 1024
_KINDS: dict[str, FileKind] = {
    "payouts": "pain.001",
    "collections": "pain.008",
    "table": "table",
}


@blueprint.before_app_request
def let_a_bank_file_in() -> None:
    """Give the one form that takes a file more room than the others have."""
    if request.endpoint == "payments.take":
        request.max_content_length = LARGEST_FILE + LARGEST_FORM_BYTES


@blueprint.get("/windows/<public_id>/payments")
@access.access(VIEWER)
def index(public_id: str) -> str | Response:
    """Show a window's payments with their totals, and how far their release is."""
    with access.reading() as session:
        window = _window(session, public_id)
        payments = money.payments(session, window_id=window.window_id)
        totals = money.release_totals(session, window_id=window.window_id)
        books = money.ledger_totals(session, window_id=window.window_id)
        release = money.release(session, window_id=window.window_id)
        returned = money.returns(session, first_day=window.first_day, end_day=window.end_day)
        files = keeping.kept_files(session, window_id=window.window_id)
        marked = {
            "people": _people(session, files=files, release=release),
            "changed": changed_accounts(session, window_id=window.window_id),
        }
    page = listing.arrange(
        payments,
        sort="-amount",
        keys={
            "name": lambda row: row.merchant.code,
            "amount": lambda row: row.fact.signed_amount,
            "state": lambda row: row.state,
        },
        words=_words,
    )
    if listing.wants_csv():
        return payments_file(window, page.rows)
    return render_template(
        "payments.html",
        window=window,
        page=page,
        totals=totals,
        seen=said(totals),
        books=books,
        signed=money.signed_total(each.fact for each in payments),
        release=release,
        returned=sum(returned.values()),
        files=files,
        debits=any(each.fact.mandate_id for each in payments),
        **marked,
    )


def _words(row: PaymentView) -> str:
    """Return by which words a payment is found."""
    who = row.merchant
    return f"{who.code} {who.name_fa} {who.name_en} {row.fact.end_to_end_id}"


def _people(
    session: Session, *, files: Sequence[KeptFile], release: ReleaseView | None
) -> dict[UUID, operators.OperatorView | None]:
    """Return the operators who made the files and agreed on the release."""
    signers: list[UUID | None] = [each.made_by for each in files]
    signers += [] if release is None else [release.proposed_by, release.approved_by]
    return {
        person: operators.operator(session, operator_id=person)
        for person in signers
        if person is not None
    }


@blueprint.post("/windows/<public_id>/payments/propose")
@access.access(OPERATOR)
def propose(public_id: str) -> BaseResponse:
    """Propose that a window's payments leave the house, with the totals on the page."""
    try:
        with access.unit_of_work() as session:
            window = _window(session, public_id)
            totals = _seen_totals(session, window)
            service.propose_release(
                session,
                window_id=window.window_id,
                totals=totals,
                by=access.operator().operator_id,
                now=access.wall(),
            )
            _record(session, "payments.release_proposed", public_id, totals=said(totals))
    except ReleaseError as error:
        flash(refusal(error), "bad")
    else:
        flash(_("Proposed. The files can be made once another person has approved."), "good")
    return redirect(url_for("payments.index", public_id=public_id))


@blueprint.post("/windows/<public_id>/payments/approve")
@access.access(APPROVER)
def approve(public_id: str) -> BaseResponse:
    """Let the payments out that another person proposed."""
    try:
        with access.unit_of_work() as session:
            window = _window(session, public_id)
            service.approve_release(
                session,
                window_id=window.window_id,
                by=access.operator().operator_id,
                now=access.wall(),
            )
            _record(session, "payments.released", public_id)
    except ReleaseError as error:
        flash(refusal(error), "bad")
    else:
        flash(_("Released. The payment files can be taken to the bank."), "good")
    return redirect(url_for("payments.index", public_id=public_id))


@blueprint.post("/windows/<public_id>/payments/withdraw")
@access.access(OPERATOR)
def withdraw(public_id: str) -> BaseResponse:
    """Take back a release that one proposed oneself and nobody has approved."""
    try:
        with access.unit_of_work() as session:
            window = _window(session, public_id)
            withdraw_release(session, window_id=window.window_id, by=access.operator().operator_id)
            _record(session, "payments.release_withdrawn", public_id)
    except ReleaseError as error:
        flash(refusal(error), "bad")
    else:
        flash(_("Taken back: nothing was changed."), "good")
    return redirect(url_for("payments.index", public_id=public_id))


@blueprint.get("/windows/<public_id>/payments/files/<name>")
@access.access(OPERATOR)
def file(public_id: str, name: str) -> BaseResponse:
    """Give a payment file out: ISO 20022 for payouts or collections, or CSV of all.

    One that was given out before is the same bytes; where a payment in it came back since, its
    name says that it is a copy to look at and none to send.
    """
    if name not in _KINDS:
        abort(404)
    try:
        with access.unit_of_work() as session:
            window = _window(session, public_id)
            made = payment_file(
                session,
                window=window,
                kind=_KINDS[name],
                settings=_services().settings,
                by=access.operator().operator_id,
                now=access.wall(),
            )
            _record(
                session,
                "payments.exported",
                public_id,
                file=made.name,
                sha256=made.digest.hex(),
                withdrawn=made.withdrawn,
            )
    except PaymentFileError as error:
        flash(refusal(error), "bad")
        return redirect(url_for("payments.index", public_id=public_id))
    title = f"copy-{made.name}" if made.withdrawn else made.name
    return Response(
        made.content,
        content_type="text/csv; charset=utf-8" if name == "table" else "application/xml",
        headers={"Content-Disposition": f'attachment; filename="{title}"'},
    )


@blueprint.get("/payments/<public_id>")
@access.access(VIEWER)
def show(public_id: str) -> str:
    """Show one payment: what it follows from, the money ledger's lines, the bank's answers."""
    payment_id = ids.decode("pay", public_id)
    with access.reading() as session:
        payment = money.payment(session, payment_id=payment_id)
        if payment is None:
            abort(404)
        window = clearing.window(session, window_id=payment.fact.window_id)
        lines = money.payment_lines(session, payment_id=payment_id)
        answers = money.bank_answers(session, payment_id=payment_id, limit=_ANSWERS)
        waiting = shown(session, proposals.waiting(session, subject_id=payment_id))
    return render_template(
        "payment.html",
        payment=payment,
        window=window,
        lines=lines,
        answers=answers,
        waiting=waiting,
        cancellable=not waiting and _cancellable(payment),
    )


@blueprint.post("/payments/<public_id>/cancel")
@access.access(OPERATOR)
def cancel(public_id: str) -> BaseResponse:
    """Propose that a payment which the bank never answered is taken back."""
    return put_forward(
        lambda session: second_person.propose_cancellation(
            session,
            payment_id=ids.decode("pay", public_id),
            reason=request.form.get("reason", ""),
            by=access.operator().operator_id,
            now=access.wall(),
        ),
        back=url_for("payments.show", public_id=public_id),
    )


def _cancellable(payment: PaymentView) -> bool:
    try:
        check_cancellable(payment.fact, state=payment.state)
    except MoneyError:
        return False
    return True


@blueprint.get("/bank")
@access.access(VIEWER)
def bank() -> str | BaseResponse:
    """Show what the bank's statements said, and the lines that need a person."""
    findings = request.args.get("show") == "findings"
    with access.reading() as session:
        answers = money.bank_answers(
            session, findings_only=findings, limit=listing.asked(MOST_ANSWERS)
        )
        clearing_balances = money.balances(session, account="clearing")
        unanswered = morning.unanswered(session)
        waiting = [each for each in proposals.waiting(session) if each.kind == TAKE_RETURNS]
        shown_waiting = shown(session, waiting)
    rows, more = listing.first(answers, MOST_ANSWERS)
    page = bank_table.arranged(rows)
    if listing.wants_csv():
        return listing.csv_response("bank-answers", bank_table.COLUMNS, bank_table.cells(page))
    return render_template(
        "bank.html",
        page=page,
        beyond=MOST_ANSWERS if more else None,
        findings=findings,
        waiting=shown_waiting,
        instructed=sorted(
            (currency, amount) for (_party, currency), amount in clearing_balances.items()
        ),
        unanswered=unanswered,
        largest_mebibytes=LARGEST_FILE // 2**20,
    )


@blueprint.post("/bank")
@access.access(OPERATOR)
def take() -> BaseResponse:
    """Take a statement of the bank (camt.053): all of it or nothing, each line once."""
    upload = request.files.get("file")
    if upload is None or not upload.filename:
        flash(_("Choose the bank's file first."), "bad")
        return redirect(url_for("payments.bank"))
    try:
        taken = take_answers(
            _services(),
            content=upload.stream.read(LARGEST_FILE + 1),
            by=access.operator().operator_id,
            now=access.wall(),
            record=_record_statement,
        )
    except REFUSED as error:
        flash(f"{_('Nothing was taken.')} {refusal(error)}", "bad")
        return redirect(url_for("payments.bank"))
    if taken.proposal is not None:
        flash(_("It says that money came in or back: taken once another person has approved it."))
        return redirect(url_for("payments.bank"))
    flash(
        _(
            "%(lines)s lines: %(settled)s settled, %(returned)s returned, %(known)s known already, "
            "%(open)s to look at.",
            lines=taken.lines,
            settled=taken.outcomes.get("settled", 0),
            returned=taken.outcomes.get("returned", 0),
            known=taken.known,
            open=sum(
                taken.outcomes.get(each, 0)
                for each in ("mismatched", "duplicate", "unknown", "late")
            ),
        ),
        "good",
    )
    return redirect(url_for("payments.bank"))


def _record_statement(session: Session, taken: Imported) -> None:
    access.record(
        session,
        "bank.statement_taken" if taken.proposal is None else "bank.returns.proposed",
        subject="bank",
        facts={
            "lines": taken.lines,
            "known": taken.known,
            "outcomes": dict(taken.outcomes),
            "sha256": taken.digest.hex(),
        },
    )


def _seen_totals(session: Session, window: WindowView) -> ReleaseTotals:
    """Return the totals if they are those on the page; raise ReleaseError."""
    totals = money.release_totals(session, window_id=window.window_id)
    if request.form.get("totals") != said(totals):
        raise ReleaseError("the page showed other totals", reason="totals")
    return totals


def said(totals: ReleaseTotals) -> str:
    """Return totals as the form carries them, so that what is proposed is what was seen."""
    return ":".join(map(str, astuple(totals)))


def _record(session: Session, action: str, public_id: str, **facts: object) -> None:
    access.record(session, action, subject=f"window:{public_id}", facts=facts)


def _window(session: Session, public_id: str) -> WindowView:
    found = clearing.window(session, window_id=ids.decode("win", public_id))
    if found is None:
        abort(404)
    return found


def _services() -> Services:
    return cast("Services", current_app.extensions["peyvand"])
