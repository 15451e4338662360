"""Signing in and joining: a phone, the code that was sent to it, and consent if it is new."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import (
    Blueprint,
    g,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from config.web import passkeys as browser
from config.web.device import device_name
from network.language import current_locale, gettext
from network.members import service as members
from network.members.enrolment import PURPOSES
from network.members.errors import InvalidMemberDataError, InvalidPhoneError, ThrottledError
from network.members.service import CodeRefused, Confirmation, ConsentNeeded, SignedIn
from network.notices.devices import is_known, note_sign_in
from network.passkeys import asking
from wallet import access, forms
from wallet.code_words import refusal_words, wait_words
from wallet.consents import CONSENT_WORDS
from wallet.limits import CHANGE, CONFIRM, SIGN_IN, limiter
from wallet.proving import SIGN
from wallet.views.outbox import is_open

blueprint = Blueprint("sign_in", __name__)
PHONE, CODE, NEXT = "phone", "code", "next"


@blueprint.get("/sign-in")
@access.public
def ask_phone() -> Response | str:
    """Ask for the phone number."""
    target = access.safe_next(request.args.get("next"))
    if access.member_or_none() is not None:
        return redirect(target)
    return _phone_page(target=target)


@blueprint.post("/sign-in")
@access.public
@limiter.limit(SIGN_IN)
def send_code() -> Response | str | tuple[str, int]:
    """Send a code to the number."""
    target = access.safe_next(request.form.get("next") or session.get(NEXT))
    values, errors = forms.load(forms.PhoneForm(), request.form)
    status = 422
    if not errors:
        try:
            _request_code(values["phone"])
        except InvalidPhoneError:
            errors = {"phone": gettext("This is not a mobile number. Example: 0912 123 4567")}
        except ThrottledError as error:
            errors, status = {"phone": wait_words(error)}, 429
    if errors:
        typed = request.form.get("phone", "")
        return _phone_page(target=target, value=typed, errors=errors), status
    session.clear()
    session[PHONE], session[NEXT] = values["phone"], target
    return redirect(url_for("sign_in.ask_code"), code=303)


@blueprint.get("/sign-in/code")
@access.public
def ask_code() -> Response | str:
    """Ask for the code."""
    if PHONE not in session:
        return redirect(url_for("sign_in.ask_phone"))
    return _code_page()


@blueprint.post("/sign-in/code")
@access.public
@limiter.limit(CONFIRM)
def confirm() -> Response | str | tuple[str, int]:
    """Sign the person in, or ask a new one for consent."""
    if PHONE not in session:
        return redirect(url_for("sign_in.ask_phone"), code=303)
    values, errors = forms.load(forms.CodeForm(), request.form)
    if errors:
        return _code_page(errors), 422
    answer = _confirm(values["code"])
    if isinstance(answer, CodeRefused):
        return _code_page({"code": refusal_words(answer)}), 422
    if isinstance(answer, ConsentNeeded):
        session[CODE] = values["code"]
        return redirect(url_for("sign_in.ask_consent"), code=303)
    return _enter(answer)


@blueprint.get("/sign-in/join")
@access.public
def ask_consent() -> Response | str:
    """Ask a new person for consent, per purpose."""
    if CODE not in session:
        return redirect(url_for("sign_in.ask_phone"))
    return _join_page({}, {})


@blueprint.post("/sign-in/join")
@access.public
@limiter.limit(CONFIRM)
def join() -> Response | str | tuple[str, int]:
    """Open a wallet for a new person."""
    if CODE not in session:
        return redirect(url_for("sign_in.ask_phone"), code=303)
    values, errors = forms.load(forms.JoinForm(), request.form)
    if not errors and not values["membership"]:
        errors = {"membership": gettext("A wallet cannot be opened without this.")}
    answer: Confirmation | None = None
    if not errors:
        agreed = [purpose for purpose in PURPOSES if values[purpose]]
        try:
            answer = _confirm(session[CODE], consents=agreed, name=values["name"] or None)
        except InvalidMemberDataError:
            errors = {"name": gettext("This name has characters that cannot be shown.")}
    if errors:
        return _join_page(request.form.to_dict(), errors), 422
    if isinstance(answer, SignedIn):
        return _enter(answer)
    session.pop(CODE)
    return _code_page({"code": gettext("The code has lapsed. Ask for a new one.")}), 422


@blueprint.post("/sign-out")
@limiter.limit(CHANGE)
def leave() -> Response:
    """End this sign-in."""
    current = access.current_session()
    with access.unit_of_work() as unit:
        members.end_session(
            unit, member_id=current.member_id, session_id=current.session_id, wall=access.wall()
        )
    session.clear()
    response = make_response(redirect(url_for("sign_in.ask_phone"), code=303))
    access.forget(response)
    return response


def _request_code(phone: str) -> None:
    services = access.services()
    with access.unit_of_work() as unit:
        members.request_code(
            unit,
            services.vault,
            phone=phone,
            address=request.remote_addr,
            locale=current_locale(),
            domain=urlsplit(services.settings.wallet_url).hostname or "localhost",
            wall=access.wall(),
            browser=_known_browser(unit, phone),
        )


def _confirm(
    code: str, *, consents: list[str] | None = None, name: str | None = None
) -> Confirmation:
    services, device = access.services(), device_name(request.user_agent.string)
    with access.unit_of_work() as unit:
        answer = members.confirm_code(
            unit,
            services.vault,
            phone=session[PHONE],
            code=code,
            wall=access.wall(),
            now=access.now(),
            locale=current_locale(),
            consents=consents or (),
            name=name,
            device=device,
            browser=_known_browser(unit, session[PHONE]),
        )
        if isinstance(answer, SignedIn):
            note_sign_in(
                unit,
                services.vault,
                signed_in=answer,
                token=access.device_token(),
                device=device,
                wallet_url=services.settings.wallet_url,
                wall=access.wall(),
            )
    return answer


def _known_browser(unit: Session, phone: str) -> str | None:
    """Return this browser's token where the phone's member has signed in on it before."""
    token, vault = access.device_token(), access.services().vault
    return token if is_known(unit, vault, phone=phone, token=token) else None


def _enter(signed_in: SignedIn) -> Response:
    target = access.safe_next(session.get(NEXT))
    session.clear()
    response = make_response(redirect(target, code=303))
    access.remember(response, token=signed_in.token, expires_at=signed_in.expires_at)
    access.remember_device(response)
    g.keep_language = True
    return response


def _phone_page(*, target: str, value: str = "", errors: dict[str, str] | None = None) -> str:
    usable = browser.here()
    options = asking(party=browser.party(), challenge=browser.ask(SIGN)) if usable else None
    return render_template(
        "sign_in/phone.html",
        options=options,
        next=target if target != "/" else "",
        value=value,
        errors=errors or {},
        outbox_open=is_open(),
    )


def _code_page(errors: dict[str, str] | None = None) -> str:
    return render_template(
        "sign_in/code.html", phone=session[PHONE], errors=errors or {}, outbox_open=is_open()
    )


def _join_page(values: dict[str, str], errors: dict[str, str]) -> str:
    return render_template("sign_in/join.html", values=values, errors=errors, words=CONSENT_WORDS)
