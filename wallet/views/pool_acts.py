"""What a code confirms on a shared wallet: inviting, joining, a limit, letting somebody go."""

from __future__ import annotations

from dataclasses import asdict
from urllib.parse import urlsplit

from flask import Blueprint, abort, flash, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from network import ids
from network.errors import PeyvandError
from network.language import gettext
from network.ledger import queries as ledger
from network.members.errors import InvalidPhoneError, ThrottledError
from network.members.phones import normalise_phone
from network.members.sign_in import CodeRefused
from network.pools import acts, queries, service
from network.pools.acts import Act
from network.pools.queries import PoolView
from network.second_factor.errors import ProofNeededError
from wallet import access, forms, proving
from wallet.code_words import refusal_words as code_words
from wallet.code_words import wait_words
from wallet.limits import CHANGE, CONFIRM, GIVE, limiter
from wallet.own import place, wallet_of
from wallet.pool_words import refusal_words
from wallet.proving import Detour
from wallet.views.outbox import is_open
from wallet.views.pool import opened, owned_person, page

blueprint = Blueprint("pool_acts", __name__, url_prefix="/pool")
PENDING, UNPROVEN = "pool_act", "pool_act_unproven"


@blueprint.post("/invitations")
@limiter.limit(GIVE)
def invite() -> Response | tuple[str, int]:
    """Send the owner the code that confirms an invitation."""
    values, errors = forms.load(forms.PhoneForm(), request.form)
    if errors:
        return page(errors), 422
    try:
        phone = normalise_phone(values["phone"])
    except InvalidPhoneError as error:
        return page({"phone": refusal_words(error)}), 422
    refused = _ask(Act(kind="invite", subject=phone))
    if refused:
        return page({"phone": refused}), 422
    return _next()


@blueprint.get("/invitations/<invitation>")
def invitation(invitation: str) -> str:
    """Say what joining means."""
    return _invitation_page(invitation, {})


@blueprint.post("/invitations/<invitation>")
@limiter.limit(GIVE)
def accept(invitation: str) -> Response | tuple[str, int]:
    """Send the code that confirms joining."""
    if request.form.get("agreed") != "yes":
        words = gettext("Tick the box: all your points go along.")
        return _invitation_page(invitation, {"agreed": words}), 422
    refused = _ask(Act(kind="join", subject=str(opened(invitation))))
    if refused:
        return _invitation_page(invitation, {"agreed": refused}), 422
    return _next()


@blueprint.get("/people/<person>")
def show_person(person: str) -> str:
    """Show one of the people to the owner."""
    return _person_page(person, {})


@blueprint.post("/people/<person>/limit")
@limiter.limit(CHANGE)
def set_limit(person: str) -> Response | tuple[str, int]:
    """Send the code that confirms a person's limit."""
    _, found = owned_person(person)
    values, errors = forms.load(forms.PersonLimitForm(), request.form)
    if not errors:
        refused = _ask(acts.limit_act(person_id=found.member_id, most=values["limit"]))
        errors = {"limit": refused} if refused else {}
    if errors:
        return _person_page(person, errors), 422
    return _next()


@blueprint.post("/people/<person>/part")
@limiter.limit(CHANGE)
def part(person: str) -> Response | tuple[str, int]:
    """Send the code that lets a person go with points."""
    _, found = owned_person(person)
    values, errors = forms.load(forms.PointsForm(), request.form)
    if found.owner:
        abort(404)
    if not errors:
        act = Act(kind="part", subject=str(found.member_id), points=values["points"])
        refused = _ask(act)
        errors = {"points": refused} if refused else {}
    if errors:
        return _person_page(person, errors), 422
    return _next()


@blueprint.get("/leave")
def ask_leave() -> str:
    """Say what leaving means, and ask for points to take along."""
    return _leave_page("", {})


@blueprint.post("/leave")
@limiter.limit(CHANGE)
def leave() -> Response | tuple[str, int]:
    """Send the code that confirms leaving with nothing, or ask the owner for points."""
    values, errors = forms.load(forms.PointsForm(), request.form)
    refused = "" if errors else _leaving(values["points"])
    if refused:
        errors = {"points": refused}
    if errors:
        return _leave_page(request.form.get("points", ""), errors), 422
    if not values["points"]:
        return _next()
    flash(gettext("The owner is asked. You stay until they agree."), "good")
    return redirect(url_for("pool.show"), code=303)


@blueprint.get("/confirm")
def confirm() -> Response | str:
    """Show what is confirmed, and ask for the code."""
    act = _pending()
    return redirect(url_for("pool.show")) if act is None else _code_page(act, {})


@blueprint.post("/confirm")
@limiter.limit(CONFIRM)
def do() -> Response | tuple[str, int]:
    """Do what the code confirms."""
    act = _pending()
    if act is None:
        return redirect(url_for("pool.show"), code=303)
    values, errors = forms.load(forms.CodeForm(), request.form)
    if errors:
        return _code_page(act, errors), 422
    services = access.services()
    try:
        with access.unit_of_work() as unit:
            answer = acts.confirm(
                unit,
                services.vault,
                act=act,
                by=access.member(),
                code=values["code"],
                screen=proving.screen(unit),
                now=access.now(),
                wall=access.wall(),
                wallet_url=services.settings.wallet_url,
            )
    except ProofNeededError:
        return _detour(act, sent=True)
    except PeyvandError as error:
        return _code_page(act, {"code": refusal_words(error)}), 422
    if isinstance(answer, CodeRefused):
        return _code_page(act, {"code": code_words(answer)}), 422
    session.pop(PENDING)
    flash(_said(act), "good")
    return redirect(url_for("pool.show"), code=303)


