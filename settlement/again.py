"""The second reckoning of a window: by the pure rules, issuer by issuer, for the control totals.

It reads the closed days' sums and the stored obligations as two streams in the order of issuers,
so it holds one issuer's at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from typing import TypeVar
from uuid import UUID

from sqlalchemy.orm import Session

from network.clearing import sources, streams
from network.clearing.facts import Obligation, PostingSum, WindowView
from network.clearing.owing import PoolFlow
from network.clearing.parties import MARGIN, VAT, Account
from settlement.netting import Debt, bilateral
from settlement.pool import flows, pool_after
from settlement.pricing import price_obligations
from settlement.reckoning import price_book

_Row = TypeVar("_Row", Obligation, PostingSum)


def reckoned_again(
    session: Session, *, window: WindowView
) -> Iterator[tuple[list[Obligation], list[Obligation]]]:
    """Yield what one issuer's points should have come to, and what is stored of it.

    The last pair is the rounding of the pool.
    """
    book = price_book(session)
    sums = sources.posting_sums(session, first_day=window.first_day, end_day=window.end_day)
    stored = streams.obligations_by_issuer(session, window=window)
    moved: list[PoolFlow] = []
    rounding: list[Obligation] = []
    for behind, found in _side_by_side(sums, stored):
        computed = price_obligations(behind, book=book, window_id=window.window_id)
        moved += flows(computed)
        rounding += [each for each in found if each.kind == "rounding"]
        yield computed, [each for each in found if each.kind != "rounding"]
    _, expected = pool_after(
        moved,
        before=sources.pool_balances(session, before=window.first_day),
        prices=lambda terms_id: book.issuer_terms(terms_id).issue_price,
        window_id=window.window_id,
    )
    yield expected, rounding


def debts_between_accounts(session: Session, *, window: WindowView) -> Iterator[Debt]:
    """Yield what accounts owe each other for a window, both directions behind each other."""
    for each in streams.corridors(session, window=window):
        yield Debt(
            payer=each.payer_id,
            payer_account=each.payer_account,
            payee=each.payee_id,
            payee_account=each.payee_account,
            amount=each.amount,
            currency=each.currency,
            fee=each.payee_account == MARGIN.name,
            vat=each.payee_account == VAT.name,
        )


def netted_in_pairs(session: Session, *, window: WindowView) -> Iterator[Debt]:
    """Yield what is left between any two accounts when their debts are netted."""
    for _, between in groupby(debts_between_accounts(session, window=window), key=_pair):
        yield from bilateral(between)


def _pair(debt: Debt) -> tuple[str, frozenset[Account]]:
    accounts = (Account(debt.payer, debt.payer_account), Account(debt.payee, debt.payee_account))
    return debt.currency, frozenset(accounts)


def _side_by_side(
    sums: Iterable[PostingSum], stored: Iterable[Obligation]
) -> Iterator[tuple[list[PostingSum], list[Obligation]]]:
    """Yield both streams issuer by issuer; either may lack an issuer."""
    left, right = _by_issuer(sums), _by_issuer(stored)
    behind, found = next(left, None), next(right, None)
    while behind is not None or found is not None:
        first = min(each[0] for each in (behind, found) if each is not None)
        ours = behind[1] if behind is not None and behind[0] == first else []
        theirs = found[1] if found is not None and found[0] == first else []
        yield ours, theirs
        if ours:
            behind = next(left, None)
        if theirs:
            found = next(right, None)


def _by_issuer(rows: Iterable[_Row]) -> Iterator[tuple[UUID, list[_Row]]]:
    return ((issuer, list(found)) for issuer, found in groupby(rows, key=attrgetter("issuer_id")))
