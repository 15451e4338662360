"""The glossary: what the words of settlement mean."""

from __future__ import annotations

from flask import Blueprint, render_template

from network.operators.roles import VIEWER
from settlement.console import access
from settlement.console.glossary import GROUPS

blueprint = Blueprint("glossary", __name__)


@blueprint.get("/glossary")
@access.access(VIEWER)
def show() -> str:
    """Show every word with its one meaning."""
    return render_template("glossary.html", groups=GROUPS)