def _ask(act: Act) -> str:
    """Send the code of an act and remember the act; return why not, empty where it was sent.

    Where the act takes a proof first it is remembered as well; ``_next`` leads there.
    """
    services = access.services()
    try:
        with access.unit_of_work() as unit:
            proof = acts.proof_for(
                unit,
                services.vault,
                act=act,
                by=access.member(),
                now=access.now(),
                wall=access.wall(),
            )
            if proving.missing(unit, proof):
                session[PENDING], session[UNPROVEN] = asdict(act), True
                return ""
            acts.ask(
                unit,
                services.vault,
                act=act,
                by=access.member(),
                address=request.remote_addr,
                domain=urlsplit(services.settings.wallet_url).hostname or "localhost",
                wall=access.wall(),
            )
    except ThrottledError as error:
        return wait_words(error)
    except PeyvandError as error:
        return refusal_words(error)
    session[PENDING] = asdict(act)
    session.pop(UNPROVEN, None)
    return ""


def _next() -> Response:
    """Return the way on after ``_ask``: to the code that was sent, or to the proof before it."""
    act = _pending()
    if act is None or not session.pop(UNPROVEN, False):
        return redirect(url_for("pool_acts.confirm"), code=303)
    return _detour(act)


def _detour(act: Act, *, sent: bool = False) -> Response:
    with access.reading() as reader:
        proof = acts.proof_for(
            reader,
            access.services().vault,
            act=act,
            by=access.member(),
            now=access.now(),
            wall=access.wall(),
        )
    return proving.detour(proof, sent=sent)


def go_on(waiting: Detour) -> Response:
    """Send the code of the act that the member has just proven themselves for."""
    act = _pending()
    if waiting.facts["sent"]:
        return redirect(url_for("pool_acts.confirm"), code=303)
    refused = "" if act is None else _ask(act)
    if act is None or refused:
        flash(refused, "bad")
        return redirect(url_for("pool.show"), code=303)
    return _next()


def _pending() -> Act | None:
    stored = session.get(PENDING)
    return None if stored is None else Act(**stored)


def _said(act: Act) -> str:
    return {
        "invite": gettext("Invited. If somebody has this number, they see it in their wallet."),
        "join": gettext("You share a wallet now."),
        "part": gettext("They have a wallet of their own again."),
        "limit": gettext("The limit is set."),
        "leave": gettext("You left. Your wallet is your own again."),
    }[act.kind]


def _invitation_page(invitation: str, errors: dict[str, str]) -> str:
    member, vault = access.member(), access.services().vault
    with access.reading() as reader:
        found = {
            str(each.invitation_id): each
            for each in queries.invited(reader, vault, phone=member.phone, wall=access.wall())
        }.get(invitation)
        if found is None:
            abort(404)
        own = ledger.wallet(
            reader, member_id=member.member_id, now=access.now(), wall=access.wall()
        )
    return render_template("pool/join.html", invitation=found, own=own, errors=errors)


def _person_page(person: str, errors: dict[str, str]) -> str:
    pool, found = owned_person(person)
    with access.reading() as reader:
        wallet = wallet_of(reader, place(reader))
        asked = [
            each.points
            for each in queries.partings(reader, pool_id=pool.pool_id)
            if each.member_id == found.member_id
        ]
    return render_template(
        "pool/person.html",
        person=found,
        public_id=ids.encode("mem", found.member_id),
        wallet=wallet,
        asked=asked[0] if asked else None,
        typed=request.form,
        errors=errors,
    )


def _code_page(act: Act, errors: dict[str, str]) -> str:
    try:
        with access.reading() as reader:
            name = acts.subject_name(
                reader, access.services().vault, act=act, by=access.member(), wall=access.wall()
            )
    except PeyvandError:
        name = ""
    return render_template(
        "pool/confirm.html", act=act, name=name, errors=errors, outbox_open=is_open()
    )


def _left_pool() -> PoolView:
    """Return the shared wallet that the member could leave, or answer 404."""
    me = access.member().member_id
    with access.reading() as reader:
        found = queries.pool_of(reader, member_id=me)
    if found is None or found[0].owner_id == me:
        abort(404)
    return found[0]


def _leaving(points: int) -> str:
    """Send the code for leaving with nothing, or ask the owner; return why not."""
    pool, member, services = _left_pool(), access.member(), access.services()
    if not points:
        return _ask(Act(kind="leave", subject=str(pool.owner_id)))
    try:
        with access.unit_of_work() as unit:
            service.ask_to_leave(
                unit, person_id=member.member_id, points=points, wall=access.wall()
            )
            acts.tell(
                unit,
                services.vault,
                kind="ask",
                to=pool.owner_id,
                about=member,
                points=points,
                wallet_url=services.settings.wallet_url,
                wall=access.wall(),
            )
    except PeyvandError as error:
        return refusal_words(error)
    return ""


def _leave_page(value: str, errors: dict[str, str]) -> str:
    pool = _left_pool()
    with access.reading() as reader:
        name = queries.shown_name(reader, access.services().vault, member_id=pool.owner_id)
    return render_template("pool/leave.html", value=value, errors=errors, owner=name)
