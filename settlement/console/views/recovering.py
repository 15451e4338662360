"""A code that an administrator made: choose a password, take a new authenticator."""

from __future__ import annotations

import segno
from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from network.language import gettext as _
from network.operators import managing
from network.operators.errors import InvalidOperatorError
from network.operators.passwords import LONGEST, SHORTEST, WeakPasswordError
from settlement.console import access

blueprint = Blueprint("recovering", __name__, url_prefix="/recover")


@blueprint.get("")
@access.public
def show() -> str:
    """Ask for the code; it is never part of an address."""
    return render_template("recover_code.html", refusal="")


@blueprint.post("")
@access.public
def begin() -> str | tuple[str, int]:
    """Show what the code opens: a secret for the authenticator, and fields for the password."""
    return _page({})


@blueprint.post("/complete")
@access.public
def complete() -> Response | str | tuple[str, int]:
    """Take over what was chosen, and go to sign in with it."""
    password = request.form.get("password", "")
    if password != request.form.get("again", ""):
        return _page({"again": _("The two passwords differ.")})
    try:
        with access.unit_of_work() as session:
            managing.complete_recovery(
                session,
                vault=access.services().vault,
                wall=access.wall(),
                code=request.form.get("code", ""),
                password=password,
                one_time_code=request.form.get("one_time_code", ""),
            )
    except WeakPasswordError:
        words = _("A password has %(least)s to %(most)s characters.", least=SHORTEST, most=LONGEST)
        return _page({"password": words})
    except InvalidOperatorError:
        return _page({"one_time_code": _("The one-time code is wrong. Wait for the next one.")})
    except managing.RecoveryError:
        return _page({})
    flash(_("Done. Sign in with your new password and your authenticator app."), "good")
    return redirect(url_for("signing.sign_in"))


def _page(errors: dict[str, str]) -> str | tuple[str, int]:
    code = request.form.get("code", "")
    try:
        with access.reading() as session:
            found = managing.way_in(
                session, vault=access.services().vault, wall=access.wall(), code=code
            )
    except managing.RecoveryError:
        words = _(
            "This code opens nothing: it was used, is too old, was not confirmed yet by a second "
            "administrator, or is mistyped."
        )
        return render_template("recover_code.html", refusal=words), 422
    symbol = segno.make(found.totp_uri, micro=False)
    page = render_template(
        "recover.html",
        person=found.operator,
        secret=found.totp_secret,
        symbol=symbol.svg_data_uri(scale=4, border=3, dark="#000", light="#fff"),
        code=code,
        errors=errors,
    )
    return (page, 422) if errors else page
