"""An entry with all that is known of it, and the wallet it stands in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from flask import Blueprint, Response, abort, render_template
from sqlalchemy.orm import Session

from config.web import listing
from config.web.listing import Page
from network import ids
from network.adjustments import queries as adjustments
from network.clearing import queries as clearing
from network.clearing import shares
from network.clearing.facts import PartyView
from network.clearing.parties import NETWORK_NAME
from network.clearing.party_names import parties
from network.ids import EntryKey, UnknownIdError
from network.language import gettext
from network.ledger import figures, shared_wallets
from network.ledger import queries as ledger
from network.ledger.views import EntryView
from network.members.errors import UnknownMemberError
from network.members.freezing import freeze_of
from network.members.tiers import tier_of, tiers
from network.merchants import queries as merchants
from network.merchants.queries import StoreView
from network.operators import queries as operators
from network.operators.roles import OPERATOR, VIEWER
from network.programme import queries as programme
from network.reconciliation.evidence import SignedRequest, signed_request
from network.reconciliation.evidence_file import evidence_file, file_bytes
from settlement.console import access, tracing
from settlement.console.filters import party
from settlement.console.masking import masked
from settlement.console.redemptions import rounded_up
from settlement.console.sharing import merges, sharing
from settlement.console.views.search import ENTRY_PREFIXES
from settlement.console.words import ENTRY_KINDS

blueprint = Blueprint("entries", __name__)
MOST_ENTRIES = 1_000
"""How many of a wallet's entries are sorted and searched at once; older ones on a further page."""

MOST_SHARED = 100_000
"""A share depends on all postings of its obligation: beyond so many its page is the place."""

_COLUMNS = (
    *("entry", "kind", "merchant", "merchant_ref", "business_date", "recorded_at", "points"),
    *("available", "pending", "debt"),
)
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


