"""Stores and tills of the merchant: added, renamed, closed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from config.web import fields, listing
from merchant_gateway.portal import access
from merchant_gateway.portal.access import OFFICE
from network.errors import PeyvandError
from network.language import LazyText, current_locale
from network.language import gettext as _
from network.language import lazy_gettext as _l
from network.merchants import errors, places, queries

blueprint = Blueprint("places", __name__, url_prefix="/places")
Act = Callable[[Session, UUID], Mapping[str, Any]]
_REFUSALS: dict[type[PeyvandError], LazyText] = {
    errors.SponsorSellsNothingError: _l("A sponsor has no stores, tills or keys."),
    errors.CodeTakenError: _l("This code is taken."),
    errors.MerchantDataError: _l("Some field is empty, too long, or not as it should be."),
    errors.UnknownPlaceError: _l("There is no such store or till, or the store is closed."),
}


@blueprint.get("")
@access.area(OFFICE)
def index() -> str | Response:
    """Show the stores with their tills, and the forms."""
    with access.reading() as session:
        merchant_id = access.merchant().merchant_id
        stores = queries.stores(session, merchant_id=merchant_id)
        tills = queries.terminals_by_store(session, merchant_id=merchant_id)
    page = listing.arrange(
        stores,
        keys={
            "name": lambda each: each.name(current_locale()),
            "city": lambda each: (each.city_fa if current_locale() == "fa" else each.city_en) or "",
            "code": lambda each: each.code,
            "tills": lambda each: len(tills.get(each.store_id, ())),
            "open": lambda each: each.closed_at is not None,
        },
        sort="name",
        words=lambda each: " ".join(
            filter(None, (each.name_fa, each.name_en, each.city_fa, each.city_en, each.code))
        ),
    )
    if listing.wants_csv():
        rows = (
            (
                *(each.code, each.name_fa, each.name_en, each.city_fa, each.city_en),
                " ".join(till.code for till in tills.get(each.store_id, ())),
                each.closed_at,
            )
            for each in page.rows
        )
        columns = ("store", "name_fa", "name_en", "city_fa", "city_en", "tills", "closed")
        return listing.csv_response(f"{access.merchant().code}-stores", columns, rows)
    return render_template("office/places.html", page=page, stores=stores, tills=tills)


@blueprint.post("/stores")
@access.area(OFFICE)
def change_store() -> Response:
    """Add a store, or give the one with this code other names."""
    renamed = request.form.get("do") == "rename"

    def act(session: Session, merchant_id: UUID) -> Mapping[str, Any]:
        change = places.rename_store if renamed else places.add_store
        change(session, merchant_id=merchant_id, code=fields.words("store"), **fields.names())
        return {"store": fields.words("store"), "name_en": fields.words("name_en")}

    action = "store.renamed" if renamed else "store.added"
    return _do(action, act, said=_("Renamed.") if renamed else _("Added."))


@blueprint.post("/stores/close")
@access.area(OFFICE)
def close_store() -> Response:
    """Have a store take no more calls."""

    def act(session: Session, merchant_id: UUID) -> Mapping[str, Any]:
        code = fields.words("store")
        places.close_store(session, merchant_id=merchant_id, code=code, now=access.wall())
        return {"store": code}

    return _do("store.closed", act, said=_("Closed."))


@blueprint.post("/terminals")
@access.area(OFFICE)
def change_terminal() -> Response:
    """Put a till on its store's list, rename it, or close it."""
    wanted = request.form.get("do", "add")

    def act(session: Session, merchant_id: UUID) -> Mapping[str, Any]:
        till = {"store": fields.words("store"), "code": fields.words("terminal")}
        if wanted == "close":
            places.close_terminal(session, merchant_id=merchant_id, **till, now=access.wall())
        elif wanted == "rename":
            places.rename_terminal(
                session, merchant_id=merchant_id, **till, name=fields.words("name")
            )
        else:
            places.add_terminal(
                session,
                merchant_id=merchant_id,
                **till,
                name=fields.words("name"),
                now=access.wall(),
            )
        return {"store": till["store"], "terminal": till["code"]}

    action, said = {
        "close": ("terminal.closed", _("Closed.")),
        "rename": ("terminal.renamed", _("Renamed.")),
    }.get(wanted, ("terminal.added", _("Added.")))
    return _do(action, act, said=said)


def _do(action: str, act: Act, *, said: str) -> Response:
    """Do something to the merchant's places, log it, and go back to the page."""
    try:
        with access.unit_of_work() as session:
            facts = act(session, access.merchant().merchant_id)
            access.record(session, action, **facts)
    except tuple(_REFUSALS) as error:
        flash(str(_REFUSALS[type(error)]), "bad")
    else:
        access.gateway().guard.announce()
        flash(said, "good")
    return redirect(url_for("places.index"))
