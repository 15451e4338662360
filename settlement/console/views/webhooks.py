"""A merchant's webhooks: its endpoints, what was posted to them, and another delivery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask import Response as BaseResponse
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from config.web import listing
from config.web.listing import Page
from network import ids
from network.events import feed
from network.events.webhooks import deliveries, endpoints, queries
from network.events.webhooks.endpoints import EndpointDisabledError, UnknownEndpointError, Wanted
from network.events.webhooks.queries import DeliveryView
from network.language import gettext as _
from network.merchants import queries as merchants
from network.operators.roles import OPERATOR, VIEWER
from settlement.console import access

blueprint = Blueprint("webhooks", __name__, url_prefix="/merchants/<code>/webhooks")
MOST_DELIVERIES = 1_000
"""How many deliveries are sorted and searched at once; older ones on a further page."""

STATES = ("waiting", "delivered", "failed", "dropped")
_COLUMNS = (
    *("delivery", "event", "number", "type", "address", "state", "attempts"),
    *("last_attempt", "outcome", "status", "next_attempt"),
)


@blueprint.get("")
@access.access(VIEWER)
def show(code: str) -> str | BaseResponse:
    """Show a merchant's endpoints and the newest deliveries, of all of them or of one."""
    chosen, state = listing.argument("endpoint"), listing.argument("state")
    with access.reading() as session:
        merchant = merchants.merchant(session, code=code)
        found = endpoints.endpoints(session, merchant_id=merchant.merchant_id)
        log = queries.deliveries(
            session,
            merchant_id=merchant.merchant_id,
            endpoint_id=None if chosen is None else ids.decode(endpoints.PREFIX, chosen),
            state=state if state in STATES else None,
            before=listing.before_moment(queries.PREFIX),
            limit=listing.asked(MOST_DELIVERIES),
        )
    shown, more = listing.first(log, MOST_DELIVERIES)
    urls = {each.endpoint_id: each.url for each in found}
    page = _arranged(shown, urls)
    if listing.wants_csv():
        rows = [_exported(each, urls) for each in page.rows]
        return listing.csv_response(f"deliveries-{code}", _COLUMNS, rows)
    return render_template(
        "webhooks.html",
        merchant=merchant,
        endpoints=found,
        urls=urls,
        open_ids={each.endpoint_id for each in found if each.state == "enabled"},
        page=page,
        states=STATES,
        newest=listing.address(before=None) if request.args.get("before") else None,
        earlier=listing.address(before=listing.moment_key(shown[-1]), **{"from": None})
        if more
        else None,
    )


def _arranged(log: Sequence[DeliveryView], urls: Mapping[UUID, str]) -> Page[DeliveryView]:
    def outcome(row: DeliveryView) -> str:
        return "" if row.last is None else f"{row.last.outcome or ''} {row.last.status or ''}"

    return listing.arrange(
        log,
        sort="-queued",
        keys={
            "queued": lambda row: (row.created_at, row.delivery_id),
            "event": lambda row: row.number,
            "type": lambda row: row.type,
            "state": lambda row: row.state,
            "attempts": lambda row: len(row.attempts),
            "last": lambda row: None if row.last is None else row.last.started_at,
            "next": lambda row: row.next_attempt_at,
        },
        words=lambda row: (
            f"{row.event} {row.type} {urls.get(row.endpoint_id, '')} {row.state} {outcome(row)}"
        ),
    )


def _exported(row: DeliveryView, urls: Mapping[UUID, str]) -> tuple[object, ...]:
    last = row.last
    return (
        row.public_id,
        row.event,
        row.number,
        row.type,
        urls.get(row.endpoint_id),
        row.state,
        len(row.attempts),
        None if last is None else last.started_at.isoformat(),
        None if last is None else last.outcome,
        None if last is None else last.status,
        None if row.next_attempt_at is None else row.next_attempt_at.isoformat(),
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
    access.record(session, action, subject=f"merchant:{code}", facts=facts)
