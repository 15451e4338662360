"""It wasn't me: a member tells the network about one of their movements."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from network.claims import queries as claims
from network.claims import service
from network.claims.errors import ClaimError
from network.ids import EntryKey
from network.language import gettext
from network.ledger import queries as ledger
from network.ledger.errors import WalletClosed
from network.ledger.views import EntryView
from network.members.freezing import set_switch
from wallet import access
from wallet.claim_words import KINDS, REFUSED
from wallet.limits import CLAIM, limiter, of_member
from wallet.listing import ENTRY_PREFIX, directory, listed
from wallet.own import place, wallet_of

blueprint = Blueprint("claims", __name__, url_prefix="/movements/<entry_id>/claim")
LOCKED = "spend_locked"


@blueprint.get("")
def ask(entry_id: str) -> Response | str:
    """Ask what happened, and say what happens then."""
    key = _key(entry_id)
    with access.reading() as session:
        known = claims.claim_of(
            session,
            access.services().vault,
            member_id=access.member().member_id,
            wallet_id=key.member_id,
            sequence=key.sequence,
        )
    return _to_entry(entry_id) if known else _form(key, {}, {})


@blueprint.post("")
@limiter.limit(CLAIM, key_func=of_member)
def send(entry_id: str) -> Response | tuple[str, int]:
    """Lock spending where the member asks for it, whatever becomes of the claim; write that down.

    Who was robbed and says it twice, or too often, needs the lock no less.
    """
    key = _key(entry_id)
    with access.reading() as session:
        _entry(session, key)
    lock = request.form.get("lock") == "yes" and _lock()
    try:
        with access.unit_of_work() as unit:
            service.open_claim(
                unit,
                access.services().vault,
                member_id=access.member().member_id,
                wallet_id=key.member_id,
                sequence=key.sequence,
                kind=request.form.get("kind", ""),
                words=request.form.get("words", ""),
                lock=lock,
                now=access.wall(),
            )
    except ClaimError as error:
        said = str(REFUSED[error.reason])
        if error.reason == "claimed":
            flash(said, "warn")
            return _to_entry(entry_id)
        field = "words" if error.reason == "words" else "kind"
        return _form(key, request.form.to_dict(), {field: said}), 422
    flash(gettext("Thank you. We look into it."), "good")
    return _to_entry(entry_id)


@blueprint.post("/objection")
@limiter.limit(CLAIM, key_func=of_member)
def disagree(entry_id: str) -> Response:
    """Object to the answer, once: somebody else decides then."""
    key, member_id = _key(entry_id), access.member().member_id
    vault = access.services().vault
    try:
        with access.unit_of_work() as unit:
            first = claims.claim_of(
                unit, vault, member_id=member_id, wallet_id=key.member_id, sequence=key.sequence
            )
            if first is None:
                abort(404)
            service.object_to_answer(
                unit,
                vault,
                claim_id=first.claim_id,
                member_id=member_id,
                words=request.form.get("words", ""),
                now=access.wall(),
            )
    except ClaimError as error:
        if error.reason == "unknown":
            abort(404)
        flash(str(REFUSED[error.reason]), "warn")
    else:
        flash(gettext("Thank you. Somebody else looks into it."), "good")
    return _to_entry(entry_id)


def _lock() -> bool:
    """Lock the member's spending, and say so; return whether there is something to lock."""
    try:
        with access.unit_of_work() as unit:
            set_switch(unit, member_id=access.member().member_id, locked=True)
    except WalletClosed:
        return False
    flash(gettext("Spending is locked."), "good")
    return True


def _to_entry(entry_id: str) -> Response:
    return redirect(url_for("movements.detail", entry_id=entry_id), code=303)


def _form(key: EntryKey, typed: dict[str, str], errors: dict[str, str]) -> str:
    with access.reading() as session:
        entry = _entry(session, key)
        names = directory(session, [entry])
        wallet = wallet_of(session, place(session))
    (movement,) = listed([entry], directory=names)
    spent = entry.kind in service.SPENDING
    return render_template(
        "claim.html",
        movement=movement,
        kinds=KINDS if spent else {service.WRONG: KINDS[service.WRONG]},
        locked=wallet is not None and wallet.status == LOCKED,
        spent=spent,
        typed=typed,
        errors=errors,
        days=claims.ANSWER_WITHIN.days,
    )


def _key(entry_id: str) -> EntryKey:
    return access.services().entry_ids.decode(entry_id, prefix=ENTRY_PREFIX)


def _entry(session: Session, key: EntryKey) -> EntryView:
    """Return an entry that the member may see."""
    if not place(session).shows(wallet_id=key.member_id, sequence=key.sequence):
        abort(404)
    entry = ledger.entry(session, member_id=key.member_id, sequence=key.sequence)
    if entry is None:
        abort(404)
    return entry
