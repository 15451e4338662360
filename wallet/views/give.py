"""Giving points to another member: whom and how many, then the code that confirms just that."""

from __future__ import annotations

from urllib.parse import urlsplit
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from network.language import format_points, gettext
from network.ledger.errors import InsufficientPoints, Refusal, SpendLocked
from network.members import giving
from network.members.errors import InvalidPhoneError, ThrottledError, UnknownMemberError
from network.members.giving import Taker
from network.members.sign_in import CodeRefused
from network.second_factor.errors import ProofNeededError
from wallet import access, forms, proving
from wallet.code_words import refusal_words, wait_words
from wallet.limits import CONFIRM, GIVE, limiter
from wallet.own import place, wallet_of
from wallet.proving import Answer, Detour
from wallet.views.outbox import is_open

blueprint = Blueprint("give", __name__, url_prefix="/give")
TAKER, POINTS = "give_to", "give_points"


@blueprint.get("")
def ask() -> str:
    """Ask to whom and how many."""
    return _form({}, {})


@blueprint.post("")
@limiter.limit(GIVE)
def offer() -> Answer:
    """Send the code that confirms the gift; where it is much, ask for the PIN first."""
    values, errors = forms.load(forms.GiveForm(), request.form)
    if errors:
        return _form(request.form.to_dict(), errors), 422
    return _tried(values["phone"], values["points"], typed=request.form.to_dict())


def go_on(waiting: Detour) -> Answer:
    """Go on with a gift that the member has just proven themselves for."""
    if "phone" not in waiting.facts:
        return redirect(url_for("give.confirm"), code=303)
    phone, points = str(waiting.facts["phone"]), waiting.act.points
    return _tried(phone, points, typed={"phone": phone, "points": str(points)})


@blueprint.get("/confirm")
def confirm() -> Response | str:
    """Show who gets how many points, and ask for the code."""
    to = _taker()
    return redirect(url_for("give.ask")) if to is None else _code_form(to, {})


@blueprint.post("/confirm")
@limiter.limit(CONFIRM)
def give() -> Answer:
    """Give the points."""
    to, points = _taker(), session.get(POINTS)
    if to is None or points is None:
        return redirect(url_for("give.ask"), code=303)
    values, errors = forms.load(forms.CodeForm(), request.form)
    if errors:
        return _code_form(to, errors), 422
    services = access.services()
    try:
        with access.unit_of_work() as unit:
            answer = giving.give(
                unit,
                services.vault,
                giver=access.member(),
                to=to,
                points=points,
                code=values["code"],
                screen=proving.screen(unit),
                now=access.now(),
                wall=access.wall(),
                wallet_url=services.settings.wallet_url,
            )
    except ProofNeededError:
        return proving.detour(giving.gift(to.member_id, points), name=to.name)
    except (giving.NotOnesOwnError, Refusal) as error:
        return _code_form(to, {"code": _refused(error)}), 422
    if isinstance(answer, CodeRefused):
        return _code_form(to, {"code": refusal_words(answer)}), 422
    session.pop(TAKER)
    session.pop(POINTS)
    said = gettext(
        "%(taker)s has %(points)s from you.", taker=to.name, points=format_points(points)
    )
    flash(said, "good")
    return redirect(url_for("movements.show"), code=303)


def _tried(phone: str, points: int, *, typed: dict[str, str]) -> Answer:
    status = 422
    try:
        return _offer(phone, points)
    except ThrottledError as error:
        errors, status = {"phone": wait_words(error)}, 429
    except InvalidPhoneError:
        errors = {"phone": gettext("This is not a mobile number. Example: 0912 123 4567")}
    except UnknownMemberError:
        errors = {"phone": gettext("Nobody is a member with this number.")}
    except giving.OneselfError:
        errors = {"phone": gettext("This is your own number.")}
    except giving.NotOnesOwnError:
        errors = {"points": _shared_words()}
    except giving.TooManyPointsError as error:
        most = format_points(int(str(error.facts["spendable"])))
        errors = {"points": gettext("You can give at most %(points)s.", points=most)}
    return _form(typed, errors), status


def _offer(phone: str, points: int) -> Response:
    services, wall = access.services(), access.wall()
    with access.unit_of_work() as unit:
        to = giving.find_taker(
            unit,
            services.vault,
            giver=access.member(),
            phone=phone,
            points=points,
            now=access.now(),
            wall=wall,
        )
        act = giving.gift(to.member_id, points)
        if proving.missing(unit, act):
            return proving.detour(act, name=to.name, phone=phone)
        giving.ask(
            unit,
            services.vault,
            giver=access.member(),
            to=to,
            points=points,
            address=request.remote_addr,
            domain=urlsplit(services.settings.wallet_url).hostname or "localhost",
            wall=wall,
        )
    session[TAKER], session[POINTS] = str(to.member_id), points
    return redirect(url_for("give.confirm"), code=303)


def _taker() -> Taker | None:
    if TAKER not in session:
        return None
    try:
        with access.reading() as reader:
            return giving.taker(reader, access.services().vault, member_id=UUID(session[TAKER]))
    except UnknownMemberError:
        return None


def _shared_words() -> str:
    return gettext("Your points are in a shared wallet; only who made it can give them away.")


def _refused(error: giving.NotOnesOwnError | Refusal) -> str:
    if isinstance(error, giving.NotOnesOwnError):
        return _shared_words()
    if isinstance(error, SpendLocked):
        return gettext("Spending is locked. Unlock it first.")
    if isinstance(error, InsufficientPoints):
        return gettext("You have fewer points now. Begin again.")
    return gettext("These points can't be given right now.")


def _form(typed: dict[str, str], errors: dict[str, str]) -> str:
    with access.reading() as reader:
        wallet = wallet_of(reader, place(reader))
    return render_template(
        "give/ask.html",
        typed=typed,
        errors=errors,
        most=0 if wallet is None else wallet.spendable,
        locked=wallet is not None and wallet.status == "spend_locked",
    )


def _code_form(to: Taker, errors: dict[str, str]) -> str:
    return render_template(
        "give/confirm.html",
        to=to,
        points=session[POINTS],
        errors=errors,
        outbox_open=is_open(),
    )
