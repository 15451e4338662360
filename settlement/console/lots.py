"""The names of lots: a number in a wallet inside, an id that can be searched outside.

A lot's number is only its own within one wallet, so its public id seals the wallet and the entry
that granted it, as the ids of entries do, and ends with the lot's place in that entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from network.ids import EntryIds, UnknownIdError
from network.ledger.figures import LOTS_PER_ENTRY, granted_by

PREFIX = "lot"
_MOST_DIGITS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class LotKey:
    """Where a lot lies: its member's wallet and its number there."""

    member_id: UUID
    lot_id: int


def encode(entry_ids: EntryIds, *, member_id: UUID, lot_id: int) -> str:
    """Return the public id of a lot, for example ``lot_….1``."""
    sealed = entry_ids.encode(prefix=PREFIX, member_id=member_id, sequence=granted_by(lot_id))
    return f"{sealed}.{lot_id % LOTS_PER_ENTRY}"


def decode(entry_ids: EntryIds, text: str) -> LotKey:
    """Return the key inside a lot's public id; raise UnknownIdError where it was not issued."""
    sealed, _, place = text.partition(".")
    key = entry_ids.decode(sealed, prefix=PREFIX)
    if not place.isascii() or not place.isdigit() or len(place) > _MOST_DIGITS:
        raise UnknownIdError("this is not the id of a lot")
    found = LotKey(member_id=key.member_id, lot_id=key.sequence * LOTS_PER_ENTRY + int(place))
    if encode(entry_ids, member_id=found.member_id, lot_id=found.lot_id) != text:
        raise UnknownIdError("this id is not in its one written form")
    return found


def name(lot_id: int) -> str:
    """Return how a lot is called beside its wallet: the granting entry's number and its place."""
    return f"{granted_by(lot_id)}.{lot_id % LOTS_PER_ENTRY}"
