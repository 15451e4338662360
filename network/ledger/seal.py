"""Seals of closed days: one hash over a day's entries, chained to the day before, signed.

A head is SHA-256 over, without separators, all numbers big endian and of 8 bytes:

    tag ``peyvand.seal.v1\\n`` · date as YYYY-MM-DD · head of the day before (32 bytes, zeros for
    the first day) · for each member by member_id: member_id (16 bytes), number of entries, then
    for each entry by sequence: sequence, digest (32 bytes) · entries · movements

An entry's digest covers the entry and its movements, so a head covers every row of its day and of
all days before. What is signed is ``peyvand.seal.v1``, the date and the head in hexadecimal, one
per line: a statement prints these, and anybody can check them with the published key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256

from sqlalchemy import Row, TextClause, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from network.database.connection import Database
from network.errors import PeyvandError
from network.ledger.archive_reading import AllTime
from network.ledger.tables import business_day, seal

VERSION = 1
NO_HEAD = bytes(32)
_TAG = b"peyvand.seal.v1\n"
_BUFFERED_ROWS = 2_000
_GUARD = "PV003"

Signer = Callable[[bytes], tuple[str, bytes]]
"""Signs a message; returns the key's id and the signature."""

Verifier = Callable[[str, bytes, bytes], bool]
"""Says whether the signature of a message by the key with this id holds: (key_id, message, …)."""

# One row per day and member, the member's part of the stream ready made. Days are closed, so no
# row is added behind the reader; PostgreSQL sorts, the client holds one buffer of rows.
_MEMBERS = """
    SELECT business_date, count(*) AS entries,
           uuid_send(member_id) || int8send(count(*))
               || string_agg(int8send(sequence) || digest, ''::bytea ORDER BY sequence) AS part
    FROM ledger.entry
    WHERE business_date BETWEEN :first AND :last
    GROUP BY business_date, member_id
    ORDER BY business_date, member_id
"""
_MOVEMENTS = """
    SELECT business_date, count(*) AS movements FROM ledger.movement
    WHERE business_date BETWEEN :first AND :last GROUP BY business_date
"""
_WRITE = text("""
    SELECT * FROM ledger.write_seal(
        :business_date, :version, :previous_head, :head, :entries, :movements,
        :key_id, :signature, :now
    )
""")


class SealError(PeyvandError):
    """A day cannot be sealed; nothing was written."""

    code = "seal_refused"


class DayNotClosedError(SealError):
    """The day is unknown, still open, or some writer may still post into it."""

    code = "day_not_closed"


class SealGapError(SealError):
    """The day before has no seal, or not the one that this seal continues."""

    code = "seal_gap"


class SealConflictError(SealError):
    """The day was sealed with another head: its rows have changed since, or the seal has."""

    code = "seal_conflict"


