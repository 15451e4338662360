"""The till asks who stands at it: by a PIN, after a while without use or when it is handed over.

Public, because the page has to open where nobody acts; it opens only in a browser in which somebody
of the merchant signed in with a password, and shows nothing but first names to choose from.
"""

from __future__ import annotations

from collections.abc import Mapping

import flask
from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from merchant_gateway.portal import access
from merchant_gateway.portal.access import TILL
from network import ids
from network.ids import UnknownIdError
from network.language import LazyText
from network.language import gettext as _
from network.language import lazy_gettext as _l
from network.merchants import queries as merchants
from network.portal import pins
from network.portal.errors import NoPinError
from network.portal.pins import Unlocking
from network.portal.queries import PREFIX, Browser

blueprint = Blueprint("locking", __name__, url_prefix="/till/lock")
_REFUSED: Mapping[str, tuple[int, LazyText]] = {
    "wrong": (401, _l("That is not this person's PIN.")),
    "locked": (
        403,
        _l(
            "Too many wrong PINs: this one is locked. Its owner signs in with the password, or an "
            "administrator resets it."
        ),
    ),
    "throttled": (429, _l("Too many attempts. Wait a quarter of an hour, or use a password.")),
}


@blueprint.get("")
@access.public
def show() -> str | Response:
    """Ask who stands at the till, also to hand it over while somebody still does."""
    browser = access.browser()
    if browser is None:
        return redirect(url_for("signing.sign_in"))
    return _page(browser)


@blueprint.post("")
@access.area(TILL)
def lock() -> Response:
    """Lock the till: whoever comes next types a PIN."""
    browser = access.browser()
    if browser is None:
        return redirect(url_for("signing.sign_in"))
    try:
        with access.unit_of_work() as session:
            pins.lock(session, browser=browser, wall=access.wall())
    except NoPinError:
        flash(_("Nobody has a PIN yet. Choose yours here; then the till can be locked."), "warn")
        return redirect(url_for("account.show"))
    flask.session.clear()
    return redirect(url_for("locking.show"), 303)


@blueprint.post("/open")
@access.public
def unlock() -> str | Response | tuple[str, int]:
    """Let whoever's PIN it is stand at the till."""
    browser = access.browser()
    if browser is None:
        return redirect(url_for("signing.sign_in"))
    try:
        user_id = ids.decode(PREFIX, request.form.get("person", ""))
    except UnknownIdError:
        return _page(browser, errors={"person": _("Choose who you are.")}), 422
    typed = Unlocking(
        user_id=user_id,
        pin=request.form.get("pin", ""),
        user_agent=request.user_agent.string,
        address=request.remote_addr or "",
    )
    with access.unit_of_work() as session:
        outcome = pins.unlock(
            session, access.services().vault, browser=browser, typed=typed, wall=access.wall()
        )
    if outcome == "done":
        flask.session.clear()
        return redirect(url_for("till.show"), 303)
    status, said = _REFUSED[outcome]
    return _page(browser, errors={"pin": str(said)}), status


def _page(browser: Browser, *, errors: dict[str, str] | None = None) -> str:
    with access.reading() as session:
        people = pins.people(session, merchant_id=browser.merchant.merchant_id)
        stores = merchants.stores(session, merchant_id=browser.merchant.merchant_id)
        last = pins.last_at(session, base=browser.base)
    return render_template(
        "till/lock.html",
        of=browser.merchant,
        acting=None if browser.acting is None else browser.acting.user,
        people=people,
        chosen=request.form.get("person") or last,
        store=next((each for each in stores if each.store_id == browser.base.store_id), None),
        terminal=browser.base.terminal,
        errors=errors or {},
        longest=pins.LONGEST,
    )
