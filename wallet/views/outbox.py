"""The local message page: where sign-in codes appear when no message leaves this machine."""

from __future__ import annotations

from ipaddress import ip_address

from flask import Blueprint, abort, current_app, render_template, request

from network.messaging import queries as messaging
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
    """Show the last messages, the newest first."""
    if not is_open():
        abort(404)
    with access.reading() as session:
        found = messaging.latest(session, access.services().vault, limit=SHOWN)
    return render_template("outbox.html", messages=found)
