"""Webhooks of the merchant: endpoints made, changed, tried out; deliveries and redelivery."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from config.web import listing
from merchant_gateway.portal import access, calls, forms, words
from merchant_gateway.portal.access import OFFICE
from network import ids
from network.errors import PeyvandError
from network.events.types import SUBSCRIBABLE
from network.events.webhooks import endpoints, queries
from network.language import gettext as _

blueprint = Blueprint("webhooks", __name__, url_prefix="/webhooks")
OVERLAP_HOURS = 24


@blueprint.get("")
@access.area(OFFICE)
def index() -> str:
    """Show the endpoints and the newest deliveries, of all of them or of one."""
    return _page(errors={})


@blueprint.post("")
@access.area(OFFICE)
def create() -> str | Response | tuple[str, int]:
    """Make an endpoint; its secret is shown this once."""
    body: dict[str, Any] = {"url": forms.typed("url"), "types": request.form.getlist("types")}
    body = {name: value for name, value in body.items() if value}
    if description := forms.typed("description"):
        body["description"] = description
    try:
        made = calls.ask("create_webhook_endpoint", body, key=forms.form_key())
    except PeyvandError as error:
        return _page(errors={"url": words.refusal(error)[1]}), 422
    return render_template("office/webhook_secret.html", made=made)


@blueprint.post("/<endpoint_id>/rotate")
@access.area(OFFICE)
def rotate(endpoint_id: str) -> str:
    """Give an endpoint new keys; the old ones sign beside them for a day."""
    made = calls.ask(
        "rotate_webhook_secret",
        {"overlap_hours": OVERLAP_HOURS},
        key=forms.form_key(),
        endpoint_id=endpoint_id,
    )
    return render_template("office/webhook_secret.html", made=made)


@blueprint.post("/<endpoint_id>/state")
@access.area(OFFICE)
def change_state(endpoint_id: str) -> Response:
    """Disable an endpoint, or enable it again."""
    state = "enabled" if request.form.get("enabled") == "yes" else "disabled"

    def ask() -> object:
        return calls.ask("change_webhook_endpoint", {"state": state}, endpoint_id=endpoint_id)

    said = _("Enabled.") if state == "enabled" else _("Disabled. What waits for it waits.")
    return _do(ask, said=said)


@blueprint.post("/<endpoint_id>/remove")
@access.area(OFFICE)
def remove(endpoint_id: str) -> Response:
    """Remove an endpoint with its keys; what waits for it is dropped."""

    def ask() -> object:
        return calls.ask("delete_webhook_endpoint", {}, endpoint_id=endpoint_id)

    return _do(ask, said=_("Removed."))


@blueprint.post("/<endpoint_id>/test")
@access.area(OFFICE)
def test(endpoint_id: str) -> Response:
    """Send a test event to an endpoint."""

    def ask() -> object:
        return calls.ask("send_test_event", {}, key=forms.form_key(), endpoint_id=endpoint_id)

    return _do(ask, said=_("A test event is on its way: the deliveries show how it goes."))


@blueprint.post("/redeliver")
@access.area(OFFICE)
def redeliver() -> Response:
    """Deliver an event to an endpoint once more, under the same id."""
    event, endpoint = request.form.get("event", ""), request.form.get("endpoint", "")

    def ask() -> object:
        body = {"endpoint": endpoint}
        return calls.ask("redeliver_event", body, key=forms.form_key(), event_id=event)

    return _do(ask, said=_("On its way again, under the same id."))


def _do(ask: Callable[[], object], *, said: str) -> Response:
    """Ask for something, say what is refused in words, and go back to the page."""
    try:
        ask()
    except PeyvandError as error:
        if isinstance(error, ids.UnknownIdError | endpoints.UnknownEndpointError):
            abort(404)
        flash(words.refusal(error)[1], "bad")
    else:
        flash(said, "good")
    return redirect(url_for("webhooks.index"))


def _page(*, errors: dict[str, str]) -> str:
    merchant_id = access.merchant().merchant_id
    chosen = listing.argument("endpoint")
    with access.reading() as session:
        found = endpoints.endpoints(session, merchant_id=merchant_id)
        log = queries.deliveries(
            session,
            merchant_id=merchant_id,
            endpoint_id=None if chosen is None else ids.decode(endpoints.PREFIX, chosen),
            before=listing.before_moment(queries.PREFIX),
            limit=listing.PAGE_ROWS + 1,
        )
    rows = log[: listing.PAGE_ROWS]
    return render_template(
        "office/webhooks.html",
        endpoints=found,
        urls={each.endpoint_id: each.url for each in found},
        types=SUBSCRIBABLE,
        rows=rows,
        errors=errors,
        typed=request.form,
        key=forms.new_key,
        newest=listing.address(before=None) if request.args.get("before") else None,
        older=listing.address(before=listing.moment_key(rows[-1]))
        if len(log) > len(rows)
        else None,
    )
