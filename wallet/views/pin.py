"""The member's PIN: set, changed, or set anew when it is forgotten, always by a one-time code."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from network.language import gettext
from network.members.errors import ThrottledError
from network.members.sign_in import CodeRefused
from network.second_factor import setting
from network.second_factor.errors import WeakPinError
from network.second_factor.strength import plain_pin
from wallet import access, forms, proving
from wallet.code_words import refusal_words, wait_words
from wallet.limits import CHANGE, CONFIRM, limiter, of_member
from wallet.pin_words import weak_words
from wallet.proving import Answer, Detour
from wallet.views import security, step_up
from wallet.views.outbox import is_open

blueprint = Blueprint("pin", __name__, url_prefix="/profile/security/pin")


@blueprint.get("")
def ask() -> str:
    """Say what a PIN is for, and offer the code that sets it."""
    return _begin_page({})


@blueprint.post("")
@limiter.limit(CHANGE)
def send_code() -> Response | tuple[str, int]:
    """Send the code that sets a PIN."""
    services = access.services()
    try:
        with access.unit_of_work() as unit:
            setting.ask(
                unit,
                services.vault,
                member=access.member(),
                address=request.remote_addr,
                domain=urlsplit(services.settings.wallet_url).hostname or "localhost",
                wall=access.wall(),
            )
    except ThrottledError as error:
        return _begin_page({"": wait_words(error)}), 429
    return redirect(url_for("pin.new", asked=request.form.get("asked") or None), code=303)


@blueprint.get("/new")
def new() -> str:
    """Ask for the code and the PIN."""
    return _pin_page(proving.asked(request.args.get("asked")), {})


@blueprint.post("/new")
@limiter.limit(CONFIRM, key_func=of_member)
def set_pin() -> Answer:
    """Set the PIN, and go on with what it was asked for, where the page said so."""
    waiting = proving.asked(request.form.get("asked"))
    values, errors = forms.load(forms.NewPinForm(), request.form)
    if not errors and plain_pin(values["pin"]) != plain_pin(values["again"]):
        errors = {"again": gettext("This is not the same PIN.")}
    if not errors:
        errors = _set(values)
    if errors:
        return _pin_page(waiting, errors), 422
    flash(gettext("Your PIN is set."), "good")
    if waiting is None:
        return redirect(url_for("security.show"), code=303)
    return step_up.go_on(waiting, by="pin")


def _set(values: dict[str, Any]) -> dict[str, str]:
    services = access.services()
    try:
        with access.unit_of_work() as unit:
            refused = setting.set_pin(
                unit,
                services.vault,
                member=access.member(),
                code=values["code"],
                pin=values["pin"],
                wallet_url=services.settings.wallet_url,
                wall=access.wall(),
            )
    except WeakPinError as error:
        return {"pin": weak_words(error)}
    return {"code": refusal_words(refused)} if isinstance(refused, CodeRefused) else {}


def _begin_page(errors: dict[str, str]) -> str:
    waiting = proving.pending()
    with access.reading() as reader:
        above = proving.limits(reader).points
    return render_template(
        "security/begin.html",
        waiting=waiting,
        what=step_up.what(waiting) if waiting else "",
        above=above,
        errors=errors,
        outbox_open=is_open(),
        **security.factors(),
    )


def _pin_page(waiting: Detour | None, errors: dict[str, str]) -> str:
    return render_template(
        "security/pin.html",
        waiting=waiting,
        what=step_up.what(waiting) if waiting else "",
        errors=errors,
        outbox_open=is_open(),
    )
