"""The names of those who owe and are owed: every merchant, and the network."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from network.clearing.facts import PartyView
from network.clearing.parties import NETWORK_NAME, NETWORK_PARTY

_NETWORK = PartyView(
    party_id=NETWORK_PARTY, code=NETWORK_NAME, name_fa="شبکه", name_en="The network"
)


def parties(session: Session) -> dict[UUID, PartyView]:
    """Return every merchant and the network by their ids."""
    rows = session.execute(text("SELECT merchant_id, code, name_fa, name_en FROM network.merchant"))
    names = {
        row.merchant_id: PartyView(
            party_id=row.merchant_id, code=row.code, name_fa=row.name_fa, name_en=row.name_en
        )
        for row in rows
    }
    return names | {NETWORK_PARTY: _NETWORK}


def party(names: dict[UUID, PartyView], party_id: UUID) -> PartyView:
    """Return a party with its names, or with its id where the register has it no more."""
    # A merchant that is gone from the register is still owed what it is owed.
    unknown = str(party_id)
    return names.get(
        party_id, PartyView(party_id=party_id, code=unknown, name_fa=unknown, name_en=unknown)
    )
