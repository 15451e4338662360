"""The network's signing keys: what each signs, since when, and its public half."""

from __future__ import annotations

from flask import Blueprint, render_template

from network.operators.roles import VIEWER
from network.signing import queries as signing
from settlement.console import access

blueprint = Blueprint("network_keys", __name__, url_prefix="/network-keys")


@blueprint.get("")
@access.access(VIEWER)
def index() -> str:
    """Show every key that the network signs or signed with; a key's id leads to its row."""
    with access.reading() as session:
        found = signing.network_keys(session)
    return render_template("network_keys.html", keys=found, wall=access.wall())
