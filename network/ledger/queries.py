"""Reading the ledger: session first, frozen views out, nothing is locked or changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    Select,
    Uuid,
    bindparam,
    column,
    func,
    select,
    text,
    tuple_,
)
from sqlalchemy.orm import Session

from network.clock import local_date
from network.database.arrays import array
from network.errors import InvariantError
from network.ids import EntryKey
from network.ledger import shared_wallets, tables
from network.ledger.arguments import MEMBER, NOW, WALL
from network.ledger.calling import function
from network.ledger.views import (
    Cursor,
    EntryView,
    LotView,
    PostingView,
    RedemptionView,
    SealView,
    StoredWallet,
    WalletView,
)
from network.settings import PROGRAMME_ZONE

_LOT_COLUMNS = [tables.lot.c[name] for name in LotView.__dataclass_fields__]
_POSTING_COLUMNS = [tables.posting.c[name] for name in PostingView.__dataclass_fields__]
ENTRY_COLUMNS = list(tables.entry.c)
_SEAL_COLUMNS = [tables.seal.c[name] for name in SealView.__dataclass_fields__]
_STORED = select(*(tables.wallet.c[name] for name in StoredWallet.__dataclass_fields__))
_AHEAD = function("wallet_ahead", MEMBER, NOW, WALL)
_KEYS = (
    text("SELECT * FROM unnest(CAST(:members AS uuid[]), CAST(:sequences AS bigint[])) AS k (m, s)")
    .columns(column("m", Uuid()), column("s", BigInteger()))
    .subquery("keys")
)
_BY_KEY = select(*ENTRY_COLUMNS).join_from(
    _KEYS,
    tables.entry,
    (tables.entry.c.member_id == _KEYS.c.m) & (tables.entry.c.sequence == _KEYS.c.s),
)
_REFERENCE = text("""
    SELECT o.member_id, o.sequence
    FROM ledger.reference AS r
    JOIN ledger.reference AS o
      ON o.member_id = CASE r.state WHEN 'moved' THEN r.moved_from ELSE r.member_id END
     AND o.merchant_id = r.merchant_id AND o.kind = r.kind AND o.merchant_ref = r.merchant_ref
    WHERE r.member_id IN (:member, (ledger.whereabouts_of(:member)).home)
      AND r.merchant_id = :merchant AND r.kind = :kind AND r.merchant_ref = :ref
      AND o.state = 'used'
    LIMIT 1
""").bindparams(bindparam("member", type_=Uuid()), bindparam("merchant", type_=Uuid()))


def wallet(
    session: Session, *, member_id: UUID, now: datetime, wall: datetime
) -> WalletView | None:
    """Return a wallet as the next call that spends will find it, None where there is none.

    Lots that lapse or begin by the day of ``now`` (programme time; the open business day where that
    is later) and holds whose life ended by ``wall`` count as done, though the row and the entries
    say so only once a call or the night has come by (``stored_wallet``).
    """
    row = session.execute(_AHEAD, {"member_id": member_id, "now": now, "wall": wall}).one_or_none()
    return None if row is None else WalletView(member_id=member_id, **row._mapping)  # noqa: SLF001 - SQLAlchemy's public name


def stored_wallet(session: Session, *, member_id: UUID) -> StoredWallet | None:
    """Return a wallet's row, which its entries come to, None where there is none."""
    row = session.execute(_STORED.where(tables.wallet.c.member_id == member_id)).one_or_none()
    return None if row is None else StoredWallet(**row._mapping)  # noqa: SLF001 - the same


def lots(session: Session, *, member_id: UUID, open_only: bool = True) -> list[LotView]:
    """Return a member's lots in the order in which they are taken, open ones unless asked."""
    table = tables.lot
    query = select(*_LOT_COLUMNS).where(table.c.member_id == member_id)
    if open_only:
        query = query.where(table.c.open)
    return _lots(session, query.order_by(table.c.expires_on, table.c.lot_id))


def entry(session: Session, *, member_id: UUID, sequence: int) -> EntryView | None:
    """Return one entry with its postings and the lots it touched, None where there is none."""
    table = tables.entry
    row = session.execute(
        select(*ENTRY_COLUMNS).where(table.c.member_id == member_id, table.c.sequence == sequence)
    ).one_or_none()
    if row is None:
        return None
    postings = _postings(session, [row])
    numbers = {line.lot_id for line in postings.get((member_id, sequence), ())} - {None}
    touched = _lots(
        session,
        select(*_LOT_COLUMNS)
        .where(tables.lot.c.member_id == member_id, tables.lot.c.lot_id.in_(numbers))
        .order_by(tables.lot.c.lot_id),
    )
    return _entry(row, postings, touched)


