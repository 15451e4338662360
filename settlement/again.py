"""The second reckoning of a window: by the pure rules, issuer by issuer, for the control totals.

It reads the closed days' sums and the stored obligations as two streams in the order of issuers,
so it holds one issuer's at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar
from uuid import UUID

from sqlalchemy.orm import Session

from network.clearing import sources, streams
from network.clearing.facts import Obligation, PostingSum, WindowView
from network.clearing.owing import PoolFlow
from network.clearing.parties import MARGIN, VAT, Account
from network.clearing.streams import Detail
from settlement.netting import Debt, bilateral
from settlement.pool import flows, pool_after
from settlement.pricing import price_obligations
from settlement.reckoning import price_book

_Row = TypeVar("_Row")
_Stored = tuple[Obligation, Detail]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one issuer's points should have come to, what is stored, and the lines behind that."""

    computed: list[Obligation]
    stored: list[Obligation]
    details: dict[UUID, Detail]


def reckoned_again(session: Session, *, window: WindowView) -> Iterator[Part]:
    """Yield a window's obligations issuer by issuer; the last part is the rounding of the pool.

    The lines are those that ``network.clearing.line_texts.make_lines`` made.
    """
    book = price_book(session)
    sums = sources.posting_sums(session, first_day=window.first_day, end_day=window.end_day)
    stored = streams.obligations_with_details(session, window=window)
    moved: list[PoolFlow] = []
    rounding: list[Obligation] = []
    for behind, found in _side_by_side(sums, stored):
        computed = price_obligations(behind, book=book, window_id=window.window_id)
        moved += flows(computed)
        rounding += [each for each, _ in found if each.kind == "rounding"]
        yield Part(
            computed=computed,
            stored=[each for each, _ in found if each.kind != "rounding"],
            details={each.obligation_id: detail for each, detail in found},
        )
    _, expected = pool_after(
        moved,
        before=sources.pool_balances(session, before=window.first_day),
        prices=lambda terms_id: book.issuer_terms(terms_id).issue_price,
        window_id=window.window_id,
    )
    yield Part(computed=expected, stored=rounding, details={})


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
    sums: Iterable[PostingSum], stored: Iterable[_Stored]
) -> Iterator[tuple[list[PostingSum], list[_Stored]]]:
    """Yield both streams issuer by issuer; either may lack an issuer."""
    left = _grouped(sums, key=lambda each: each.issuer_id)
    right = _grouped(stored, key=lambda each: each[0].issuer_id)
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


def _grouped(
    rows: Iterable[_Row], *, key: Callable[[_Row], UUID]
) -> Iterator[tuple[UUID, list[_Row]]]:
    return ((issuer, list(found)) for issuer, found in groupby(rows, key=key))
