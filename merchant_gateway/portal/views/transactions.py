"""The merchant's entries: filtered, as a file, and one by one with its reasons."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, abort, render_template
from sqlalchemy.orm import Session

from config.web import listing
from merchant_gateway.portal import access, words
from merchant_gateway.portal.access import BOOKS
from merchant_gateway.previews import moves_of
from network.clearing import queries as clearing
from network.ids import EntryKey, UnknownIdError
from network.language import current_locale
from network.ledger import merchant_pages
from network.ledger import queries as ledger
from network.ledger.merchant_pages import SORTS, Asked, Order
from network.ledger.views import EntryView
from network.merchants import queries as merchants
from network.merchants.queries import StoreView
from network.portal import acts
from network.portal import queries as people

blueprint = Blueprint("transactions", __name__, url_prefix="/transactions")
SHOWN_DAYS = 7
USUAL = f"-{merchant_pages.BY_DAY}"
KINDS = tuple(words.ENTRY_KINDS)
PREFIXES = ("ent", "ern", "red", "rfd")
_COLUMNS = (
    *("entry", "kind", "business_date", "happened", "recorded", "store", "terminal", "reference"),
    *("receipt", "channel", "points", "amount", "currency"),
)


@blueprint.get("")
@access.area(BOOKS)
def index() -> str | Response:
    """Show what this merchant's tills and programs caused, of the last week unless asked."""
    start = listing.offset()
    with access.reading() as session:
        stores = _stores(session)
        asked, store = _asked(session, stores)
        sortable = merchant_pages.can_be_sorted(session, asked=asked)
        sort = listing.order(SORTS, usual=USUAL) if sortable else USUAL
        found = merchant_pages.page(
            session,
            asked=asked,
            order=_order(sort, stores),
            offset=0 if listing.wants_csv() else start,
            limit=listing.asked(listing.PAGE_ROWS),
        )
    since, until = asked.since, asked.until - timedelta(days=1)
    if listing.wants_csv():
        rows, _more = listing.first(found, listing.PAGE_ROWS)
        name = f"{access.merchant().code}-{since}-{until}"
        return listing.csv_response(name, _COLUMNS, (_cells(each, stores) for each in rows))
    return render_template(
        "books/transactions.html",
        page=listing.cut(
            found[: listing.PAGE_ROWS], start=start, total=start + len(found), sort=sort
        ),
        beyond=None if sortable else merchant_pages.MOST_SORTED,
        since=since,
        until=until,
        kind=asked.kinds[0] if asked.kinds else "",
        kind_names=[(each, words.said(each, "entry")) for each in KINDS],
        store_names=[(each.code, each.name(current_locale())) for each in stores.values()],
        stores=stores,
        store=store,
    )


def _asked(session: Session, stores: Mapping[UUID, StoreView]) -> tuple[Asked, StoreView | None]:
    """Return which entries the address asks for, and the store among them."""
    kind = listing.argument("kind")
    until = listing.day("until") or ledger.open_day(session)
    store = next((s for s in stores.values() if s.code == listing.argument("store")), None)
    asked = Asked(
        merchant_id=access.merchant().merchant_id,
        since=listing.day("since") or until - timedelta(days=SHOWN_DAYS - 1),
        until=until + timedelta(days=1),
        kinds=[kind] if kind in KINDS else None,
        store_id=None if store is None else store.store_id,
        words=(listing.argument("q") or "").replace("\0", "").strip() or None,
    )
    return asked, store


def _order(sort: str, stores: Mapping[UUID, StoreView]) -> Order:
    names = (
        {str(each.store_id): each.name(current_locale()) for each in stores.values()}
        if sort.removeprefix("-") == "store"
        else {each: words.said(each, "entry") for each in KINDS}
    )
    return Order(
        column=sort.removeprefix("-"), falls=sort.startswith("-"), ranked=listing.ranked(names)
    )


@blueprint.get("/<entry_id>")
@access.area(BOOKS)
def show(entry_id: str) -> str:
    """Show an entry of this merchant: why it came to its points, what moved, and who asked."""
    key = _key(entry_id)
    merchant = access.merchant()
    with access.reading() as session:
        found = ledger.entry(session, member_id=key.member_id, sequence=key.sequence)
        if found is None or found.merchant_id != merchant.merchant_id:
            abort(404)
        act = acts.of_entry(
            session,
            merchant_id=merchant.merchant_id,
            member_id=key.member_id,
            sequence=key.sequence,
        )
        names = people.names(session, merchant_id=merchant.merchant_id)
        facts: dict[str, Any] = {
            "store": _stores(session).get(found.store_id) if found.store_id else None,
            "window": clearing.window_of(session, business_date=found.business_date),
            "redemption": ledger.redemption(
                session, member_id=key.member_id, sequence=key.sequence
            ),
        }
    expiry = {lot.lot_id: lot.expires_on for lot in found.lots}
    return render_template(
        "books/entry.html",
        entry=found,
        public=entry_id,
        moves=moves_of(
            found.postings, expiry, merchant_id=merchant.merchant_id, code=merchant.code
        ),
        act=act,
        by=None if act is None else names.get(act.user_id),
        **facts,
    )


def _cells(entry: EntryView, stores: Mapping[UUID, StoreView]) -> tuple[object, ...]:
    store = None if entry.store_id is None else stores.get(entry.store_id)
    return (
        access.services().entry_ids.encode(
            prefix="ent", member_id=entry.member_id, sequence=entry.sequence
        ),
        entry.kind,
        entry.business_date,
        entry.effective_at.isoformat(),
        entry.recorded_at.isoformat(),
        None if store is None else store.code,
        entry.terminal,
        entry.merchant_ref,
        entry.receipt,
        entry.channel,
        entry.points,
        entry.amount,
        entry.currency,
    )


def _stores(session: Session) -> dict[UUID, StoreView]:
    found = merchants.stores(session, merchant_id=access.merchant().merchant_id)
    return {each.store_id: each for each in found}


def _key(text: str) -> EntryKey:
    prefix = text.partition("_")[0]
    if prefix not in PREFIXES:
        raise UnknownIdError("this is not the id of an entry")
    return access.services().entry_ids.decode(text, prefix=prefix)
