"""Joining at the till: the customer's number, what they say yes to, and the code they are sent."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from merchant_gateway.portal import access, calls, forms, serving, words
from merchant_gateway.portal.access import TILL
from merchant_gateway.portal.serving import Place
from network.errors import PeyvandError
from network.language import current_locale, format_number, ngettext
from network.language import gettext as _
from network.members.enrolment import MEMBERSHIP, PURPOSES

blueprint = Blueprint("joining", __name__, url_prefix="/till/join")
_ANSWERED = "enrolment"


@blueprint.post("")
@access.area(TILL)
def show() -> str | Response:
    """Ask for the number and for what the customer agrees to; what was typed at the till stands."""
    if _place() is None:
        return redirect(url_for("standing.choose"))
    typed = forms.identifier(request.form.get("member", "")).get("phone", "")
    return _form(phone=typed, errors={})


@blueprint.post("/ask")
@access.area(TILL)
def ask() -> str | Response | tuple[str, int]:
    """Send the customer a code."""
    key, at = forms.form_key() or forms.new_key(), _place()
    if at is None:
        return redirect(url_for("standing.choose"))
    phone = forms.typed("phone")
    agreed = [each for each in PURPOSES if request.form.get(each)]
    errors: dict[str, str] = {}
    if not phone:
        errors["phone"] = _("Type the customer's mobile number.")
    if MEMBERSHIP not in agreed:
        errors[MEMBERSHIP] = _("Without this yes nobody joins.")
    if errors:
        return _form(phone=phone, errors=errors, key=key), 422
    body: dict[str, Any] = {"phone": phone[:20], "consents": agreed, "locale": current_locale()}
    body |= {name: value for name, value in at.named().items() if name == "store"}
    if name := forms.typed("name"):
        body["name"] = name
    try:
        answer = calls.ask("enrol_member", body, key=key)
    except PeyvandError as error:
        return _form(phone=phone, errors=_said(error), key=key), 422
    return _code(answer["id"], phone=phone, errors={})


@blueprint.post("/confirm")
@access.area(TILL)
def confirm() -> str | Response | tuple[str, int]:
    """Let the customer join by the code, and go on with the purchase."""
    enrolment_id, phone = request.form.get(_ANSWERED, ""), forms.typed("phone")
    code = forms.typed("code")
    if not code:
        return _code(enrolment_id, phone=phone, errors={"code": _("Type the code.")}), 422
    try:
        calls.ask("confirm_member", {"code": code[:12]}, enrolment_id=enrolment_id)
    except PeyvandError as error:
        return _code(enrolment_id, phone=phone, errors=_said(error)), 422
    return render_template(
        "till/joined.html", phone=phone, amount=forms.typed("amount"), key=forms.new_key()
    )


def _said(error: PeyvandError) -> dict[str, str]:
    """Return what was refused, beside the field that it is about."""
    named, sentence = words.refusal(error)
    if error.code == "enrolment_code_wrong":
        left = int(str(error.facts.get("attempts_left", 0)))
        sentence = ngettext(
            "This is not the code that was sent. %(number)s more try.",
            "This is not the code that was sent. %(number)s more tries.",
            left,
            number=format_number(left),
        )
        named = "code"
    elif error.field == "code":
        named = "code"
    return {named if named in {"code", "name"} else "phone": sentence}


def _form(*, phone: str, errors: dict[str, str], key: str | None = None) -> str:
    return render_template(
        "till/join.html",
        key=key or forms.new_key(),
        phone=phone,
        amount=forms.typed("amount"),
        errors=errors,
        ticked={each: bool(request.form.get(each)) for each in PURPOSES},
    )


def _code(enrolment_id: str, *, phone: str, errors: dict[str, str]) -> str:
    return render_template(
        "till/join_code.html",
        enrolment=enrolment_id,
        phone=phone,
        amount=forms.typed("amount"),
        errors=errors,
        key=forms.new_key(),
    )


def _place() -> Place | None:
    with access.reading() as session:
        return serving.place(session)
