"""A merchant's sandbox: an operator may give it a fresh one."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from network.database.migrate import schema_digest
from network.errors import UnavailableError
from network.language import gettext as _
from network.merchants import queries as merchants
from network.operators.roles import OPERATOR
from network.sandboxes import service
from settlement.console import access
from settlement.console.announcing import announce

blueprint = Blueprint("sandboxes", __name__, url_prefix="/merchants/<code>/sandbox")


class NoSpareError(UnavailableError):
    """No fresh sandbox is ready to take the old one's place."""

    code = "no_spare_sandbox"


@blueprint.post("/reset")
@access.access(OPERATOR)
def reset(code: str) -> Response:
    """Drop what is in a merchant's sandbox and give it an empty one."""
    try:
        with access.unit_of_work() as session:
            _reset(session, code)
    except NoSpareError:
        flash(_("No fresh sandbox is ready: try again in a few seconds."), "bad")
    else:
        announce()
        flash(_("Its sandbox is empty again."), "good")
    return redirect(url_for("merchants.show", code=code))


def _reset(session: Session, code: str) -> None:
    fresh = service.reset(
        session,
        merchant_id=merchants.merchant(session, code=code).merchant_id,
        schema_digest=schema_digest(),
        now=access.wall(),
    )
    if fresh is None:
        raise NoSpareError
    access.record(
        session, "sandbox.reset", subject=f"merchant:{code}", facts={"sandbox": fresh.database_name}
    )
