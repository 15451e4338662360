"""Check the network: the member's own points inside the published total, and a file to prove it."""

from __future__ import annotations

import json
from datetime import date, timedelta
from uuid import UUID

from flask import (
    Blueprint,
    abort,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from network.clock import local_date
from network.language import format_number
from network.language import gettext as _
from network.ledger import queries as ledger
from network.proofs import movements
from network.proofs import queries as proofs
from network.proofs.queries import MemberProof
from network.proofs.tree import climb
from network.settings import PROGRAMME_ZONE
from wallet import access
from wallet.own import place

blueprint = Blueprint("proof", __name__, url_prefix="/proof")
NIGHTS = 14
STATEMENT_DAYS = (30, 90, 365)
"""Over how many days a member's movements are signed."""


@blueprint.get("")
def show() -> str:
    """Show the last night's total, or another's, and the way from the member's points to it."""
    with access.reading() as session:
        nights = proofs.proofs(session, limit=NIGHTS)
        asked = request.args.get("day")
        day = read_day(asked) if asked else (nights[0].business_date if nights else None)
        night = None if day is None else proofs.proof(session, business_date=day)
        own = None if day is None else _own(session, day)
    if asked and night is None:
        abort(404)
    return render_template(
        "proof.html",
        nights=nights,
        night=night,
        own=own,
        holds=own is not None and climb(own.leaf, own.steps).digest == own.night.root,
        gateway=access.services().settings.gateway_url,
        statements=STATEMENT_DAYS,
    )


@blueprint.get("/peyvand-proof-<day>.json")
def download(day: str) -> Response:
    """Hand out the signed file that anybody can verify."""
    with access.reading() as session:
        own = _own(session, read_day(day))
        if own is None:
            abort(404)
        document = proofs.document(session, access.services().vault, proof=own)
    response = Response(json.dumps(document, indent=1), mimetype="application/json")
    name = f"peyvand-proof-{own.night.business_date}.json"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@blueprint.get("/peyvand-movements-<int:days>.json")
def statement(days: int) -> Response:
    """Hand out the member's movements of the last days that are closed, signed."""
    if days not in STATEMENT_DAYS:
        abort(404)
    services = access.services()
    try:
        with services.database.snapshot() as session:
            where, until = place(session), ledger.open_day(session)
            wanted = movements.Wanted(
                person_id=access.member().member_id,
                wallet_id=where.wallet_id,
                since=until - timedelta(days=days),
                until=until,
                first=where.first,
            )
            document = movements.document(
                session, services.vault, services.entry_ids, wanted=wanted
            )
    except movements.TooManyMovementsError:
        most = format_number(movements.MOST)
        flash(_("More than %(most)s movements: please ask for fewer days.", most=most), "bad")
        return redirect(url_for("proof.show"))
    response = Response(json.dumps(document, indent=1), mimetype="application/json")
    name = f"peyvand-movements-{wanted.since}-{days}.json"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def read_day(text: str) -> date:
    """Return the day of an address, or answer 404."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        abort(404)


def _own(session: Session, day: date) -> MemberProof | None:
    return proofs.member_proof(
        session, access.services().vault, member_id=_holder(session, day), business_date=day
    )


def _holder(session: Session, day: date) -> UUID:
    """Return whose points are proved: of a shared wallet those of days since the member joined."""
    where = place(session)
    joined = where.stay and local_date(where.stay.joined_at, zone=PROGRAMME_ZONE)
    return access.member().member_id if joined and day < joined else where.wallet_id
