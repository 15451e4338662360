"""Campaigns: one operator proposes, another approves; what became of the budget, and who pays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from config.web import listing
from network import ids
from network.campaigns import errors, queries, service
from network.campaigns.grants import network_price
from network.campaigns.queries import CampaignView, FundedView
from network.clearing.parties import NETWORK_PARTY
from network.clearing.party_names import parties
from network.errors import PeyvandError
from network.language import LazyText, current_locale
from network.language import gettext as _
from network.language import lazy_gettext as _l
from network.ledger import queries as ledger
from network.members.tiers import tiers
from network.merchants.queries import NoAgreementError, agreement_on, all_merchants
from network.operators import queries as operators
from network.operators.roles import APPROVER, OPERATOR, VIEWER
from network.points import price_amount
from network.programme.queries import NoFaceValueError, face_value_on
from settlement.console import access
from settlement.console.campaign_form import reader

blueprint = Blueprint("campaigns", __name__, url_prefix="/campaigns")
_REFUSALS: dict[type[PeyvandError], LazyText] = {
    errors.CampaignSamePersonError: _l(
        "Whoever proposed a campaign can't approve it: ask a colleague."
    ),
    errors.CampaignStateError: _l("That can't be done with a campaign in this state."),
    errors.CampaignDataError: _l(
        "Its days are over, or a funder has no agreement by which it would pay."
    ),
}
_WHOLE = 10_000
"""Shares of funders are ten-thousandths."""

_DONE: dict[str, LazyText] = {
    "decline": _l("Declined."),
    "pause": _l("Paused: purchases from now on have nothing of it."),
    "resume": _l("It runs on."),
    "end": _l("Ended for good."),
}


@blueprint.get("")
@access.access(VIEWER)
def index() -> str | Response:
    """Show every campaign with what was used of its budget."""
    with access.reading() as session:
        found = queries.campaigns(session)
        names = parties(session)
    page = listing.arrange(
        found,
        sort="-first_day",
        keys={
            "name": lambda row: getattr(row, f"name_{current_locale()}"),
            "state": lambda row: row.state,
            "first_day": lambda row: row.first_day.toordinal(),
            "budget": lambda row: row.budget,
            "taken": lambda row: row.taken,
        },
        words=lambda row: f"{row.code} {row.name_fa} {row.name_en}",
    )
    if listing.wants_csv():
        fields = ("code", "name_fa", "name_en", "state", "first_day", "last_day", "budget", "taken")
        return listing.csv_response(
            "campaigns", fields, ([getattr(row, name) for name in fields] for row in page.rows)
        )
    return render_template("campaigns.html", page=page, names=names)


@blueprint.get("/<code>")
@access.access(VIEWER)
def show(code: str) -> str:
    """Show a campaign, what each funder gave, and the entries behind the figures."""
    with access.reading() as session:
        found = _named(session, code)
        rows = queries.takings(
            session, campaign_id=found.campaign_id, after=_after(), limit=listing.PAGE_ROWS + 1
        )
        facts = {
            "names": parties(session),
            "funded": [_with_cost(each) for each in _funded(session, found)],
            "promised": _promised(session, found),
            "people": {each.operator_id: each for each in operators.all_operators(session)},
        }
    shown = rows[: listing.PAGE_ROWS]
    older = None
    if len(rows) > len(shown):
        last = shown[-1]
        key = access.entry_ids().encode(
            prefix="ent", member_id=last.member_id, sequence=last.sequence
        )
        older = listing.address(after=f"{last.business_date.isoformat()}.{key}")
    return render_template("campaign.html", campaign=found, rows=shown, older=older, **facts)


@blueprint.get("/new")
@access.access(OPERATOR)
def form() -> str:
    """Show the form of a proposal."""
    return _form({})


@blueprint.post("")
@access.access(OPERATOR)
def propose() -> BaseResponse | tuple[str, int]:
    """Write a campaign down; nothing runs until another person approves it."""
    with access.reading() as session:
        given = reader(session, request.form)
    terms = given.terms()
    if terms is None:
        return _form(given.wrong), 400
    try:
        with access.unit_of_work() as session:
            service.propose_campaign(
                session,
                terms=terms,
                today=ledger.begun_day(session, now=access.now()),
                now=access.now(),
                proposed_by=access.operator().operator_id,
            )
    except (errors.CampaignDataError, errors.CampaignCodeTakenError) as error:
        given.refuse(error.field or "code")
        return _form(given.wrong), 400
    flash(_("Proposed. It runs on its days once another person has approved it."), "good")
    return redirect(url_for("campaigns.show", code=terms.code))


@blueprint.post("/<code>/approve")
@access.access(APPROVER)
def approve(code: str) -> BaseResponse:
    """Approve what another person proposed."""

    def act(session: Session, campaign_id: UUID, operator_id: UUID) -> None:
        service.approve_campaign(
            session,
            campaign_id=campaign_id,
            today=ledger.begun_day(session, now=access.now()),
            now=access.now(),
            approved_by=operator_id,
        )

    return _act(code, act, _l("Approved. It runs on its days until its budget is used up."))


@blueprint.post("/<code>/state")
@access.access(APPROVER)
def change(code: str) -> BaseResponse:
    """Decline, pause, resume or end a campaign."""
    wanted = request.form.get("act", "")
    acts: dict[str, Callable[[Session, UUID, UUID], None]] = {
        "decline": lambda session, campaign, who: service.decline_campaign(
            session, campaign_id=campaign, now=access.now(), declined_by=who
        ),
        "pause": lambda session, campaign, who: service.pause_campaign(
            session, campaign_id=campaign, now=access.now(), paused_by=who
        ),
        "resume": lambda session, campaign, who: service.resume_campaign(
            session, campaign_id=campaign, now=access.now(), resumed_by=who
        ),
        "end": lambda session, campaign, who: service.end_campaign(
            session, campaign_id=campaign, now=access.now(), ended_by=who
        ),
    }
    if wanted not in acts:
        abort(400)
    return _act(code, acts[wanted], _DONE[wanted])


def _act(code: str, act: Callable[[Session, UUID, UUID], None], done: LazyText) -> BaseResponse:
    try:
        with access.unit_of_work() as session:
            act(session, _named(session, code).campaign_id, access.operator().operator_id)
    except tuple(_REFUSALS) as error:
        flash(str(_REFUSALS[type(error)]), "bad")
    else:
        flash(str(done), "good")
    return redirect(url_for("campaigns.show", code=code))


def _named(session: Session, code: str) -> CampaignView:
    found = queries.campaign_by_code(session, code=code)
    if found is None:
        abort(404)
    return found


def _funded(session: Session, found: CampaignView) -> list[FundedView]:
    return queries.funded(session, campaign_id=found.campaign_id)


def _with_cost(given: FundedView) -> dict[str, Any]:
    """Return what a funder gave with what it costs, rials: so far, and at most."""
    most = given.granted - given.clawed_back - given.expired
    return {
        "given": given,
        "cost": price_amount(points=given.redeemed, price=given.price),
        "at_most": price_amount(points=most, price=given.price),
    }


def _promised(session: Session, found: CampaignView) -> dict[UUID, dict[str, Any]]:
    """Return by funder what one of its points will cost, rials, and all of the budget at most.

    By what is agreed for the campaign's first day, or today where that is past.
    """
    day = max(found.first_day, ledger.begun_day(session, now=access.now()))
    promised = {}
    for funder in found.funders:
        try:
            price = (
                network_price(face_value_on(session, day=day))
                if funder.party_id == NETWORK_PARTY
                else agreement_on(session, merchant_id=funder.party_id, day=day).issue_price
            )
        except (NoAgreementError, NoFaceValueError):
            continue
        points = -(-found.budget * funder.share // _WHOLE)
        most = price_amount(points=points, price=price)
        promised[funder.party_id] = {"price": price, "points": points, "at_most": most}
    return promised


def _after() -> tuple[date, UUID, int] | None:
    text = listing.argument("after")
    if text is None:
        return None
    day, _dot, entry = text.partition(".")
    key = access.entry_ids().decode(entry, prefix="ent", field="after")
    try:
        return date.fromisoformat(day), key.member_id, key.sequence
    except ValueError as error:
        raise ids.UnknownIdError("this is not the key of a page", field="after") from error


def _form(wrong: dict[str, str]) -> str:
    with access.reading() as session:
        today = ledger.begun_day(session, now=access.now())
        ladder = tiers(session)
        sponsors = [each.code for each in all_merchants(session) if not each.sells]
    return render_template(
        "campaign_form.html",
        errors=wrong,
        given=request.form,
        today=today,
        ladder=ladder,
        sponsors=sponsors,
    )
