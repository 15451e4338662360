"""Agreements: one operator proposes prices, another lets them come into force."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from network import ids
from network.clock import local_date
from network.errors import PeyvandError
from network.language import LazyText, format_date, parse_day, parse_decimal
from network.language import gettext as _
from network.language import lazy_gettext as _l
from network.ledger import queries as ledger
from network.merchants import agreements, errors
from network.merchants import queries as merchants
from network.merchants.agreed import facts_of
from network.merchants.settling import DEFAULT
from network.operators.roles import APPROVER, OPERATOR
from network.settings import PROGRAMME_ZONE
from settlement.console import access, funding_form
from settlement.console.settling_form import choices, read_settling, written

blueprint = Blueprint("agreements", __name__, url_prefix="/merchants/<code>/agreements")
_REFUSALS: dict[type[PeyvandError], LazyText] = {
    errors.SamePersonError: _l("Whoever proposed an agreement can't approve it: ask a colleague."),
    errors.AlreadyApprovedError: _l("Another approved agreement begins on that day."),
    errors.BackdatedAgreementError: _l(
        "An agreement begins tomorrow at the earliest; its day has come or is past."
    ),
    errors.NotOwnError: _l("Only whoever proposed it can take it back."),
    errors.UnknownAgreementError: _l("There is no such agreement."),
}
_FIELDS: dict[str, LazyText] = {
    "effective_from": _l("Give a day after the open business day."),
    "issue_price": _l("Give a price above zero, with at most ten decimal places."),
    "acceptance_fee": _l("Give a fee from 0 % to under 100 %."),
    "settlement_iban": _l("This IBAN is not valid."),
    "account_holder": _l("Give a name of at most 70 letters, as the bank writes it."),
    **funding_form.WRONG,
}


@blueprint.get("/new")
@access.access(OPERATOR)
def form(code: str) -> str:
    """Show the form of a proposal, filled with what is in force."""
    return _form(code, {})


@blueprint.post("")
@access.access(OPERATOR)
def propose(code: str) -> Response | tuple[str, int]:
    """Write a proposal down; nothing changes until another person approves it."""
    day = parse_day(request.form.get("effective_from", ""))
    price = parse_decimal(request.form.get("issue_price", ""))
    fee = _fee(code)
    given = {"effective_from": day, "issue_price": price, "acceptance_fee": fee}
    funding, wrong_funding = funding_form.read(request.form)
    wrong = {name: str(_FIELDS[name]) for name, value in given.items() if value is None}
    settling, unreadable = read_settling(request.form, today=_today())
    wrong |= unreadable | wrong_funding
    if wrong or day is None or price is None or fee is None:
        return _form(code, wrong), 400
    try:
        with access.unit_of_work() as session:
            proposed = agreements.propose_agreement(
                session,
                merchant_id=merchants.merchant(session, code=code).merchant_id,
                effective_from=day,
                issue_price=price,
                acceptance_fee=fee / 100,
                settlement_iban=request.form.get("settlement_iban", "").strip() or None,
                account_holder=request.form.get("account_holder", ""),
                settling=settling,
                funding=funding,
                named=request.form.get("named") == "yes",
                today=ledger.begun_day(session, now=access.now()),
                now=access.now(),
                proposed_by=access.operator().operator_id,
            )
            _record(session, "agreement.proposed", proposed, code=code)
    except (errors.MerchantDataError, errors.BackdatedAgreementError) as error:
        field = error.field or "effective_from"
        return _form(code, {field: str(_FIELDS[field])}), 400
    flash(_("Proposed. It takes effect once another person has approved it."), "good")
    return redirect(url_for("merchants.show", code=code))


@blueprint.post("/<agreement_id>/approve")
@access.access(APPROVER)
def approve(code: str, agreement_id: str) -> Response:
    """Approve what another person proposed."""
    try:
        with access.unit_of_work() as session:
            approved = agreements.approve_agreement(
                session,
                agreement_id=ids.decode("agr", agreement_id),
                today=ledger.begun_day(session, now=access.now()),
                now=access.now(),
                approved_by=access.operator().operator_id,
            )
            _record(session, "agreement.approved", approved, code=code)
    except tuple(_REFUSALS) as error:
        flash(str(_REFUSALS[type(error)]), "bad")
    else:
        flash(
            _("Approved. In force from %(day)s.", day=format_date(approved.effective_from)), "good"
        )
    return redirect(url_for("merchants.show", code=code))


@blueprint.post("/<agreement_id>/withdraw")
@access.access(OPERATOR)
def withdraw(code: str, agreement_id: str) -> Response:
    """Take back what one proposed oneself and nobody has approved."""
    try:
        with access.unit_of_work() as session:
            withdrawn = agreements.withdraw_agreement(
                session,
                agreement_id=ids.decode("agr", agreement_id),
                by=access.operator().operator_id,
            )
            _record(session, "agreement.withdrawn", withdrawn, code=code)
    except tuple(_REFUSALS) as error:
        flash(str(_REFUSALS[type(error)]), "bad")
    else:
        flash(_("Taken back: nothing was changed."), "good")
    return redirect(url_for("merchants.show", code=code))


def _form(code: str, wrong: dict[str, str]) -> str:
    with access.reading() as session:
        merchant = merchants.merchant(session, code=code)
        found = merchants.agreements(session, merchant_id=merchant.merchant_id)
        today = ledger.begun_day(session, now=access.now())
    return render_template(
        "agreement_form.html",
        merchant=merchant,
        latest=found[0] if found else None,
        today=today,
        errors=wrong,
        given=request.form,
        paying=request.form or written(found[0].settling if found else DEFAULT),
        choices=choices(),
    )


def _fee(code: str) -> Decimal | None:
    """Return the fee of the form, percent; a sponsor takes no points and is asked for none."""
    with access.reading() as session:
        if not merchants.merchant(session, code=code).sells:
            return Decimal(0)
    return parse_decimal(request.form.get("acceptance_fee", ""))


def _today() -> date:
    return local_date(access.now(), zone=PROGRAMME_ZONE)


def _record(
    session: Session, action: str, agreement: merchants.AgreementView, *, code: str
) -> None:
    access.record(session, action, subject=f"merchant:{code}", facts=facts_of(agreement))
