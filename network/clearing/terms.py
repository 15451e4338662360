"""The agreements behind obligations: whose version of which terms a price came from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from network.clearing.facts import Obligation


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsView:
    """One version of a merchant's agreement: minor units per point as issuer, fee as acceptor.

    ``funding``, who keeps what lapses, and VAT are as in ``network.clearing.facts.Agreement``.
    """

    agreement_id: UUID
    merchant_id: UUID
    version: int
    effective_from: date
    issue_price: Decimal
    acceptance_fee: Decimal
    funding: str = "on_redemption"
    breakage_beneficiary: str = "network"
    vat_rate: Decimal = Decimal(0)
    vat_on: str = "margin"


def terms_behind(session: Session, *, obligations: Iterable[Obligation]) -> dict[UUID, TermsView]:
    """Return the agreements of issuers and acceptors that priced ``obligations``, by their ids."""
    return terms_of(
        session,
        wanted={terms for each in obligations for terms in (each.terms_id, each.acceptor_terms_id)},
    )


def terms_of(session: Session, *, wanted: Iterable[UUID]) -> dict[UUID, TermsView]:
    """Return the agreements with these ids, by their ids."""
    rows = session.execute(
        text("""
            SELECT agreement_id, merchant_id, version, effective_from, issue_price, acceptance_fee,
                   funding, breakage_beneficiary, vat_rate, vat_on
            FROM network.agreement WHERE agreement_id = ANY (:wanted)
        """),
        {"wanted": list(wanted)},
    )
    return {
        row.agreement_id: TermsView(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name
        for row in rows
    }
