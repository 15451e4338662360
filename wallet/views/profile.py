"""Profile: language and money unit, the devices that are signed in, signing out."""

from __future__ import annotations

from uuid import UUID

from flask import (
    Blueprint,
    abort,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.wrappers import Response

from network.language import gettext, use_locale
from network.members import queries as member_queries
from network.members import service as members
from network.members.cards import grouped
from network.notices import choices
from network.notices.choices import OPTIONAL, Choice
from wallet import access, forms
from wallet.consents import CONSENT_WORDS
from wallet.limits import CHANGE, limiter
from wallet.notice_words import CHOICES, hours
from wallet.phones import shown_phone

blueprint = Blueprint("profile", __name__, url_prefix="/profile")


@blueprint.get("")
def show() -> str:
    """Show the profile."""
    return _page({})


@blueprint.post("/preferences")
@limiter.limit(CHANGE)
def set_preferences() -> Response | tuple[str, int]:
    """Choose language and money unit."""
    values, errors = forms.load(forms.PreferencesForm(), request.form)
    if errors:
        return _page(errors), 422
    with access.unit_of_work() as unit:
        members.set_preferences(
            unit,
            member_id=access.member().member_id,
            locale=values["locale"],
            money_unit=values["money_unit"],
        )
    with use_locale(values["locale"]):
        flash(gettext("Saved."), "good")
    response = make_response(redirect(url_for("profile.show"), code=303))
    # The choice made by link on this device gives way to what was chosen here.
    response.delete_cookie(current_app.config["PEYVAND_LANGUAGE_COOKIE"])
    return response


@blueprint.post("/consents")
@limiter.limit(CHANGE)
def set_consents() -> Response:
    """Say yes or no to the optional purposes; what did not change is not written again."""
    member_id = access.member().member_id
    values, _ = forms.load(forms.ConsentForm(), request.form)
    with access.unit_of_work() as unit:
        before = member_queries.consents(unit, member_id=member_id)
        for purpose, granted in values.items():
            if before.get(purpose, False) != granted:
                members.record_consent(
                    unit,
                    member_id=member_id,
                    purpose=purpose,
                    granted=granted,
                    now=access.now(),
                )
    flash(gettext("Saved."), "good")
    return redirect(url_for("profile.show"), code=303)


@blueprint.post("/notices")
@limiter.limit(CHANGE)
def set_notices() -> Response | tuple[str, int]:
    """Choose what comes by message, and the hours of quiet."""
    values, errors = forms.load(forms.NoticesForm(), request.form)
    if errors:
        return _page(errors), 422
    wanted = Choice(
        muted=frozenset(kind for kind in OPTIONAL if not values[kind]),
        quiet_from=int(values["quiet_from"]),
        quiet_until=int(values["quiet_until"]),
    )
    with access.unit_of_work() as unit:
        choices.choose(unit, member_id=access.member().member_id, choice=wanted)
    flash(gettext("Saved."), "good")
    return redirect(url_for("profile.show"), code=303)


@blueprint.post("/sessions/end")
@limiter.limit(CHANGE)
def end_session() -> Response:
    """End a sign-in on another device."""
    try:
        session_id = UUID(request.form.get("session", ""))
    except ValueError:
        abort(400)
    with access.unit_of_work() as unit:
        ended = members.end_session(
            unit,
            member_id=access.member().member_id,
            session_id=session_id,
            wall=access.wall(),
        )
    if ended:
        flash(gettext("That device is signed out."), "good")
    return redirect(url_for("profile.show"), code=303)


def _page(errors: dict[str, str]) -> str:
    member = access.member()
    with access.reading() as session:
        cards = member_queries.cards(session, member_id=member.member_id)
        consents = member_queries.consents(session, member_id=member.member_id)
        told = choices.choice_of(session, member_id=member.member_id)
        sessions = member_queries.sessions(
            session, access.services().vault, member_id=member.member_id, now=access.wall()
        )
    return render_template(
        "profile/show.html",
        phone=shown_phone(member.phone),
        cards=[grouped(card.card_number) for card in cards if card.blocked_at is None],
        sessions=sessions,
        current=access.current_session().session_id,
        errors=errors,
        consents=consents,
        consent_words=CONSENT_WORDS,
        told=told,
        notice_words=CHOICES,
        hours=hours(),
    )
