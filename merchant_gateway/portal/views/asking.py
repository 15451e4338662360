"""Asking a customer for points: by a message, which the wallet shows too, or the code of it."""

from __future__ import annotations

from typing import Any

import flask
from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from merchant_gateway.portal import access, asking, filters, forms, serving, words
from merchant_gateway.portal.access import TILL
from merchant_gateway.portal.asking import StillWaitingError
from merchant_gateway.portal.serving import Place
from merchant_gateway.portal.views import till
from network.errors import PeyvandError
from network.language import format_number, ngettext
from network.language import gettext as _
from network.spend_requests.errors import (
    ConsentLapsedError,
    ConsentRefusedError,
    TooManyAskedError,
)
from network.spend_requests.queries import APPROVED, REFUSED, TAKEN, WAITING

blueprint = Blueprint("asking", __name__, url_prefix="/till/ask")
_TRIES = "consent_code_wrong"
_BILLS = "bills"
_MOST_BILLS = 6
NOT_ASKED = "not_asked"
LAPSED = "lapsed"


@blueprint.post("")
@access.area(TILL)
def ask() -> str | Response | tuple[str, int]:
    """Ask the customer."""
    key, at, pay = forms.form_key(), _place(), forms.money(request.form.get("pay", ""))
    if key is None or at is None:
        return redirect(url_for("till.show"))
    if pay is None:
        return till.again(key, {"pay": _("Type what is paid with points, in tomans.")})
    token = request.form.get("token", "")
    try:
        asked = asking.ask(key=key, token=token, amount=pay, at=at)
    except TooManyAskedError as error:
        said = f"{_sentence(error)} {words.wait(error.facts.get('retry_after'))}".strip()
        return _page(NOT_ASKED, {"": said}, others=asking.open_of(token)), 422
    except (ConsentRefusedError, ConsentLapsedError) as error:
        state = REFUSED if isinstance(error, ConsentRefusedError) else LAPSED
        return _page(state, {"": _sentence(error)}), 422
    except PeyvandError as error:
        return _page(NOT_ASKED, {"": _sentence(error)}), 422
    _remember_bill(str(asked["id"]))
    return _page(WAITING, {}, request_id=str(asked["id"]))


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
    going_on = found.state in {WAITING, APPROVED}
    state = found.state if going_on or found.state == REFUSED else LAPSED
    return _page(
        state, {}, request_id=request_id if going_on else "", key=key, typed=typed, asked=found
    )


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
    except ConsentRefusedError as error:
        return _page(REFUSED, {"": _sentence(error)}), 422
    except ConsentLapsedError as error:
        return _page(LAPSED, {"": _sentence(error)}), 422
    except PeyvandError as error:
        return _page(WAITING, {"code": _sentence(error)}, request_id=request_id), 422
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
        **facts,
    )


def _place() -> Place | None:
    with access.reading() as session:
        return serving.place(session)
