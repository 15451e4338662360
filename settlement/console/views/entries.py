"""An entry with all that is known of it, and the wallet it stands in."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, abort, render_template
from sqlalchemy.orm import Session

from network import ids
from network.clearing import queries as clearing
from network.clearing.queries import parties
from network.ids import EntryKey, UnknownIdError
from network.ledger import figures
from network.ledger import queries as ledger
from network.ledger.views import EntryView
from network.members import queries as members
from network.members.errors import UnknownMemberError
from network.members.queries import masked_name
from network.members.tiers import tier_of, tiers
from network.merchants import queries as merchants
from network.merchants.queries import StoreView
from network.operators.roles import OPERATOR, VIEWER
from network.programme import queries as programme
from network.reconciliation.evidence import SignedRequest, signed_request
from settlement.console import access, listing
from settlement.console.redemptions import rounded_up
from settlement.console.views.search import ENTRY_PREFIXES

blueprint = Blueprint("entries", __name__)
_PHONE_SHOWN = 4
_MOST_DIGITS = 18


@blueprint.get("/entries/<entry>")
@access.access(VIEWER)
def show(entry: str) -> str:
    """Show an entry: what happened where, why it earned what, its postings and its lots.

    Whoever may see members sees the signed request behind it as well, persons masked.
    """
    return _page(entry, reveal=False)


@blueprint.post("/entries/<entry>/request")
@access.access(OPERATOR)
def reveal(entry: str) -> str:
    """Show an entry with its signed request as it was received, persons and all."""
    return _page(entry, reveal=True)


def _page(public_id: str, *, reveal: bool) -> str:
    key = _opened(public_id)
    with access.reading() as session:
        found = ledger.entry(session, member_id=key.member_id, sequence=key.sequence)
        if found is None:
            abort(404)
        facts = _facts(session, found)
    return render_template(
        "entry.html",
        entry=found,
        public=public_id,
        signed=_signed(found, reveal=reveal) if facts["key_id"] else None,
        revealed=reveal,
        **facts,
    )


def _facts(session: Session, entry: EntryView) -> dict[str, object]:
    """Return what stands around an entry."""
    member_id, sequence, day = entry.member_id, entry.sequence, entry.business_date
    try:
        face_value = programme.face_value_on(session, day=day)
    except programme.NoFaceValueError:
        face_value = None
    return {
        "rounded_up": rounded_up(entry, face_value=face_value),
        "names": parties(session),
        "store": _store(session, entry),
        "window": clearing.window_of(session, business_date=day),
        "key_id": figures.evidence_key(
            session, member_id=member_id, sequence=sequence, business_date=day
        ),
        "parts": figures.earned_parts(
            session, member_id=member_id, sequence=sequence, business_date=day
        ),
        "redemption": ledger.redemption(session, member_id=member_id, sequence=sequence),
    }


def _signed(entry: EntryView, *, reveal: bool) -> SignedRequest | None:
    """Read the signed request behind an entry for a role that may, and log that it was read."""
    operator = access.operator()
    if not operator.may(OPERATOR):
        return None
    with access.unit_of_work() as session:
        return signed_request(
            session,
            access.services().vault,
            entry=entry,
            public_id=access.entry_ids().encode(
                prefix="ent", member_id=entry.member_id, sequence=entry.sequence
            ),
            reveal=reveal,
            actor=operator.public_id,
            wall=access.wall(),
        )


@blueprint.get("/members/<public_id>")
@access.access(OPERATOR)
def wallet(public_id: str) -> str:
    """Show a member's wallet, its lots and entries; the person behind it is masked."""
    member_id = ids.decode("mem", public_id)
    before = listing.argument("before")
    with access.reading() as session:
        found = ledger.wallet(session, member_id=member_id)
        if found is None:
            abort(404)
        entries = ledger.entries(
            session,
            member_id=member_id,
            before=int(before) if before and _is_number(before) else None,
            limit=listing.PAGE_ROWS + 1,
        )
        facts = {
            "person": _masked(session, member_id),
            "lots": ledger.lots(session, member_id=member_id),
            "names": parties(session),
            "tier": _tier(session, member_id),
            "ladder": tiers(session),
        }
    rows = entries[: listing.PAGE_ROWS]
    older = listing.address(before=rows[-1].sequence) if len(entries) > len(rows) else None
    return render_template(
        "wallet.html",
        wallet=found,
        public=public_id,
        rows=rows,
        older=older,
        newest=listing.address(before=None) if before else None,
        **facts,
    )


def _tier(session: Session, member_id: UUID) -> str | None:
    """Return the code of a member's tier, None for a wallet that several people share."""
    try:
        return tier_of(session, member_id=member_id)
    except UnknownMemberError:
        return None


def _opened(text: str) -> EntryKey:
    prefix = text.partition("_")[0]
    if prefix not in ENTRY_PREFIXES:
        raise UnknownIdError("this is not the id of an entry")
    return access.entry_ids().decode(text, prefix=prefix)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS


def _store(session: Session, entry: EntryView) -> StoreView | None:
    if entry.store_id is None or entry.merchant_id is None:
        return None
    stores = merchants.stores(session, merchant_id=entry.merchant_id)
    return next((store for store in stores if store.store_id == entry.store_id), None)


def _masked(session: Session, member_id: UUID) -> dict[str, str | None]:
    """Return what an operator may see of a person: initials and the end of the phone number."""
    try:
        person = members.member(session, access.services().vault, member_id=member_id)
    except UnknownMemberError:
        return {"name": None, "phone": None, "status": "closed", "joined": None}
    hidden = "•" * (len(person.phone) - _PHONE_SHOWN)
    return {
        "name": masked_name(person.name) if person.name else None,
        "phone": hidden + person.phone[-_PHONE_SHOWN:],
        "status": person.status,
        "joined": person.joined_at.isoformat(),
    }
