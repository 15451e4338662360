"""Who pays whom when points move: the table of the three ways to fund points. Pure.

============================  ===================  ===========================  ==================
Postings to                   on redemption        on issue                     prefunded
============================  ===================  ===========================  ==================
redemption                    issuer → acceptor q  pool → acceptor q            deposit → acceptor q
                              issuer → network     pool → network p − q         deposit → network
                              p − q                                             p − q
issuance, adjustment up       –                    issuer → pool p              –
clawback, adjustment down     –                    pool → issuer p              –
expiry                        –                    pool → beneficiary p         –
============================  ===================  ===========================  ==================

VAT on the network's fee is the issuer's to pay, and comes out of its deposit where that pays the
fee; the pool holds what points cost and no tax. Points of the network's own campaigns are taken at
its own expense, without a fee.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from network.clearing.parties import (
    BREAKAGE,
    MARGIN,
    NETWORK_PARTY,
    POOL,
    VAT,
    Account,
    deposit_account,
    settlement_account,
)

Price = Literal["p", "q", "margin", "vat", "acceptance_vat"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One arrow of the table: ``payer`` owes ``payee`` points times the price named by ``per``."""

    kind: str
    payer: Account
    payee: Account
    per: Price


def routes(
    *,
    account: str,
    negative: bool,
    issuer_id: UUID,
    acceptor_id: UUID,
    funding: str,
    beneficiary: str,
) -> tuple[Route, ...]:
    """Return who owes whom for postings to an account of the points ledger.

    ``negative`` says that they run against the account's usual sense: redemptions given back, and
    adjustments that gave points. Accounts that no money follows have no route.
    """
    issuer = settlement_account(issuer_id)
    if account == "redemption":
        return _redemption(
            issuer_id=issuer_id, acceptor_id=acceptor_id, funding=funding, undone=negative
        )
    if funding != "on_issue":
        return ()
    if account == "issuance" or (account == "adjustment" and negative):
        kind = "issuance" if account == "issuance" else "adjustment_up"
        return (Route(kind=kind, payer=issuer, payee=POOL, per="p"),)
    if account in {"clawback", "adjustment"}:
        kind = "clawback" if account == "clawback" else "adjustment_down"
        return (Route(kind=kind, payer=POOL, payee=issuer, per="p"),)
    if account == "expiry":
        keeps = issuer if beneficiary == "issuer" else BREAKAGE
        return (Route(kind="expiry", payer=POOL, payee=keeps, per="p"),)
    return ()


def _redemption(
    *, issuer_id: UUID, acceptor_id: UUID, funding: str, undone: bool
) -> tuple[Route, ...]:
    acceptor = settlement_account(acceptor_id)
    back = "_return" if undone else ""
    taken = "redeposit" if undone else "redemption"
    if issuer_id == NETWORK_PARTY:
        return (Route(kind=taken, payer=MARGIN, payee=acceptor, per="q"),)
    issuer = deposit_account(issuer_id) if funding == "prefunded" else settlement_account(issuer_id)
    payer = POOL if funding == "on_issue" else issuer
    return (
        Route(kind=taken, payer=payer, payee=acceptor, per="q"),
        Route(kind=f"margin{back}", payer=payer, payee=MARGIN, per="margin"),
        Route(kind=f"vat{back}", payer=issuer, payee=VAT, per="vat"),
        Route(kind=f"acceptance_vat{back}", payer=acceptor, payee=VAT, per="acceptance_vat"),
    )