@blueprint.post("/entries/<entry>/evidence")
@access.access(OPERATOR)
def export(entry: str) -> Response:
    """Hand out one file that proves an entry: the request as it came, our signed answer, keys."""
    key = _opened(entry)
    with access.unit_of_work() as session:
        found = ledger.entry(session, member_id=key.member_id, sequence=key.sequence)
        if found is None or found.merchant_id is None:
            abort(404)
        document = evidence_file(
            session,
            access.services().vault,
            entry=found,
            public_id=access.entry_ids().encode(
                prefix="ent", member_id=key.member_id, sequence=key.sequence
            ),
            actor=access.operator().public_id,
            wall=access.wall(),
        )
    response = Response(file_bytes(document), mimetype="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="evidence-{entry}.json"'
    return response


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
    key_id = figures.evidence_key(
        session, member_id=member_id, sequence=sequence, business_date=day
    )
    settled_by = _settled_by(session, entry)
    return {
        "rounded_up": rounded_up(entry, face_value=face_value),
        "names": parties(session),
        "store": _store(session, entry),
        "settled_by": settled_by,
        "settled_sums": tracing.sums(settled_by),
        "key_id": key_id,
        "key": merchants.key(session, key_id=key_id) if key_id else None,
        "parts": figures.earned_parts(
            session, member_id=member_id, sequence=sequence, business_date=day
        ),
        "redemption": ledger.redemption(session, member_id=member_id, sequence=sequence),
    }


def _settled_by(session: Session, entry: EntryView) -> dict[int, list[tracing.Settled]]:
    """Return the obligations that each posting of an entry has a share in, by its line."""
    window = clearing.window_of(session, business_date=entry.business_date)
    if window is None:
        return {}
    pairs = {tracing.pair_of(each) for each in entry.postings}
    found = clearing.obligations(session, window=window, between=pairs)
    behind = {each.line: tracing.obligations_of(each, found=found) for each in entry.postings}
    wanted = {view.fact.obligation_id: view.fact for views in behind.values() for view in views}
    few = sum(fact.postings for fact in wanted.values()) <= MOST_SHARED
    shared = shares.entry_shares(
        session,
        window=window,
        obligation_ids=list(wanted) if few else [],
        member_id=entry.member_id,
        sequence=entry.sequence,
    )
    return tracing.settled(behind, shares=shared)


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
def wallet(public_id: str) -> str | Response:
    """Show a member's wallet, its lots and entries; the person behind it is masked."""
    member_id = ids.decode("mem", public_id)
    before, kind = listing.argument("before"), listing.argument("kind")
    with access.reading() as session:
        found = ledger.wallet(session, member_id=member_id, now=access.now(), wall=access.wall())
        if found is None:
            abort(404)
        entries = ledger.entries(
            session,
            member_id=member_id,
            before=int(before) if before and _is_number(before) else None,
            kinds=[kind] if kind in ENTRY_KINDS else None,
            limit=listing.asked(MOST_ENTRIES),
        )
        names = parties(session)
        facts = _around(session, member_id)
    first, more = listing.first(entries, MOST_ENTRIES)
    page = _arranged(first, names)
    if listing.wants_csv():
        rows = [_exported(each, names) for each in page.rows]
        return listing.csv_response(f"entries-{public_id}", _COLUMNS, rows)
    return render_template(
        "wallet.html",
        wallet=found,
        public=public_id,
        page=page,
        kinds=ENTRY_KINDS,
        names=names,
        issuers=_issuers(names),
        earlier=listing.address(before=first[-1].sequence, **{"from": None}) if more else None,
        newest=listing.address(before=None, **{"from": None}) if before else None,
        **facts,
    )


def _around(session: Session, member_id: UUID) -> dict[str, object]:
    """Return what a wallet's page shows beside balances and entries."""
    return {
        "person": masked(session, member_id),
        "merges": merges(session, member_id=member_id),
        "gone": shared_wallets.person(session, member_id=member_id) != member_id,
        "lots": ledger.lots(session, member_id=member_id),
        "tier": _tier(session, member_id),
        "sharing": sharing(session, member_id=member_id),
        "ladder": tiers(session),
        "frozen": freeze_of(session, member_id=member_id),
        "adjustments": adjustments.of_member(session, member_id=member_id),
        "people": {each.operator_id: each for each in operators.all_operators(session)},
    }


def _arranged(entries: Sequence[EntryView], names: Mapping[UUID, PartyView]) -> Page[EntryView]:
    def merchant(row: EntryView) -> str:
        found = names.get(row.merchant_id) if row.merchant_id else None
        return party(found) if found else ""

    return listing.arrange(
        entries,
        sort="-recorded",
        keys={
            "recorded": lambda row: row.sequence,
            "kind": lambda row: str(ENTRY_KINDS.get(row.kind, row.kind)),
            "merchant": lambda row: merchant(row) or None,
            "day": lambda row: row.business_date,
            "points": lambda row: row.points,
            "change": lambda row: row.change("available"),
        },
        words=lambda row: f"{merchant(row)} {row.merchant_ref or ''} {row.receipt or ''}",
    )


def _issuers(names: Mapping[UUID, PartyView]) -> list[tuple[str, str]]:
    """Return whose points may be put right, the network's last."""
    found = [(each.code, party(each)) for each in names.values() if each.code != NETWORK_NAME]
    return [*sorted(found, key=lambda each: each[1]), (NETWORK_NAME, gettext("The network"))]


def _exported(row: EntryView, names: Mapping[UUID, PartyView]) -> tuple[object, ...]:
    merchant = names.get(row.merchant_id) if row.merchant_id else None
    return (
        access.entry_ids().encode(prefix="ent", member_id=row.member_id, sequence=row.sequence),
        row.kind,
        None if merchant is None else merchant.code,
        row.merchant_ref,
        row.business_date,
        row.recorded_at.isoformat(),
        row.points,
        *(row.change(account) for account in ("available", "pending", "debt")),
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
