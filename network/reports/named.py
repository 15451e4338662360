"""A merchant's trade with the names of those that may be named to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.orm import Session

from network.clearing.facts import PartyView
from network.clearing.party_names import may_be_named, parties
from network.reports.facts import PartnerTrade
from network.reports.flows import trade_of

NamedTrade = tuple[PartyView | None, PartnerTrade]
"""A partner, ``None`` for all that may not be named, and the trade with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """A merchant's trade, the partner it is owed most by first; ``named``: it is named itself."""

    rows: tuple[NamedTrade, ...]
    named: bool

    def by_code(self) -> list[NamedTrade]:
        """Return the rows in the order of the partners' codes, what has no name last."""
        return sorted(
            self.rows, key=lambda row: (row[0] is None, "" if row[0] is None else row[0].code)
        )


def trade_by_name(session: Session, *, merchant_id: UUID, since: date, until: date) -> Trade:
    """Return what a merchant may know of its trade in the windows that begin in [since, until)."""
    found = trade_of(session, merchant_id=merchant_id, since=since, until=until)
    names = parties(
        session, wanted=[each.partner_id for each in found if each.partner_id is not None]
    )
    return Trade(
        rows=tuple(
            (None if each.partner_id is None else names[each.partner_id], each) for each in found
        ),
        named=may_be_named(session, merchant_id=merchant_id, day=until),
    )
