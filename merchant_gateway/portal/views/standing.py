"""Where a browser stands: its store and till, chosen once and kept with the sign-in."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from merchant_gateway.portal import access, serving
from merchant_gateway.portal.access import TILL
from network import ids
from network.ids import UnknownIdError
from network.language import gettext as _
from network.language import sort_key
from network.merchants import queries as merchants
from network.merchants.queries import StoreView, TerminalView
from network.portal import signing_in

blueprint = Blueprint("standing", __name__, url_prefix="/till/place")
MOST_SHOWN = 12
"""Stores on the page; the others are found by their name."""

Way = tuple[StoreView, list[TerminalView]]


@blueprint.get("")
@access.area(TILL)
def choose() -> str | Response:
    """Show the open stores and their tills; where there is one way only, take it."""
    with access.reading() as session:
        places = _places(session)
    ways = [
        (store.store_id, till)
        for store, tills in places
        for till in ([each.code for each in tills] or [""])
    ]
    if len(ways) == 1 and "change" not in request.args:
        store_id, till = ways[0]
        return _stand(store_id, till or None)
    found = _asked_for(places)
    return render_template(
        "till/place.html",
        places=found[:MOST_SHOWN],
        stores=len(places),
        left_out=max(0, len(found) - MOST_SHOWN),
    )


@blueprint.post("")
@access.area(TILL)
def stand() -> Response:
    """Stand at a till from now on."""
    store, _dot, till = request.form.get("place", "").partition(".")
    try:
        wanted = ids.decode("sto", store)
    except UnknownIdError:
        return _refused()
    with access.reading() as session:
        places = _places(session)
    for found, tills in places:
        listed = {each.code for each in tills}
        if found.store_id == wanted and (till in listed or not (tills or till)):
            return _stand(found.store_id, till or None)
    return _refused()


def _places(session: Session) -> list[Way]:
    tills = merchants.terminals_by_store(session, merchant_id=access.merchant().merchant_id)
    return [
        (store, [each for each in tills[store.store_id] if each.closed_at is None])
        for store in serving.open_stores(session)
    ]


def _asked_for(places: list[Way]) -> list[Way]:
    """Return the stores that the words asked for name: by name, city, code or one of the tills."""
    wanted = sort_key(request.args.get("q", ""))
    return [
        (store, tills)
        for store, tills in places
        if wanted
        in sort_key(
            f"{store.code} {store.name_fa} {store.name_en} {store.city_fa} {store.city_en} "
            + " ".join(f"{each.code} {each.name}" for each in tills)
        )
    ]


def _stand(store_id: UUID, terminal: str | None) -> Response:
    with access.unit_of_work() as session:
        signing_in.stand_at(
            session, view=access.current_session(), store_id=store_id, terminal=terminal
        )
    return redirect(url_for("till.show"))


def _refused() -> Response:
    flash(_("Choose one of the tills."), "bad")
    return redirect(url_for("standing.choose", change="yes"))