def entries(
    session: Session,
    *,
    member_id: UUID,
    before: int | None = None,
    first: int | None = None,
    limit: int,
    merchant_id: UUID | None = None,
    kinds: Sequence[str] | None = None,
    since: date | None = None,
    until: date | None = None,
) -> list[EntryView]:
    """Return a member's entries, newest first, below the sequence ``before`` and from ``first``.

    ``since`` and ``until`` bound the business date, half open.
    """
    table = tables.entry
    conditions: list[ColumnElement[bool]] = [table.c.member_id == member_id]
    if before is not None:
        conditions.append(table.c.sequence < before)
    if first is not None:
        conditions.append(table.c.sequence >= first)
    if merchant_id is not None:
        conditions.append(table.c.merchant_id == merchant_id)
    if kinds is not None:
        conditions.append(table.c.kind.in_(kinds))
    conditions += in_days(since=since, until=until)
    query = select(*ENTRY_COLUMNS).where(*conditions).order_by(table.c.sequence.desc()).limit(limit)
    return entries_of(session, query)


def merchant_entries(
    session: Session,
    *,
    merchant_id: UUID,
    since: date | None = None,
    until: date | None = None,
    after_cursor: Cursor | None = None,
    limit: int,
) -> list[EntryView]:
    """Return the entries that a merchant caused, by day, member and sequence, after a cursor.

    ``since`` and ``until`` bound the business date, half open. Days that are closed never change;
    in the open one an entry may still appear before a cursor.
    """
    table = tables.entry
    position = tuple_(table.c.business_date, table.c.member_id, table.c.sequence)
    conditions = [table.c.merchant_id == merchant_id, *in_days(since=since, until=until)]
    if after_cursor is not None:
        conditions.append(table.c.business_date >= after_cursor.business_date)
        conditions.append(
            position
            > tuple_(after_cursor.business_date, after_cursor.member_id, after_cursor.sequence)
        )
    query = (
        select(*ENTRY_COLUMNS)
        .where(*conditions)
        .order_by(table.c.business_date, table.c.member_id, table.c.sequence)
        .limit(limit)
    )
    return entries_of(session, query)


def entries_by_key(session: Session, *, keys: Iterable[EntryKey]) -> dict[EntryKey, EntryView]:
    """Return those of these entries that are there, with their postings, without lots."""
    wanted = list(keys)
    members = array(key.member_id for key in wanted)
    sequences = array(key.sequence for key in wanted)
    found = entries_of(session, _BY_KEY.params(members=members, sequences=sequences))
    return {EntryKey(each.member_id, each.sequence): each for each in found}


def by_reference(
    session: Session, *, member_id: UUID, merchant_id: UUID, kind: str, merchant_ref: str
) -> EntryKey | None:
    """Return the entry that a merchant's reference names, None where none does.

    ``kind`` is issuance, redemption (authorised or captured), refund_issuance or
    refund_redemption. A voided or barred reference names nothing. The entry is in the member's own
    wallet, in the one that their points are in now, or in one that the reference came from.
    """
    row = session.execute(
        _REFERENCE,
        {"member": member_id, "merchant": merchant_id, "kind": kind, "ref": merchant_ref},
    ).one_or_none()
    return None if row is None else EntryKey(row.member_id, row.sequence)


def last_code_at(session: Session, *, member_id: UUID, since: datetime) -> datetime | None:
    """Return when (programme time) a code last spent in the wallet where a member's points are.

    Only codes that were good beyond ``since`` (wall time) are looked at.
    """
    used, entry = tables.used_code, tables.entry
    home = shared_wallets.home(session, member_id=member_id)
    found: datetime | None = session.scalar(
        select(func.max(entry.c.recorded_at))
        .join(used, (used.c.member_id == entry.c.member_id) & (used.c.sequence == entry.c.sequence))
        .where(used.c.member_id == home, entry.c.member_id == home, used.c.expires_at > since)
    )
    return found


def home_wallet(
    session: Session, *, member_id: UUID, now: datetime, wall: datetime
) -> WalletView | None:
    """Return the wallet where a member's points are now: their own, or one they share."""
    home = shared_wallets.home(session, member_id=member_id)
    return wallet(session, member_id=home, now=now, wall=wall)


