"""What a window comes to: reckoned in the database from the closed days, and nothing stored yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from network.clearing import owing, queries, sources
from network.clearing.facts import Obligation, PoolBalance, WindowView
from network.clearing.statements import canonical
from network.errors import InvariantError
from network.exposure.suspending import stopped_issuers
from network.money import queries as money
from network.money.direct import DIRECT, mode_on
from settlement import rates
from settlement.payments.orders import Terms
from settlement.pool import pool_after
from settlement.pricing import MissingPriceError, PriceBook, check_amount

WORK_MEM = "64MB"
"""What a step of a plan may use before it goes to disk: the night's memory, whatever its size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoned:
    """What a window comes to beside the obligations that lie in the session's table.

    ``pool`` is what the pool holds then for the terms that moved, ``rounding`` what brings it
    there; ``input_hash`` is the SHA-256 of what all of it is reckoned from.
    """

    pool: list[PoolBalance]
    rounding: list[Obligation]
    input_hash: bytes


def reckon(session: Session, *, window: WindowView) -> Reckoned:
    """Reckon what a window comes to, in tables that end with the session's transaction.

    The input is the seal of its last day, the sums of its postings with the prices applied, the
    pool before, the accounts of the agreements in force on its last day, deposits, what the bank
    sent back on its days, and whether merchants pay each other. Raises MissingPriceError and
    AmountTooLargeError.
    """
    session.execute(text("SET LOCAL statement_timeout = 0"))
    session.execute(text(f"SET LOCAL work_mem = '{WORK_MEM}'"))
    asked = owing.sum_postings(session, first_day=window.first_day, end_day=window.end_day)
    book = price_book(session)
    quoted = rates.quotes(book, asked=asked.acceptors)
    terms = rates.issuer_terms(book, asked=asked.terms)
    _refuse_mixed_currencies(session, quotes=quoted, terms=terms)
    owing.price_sums(
        session, window_id=window.window_id, quotes=quoted, terms=terms, arrows=rates.arrows()
    )
    _refuse_too_large(session)
    before = sources.pool_balances(session, before=window.first_day)
    pool, rounding = pool_after(
        owing.pool_flows(session),
        before=before,
        prices=lambda terms_id: book.issuer_terms(terms_id).issue_price,
        window_id=window.window_id,
    )
    paid = payment_terms(session, window=window)
    moved = {each.terms_id for each in pool}
    sealed = canonical(
        {
            "owed": [[str(issuer), digest.hex()] for issuer, digest in owing.digests(session)],
            "payments": paid.record(_parties(session, window, terms=paid)),
            "pool": [
                [str(each.terms_id), str(each.points), str(each.amount)]
                for each in before
                if each.terms_id in moved
            ],
            "seal": seal_head(session, window).hex(),
            "window": str(window.window_id),
        }
    )
    return Reckoned(pool=pool, rounding=rounding, input_hash=sha256(sealed).digest())


def price_book(session: Session) -> PriceBook:
    """Return the programme's prices: approved agreements and face values."""
    return PriceBook(
        agreements=sources.agreements(session), face_values=sources.face_values(session)
    )


def _refuse_mixed_currencies(
    session: Session, *, quotes: list[owing.Quote], terms: list[owing.IssuerTerms]
) -> None:
    mixed = owing.mixed_currencies(session, quotes=quotes, terms=terms)
    if mixed is not None:
        raise MissingPriceError(f"agreement {mixed[0]} is in {mixed[1]}, not {mixed[2]}")


def _refuse_too_large(session: Session) -> None:
    largest = owing.largest(session)
    if largest is not None:
        check_amount(points=largest[0], price=largest[1])


def payment_terms(session: Session, *, window: WindowView) -> Terms:
    """Return how and where a window's merchants are paid, what came back, and deposits."""
    days = {"first_day": window.first_day, "end_day": window.end_day}
    last_day = window.end_day - timedelta(days=1)
    return Terms(
        details=money.payment_details(session, on=last_day),
        returned=money.returns(session, **days),
        deposits=money.balances(session, account="deposit", before=window.first_day),
        paid_in=money.paid_in(session, **days),
        direct=mode_on(session, day=last_day) == DIRECT,
        stopped=stopped_issuers(session),
    )


def seal_head(session: Session, window: WindowView) -> bytes:
    """Return the head of the chain after a window's last day; raise InvariantError if unsealed."""
    sealed = queries.seal_of(session, business_date=window.end_day - timedelta(days=1))
    if sealed is None:
        raise InvariantError(f"the day before {window.end_day} has no seal")
    return sealed.head


def _parties(session: Session, window: WindowView, *, terms: Terms) -> set[UUID]:
    """Return whom the window can pay: agreements of others may begin while it is reckoned."""
    carried = money.balances(session, account="settlement", before=window.first_day)
    known = (*carried, *terms.returned, *terms.paid_in)
    return owing.owing_parties(session) | {merchant for merchant, _ in known}
