"""The names of those who owe and are owed: every merchant, and the network."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from network.clearing.facts import Obligation, ObligationView, PartyView, WindowView
from network.clearing.models import Obligation as ObligationRow
from network.clearing.naming import CONSENTING
from network.clearing.parties import NETWORK_NAME, NETWORK_PARTY

_NETWORK = PartyView(
    party_id=NETWORK_PARTY, code=NETWORK_NAME, name_fa="شبکه", name_en="The network"
)


_OF_OBLIGATION = ("issuer_id", "acceptor_id", "payer_id", "payee_id")


def parties(session: Session, *, wanted: Iterable[UUID] | None = None) -> dict[UUID, PartyView]:
    """Return merchants by their ids, every one or those that are wanted, and the network."""
    rows = session.execute(
        text("""
            SELECT merchant_id, code, name_fa, name_en, kind FROM network.merchant
            WHERE CAST(:wanted AS uuid[]) IS NULL OR merchant_id = ANY (:wanted)
        """),
        {"wanted": None if wanted is None else list(set(wanted))},
    )
    names = {
        row.merchant_id: PartyView(
            party_id=row.merchant_id,
            code=row.code,
            name_fa=row.name_fa,
            name_en=row.name_en,
            kind=row.kind,
        )
        for row in rows
    }
    return names | {NETWORK_PARTY: _NETWORK}


def named_parties(session: Session, *, window: WindowView) -> dict[str, PartyView]:
    """Return the merchants that statements of a window may name to each other, by code."""
    rows = session.execute(text(CONSENTING.format(end_day=":end_day")), {"end_day": window.end_day})
    found = parties(session, wanted=rows.scalars())
    return {each.code: each for each in found.values() if each.party_id != NETWORK_PARTY}


def may_be_named(session: Session, *, merchant_id: UUID, day: date) -> bool:
    """Return whether the agreement that is in force before ``day`` lets a merchant be named."""
    rows = session.execute(text(CONSENTING.format(end_day=":end_day")), {"end_day": day})
    return merchant_id in set(rows.scalars())


def party(names: dict[UUID, PartyView], party_id: UUID) -> PartyView:
    """Return a party with its names, or with its id where the register has it no more."""
    # A merchant that is gone from the register is still owed what it is owed.
    unknown = str(party_id)
    return names.get(
        party_id, PartyView(party_id=party_id, code=unknown, name_fa=unknown, name_en=unknown)
    )


def obligation_views(
    session: Session, rows: Iterable[ObligationRow | Row[Any]]
) -> list[ObligationView]:
    """Return stored obligations with the names of their parties, which are read once."""
    found = list(rows)
    ids = {getattr(row, name) for row in found for name in _OF_OBLIGATION}
    names = parties(session, wanted=ids)
    return [obligation_view(row, names) for row in found]


def obligation_view(row: ObligationRow | Row[Any], names: dict[UUID, PartyView]) -> ObligationView:
    """Return a stored obligation with its parties among those that are known."""
    values = {name: getattr(row, name) for name in Obligation.__dataclass_fields__}
    issuer, acceptor, payer, payee = (party(names, getattr(row, name)) for name in _OF_OBLIGATION)
    return ObligationView(
        fact=Obligation(**values | {"priced_on": tuple(row.priced_on)}),
        issuer=issuer,
        acceptor=acceptor,
        payer=payer,
        payee=payee,
    )