_ERRORS: Mapping[str, type[SealError]] = {
    error.code: error for error in (DayNotClosedError, SealGapError, SealConflictError)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """The seal of one day. Counts are of its entries and movements; heads have 32 bytes."""

    business_date: date
    version: int
    previous_head: bytes
    head: bytes
    entries: int
    movements: int
    key_id: str
    signature: bytes
    sealed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SealFault:
    """A sealed day that does not hold: ``what`` is changed, unchained, unsigned or not_closed."""

    business_date: date
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sum:
    """What a day's rows come to: the head over them, and how many they are."""

    head: bytes
    entries: int
    movements: int


def seal_day(database: Database, *, business_date: date, now: datetime, sign: Signer) -> Seal:
    """Seal a closed day, or find that it is sealed and still the same; return its seal.

    Streams the day's digests in one snapshot, with memory for one buffer of rows. ``now`` is
    recorded as the time of sealing. Raises DayNotClosedError, SealGapError where an earlier day
    has no seal (see seal_through), and SealConflictError where the day's rows no longer give the
    head that was sealed.
    """
    with database.snapshot() as session:
        days = _days(session, through=business_date)
        if days.get(business_date) is None:
            raise DayNotClosedError(f"the business day {business_date} is not closed")
        before = max((day for day in days if day < business_date), default=None)
        previous = NO_HEAD if before is None else _stored_head(session, before)
        counted = _sum_day(session, business_date, previous)
    key_id, signature = sign(signed_message(business_date=business_date, head=counted.head))
    try:
        with database.ledger() as connection:
            connection.execute(
                _WRITE,
                {
                    "business_date": business_date,
                    "version": VERSION,
                    "previous_head": previous,
                    "head": counted.head,
                    "entries": counted.entries,
                    "movements": counted.movements,
                    "key_id": key_id,
                    "signature": signature,
                    "now": now,
                },
            )
    except DBAPIError as error:
        refusal = _refusal(error, business_date)
        if refusal is None:
            raise
        raise refusal from error
    with database.reading() as session:
        stored = seal_of(session, business_date=business_date)
    if stored is None:
        raise SealError(f"the seal of {business_date} was written and is not there")
    return stored


def seal_through(
    database: Database, *, business_date: date, now: datetime, sign: Signer
) -> list[Seal]:
    """Seal every day up to ``business_date`` that has no seal yet, in order; return the new seals.

    Raises what seal_day raises; what was sealed before that stays.
    """
    with database.reading() as session:
        days = unsealed_days(session, through=business_date)
    return [seal_day(database, business_date=day, now=now, sign=sign) for day in days]


def unsealed_days(session: Session, *, through: date) -> list[date]:
    """Return the business days up to ``through`` without a seal, closed or not, in order."""
    return list(
        session.scalars(
            select(business_day.c.business_date)
            .outerjoin(seal, seal.c.business_date == business_day.c.business_date)
            .where(business_day.c.business_date <= through, seal.c.business_date.is_(None))
            .order_by(business_day.c.business_date)
        )
    )


def seal_of(session: Session, *, business_date: date) -> Seal | None:
    """Return the seal of a day, ``None`` where it has none."""
    row = session.execute(select(seal).where(seal.c.business_date == business_date)).one_or_none()
    return None if row is None else _seal(row)


def verify_seals(session: Session, *, verify: Verifier | None = None) -> list[SealFault]:
    """Recompute every seal from the rows and return what does not hold, day by day.

    Each day's head is reckoned from its rows and the *stored* head of the day before, so a changed
    row is named on its own day and not on all that follow. Needs one snapshot; without ``verify``
    signatures are not looked at.
    """
    seals = [_seal(row) for row in session.execute(select(seal).order_by(seal.c.business_date))]
    if not seals:
        return []
    days = _days(session, through=seals[-1].business_date)
    heads = {found.business_date: found.head for found in seals}
    previous = dict(zip(days, [NO_HEAD, *(heads.get(day) for day in days)], strict=False))
    sums = _sum_days(session, {found.business_date: found.previous_head for found in seals})
    faults = []
    for found in seals:
        day = found.business_date
        counted = sums[day]
        message = signed_message(business_date=day, head=found.head)
        holds = {
            "not_closed": days.get(day) is not None,
            "unchained": previous.get(day) == found.previous_head,
            "changed": (counted.head, counted.entries, counted.movements)
            == (found.head, found.entries, found.movements),
            "unsigned": verify is None or verify(found.key_id, message, found.signature),
        }
        faults += [SealFault(business_date=day, what=what) for what in holds if not holds[what]]
    missing = [day for day in days if day not in heads]
    return faults + [SealFault(business_date=day, what="unchained") for day in missing]


def signed_message(*, business_date: date, head: bytes) -> bytes:
    """Return the bytes that a seal's signature is made over."""
    return b"%s%s\n%s\n" % (_TAG, business_date.isoformat().encode(), head.hex().encode())


def _sum_day(session: Session, day: date, previous: bytes) -> _Sum:
    return _sum_days(session, {day: previous})[day]


def _sum_days(session: Session, previous: Mapping[date, bytes]) -> dict[date, _Sum]:
    """Return the sums of the days that ``previous`` has a head to continue for."""
    period = {"first": min(previous), "last": max(previous)}
    all_time = AllTime(session)
    counted = session.execute(text(all_time.reading(_MOVEMENTS)), period)
    movements = {row.business_date: row.movements for row in counted}
    hashes = {day: sha256(_TAG + day.isoformat().encode() + head) for day, head in previous.items()}
    entries = dict.fromkeys(previous, 0)
    for row in _stream(session, text(all_time.reading(_MEMBERS)), period):
        if row.business_date in hashes:
            hashes[row.business_date].update(row.part)
            entries[row.business_date] += row.entries
    sums = {}
    for day, hashing in hashes.items():
        counts = (entries[day], movements.get(day, 0))
        for count in counts:
            hashing.update(count.to_bytes(8, "big"))
        sums[day] = _Sum(head=hashing.digest(), entries=counts[0], movements=counts[1])
    return sums


def _stream(
    session: Session, statement: TextClause, period: Mapping[str, date]
) -> Iterator[Row[tuple[date, int, bytes]]]:
    yield from session.execute(
        statement, period, execution_options={"stream_results": True, "yield_per": _BUFFERED_ROWS}
    )


def _days(session: Session, *, through: date) -> dict[date, datetime | None]:
    """Return the business days up to ``through``, in order, and when each was closed."""
    rows = session.execute(
        select(business_day.c.business_date, business_day.c.closed_at)
        .where(business_day.c.business_date <= through)
        .order_by(business_day.c.business_date)
    )
    return {row.business_date: row.closed_at for row in rows}


def _stored_head(session: Session, day: date) -> bytes:
    head = session.scalar(select(seal.c.head).where(seal.c.business_date == day))
    if head is None:
        raise SealGapError(f"the business day {day} has to be sealed first")
    return bytes(head)


def _seal(row: Row[tuple[object, ...]]) -> Seal:
    return Seal(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name


def _refusal(error: DBAPIError, day: date) -> SealError | None:
    """Return what ``ledger.write_seal`` meant, ``None`` where the error is not a refusal of its."""
    if getattr(error.orig, "sqlstate", None) != _GUARD:
        return None
    code = getattr(getattr(error.orig, "diag", None), "message_primary", "")
    return _ERRORS.get(code, SealError)(f"the business day {day} cannot be sealed: {code}")
