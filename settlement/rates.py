"""The rules of a window as tables for the database: who pays whom, quotes, issuers' terms. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from itertools import product
from uuid import UUID

from network.clearing.owing import Arrow, IssuerTerms, Quote
from network.clearing.parties import NETWORK_PARTY
from settlement.pricing import PriceBook, acceptance_tax
from settlement.routes import routes

_ISSUER, _ACCEPTOR = UUID(int=1), UUID(int=2)
_ROLES = {_ISSUER: "issuer", _ACCEPTOR: "acceptor", NETWORK_PARTY: "network"}
_ACCOUNTS = ("redemption", "issuance", "clawback", "adjustment", "expiry")
_MODELS = ("on_redemption", "on_issue", "prefunded")
_BENEFICIARIES = ("network", "issuer")


def quotes(book: PriceBook, *, asked: Iterable[tuple[UUID, date]]) -> list[Quote]:
    """Return what acceptors are paid for captures of days; raise MissingPriceError."""
    found = []
    for merchant_id, day in asked:
        quoted = book.acceptor_price(merchant_id=merchant_id, day=day)
        tax = acceptance_tax(quoted)
        found.append(
            Quote(
                acceptor_id=merchant_id,
                priced_on=day,
                terms_id=quoted.terms.agreement_id,
                price=quoted.price,
                vat=tax.price,
                apart=tax.fee,
                vat_rate=tax.rate,
                currency=quoted.currency,
            )
        )
    return found


def issuer_terms(book: PriceBook, *, asked: Iterable[UUID]) -> list[IssuerTerms]:
    """Return what the terms that stand on lots say; raise MissingPriceError."""
    return [
        IssuerTerms(
            terms_id=terms.agreement_id,
            price=terms.issue_price,
            currency=terms.currency,
            funding=terms.funding,
            beneficiary=terms.breakage_beneficiary,
            vat_rate=terms.vat_rate if terms.vat_on == "margin" else terms.vat_rate * 0,
        )
        for terms in map(book.issuer_terms, asked)
    ]


def arrows() -> list[Arrow]:
    """Return the table of ``settlement.routes``, every case written out with roles for parties."""
    return [
        Arrow(
            account=account,
            negative=negative,
            own=own,
            funding=funding,
            beneficiary=beneficiary,
            kind=route.kind,
            payer=_ROLES[route.payer.party_id],
            payer_account=route.payer.name,
            payee=_ROLES[route.payee.party_id],
            payee_account=route.payee.name,
            per=route.per,
        )
        for account, negative, own, funding, beneficiary in product(
            _ACCOUNTS, (False, True), (False, True), _MODELS, _BENEFICIARIES
        )
        for route in routes(
            account=account,
            negative=negative,
            issuer_id=NETWORK_PARTY if own else _ISSUER,
            acceptor_id=_ACCEPTOR,
            funding=funding,
            beneficiary=beneficiary,
        )
    ]
