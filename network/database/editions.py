"""Whether what processes keep is still what the tables say: editions, which each change renews.

Prices, campaigns and places are read by every purchase and changed now and then. The database gives
another edition to a part in the transaction that changes it (0043_editions.sql), so one small read
tells whether anything must be read anew. What is read after its edition is at least as new as it.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from sqlalchemy import text

from network.database.driver import Channel, rows_of

_EDITIONS = text("""
    SELECT e.prices, e.campaigns, e.places,
           (SELECT d.business_date FROM ledger.business_day AS d WHERE d.flipped_at IS NULL)
               AS open_day
    FROM network.edition AS e
""")


class Editions(NamedTuple):
    """The editions of the parts, and the open business day: its end is a change too."""

    prices: str
    campaigns: str
    places: str
    open_day: date | None


def editions(connection: Channel) -> Editions:
    """Return the editions that are committed now."""
    (row,) = rows_of(connection, _EDITIONS, {})
    return Editions(*row)
