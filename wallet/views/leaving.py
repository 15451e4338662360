"""Leaving the programme: what that means, and the code that confirms it."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import (
    Blueprint,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from werkzeug.wrappers import Response

from network.errors import PeyvandError
from network.language import format_points, gettext
from network.ledger.errors import OpenDebt, OpenHolds
from network.members import leaving
from network.members.errors import MemberFrozenError, ThrottledError
from network.members.leaving import InSharedWalletError
from network.members.sign_in import CodeRefused
from wallet import access, forms
from wallet.code_words import refusal_words, wait_words
from wallet.limits import CHANGE, CONFIRM, limiter
from wallet.views.outbox import is_open

blueprint = Blueprint("leaving", __name__, url_prefix="/profile/leave")


@blueprint.get("")
def ask() -> str:
    """Say what is lost and what stays."""
    return _page({})


@blueprint.post("")
@limiter.limit(CHANGE)
def send() -> Response | tuple[str, int]:
    """Send the code that confirms it."""
    if request.form.get("agreed") != "yes":
        return _page({"agreed": gettext("Tick the box: this can't be undone.")}), 422
    services = access.services()
    try:
        with access.unit_of_work() as unit:
            leaving.ask(
                unit,
                services.vault,
                member=access.member(),
                address=request.remote_addr,
                domain=urlsplit(services.settings.wallet_url).hostname or "localhost",
                now=access.now(),
                wall=access.wall(),
            )
    except ThrottledError as error:
        return _page({"agreed": wait_words(error)}), 429
    except PeyvandError as error:
        return _page({"agreed": _refused(error)}), 422
    return redirect(url_for("leaving.confirm"), code=303)


@blueprint.get("/confirm")
def confirm() -> str:
    """Ask for the code."""
    return _code_page({})


@blueprint.post("/confirm")
@limiter.limit(CONFIRM)
def leave() -> Response | tuple[str, int]:
    """Close the account, erase the person, and sign out."""
    values, errors = forms.load(forms.CodeForm(), request.form)
    if errors:
        return _code_page(errors), 422
    try:
        with access.unit_of_work() as unit:
            answer = leaving.leave(
                unit,
                access.services().vault,
                member=access.member(),
                code=values["code"],
                now=access.now(),
                wall=access.wall(),
            )
    except PeyvandError as error:
        return _code_page({"code": _refused(error)}), 422
    if isinstance(answer, CodeRefused):
        return _code_page({"code": refusal_words(answer)}), 422
    session.clear()
    response = make_response(redirect(url_for("sign_in.ask_phone"), code=303))
    access.forget(response)
    flash(gettext("Your account is closed. What you told us can't be read any more."), "good")
    return response


def _refused(error: PeyvandError) -> str:
    if isinstance(error, MemberFrozenError):
        return gettext(
            "The network has locked spending, so the account can't be closed. Ask its support."
        )
    if isinstance(error, InSharedWalletError):
        return gettext("You share a wallet. Leave it first, or end it if it is yours.")
    if isinstance(error, OpenHolds):
        return gettext("A shop still holds points of yours. Try again when it is done.")
    if isinstance(error, OpenDebt):
        return gettext("You owe points for something you returned. Please contact us.")
    return gettext("The account can't be closed right now.")


def _page(errors: dict[str, str]) -> str:
    points, hindered = 0, ""
    with access.reading() as reader:
        try:
            points = leaving.check(
                reader,
                member_id=access.member().member_id,
                now=access.now(),
                wall=access.wall(),
            )
        except PeyvandError as error:
            hindered = _refused(error)
    return render_template(
        "profile/leave.html", points=format_points(points), hindered=hindered, errors=errors
    )


def _code_page(errors: dict[str, str]) -> str:
    return render_template("profile/leave_code.html", errors=errors, outbox_open=is_open())
