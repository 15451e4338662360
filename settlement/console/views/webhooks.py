"""A merchant's webhooks: its endpoints, what was posted to them, and another delivery."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from network import ids
from network.events import feed
from network.events.webhooks import deliveries, endpoints, queries
from network.events.webhooks.endpoints import EndpointDisabledError, UnknownEndpointError, Wanted
from network.events.webhooks.queries import DeliveryView
from network.language import gettext as _
from network.merchants import queries as merchants
from network.operators.audit import record_act
from network.operators.roles import OPERATOR, VIEWER
from settlement.console import access, listing

blueprint = Blueprint("webhooks", __name__, url_prefix="/merchants/<code>/webhooks")


@blueprint.get("")
@access.access(VIEWER)
def show(code: str) -> str:
    """Show a merchant's endpoints and the newest deliveries, of all of them or of one."""
    with access.reading() as session:
        merchant = merchants.merchant(session, code=code)
        found = endpoints.endpoints(session, merchant_id=merchant.merchant_id)
        chosen = listing.argument("endpoint")
        log = queries.deliveries(
            session,
            merchant_id=merchant.merchant_id,
            endpoint_id=None if chosen is None else ids.decode(endpoints.PREFIX, chosen),
            before=_before(),
            limit=listing.PAGE_ROWS + 1,
        )
    rows = log[: listing.PAGE_ROWS]
    return render_template(
        "webhooks.html",
        merchant=merchant,
        endpoints=found,
        urls={each.endpoint_id: each.url for each in found},
        open_ids={each.endpoint_id for each in found if each.state == "enabled"},
        rows=rows,
        newest=listing.address(before=None) if request.args.get("before") else None,
        older=listing.address(before=_place(rows[-1])) if len(log) > len(rows) else None,
    )


@blueprint.post("/redeliver")
@access.access(OPERATOR)
def redeliver(code: str) -> Response:
    """Deliver an event to an endpoint once more, under the same id."""
    event, endpoint = request.form.get("event", ""), request.form.get("endpoint", "")
    try:
        with access.unit_of_work() as session:
            deliveries.redeliver(
                session,
                merchant_id=_merchant(session, code),
                event_id=ids.decode(feed.PREFIX, event),
                endpoint_id=ids.decode(endpoints.PREFIX, endpoint),
                now=access.wall(),
            )
            _record(session, code, "webhook.redelivered", event=event, endpoint=endpoint)
    except EndpointDisabledError:
        flash(_("This endpoint is disabled: enable it first."), "bad")
    except (ids.UnknownIdError, feed.UnknownEventError, UnknownEndpointError):
        abort(404)
    else:
        flash(_("On its way again, under the same id."), "good")
    return redirect(url_for("webhooks.show", code=code))


@blueprint.post("/<endpoint_id>/state")
@access.access(OPERATOR)
def change_state(code: str, endpoint_id: str) -> Response:
    """Disable an endpoint, or enable it again."""
    enabled = request.form.get("enabled") == "yes"
    try:
        with access.unit_of_work() as session:
            endpoints.change(
                session,
                merchant_id=_merchant(session, code),
                endpoint_id=ids.decode(endpoints.PREFIX, endpoint_id),
                wanted=Wanted(enabled=enabled),
                by="operator",
                now=access.wall(),
            )
            action = "webhook.enabled" if enabled else "webhook.disabled"
            _record(session, code, action, endpoint=endpoint_id)
    except (ids.UnknownIdError, UnknownEndpointError):
        abort(404)
    flash(_("Enabled.") if enabled else _("Disabled. What waits for it waits."), "good")
    return redirect(url_for("webhooks.show", code=code))


def _merchant(session: Session, code: str) -> UUID:
    return merchants.merchant(session, code=code).merchant_id


def _record(session: Session, code: str, action: str, **facts: str) -> None:
    record_act(
        session,
        now=access.wall(),
        actor=access.operator().public_id,
        action=action,
        subject=f"merchant:{code}",
        facts=facts,
    )


def _place(last: DeliveryView) -> str:
    return f"{last.created_at.isoformat()}~{last.public_id}"


def _before() -> tuple[datetime, UUID] | None:
    """Return where ``?before=`` says that the page goes on; 404 where it says nothing sensible."""
    text = listing.argument("before")
    if text is None:
        return None
    moment, _tilde, delivery = text.partition("~")
    try:
        return datetime.fromisoformat(moment), ids.decode(queries.PREFIX, delivery)
    except (ValueError, ids.UnknownIdError):
        abort(404)
