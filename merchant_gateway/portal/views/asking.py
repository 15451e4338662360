"""Asking a customer for points: by a message, which the wallet shows too, or the code of it."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from merchant_gateway.portal import access, asking, forms, serving, words
from merchant_gateway.portal.access import TILL
from merchant_gateway.portal.asking import StillWaitingError
from merchant_gateway.portal.serving import Place
from network.errors import PeyvandError
from network.language import format_number, ngettext
from network.language import gettext as _
from network.spend_requests.errors import ConsentRefusedError

blueprint = Blueprint("asking", __name__, url_prefix="/till/ask")
_TRIES = "consent_code_wrong"


@blueprint.post("")
@access.area(TILL)
def ask() -> str | Response | tuple[str, int]:
    """Ask the customer."""
    key, at, pay = forms.form_key(), _place(), forms.money(request.form.get("pay", ""))
    if key is None or at is None:
        return redirect(url_for("till.show"))
    if pay is None:
        return _page({"": _("Type what is paid with points, in tomans.")}), 422
    try:
        asked = asking.ask(key=key, token=request.form.get("token", ""), amount=pay, at=at)
    except PeyvandError as error:
        return _page({"": _sentence(error)}), 422
    return _page({}, request_id=str(asked["id"]))


@blueprint.post("/take")
@access.area(TILL)
def take() -> str | Response | tuple[str, int]:
    """Take the points where the customer has agreed, else show that they have not yet."""
    key, at, pay = forms.form_key(), _place(), forms.money(request.form.get("pay", ""))
    if key is None or at is None or pay is None:
        return redirect(url_for("till.show"))
    request_id, code = request.form.get("request", ""), forms.typed("code")[:12]
    try:
        taken = asking.take(
            key=key,
            token=request.form.get("token", ""),
            amount=pay,
            request_id=request_id,
            code=code or None,
            at=at,
        )
    except StillWaitingError:
        return _page({}, request_id=request_id, again=True)
    except ConsentRefusedError as error:
        return _page({"": _sentence(error)}), 422
    except PeyvandError as error:
        return _page({"code": _sentence(error)}, request_id=request_id), 422
    if taken.again:
        flash(_("This was booked before; nothing was booked twice."), "warn")
    bill = forms.money(request.form.get("amount", ""))
    return redirect(url_for("acts.show", key=taken.act.key, bill=bill), 303)


def _sentence(error: PeyvandError) -> str:
    if error.code != _TRIES:
        return words.refusal(error)[1]
    left = int(str(error.facts.get("attempts_left", 0)))
    return ngettext(
        "This is not the code that was sent. %(number)s more try.",
        "This is not the code that was sent. %(number)s more tries.",
        left,
        number=format_number(left),
    )


def _page(errors: dict[str, str], *, request_id: str = "", again: bool = False) -> str:
    return render_template(
        "till/asking.html",
        errors=errors,
        again=again,
        request_id=request_id,
        key=forms.form_key() or "",
        pay=forms.money(request.form.get("pay", "")),
        typed={name: request.form.get(name, "") for name in ("token", "pay", "amount", "member")},
    )


def _place() -> Place | None:
    with access.reading() as session:
        return serving.place(session)
