"""What an operator does for a merchant: keys, stores and tills, suspension, exit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from config.web import fields
from network.clock import local_date
from network.errors import PeyvandError
from network.language import LazyText, format_number, parse_day
from network.language import gettext as _
from network.language import lazy_gettext as _l
from network.ledger import queries as ledger
from network.ledger.figures import outstanding_of
from network.merchants import errors, keys, live_keys, places, queries, service
from network.merchants.public_keys import fingerprint, read_public_key
from network.merchants.scopes import SCOPES
from network.money.today import DayClosingError, open_business_day
from network.operators import proposals
from network.operators.errors import ProposalError
from network.operators.roles import APPROVER, OPERATOR
from network.portal import alone
from network.programme.queries import NoEarningTermsError, NoFaceValueError
from network.settings import PROGRAMME_ZONE
from settlement.console import access
from settlement.console.announcing import announce
from settlement.console.proposing import shown
from settlement.console.refusals import KEYS
from settlement.console.views import proposals as proposing
from settlement.console.words import said as named

blueprint = Blueprint("managing", __name__, url_prefix="/merchants/<code>")
_REFUSALS: dict[type[PeyvandError], LazyText] = {
    **KEYS,
    ProposalError: _l("Say why, in a sentence or two; one key at a time waits for a merchant."),
    errors.UnknownKeyError: _l("This merchant has no such key."),
    errors.CodeTakenError: _l("This code is taken."),
    errors.MerchantDataError: _l("Some field is empty, too long, or not as it should be."),
    errors.UnknownPlaceError: _l("There is no such store or till, or the store is closed."),
    errors.PointsOutstandingError: _l("Its points are still in wallets."),
    errors.BalanceOpenError: _l("Its balance is not settled yet."),
    queries.NoAgreementError: _l("It needs an agreement in force first."),
    NoEarningTermsError: _l("It needs earning terms in force first."),
    NoFaceValueError: _l("The programme needs a face value in force first."),
    DayClosingError: _l("The business day is just closing: try again shortly."),
}
Act = Callable[[Session, UUID], Mapping[str, Any]]


@blueprint.get("/manage")
@access.access(OPERATOR)
def show(code: str) -> str:
    """Show the forms for a merchant's keys, stores, tills and its taking part."""
    with access.reading() as session:
        merchant = queries.merchant(session, code=code)
        merchant_id = merchant.merchant_id
        facts: dict[str, Any] = {
            "keys": queries.keys(session, merchant_id=merchant_id),
            "waiting": shown(
                session,
                proposals.waiting(session, subject_id=merchant_id, kind=live_keys.REGISTER),
            ),
            "stores": queries.stores(session, merchant_id=merchant_id),
            "tills": queries.terminals_by_store(session, merchant_id=merchant_id),
            "today": ledger.open_day(session),
            "outstanding": (
                outstanding_of(session, issuer_id=merchant_id)
                if merchant.status == "leaving"
                else None
            ),
        }
    return render_template(
        "manage.html",
        merchant=merchant,
        scopes=SCOPES,
        wall=access.wall(),
        fingerprint=fingerprint,
        **facts,
    )


@blueprint.post("/keys")
@access.access(OPERATOR)
def add_key(code: str) -> Response | str:
    """Register a key, or propose a live one of a merchant that takes part.

    A shared secret is shown this once, on the page that answers.
    """
    environment = request.form.get("environment", keys.TEST)
    text = request.form.get("public_key", "").strip()
    wanted: dict[str, Any] = {"scopes": tuple(request.form.getlist("scopes")), "now": access.wall()}
    try:
        wanted["public_key"] = read_public_key(text) if text else None
        with access.unit_of_work() as session:
            merchant = queries.merchant(session, code=code)
            if environment == keys.LIVE and merchant.status != "approved":
                return _propose_key(session, merchant, wanted)
            made = service.issue_key(
                session,
                access.services().vault,
                merchant_id=merchant.merchant_id,
                environment=environment,
                **wanted,
            )
            facts = {"key": made.key_id, "scopes": list(made.scopes)}
            _record(session, code, "key.registered", facts)
    except tuple(_REFUSALS) as error:
        return _refused(code, error)
    announce()
    if made.secret is None:
        flash(_("Registered: %(key)s", key=made.key_id), "good")
        return _back(code)
    secret = f"hmac:{made.secret.hex()}"
    return render_template("key_made.html", merchant=merchant, key=made, secret=secret)


