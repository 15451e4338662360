"""PIN or passkey, before many points come into somebody's reach; then on to where one was."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from config.web import passkeys as browser
from network.language import gettext
from network.passkeys import PasskeyError
from network.second_factor import passkeys, pins, proofs
from network.second_factor.proofs import By
from wallet import access, forms, proving
from wallet.limits import CONFIRM, limiter, of_member
from wallet.pin_words import pin_refused
from wallet.proving import Answer, Detour
from wallet.views import code, give, pool_acts, security

blueprint = Blueprint("step_up", __name__, url_prefix="/confirm")


@blueprint.get("")
def show() -> Response | str:
    """Ask for the PIN or a passkey; whoever has neither is led to set a PIN."""
    waiting = proving.pending()
    if waiting is None:
        return redirect(url_for("home.show"))
    if not security.has_factor():
        return redirect(url_for("pin.ask"))
    return _page(waiting, {})


@blueprint.post("/pin")
@limiter.limit(CONFIRM, key_func=of_member)
def by_pin() -> Answer:
    """Take the PIN."""
    waiting = _asked()
    if waiting is None:
        return redirect(url_for("step_up.show"), code=303)
    values, errors = forms.load(forms.PinForm(), request.form)
    if errors:
        return _page(waiting, errors), 422
    with access.unit_of_work() as unit:
        refused = pins.try_pin(
            unit,
            access.services().vault,
            member_id=access.member().member_id,
            pin=values["pin"],
            wall=access.wall(),
        )
    if refused is not None:
        return _page(waiting, {"pin": pin_refused(refused, wall=access.wall())}), 422
    return go_on(waiting, by="pin")


@blueprint.post("/passkey")
@limiter.limit(CONFIRM, key_func=of_member)
def by_passkey() -> Answer:
    """Take what the member's passkey has signed."""
    waiting = _asked()
    if waiting is None:
        return redirect(url_for("step_up.show"), code=303)
    try:
        challenge = browser.asked(proving.PROVE)
        with access.unit_of_work() as unit:
            passkeys.signer(
                unit,
                party=browser.party(),
                challenge=challenge,
                answer=request.form.get("answer", ""),
                member_id=access.member().member_id,
                wall=access.wall(),
            )
    except PasskeyError:
        return _page(waiting, {"": gettext("This passkey was not taken. Try again.")}), 422
    return go_on(waiting, by="passkey")


def _asked() -> Detour | None:
    """Return what waits for its proof, where the form was made for that."""
    return proving.asked(request.form.get("asked"))


def go_on(waiting: Detour, *, by: By) -> Answer:
    """Write the proof down and let the member go on with what they were doing."""
    with access.unit_of_work() as unit:
        proofs.note(
            unit,
            member_id=access.member().member_id,
            session_id=access.current_session().session_id,
            act=waiting.act,
            by=by,
            wall=access.wall(),
        )
    proving.done()
    return _GO_ON[waiting.act.kind](waiting)


_GO_ON: Mapping[str, Callable[[Detour], Answer]] = {
    "code": lambda _: redirect(url_for("code.show"), code=303),
    "request": lambda waiting: redirect(
        url_for("requests.show", request_id=waiting.facts["request_id"]), code=303
    ),
    "gift": give.go_on,
    "pool": pool_acts.go_on,
    "threshold": security.go_on,
    "unlock": code.go_on,
    "passkey": lambda _: redirect(url_for("passkeys.ask"), code=303),
}


def _page(waiting: Detour, errors: dict[str, str]) -> str:
    known, options = security.factors(), None
    if known["passkeys"] and browser.here():
        with access.reading() as reader:
            options = passkeys.asking(
                reader,
                party=browser.party(),
                member_id=access.member().member_id,
                challenge=browser.ask(proving.PROVE),
            )
    return render_template(
        "security/confirm.html",
        waiting=waiting,
        what=what(waiting),
        options=options,
        errors=errors,
        **known,
    )


def what(waiting: Detour) -> str:
    """Return in words what the PIN is asked for."""
    return {
        "code": gettext("A code that may spend"),
        "request": gettext("A shop takes from you"),
        "gift": gettext("You give"),
        "pool": gettext("Within reach of others in a shared wallet"),
        "threshold": gettext("Asked only above"),
        "passkey": gettext("A new passkey"),
        "unlock": gettext("Your spending is unlocked"),
    }[waiting.act.kind]
