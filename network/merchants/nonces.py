"""The nonces that the database keeps, and which of two stores is believed of which signature.

Valkey keeps the nonces of all signatures, the database only those from the time in which somebody
could not reach Valkey. ``NonceStores`` says which of the two knows every signature that was
accepted anywhere, by when a signature was made: the database those from ``database_from`` on while
its mark stands, Valkey (the one process that it names) those from ``valkey_from`` on. Both moments
are told by the database's clock alone, so that it does not matter how far other machines' are off.

A mark is committed first and dated afterwards. A date that was reckoned before the commit could lie
before the mark was to be seen. Why all this lets no signature through twice stands in
docs/architecture.md ("Each signature has one store that is believed").
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from network.database.driver import Channel, rows_of
from network.database.pieces import delete_piece
from network.merchants.models import Nonce

HOLD_SECONDS = 60
"""A mark stands for so long after the last signature that it was made for has run out."""

_STORES = text(
    "SELECT valkey, extract(epoch FROM valkey_from)::float8 AS valkey_from,"
    " extract(epoch FROM database_from)::float8 AS database_from,"
    " coalesce(extract(epoch FROM database_until), 0)::float8 AS database_until,"
    " extract(epoch FROM clock_timestamp())::float8 AS now"
    " FROM (SELECT) AS one LEFT JOIN network.nonce_store ON true"
)
_STANDS = "held.database_until > clock_timestamp() + make_interval(secs => :lasting)"
_UNTIL = "clock_timestamp() + make_interval(secs => :lasting + :hold)"
_MARK = text(
    f"INSERT INTO network.nonce_store AS held (database_until) VALUES ({_UNTIL})"
    " ON CONFLICT (only_row) DO UPDATE SET"
    f" database_from = CASE WHEN {_STANDS} THEN held.database_from END,"
    f" database_until = greatest(held.database_until, {_UNTIL})"
)
_ADOPT = text(
    "INSERT INTO network.nonce_store AS held (valkey, valkey_from)"
    " VALUES (:valkey, 'epoch')"
    " ON CONFLICT (only_row) DO UPDATE SET valkey = :valkey,"
    " valkey_from = CASE WHEN held.valkey IS NULL THEN timestamptz 'epoch' END,"
    f" database_from = CASE WHEN held.valkey IS NULL OR {_STANDS} THEN held.database_from END,"
    " database_until = CASE WHEN held.valkey IS NULL THEN held.database_until"
    f" ELSE greatest(held.database_until, {_UNTIL}) END"
    " WHERE held.valkey IS DISTINCT FROM :valkey"
)
_DATED = "to_timestamp(ceil(extract(epoch FROM clock_timestamp()) + :seen))"
_DATE = text(
    "UPDATE network.nonce_store SET"
    f" valkey_from = coalesce(valkey_from, {_DATED}),"
    f" database_from = coalesce(database_from, {_DATED})"
    " WHERE valkey_from IS NULL OR database_from IS NULL"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NonceStores:
    """Which store is believed of which signature; all moments are seconds since 1970.

    ``valkey`` is the run of the Valkey that is believed of signatures made from ``valkey_from`` on;
    ``None`` before there was any. Until ``database_until`` nonces are claimed in the database too,
    and it is believed of those made from ``database_from`` on. A moment that is ``None`` was not
    dated yet. ``now`` is the database's clock.
    """

    valkey: str | None
    valkey_from: float | None
    database_from: float | None
    database_until: float
    now: float

    @property
    def undated(self) -> bool:
        """Return whether a mark was committed whose date is missing."""
        return (self.valkey is not None and self.valkey_from is None) or (
            self.database_until > self.now and self.database_from is None
        )


def stores(connection: Channel) -> NonceStores:
    """Return which store is believed of what now."""
    (row,) = rows_of(connection, _STORES, {})
    return NonceStores(**row._asdict())


def mark(session: Session, *, lasting: int) -> None:
    """Have every process claim nonces in the database too, because somebody has lost Valkey.

    ``lasting`` is for how many seconds a signature is accepted at most. A mark that stands for as
    long keeps its date; any other wants ``date_marks`` after the commit.
    """
    session.execute(_MARK, {"lasting": lasting, "hold": HOLD_SECONDS})


def adopt(session: Session, *, valkey: str, lasting: int) -> None:
    """Believe the Valkey whose run is ``valkey`` from now on, and mark: it may have forgotten.

    The very first one is believed of everything. Wants ``date_marks`` after the commit.
    """
    session.execute(_ADOPT, {"valkey": valkey, "lasting": lasting, "hold": HOLD_SECONDS})


def date_marks(session: Session, *, seen: float) -> None:
    """Date what was marked: the first whole second that is ``seen`` seconds ahead or more.

    ``seen`` is after how many seconds every process has read what was committed before. In a
    transaction of its own.
    """
    session.execute(_DATE, {"seen": seen})


def claim_nonce(session: Session, *, key_id: str, nonce: str, expires_at: datetime) -> bool:
    """Return whether a key uses ``nonce`` for the first time, and remember it.

    ``expires_at`` (wall time) is when no signature with the nonce can be valid any more. Two claims
    at once: the second waits for the first.
    """
    claimed = session.execute(
        insert(Nonce)
        .values(key_id=key_id, digest=sha256(nonce.encode()).digest(), expires_at=expires_at)
        .on_conflict_do_nothing()
        .returning(Nonce.key_id)
    )
    return claimed.first() is not None


def forget_nonces(session: Session, *, wall: datetime, limit: int) -> int:
    """Delete up to ``limit`` nonces that no valid signature can carry any more."""
    return delete_piece(session, Nonce, Nonce.expires_at < wall, limit=limit)
