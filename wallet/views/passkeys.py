"""Passkeys: made and removed on the page of security, and a way to sign in."""

from __future__ import annotations

from uuid import UUID

from flask import (
    Blueprint,
    abort,
    flash,
    g,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from werkzeug.wrappers import Response

from config.web import passkeys as browser
from config.web.device import device_name
from network.language import gettext
from network.members.service import start_session
from network.notices.devices import note_sign_in
from network.passkeys import PasskeyError
from network.second_factor import passkeys
from network.second_factor.errors import ProofNeededError
from network.second_factor.proofs import Act
from wallet import access, proving
from wallet.limits import CHANGE, SIGN_IN, limiter
from wallet.proving import MAKE, SIGN

blueprint = Blueprint("passkeys", __name__)
NEW = Act(kind="passkey")


@blueprint.get("/profile/security/passkeys/new")
def ask() -> Response | str:
    """Offer to make a passkey, once the member has proven themselves."""
    with access.reading() as reader:
        proven = proving.proven(reader, NEW)
        usable = browser.here()
        options = None
        if proven and usable:
            options = passkeys.making(
                reader, party=browser.party(), member=access.member(), challenge=browser.ask(MAKE)
            )
    if usable and not proven:
        return proving.detour(NEW)
    return render_template(
        "security/passkey.html",
        options=options,
        elsewhere=None if usable else browser.party().origin,
    )


@blueprint.post("/profile/security/passkeys")
@limiter.limit(CHANGE)
def add() -> Response:
    """Keep the passkey that the member's device has made."""
    services = access.services()
    try:
        challenge = browser.asked(MAKE)
        with access.unit_of_work() as unit:
            passkeys.register(
                unit,
                services.vault,
                party=browser.party(),
                member=access.member(),
                session_id=access.current_session().session_id,
                challenge=challenge,
                answer=request.form.get("answer", ""),
                name=request.form.get("name", ""),
                wallet_url=services.settings.wallet_url,
                wall=access.wall(),
            )
    except ProofNeededError:
        return proving.detour(NEW)
    except PasskeyError:
        flash(gettext("No passkey was made. Try again, or remove one of ten first."), "bad")
        return redirect(url_for("security.show"), code=303)
    flash(gettext("The passkey is yours: it opens your wallet from now on."), "good")
    return redirect(url_for("security.show"), code=303)


@blueprint.post("/profile/security/passkeys/<uuid:passkey_id>/remove")
@limiter.limit(CHANGE)
def remove(passkey_id: UUID) -> Response:
    """Take a passkey away."""
    with access.unit_of_work() as unit:
        gone = passkeys.remove(unit, member_id=access.member().member_id, passkey_id=passkey_id)
    if not gone:
        abort(404)
    flash(gettext("The passkey no longer opens your wallet."), "good")
    return redirect(url_for("security.show"), code=303)


@blueprint.post("/sign-in/passkey")
@access.public
@limiter.limit(SIGN_IN)
def enter() -> Response:
    """Sign in the owner of the passkey that has signed."""
    target = access.safe_next(request.form.get("next"))
    services, device = access.services(), device_name(request.user_agent.string)
    try:
        challenge = browser.asked(SIGN)
        with access.unit_of_work() as unit:
            member_id = passkeys.signer(
                unit,
                party=browser.party(),
                challenge=challenge,
                answer=request.form.get("answer", ""),
                member_id=None,
                wall=access.wall(),
            )
            entered = start_session(
                unit,
                services.vault,
                member_id=member_id,
                wall=access.wall(),
                device=device,
            )
            note_sign_in(
                unit,
                services.vault,
                signed_in=entered,
                token=access.device_token(),
                device=device,
                wallet_url=services.settings.wallet_url,
                wall=access.wall(),
            )
    except PasskeyError:
        flash(gettext("This passkey opens no wallet here. Sign in with a code."), "bad")
        return redirect(url_for("sign_in.ask_phone"), code=303)
    session.clear()
    response = make_response(redirect(target, code=303))
    access.remember(response, token=entered.token, expires_at=entered.expires_at)
    access.remember_device(response)
    g.keep_language = True
    return response
