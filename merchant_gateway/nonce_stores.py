"""Which store of nonces this process may believe, read anew every second that it is asked.

``network.merchants.nonces`` keeps the row; here is what a process has read of it and how old that
is. What was read may be used for READ_SECONDS after the reading began, so whatever was committed is
known to every process SEEN_SECONDS later.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from merchant_gateway.signing import profile
from network.database.connection import Database
from network.merchants import nonces
from network.merchants.nonces import NonceStores

CLOCKS_APART_SECONDS = 5
"""How far the clocks of our own machines may be apart, where one decides how old something is."""

VALID_SECONDS = profile.MAX_AGE_SECONDS + 1 + CLOCKS_APART_SECONDS
"""A signature that was made longer ago than this may be forgotten: nobody accepts it any more."""

NONCE_SECONDS = VALID_SECONDS + profile.MAX_AHEAD_SECONDS + CLOCKS_APART_SECONDS
"""A nonce is remembered for so long: its signature may have been made a little ahead of us."""

READ_SECONDS = 1.0
SEEN_SECONDS = 1.25
"""READ_SECONDS, and something for clocks that do not run alike."""

_RENEW_SECONDS = NONCE_SECONDS + nonces.HOLD_SECONDS // 2
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""One that also goes on while the machine sleeps, where there is one."""


def _ticks() -> float:
    return time.clock_gettime(_CLOCK)


@dataclass(frozen=True, slots=True)
class Known:
    """What was read, and between which two ticks of this machine's clock."""

    stores: NonceStores
    began: float
    ended: float

    def fresh(self) -> bool:
        """Return whether it may be used now."""
        return _ticks() < self.began + READ_SECONDS

    def earliest_now(self) -> float:
        """Return a moment that the database's clock has reached."""
        return self.stores.now + _ticks() - self.ended

    def latest_now(self) -> float:
        """Return a moment that the database's clock has not gone beyond."""
        return self.stores.now + _ticks() - self.began

    def both(self, created: int) -> bool:
        """Return whether a nonce that Valkey took is claimed in the database too.

        While a mark stands all are, and always one of a signature that was made ahead of the
        database's clock: a mark may be dated before it. Whether it may still be gone by what was
        read is looked at last, so that no standing still in between counts for less.
        """
        now = self.earliest_now()
        return self.stores.database_until > now or created > now or not self.fresh()

    def too_old(self, created: int) -> bool:
        """Return whether the stores may have forgotten a signature meanwhile.

        Only one whose request stood still for long: its age was looked at when it came.
        """
        return self.latest_now() > created + VALID_SECONDS

    def valkey_knows(self, created: int) -> bool:
        """Return whether Valkey knows all signatures made at ``created`` that were accepted."""
        begin = self.stores.valkey_from
        return begin is not None and created >= begin

    def database_knows(self, created: int, *, lasting: float = 0) -> bool:
        """Return whether the database knows all signatures made at ``created``.

        And that its mark will stand for ``lasting`` seconds from now.
        """
        begin, until = self.stores.database_from, self.stores.database_until
        return begin is not None and created >= begin and until >= self.latest_now() + lasting

    def seconds_to_sign(self) -> int:
        """Return after how many seconds what is signed then is believed."""
        begin, now = self.stores.database_from, self.earliest_now()
        ahead = SEEN_SECONDS if begin is None else begin - now
        return max(1, math.ceil(ahead))


class Stores:
    """Reads which store is believed, and has it changed where this process lost Valkey."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: Known | None = None

    def known(self) -> Known:
        """Return what may be used now, read anew where the last reading is too old.

        Asked after a nonce was claimed, not before, so that nothing can lie between that ages it.
        """
        known = self._known
        return known if known is not None and known.fresh() else self.read()

    def read(self) -> Known:
        """Return what the database says now; dates a mark that nobody has dated."""
        known = self._read()
        if known.stores.undated:
            with self._database.unit_of_work() as session:
                nonces.date_marks(session, seen=SEEN_SECONDS)
            known = self._read()
        self._known = known
        return known

    def lost(self) -> Known:
        """Return what is known under a mark that stands for as long as a signature is accepted."""
        known = self.known()
        if known.stores.database_until >= known.latest_now() + _RENEW_SECONDS:
            return known
        with self._database.unit_of_work() as session:
            nonces.mark(session, lasting=NONCE_SECONDS)
        return self.read()

    def met(self, valkey: str) -> None:
        """Note the Valkey that a new connection leads to; whatever was read before is too old."""
        if self.read().stores.valkey == valkey:
            return
        with self._database.unit_of_work() as session:
            nonces.adopt(session, valkey=valkey, lasting=NONCE_SECONDS)
        self.read()

    def _read(self) -> Known:
        began = _ticks()
        with self._database.direct() as connection:
            stores = nonces.stores(connection)
        return Known(stores, began, _ticks())
