"""The local message page: where sign-in codes appear when no message leaves this machine."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address
from uuid import UUID

from flask import Blueprint, abort, current_app, render_template, request, url_for

from network.messaging import queries as messaging
from network.messaging.queries import MessageView
from wallet import access

blueprint = Blueprint("outbox", __name__, url_prefix="/outbox")
SHOWN = 30


def is_open() -> bool:
    """Return whether messages may be shown here.

    Only where none leaves (no SMS provider is set), and then to everybody in a simulated
    installation, in a real one only to this machine.
    """
    if access.services().settings.sms_url is not None:
        return False
    if access.clock().simulated:
        return True
    here = request.remote_addr is None or ip_address(request.remote_addr).is_loopback
    return bool(current_app.config["LOCAL_MESSAGES"]) and here


@blueprint.get("")
@access.public
def show() -> str:
    """Show messages, the newest first, a page at a time."""
    if not is_open():
        abort(404)
    before = _before()
    with access.reading() as session:
        found = messaging.latest(session, access.services().vault, limit=SHOWN + 1, before=before)
    shown = found[:SHOWN]
    return render_template(
        "outbox.html",
        messages=shown,
        newest=url_for("outbox.show") if before else None,
        older=url_for("outbox.show", before=_key(shown[-1])) if len(found) > SHOWN else None,
    )


def _key(message: MessageView) -> str:
    return f"{message.created_at.astimezone(UTC):%Y%m%dT%H%M%S.%f}_{message.message_id}"


def _before() -> tuple[datetime, UUID] | None:
    """Return the message after which the page goes on; a key that is none begins anew."""
    moment, _, message_id = request.args.get("before", "").partition("_")
    try:
        return datetime.strptime(f"{moment}+0000", "%Y%m%dT%H%M%S.%f%z"), UUID(message_id)
    except ValueError:
        return None
