"""Control totals of the money ledger: the pool, deposits, closing balances, payments. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from network.clearing.facts import Obligation, PoolBalance, Totals
from network.money.facts import DirectFact, PaymentFact
from network.points import price_amount
from settlement.controls import Check, Ledger


def check_pool(
    *,
    moving: Mapping[UUID, int],
    rounding: Sequence[Obligation],
    balances: Sequence[PoolBalance],
    ledger: Ledger,
) -> list[Check]:
    """Hold the pool against the points that members hold, and its rounding within bounds.

    ``balances`` are those of all terms after the window, ``moving`` says by terms how many
    obligations moved the pool. Each of them is rounded by half a unit at most, and so is each of
    the two balances between which it lies.
    """
    by_terms = {each.terms_id: each for each in balances}
    return [
        Check(
            name="pool_covers_points",
            rows=len(by_terms),
            expected=sum(ledger.outstanding.values()),
            found=sum(each.points for each in balances),
            differences=sum(
                by_terms[terms].points != ledger.outstanding.get(terms, 0)
                if terms in by_terms
                else 1
                for terms in by_terms.keys() | ledger.outstanding.keys()
            )
            + sum(
                each.amount != price_amount(points=each.points, price=each.price)
                for each in balances
            ),
        ),
        Check(
            name="rounding_is_small",
            rows=len(rounding),
            expected=0,
            found=0,
            differences=sum(
                2 * abs(each.amount) > moving.get(each.terms_id, 0) + 2 for each in rounding
            ),
        ),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What the money ledger says once a window's money is posted.

    ``balances`` are the settlement accounts at the window's end, ``deposits`` and ``pool`` those
    accounts, ``pooled`` what the pool must hold; ``instructed`` is what its payments moved to
    clearing. ``directs`` are what merchants pay each other, which moves nothing there.
    """

    balances: Mapping[tuple[UUID, str], int]
    deposits: Mapping[tuple[UUID, str], int] = field(default_factory=dict)
    pool: Mapping[str, int] = field(default_factory=dict)
    pooled: Mapping[str, int] = field(default_factory=dict)
    payments: Sequence[PaymentFact]
    directs: Sequence[DirectFact] = ()
    instructed: int


def check_money(*, drafts: Mapping[tuple[UUID, str], Totals], moved: Moved) -> list[Check]:
    """Hold statements against the money ledger: closing balances, payments, instructions."""
    paid: Counter[tuple[UUID, str]] = Counter()
    for payment in moved.payments:
        paid[payment.merchant_id, payment.currency] += payment.signed_amount
    instructed = paid.total()
    for each in moved.directs:
        paid[each.payee_id, each.currency] += each.amount
        paid[each.payer_id, each.currency] -= each.amount
    return [
        Check(
            name="closings_in_money_ledger",
            rows=len(drafts),
            expected=sum(each.closing for each in drafts.values()),
            found=sum(moved.balances.values()),
            differences=sum(
                moved.balances.get(key, 0) != each.closing for key, each in drafts.items()
            )
            + sum(amount != 0 for key, amount in moved.balances.items() if key not in drafts),
        ),
        Check(
            name="deposits_in_money_ledger",
            rows=len(drafts),
            expected=sum(each.deposit_closing for each in drafts.values()),
            found=sum(moved.deposits.get(key, 0) for key in drafts),
            differences=sum(
                moved.deposits.get(key, 0) != each.deposit_closing for key, each in drafts.items()
            ),
        ),
        Check(
            name="pool_in_money_ledger",
            rows=len(moved.pooled),
            expected=sum(moved.pooled.values()),
            found=sum(moved.pool.values()),
            differences=sum(
                moved.pool.get(currency, 0) != moved.pooled.get(currency, 0)
                for currency in moved.pool.keys() | moved.pooled.keys()
            ),
        ),
        Check(
            name="payments_from_statements",
            rows=len(paid),
            expected=sum(each.paid for each in drafts.values()),
            found=paid.total(),
            differences=sum(paid[key] != draft.paid for key, draft in drafts.items())
            + len(paid.keys() - drafts.keys())
            + int(moved.instructed != instructed),
        ),
    ]


def check_published(
    ours: Mapping[UUID, tuple[bytes, Totals]], published: Mapping[UUID, tuple[bytes, Totals]]
) -> Check:
    """Hold what is published against what was drafted: digest and totals of each statement."""
    return Check(
        name="statements_published",
        rows=len(ours),
        expected=len(ours),
        found=len(published),
        differences=sum(published.get(key) != value for key, value in ours.items()),
    )
