"""What several pages need of the ledger: names beside entries, and lots by their next date."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from network.language import gettext
from network.ledger.views import OWN_ACCOUNTS, EntryView, LotView
from network.merchants import naming
from network.merchants import queries as merchants
from network.pools import queries as pools
from wallet import access
from wallet.movements import Directory, Movement, movement
from wallet.own import Place

ENTRY_PREFIX = "ent"


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchedLot:
    """A lot with the points that one entry put into it (above zero) or took from it."""

    lot: LotView
    points: int
    last_day: date


def directory(
    session: Session,
    entries: Collection[EntryView],
    *,
    issuers: Collection[UUID] = (),
    everybody: bool = False,
) -> Directory:
    """Return the names of the merchants and stores of these entries, and of ``issuers``.

    ``everybody`` names all merchants, for a list to choose from.
    """
    stores = {each.store_id for each in entries if each.store_id is not None}
    wanted = {each.merchant_id for each in entries if each.merchant_id is not None} | {*issuers}
    return Directory.of(
        merchants.all_merchants(session)
        if everybody
        else naming.merchants_named(session, merchant_ids=wanted),
        naming.stores_named(session, store_ids=stores),
    )


def listed(
    entries: Iterable[EntryView], *, directory: Directory, people: Mapping[UUID, str] | None = None
) -> list[Movement]:
    """Return entries as a member reads them, each with its public id.

    ``people`` are the names of those who share the wallet, by whom the entries are told.
    """
    return [
        movement(
            entry,
            public_id=public_id(entry),
            directory=directory,
            who=people.get(concerns(entry), "") if people else "",
        )
        for entry in entries
    ]


def concerns(entry: EntryView) -> UUID:
    """Return whose doing an entry of a shared wallet is: who bought, paid, joined or left."""
    if entry.kind in {"join", "leave"} and entry.explanation:
        return UUID(entry.explanation[0]["facts"]["member_id"])
    return entry.person_id


def people_of(session: Session, where: Place) -> dict[UUID, str]:
    """Return the names of those who share the member's wallet, the member's own being "you"."""
    if where.stay is None:
        return {}
    found = pools.names(session, access.services().vault, pool_id=where.wallet_id)
    return found | {where.stay.member_id: gettext("you")}


def public_id(entry: EntryView) -> str:
    """Return the id by which an entry is named outside."""
    return access.services().entry_ids.encode(
        prefix=ENTRY_PREFIX, member_id=entry.member_id, sequence=entry.sequence
    )


def next_to_expire(lots: Iterable[LotView], *, today: date) -> tuple[date, int] | None:
    """Return the next day that is the last one for some points, and for how many.

    Lots that have lapsed by ``today`` are left out, though the night may not have come by yet.
    """
    return _first_day((last_day(lot), lot.remaining) for lot in lots if last_day(lot) >= today)


def next_to_open(lots: Iterable[LotView], *, today: date) -> tuple[date, int] | None:
    """Return the next day after ``today`` on which pending points begin, and how many."""
    waiting = (lot for lot in lots if lot.active_from > today and not lot.active)
    return _first_day((lot.active_from, lot.remaining) for lot in waiting)


def last_day(lot: LotView) -> date:
    """Return the last day on which the points of a lot can be used."""
    return lot.expires_on - timedelta(days=1)


def touched_lots(entry: EntryView, *, moves_inside: bool) -> list[TouchedLot]:
    """Return the lots of an entry with the points that it moved in each, in the ledger's order."""
    points: dict[int, int] = {}
    for posting in entry.postings:
        if posting.lot_id is None or posting.account not in OWN_ACCOUNTS:
            continue
        if posting.points > 0 or not moves_inside:
            points[posting.lot_id] = points.get(posting.lot_id, 0) + posting.points
    return [
        TouchedLot(lot=lot, points=points[lot.lot_id], last_day=last_day(lot))
        for lot in entry.lots
        if points.get(lot.lot_id)
    ]


def _first_day(days: Iterable[tuple[date, int]]) -> tuple[date, int] | None:
    counts: dict[date, int] = {}
    for day, points in days:
        if points:
            counts[day] = counts.get(day, 0) + points
    if not counts:
        return None
    first = min(counts)
    return first, counts[first]
