"""What a window comes to: reckoned in one snapshot from the closed days, and nothing written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from uuid import UUID

from sqlalchemy.orm import Session

from network.clearing import queries, sources
from network.clearing.facts import Obligation, PoolBalance, WindowView
from network.clearing.statements import canonical
from network.errors import InvariantError
from network.money import queries as money
from settlement.payments.orders import Terms
from settlement.pool import pool_after
from settlement.pricing import PriceBook, price_obligations


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoned:
    """What is owed for a window, what the pool holds then, and the SHA-256 of the input.

    The pool's balances are those of the terms that moved.
    """

    obligations: list[Obligation]
    pool: list[PoolBalance]
    input_hash: bytes


def reckon(session: Session, *, window: WindowView) -> Reckoned:
    """Return what a window comes to.

    The input is the seal of its last day, the sums of its postings, the prices applied, the pool
    before, the accounts of the agreements in force on its last day, deposits, and what the bank
    sent back on its days.
    """
    sums = sources.posting_sums(session, first_day=window.first_day, end_day=window.end_day)
    book = PriceBook(
        agreements=sources.agreements(session), face_values=sources.face_values(session)
    )
    owed = price_obligations(sums, book=book, window_id=window.window_id)

    def price(terms_id: UUID) -> Decimal:
        return book.issuer_terms(terms_id).issue_price

    before = sources.pool_balances(session, before=window.first_day)
    pool, rounding = pool_after(owed, before=before, prices=price)
    terms = payment_terms(session, window=window)
    moved = {each.terms_id for each in pool}
    sealed = canonical(
        {
            "payments": terms.record(_parties(session, window, found=owed, terms=terms)),
            "pool": [
                [str(each.terms_id), str(each.points), str(each.amount)]
                for each in before
                if each.terms_id in moved
            ],
            "window": str(window.window_id),
            "seal": seal_head(session, window).hex(),
            "sums": [[str(value) for value in each] for each in sums],
            "prices": sorted(
                [str(each.obligation_id), str(each.price), each.currency] for each in owed
            ),
        }
    )
    return Reckoned(obligations=[*owed, *rounding], pool=pool, input_hash=sha256(sealed).digest())


def payment_terms(session: Session, *, window: WindowView) -> Terms:
    """Return where a window's merchants are paid, what the bank sent back, and deposits."""
    days = {"first_day": window.first_day, "end_day": window.end_day}
    return Terms(
        details=money.payment_details(session, on=window.end_day - timedelta(days=1)),
        returned=money.returns(session, **days),
        deposits=money.balances(session, account="deposit", before=window.first_day),
        paid_in=money.paid_in(session, **days),
    )


def seal_head(session: Session, window: WindowView) -> bytes:
    """Return the head of the chain after a window's last day; raise InvariantError if unsealed."""
    sealed = queries.seal_of(session, business_date=window.end_day - timedelta(days=1))
    if sealed is None:
        raise InvariantError(f"the day before {window.end_day} has no seal")
    return sealed.head


def _parties(
    session: Session, window: WindowView, *, found: list[Obligation], terms: Terms
) -> set[UUID]:
    """Return whom the window can pay: agreements of others may begin while it is reckoned."""
    owed = {party for each in found for party in (each.payer_id, each.payee_id)}
    carried = money.balances(session, account="settlement", before=window.first_day)
    return owed | {merchant for merchant, _ in (*carried, *terms.returned, *terms.paid_in)}