def _propose_key(
    session: Session, merchant: queries.MerchantView, wanted: Mapping[str, Any]
) -> Response:
    proposal = live_keys.propose_key(
        session,
        merchant_id=merchant.merchant_id,
        reason=request.form.get("why", ""),
        by=access.operator().operator_id,
        **wanted,
    )
    proposing.record(session, "proposed", proposal)
    flash(_("Proposed. It is done once another person has approved it."), "good")
    return _back(merchant.code)


@blueprint.post("/keys/<key_id>/revoke")
@access.access(OPERATOR)
def revoke_key(code: str, key_id: str) -> Response:
    """Revoke a key: the very next call with it is refused."""

    def act(session: Session, merchant_id: UUID) -> Mapping[str, Any]:
        keys.revoke_key(session, merchant_id=merchant_id, key_id=key_id, now=access.wall())
        return {"key": key_id}

    return _do(code, "key.revoked", act, said=_("Revoked: %(key)s", key=key_id))


@blueprint.post("/stores")
@access.access(OPERATOR)
def add_store(code: str) -> Response:
    """Add a store."""

    def act(session: Session, merchant_id: UUID) -> Mapping[str, Any]:
        places.add_store(
            session, merchant_id=merchant_id, code=fields.words("store"), **fields.names()
        )
        return {"store": fields.words("store"), "name_en": fields.words("name_en")}

    return _do(code, "store.added", act, said=_("Added."))


@blueprint.post("/stores/rename")
@access.access(OPERATOR)
def rename_store(code: str) -> Response:
    """Give a store other names."""

    def act(session: Session, merchant_id: UUID) -> Mapping[str, Any]:
        places.rename_store(
            session, merchant_id=merchant_id, code=fields.words("store"), **fields.names()
        )
        return {"store": fields.words("store"), "name_en": fields.words("name_en")}

    return _do(code, "store.renamed", act, said=_("Renamed."))


@blueprint.post("/stores/close")
@access.access(OPERATOR)
def close_store(code: str) -> Response:
    """Have a store take no more calls."""

    def act(session: Session, merchant_id: UUID) -> Mapping[str, Any]:
        store = fields.words("store")
        places.close_store(session, merchant_id=merchant_id, code=store, now=access.wall())
        return {"store": store}

    return _do(code, "store.closed", act, said=_("Closed."))


@blueprint.post("/terminals")
@access.access(OPERATOR)
def add_terminal(code: str) -> Response:
    """Put a till on its store's list."""

    def act(session: Session, merchant_id: UUID) -> Mapping[str, Any]:
        place = _till()
        places.add_terminal(
            session, merchant_id=merchant_id, **place, name=fields.words("name"), now=access.wall()
        )
        return place

    return _do(code, "terminal.added", act, said=_("Added."))


@blueprint.post("/terminals/rename")
@access.access(OPERATOR)
def rename_terminal(code: str) -> Response:
    """Give a till another name."""

    def act(session: Session, merchant_id: UUID) -> Mapping[str, Any]:
        place = _till()
        places.rename_terminal(session, merchant_id=merchant_id, **place, name=fields.words("name"))
        return place

    return _do(code, "terminal.renamed", act, said=_("Renamed."))


@blueprint.post("/terminals/close")
@access.access(OPERATOR)
def close_terminal(code: str) -> Response:
    """Refuse a till's calls from now on."""

    def act(session: Session, merchant_id: UUID) -> Mapping[str, Any]:
        place = _till()
        places.close_terminal(session, merchant_id=merchant_id, **place, now=access.wall())
        return place

    return _do(code, "terminal.closed", act, said=_("Closed."))


