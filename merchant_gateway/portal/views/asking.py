"""Asking a customer for points: by a message, which the wallet shows too, or the code of it."""

from __future__ import annotations

from typing import Any

import flask
from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from merchant_gateway.portal import access, asking, filters, forms, serving, words
from merchant_gateway.portal.access import TILL
from merchant_gateway.portal.asking import (
    AskedBeforeError,
    BookedBeforeError,
    StillWaitingError,
)
from merchant_gateway.portal.serving import Place
from merchant_gateway.portal.views import till
from network import ids
from network.errors import PeyvandError
from network.language import format_number, ngettext
from network.language import gettext as _
from network.spend_requests.errors import (
    ConsentLapsedError,
    ConsentRefusedError,
    TooManyAskedError,
)
from network.spend_requests.queries import (
    APPROVED,
    PREFIX,
    REFUSED,
    TAKEN,
    WAITING,
    SpendRequestView,
)

blueprint = Blueprint("asking", __name__, url_prefix="/till/ask")
_TRIES = "consent_code_wrong"
_BILLS = "bills"
_MOST_BILLS = 6
_GOES_ON = frozenset({WAITING, APPROVED})
NOT_ASKED = "not_asked"
OTHER_SUM = "other_sum"
LAPSED = "lapsed"
_ENDED: dict[type[PeyvandError], str] = {
    ConsentRefusedError: REFUSED,
    ConsentLapsedError: LAPSED,
}


@blueprint.post("")
@access.area(TILL)
def ask() -> str | Response | tuple[str, int]:
    """Ask the customer."""
    key, at, pay = forms.form_key(), _place(), forms.money(request.form.get("pay", ""))
    if key is None or at is None:
        return redirect(url_for("till.show"))
    if pay is None:
        return till.again(key, {"pay": _("Type what is paid with points, in tomans.")})
    return _ask(key, pay=pay, at=at)


@blueprint.get("/<request_id>")
@access.area(TILL)
def show(request_id: str) -> str | Response:
    """Show what was asked, for a cashier who left the page."""
    found, at = asking.asked_for(request_id), _place()
    key = asking.key_of(found) or ""
    if at is None:
        return redirect(url_for("standing.choose"))
    bill = flask.session.get(_BILLS, {}).get(request_id)
    if found.state == TAKEN:
        return redirect(url_for("acts.show", key=key, bill=bill))
    typed = {
        "token": serving.token_for(found.member_id),
        "pay": "" if found.amount is None else filters.toman(found.amount),
        "amount": "" if bill is None else filters.toman(bill),
        "member": "",
    }
    return _as_it_stands(found, {}, key=key, typed=typed, asked=found)


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
        return _page(WAITING, {}, request_id=request_id, again=True)
    except PeyvandError as error:
        return _not_taken(error, key=key, request_id=request_id)
    return _receipt(taken.act.key, again=taken.again)


def _ask(key: str, *, pay: int, at: Place) -> str | Response | tuple[str, int]:
    token = request.form.get("token", "")
    try:
        served = forms.form_key("served") or ""
        asked = asking.ask(key=key, token=token, amount=pay, served=served, at=at)
    except BookedBeforeError as before:
        return _receipt(before.act.key, again=True)
    except AskedBeforeError as before:
        return _asked_before(before.asked, pay=pay)
    except TooManyAskedError as error:
        said = f"{_sentence(error)} {words.wait(error.facts.get('retry_after'))}".strip()
        return _page(NOT_ASKED, {"": said}, others=asking.open_of(token)), 422
    except PeyvandError as error:
        return _page(_ENDED.get(type(error), NOT_ASKED), {"": _sentence(error)}), 422
    _remember_bill(str(asked["id"]))
    return _page(WAITING, {}, request_id=str(asked["id"]))


def _not_taken(error: PeyvandError, *, key: str, request_id: str) -> Response | tuple[str, int]:
    """Say why nothing was taken by this call, under what the customer really said."""
    sentence, ended = _sentence(error), _ENDED.get(type(error))
    if ended is not None:
        return _page(ended, {"": sentence}), 422
    found = asking.asked_for(request_id)
    if found.state == TAKEN:
        return _receipt(key, again=True)
    where = "code" if found.state == WAITING else ""
    return _as_it_stands(found, {where: sentence}), 422


def _receipt(key: str, *, again: bool) -> Response:
    if again:
        flash(_("This was booked before; nothing was booked twice."), "warn")
    bill = forms.money(request.form.get("amount", ""))
    return redirect(url_for("acts.show", key=key, bill=bill), 303)


def _asked_before(found: SpendRequestView, *, pay: int) -> str | tuple[str, int]:
    """Show what the form asks already; of another sum only the way to it."""
    if found.amount == pay:
        return _as_it_stands(found, {}, asked=found)
    return _page(OTHER_SUM, {}, others=[found]), 422


def _as_it_stands(found: SpendRequestView, errors: dict[str, str], **facts: Any) -> str:
    """Show a request by its real state, whatever the last call came to."""
    known = found.state in _GOES_ON or found.state == REFUSED
    request_id = ids.encode(PREFIX, found.spend_request_id) if found.state in _GOES_ON else ""
    return _page(found.state if known else LAPSED, errors, request_id=request_id, **facts)


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


def _remember_bill(request_id: str) -> None:
    """Keep the whole bill in this browser, so that the way back to the request has it."""
    bill = forms.money(request.form.get("amount", ""))
    if bill is not None:
        bills = {**flask.session.get(_BILLS, {}), request_id: bill}
        flask.session[_BILLS] = dict(list(bills.items())[-_MOST_BILLS:])


def _page(
    state: str,
    errors: dict[str, str],
    *,
    request_id: str = "",
    key: str = "",
    typed: dict[str, str] | None = None,
    **facts: Any,
) -> str:
    sent = {name: request.form.get(name, "") for name in ("token", "pay", "amount", "member")}
    carried, chosen = typed or sent, key or forms.form_key() or ""
    return render_template(
        "till/asking.html",
        state=state,
        errors=errors,
        request_id=request_id,
        key=chosen,
        bill_key=chosen.removesuffix(forms.PAYING),
        pay=forms.money(carried["pay"]),
        typed=carried,
        in_wallet=bool(request_id) and asking.asked_for(request_id).needs_proof,
        **facts,
    )


def _place() -> Place | None:
    with access.reading() as session:
        return serving.place(session)