def redemption(session: Session, *, member_id: UUID, sequence: int) -> RedemptionView | None:
    """Return a redemption by the sequence of its authorisation, capture or redemption entry."""
    hold, consumption = tables.hold, tables.consumption
    held = session.execute(
        select(hold).where(
            hold.c.member_id == member_id,
            (hold.c.sequence == sequence) | (hold.c.capture_sequence == sequence),
        )
    ).one_or_none()
    paid = session.execute(
        select(
            func.min(consumption.c.business_date).label("business_date"),
            func.sum(consumption.c.points).label("points"),
            func.sum(consumption.c.refunded).label("refunded"),
        ).where(
            consumption.c.member_id == member_id,
            consumption.c.sequence
            == (held.capture_sequence if held and held.capture_sequence else sequence),
        )
    ).one()
    if held is not None:
        return RedemptionView(
            member_id=member_id,
            sequence=held.sequence,
            business_date=held.business_date,
            merchant_id=held.merchant_id,
            merchant_ref=held.merchant_ref,
            state="expired" if held.state == "released" else held.state,
            points=held.points,
            captured=held.captured,
            refunded=int(paid.refunded or 0),
            hold_until=held.hold_until,
            capture_sequence=held.capture_sequence,
        )
    if paid.points is None:
        return None
    made = session.execute(
        select(tables.entry.c.merchant_id, tables.entry.c.merchant_ref).where(
            tables.entry.c.member_id == member_id,
            tables.entry.c.sequence == sequence,
            tables.entry.c.business_date == paid.business_date,
        )
    ).one()
    return RedemptionView(
        member_id=member_id,
        sequence=sequence,
        business_date=paid.business_date,
        merchant_id=made.merchant_id,
        merchant_ref=made.merchant_ref,
        state="captured",
        points=int(paid.points),
        captured=int(paid.points),
        refunded=int(paid.refunded),
        hold_until=None,
        capture_sequence=sequence,
    )


def open_day(session: Session) -> date:
    """Return the business day that is open; raise InvariantError before the first was opened."""
    day: date | None = session.execute(
        select(tables.business_day.c.business_date).where(
            tables.business_day.c.flipped_at.is_(None)
        )
    ).scalar_one_or_none()
    if day is None:
        raise InvariantError("no business day is open; peyvand up opens the first one")
    return day


def begun_day(session: Session, *, now: datetime) -> date:
    """Return the latest day that has begun: the open business day, or the calendar's where later.

    While a night hangs the calendar goes on, and tills price by it: what is to change from a day on
    that nobody has been told of yet begins after both. ``now`` is programme time.
    """
    return max(open_day(session), local_date(now, zone=PROGRAMME_ZONE))


def seal_of(session: Session, *, business_date: date) -> SealView | None:
    """Return the seal of a business day, None where it is not sealed."""
    row = session.execute(
        select(*_SEAL_COLUMNS).where(tables.seal.c.business_date == business_date)
    ).one_or_none()
    return None if row is None else SealView(**row._mapping)  # noqa: SLF001 - the same


def in_days(*, since: date | None, until: date | None) -> list[ColumnElement[bool]]:
    """Return the conditions that keep entries to business days in [since, until)."""
    day = tables.entry.c.business_date
    conditions: list[ColumnElement[bool]] = []
    if since is not None:
        conditions.append(day >= since)
    if until is not None:
        conditions.append(day < until)
    return conditions


def _lots(session: Session, query: Select[Any]) -> list[LotView]:
    return [LotView(**row._mapping) for row in session.execute(query)]  # noqa: SLF001 - the same


def entries_of(session: Session, query: Select[Any]) -> list[EntryView]:
    """Return the entries that a query of ENTRY_COLUMNS finds, with their postings."""
    rows = session.execute(query).all()
    postings = _postings(session, rows)
    return [_entry(row, postings, ()) for row in rows]


def _postings(
    session: Session, rows: Sequence[Row[Any]]
) -> dict[tuple[UUID, int], tuple[PostingView, ...]]:
    """Return the postings of entries by their keys; the days named spare the other partitions."""
    if not rows:
        return {}
    table = tables.posting
    keys = [(row.member_id, row.sequence) for row in rows]
    days = {row.business_date for row in rows}
    found: dict[tuple[UUID, int], list[PostingView]] = {}
    lines = session.execute(
        select(table.c.member_id, table.c.sequence, *_POSTING_COLUMNS)
        .where(
            tuple_(table.c.member_id, table.c.sequence).in_(keys),
            table.c.business_date.in_(days),
        )
        .order_by(table.c.member_id, table.c.sequence, table.c.line)
    )
    for member_id, sequence, *values in lines:
        posting = PostingView(**dict(zip(PostingView.__dataclass_fields__, values, strict=True)))
        found.setdefault((member_id, sequence), []).append(posting)
    return {key: tuple(postings) for key, postings in found.items()}


def _entry(
    row: Row[Any],
    postings: dict[tuple[UUID, int], tuple[PostingView, ...]],
    touched: Iterable[LotView],
) -> EntryView:
    values: dict[str, Any] = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name
    values["explanation"] = tuple(values["explanation"])
    del values["earned"]  # read with what refunds took back of it (figures.earned_parts)
    return EntryView(
        **values,
        postings=postings.get((row.member_id, row.sequence), ()),
        lots=tuple(touched),
    )