@blueprint.post("/suspend")
@access.access(OPERATOR)
def suspend(code: str) -> Response:
    """Refuse every call of a merchant from now on."""
    reason = fields.words("reason")
    if not reason:
        flash(_("Say why, in a sentence or two."), "bad")
        return _back(code)

    def act(session: Session, merchant_id: UUID) -> Mapping[str, Any]:
        service.suspend(session, merchant_id=merchant_id)
        return {"reason": reason}

    return _do(code, "merchant.suspended", act, said=_("Suspended."))


@blueprint.post("/resume")
@access.access(APPROVER)
def resume(code: str) -> Response:
    """Let a suspended merchant go on."""

    def act(session: Session, merchant_id: UUID) -> Mapping[str, Any]:
        service.resume(session, merchant_id=merchant_id)
        return {}

    return _do(code, "merchant.resumed", act, said=_("It goes on from where it was."))


@blueprint.post("/portal-alone")
@access.access(APPROVER)
def admit_to_portal(code: str) -> Response:
    """Let an approved merchant take part through the portal alone, without a key."""

    def act(session: Session, merchant_id: UUID) -> Mapping[str, Any]:
        today = local_date(access.now(), zone=PROGRAMME_ZONE)
        alone.admit(session, merchant_id=merchant_id, day=today, now=access.wall())
        return {}

    said = _("It takes part through the portal from now on. Invite its first administrator next.")
    return _do(code, "merchant.portal_alone", act, said=said)


@blueprint.post("/exit")
@access.access(APPROVER)
def begin_exit(code: str) -> Response:
    """Have a merchant leave from a day on."""
    day = parse_day(request.form.get("leaves_on", ""))
    if day is None:
        flash(_("Give a day, as 1405/10/01 or 2026-12-22."), "bad")
        return _back(code)

    def act(session: Session, merchant_id: UUID) -> Mapping[str, Any]:
        today = max(open_business_day(session), ledger.begun_day(session, now=access.now()))
        service.begin_exit(session, merchant_id=merchant_id, leaves_on=day, today=today)
        return {"leaves_on": day.isoformat()}

    return _do(code, "merchant.leaving", act, said=_("Its exit is written down."))


@blueprint.post("/exit/complete")
@access.access(APPROVER)
def complete_exit(code: str) -> Response:
    """End an exit once none of its points is out."""

    def act(session: Session, merchant_id: UUID) -> Mapping[str, Any]:
        service.complete_exit(
            session, merchant_id=merchant_id, today=ledger.open_day(session), now=access.wall()
        )
        return {}

    return _do(code, "merchant.left", act, said=_("It has left; its keys are revoked."))


def _do(code: str, action: str, act: Act, *, said: str) -> Response:
    """Do something to a merchant, log it, have the gateway notice, and go back to the page."""
    try:
        with access.unit_of_work() as session:
            facts = act(session, queries.merchant(session, code=code).merchant_id)
            _record(session, code, action, facts)
    except tuple(_REFUSALS) as error:
        return _refused(code, error)
    announce()
    flash(said, "good")
    return _back(code)


def _record(session: Session, code: str, action: str, facts: Mapping[str, Any]) -> None:
    access.record(session, action, subject=f"merchant:{code}", facts=facts)


def _refused(code: str, error: PeyvandError) -> Response:
    flash(" ".join((str(_REFUSALS[type(error)]), *_open_accounts(error))), "bad")
    return _back(code)


def _open_accounts(error: PeyvandError) -> Iterator[str]:
    """Yield what stands on each account of a merchant that can't leave for it."""
    if isinstance(error, errors.BalanceOpenError):
        for account, amounts in error.accounts.items():
            for amount in amounts.values():
                yield _(
                    "%(account)s: %(amount)s rials.",
                    account=named(account, "money_account"),
                    amount=format_number(amount, signed=True),
                )


def _back(code: str) -> Response:
    return redirect(url_for("managing.show", code=code))


def _till() -> dict[str, str]:
    return {"store": fields.words("store"), "code": fields.words("terminal")}
