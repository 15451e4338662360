"""The pool: what points that were paid for when they were given cost, and the rounding beside it.

The pool is what it must be: for each terms the outstanding points times the price, half to even.
The obligations that move it are rounded one by one, so a window may bring it a unit or a few beside
that; the rounding account takes the difference. So a pool whose points are all gone is empty. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from uuid import UUID

from network.clearing.facts import MARGIN_KINDS, Obligation, PoolBalance
from network.clearing.owing import PoolFlow
from network.clearing.parties import POOL, ROUNDING, obligation_key
from network.points import price_amount

PriceOf = Callable[[UUID], Decimal]
"""What one point under the terms with this id costs its issuer, minor units."""

_GIVEN = frozenset({"issuance", "adjustment_up"})


def flows(obligations: Iterable[Obligation]) -> list[PoolFlow]:
    """Return what obligations bring into the pool by terms, in their order."""
    found: dict[UUID, PoolFlow] = {}
    for each in obligations:
        if POOL.name in {each.payer_account, each.payee_account}:
            before = found.get(each.terms_id)
            found[each.terms_id] = PoolFlow(
                each.terms_id,
                each.issuer_id,
                each.currency,
                (before.points if before else 0) + points_in(each),
                (before.amount if before else 0) + amount_in(each),
            )
    return [found[terms] for terms in sorted(found)]


def pool_after(
    moved: Iterable[PoolFlow],
    *,
    before: Iterable[PoolBalance],
    prices: PriceOf,
    window_id: UUID,
) -> tuple[list[PoolBalance], list[Obligation]]:
    """Return what the pool holds by terms after a window, and the rounding that brings it there.

    ``moved`` are the terms whose points moved, ``before`` the balances of earlier windows;
    ``prices`` says what the terms' points cost. Both lists come in the order of ``moved``.
    """
    earlier = {each.terms_id: each for each in before}
    balances, rounding = [], []
    for flow in moved:
        was, price = earlier.get(flow.terms_id), prices(flow.terms_id)
        points = (was.points if was else 0) + flow.points
        balance = PoolBalance(
            issuer_id=flow.issuer_id,
            terms_id=flow.terms_id,
            points=points,
            price=price,
            amount=price_amount(points=points, price=price),
            currency=flow.currency,
        )
        balances.append(balance)
        missing = balance.amount - (was.amount if was else 0) - flow.amount
        if missing:
            rounding.append(_rounding(balance, window_id=window_id, amount=missing))
    return balances, rounding


def points_in(obligation: Obligation) -> int:
    """Return the points that an obligation brings into the pool; below zero out of it.

    The margin is of the same points as the redemption beside it, so it counts none.
    """
    if obligation.kind in MARGIN_KINDS:
        return 0
    return obligation.points if obligation.kind in _GIVEN else -obligation.points


def amount_in(obligation: Obligation) -> int:
    """Return the money that an obligation brings into the pool; below zero out of it."""
    return (obligation.amount if obligation.payee_account == POOL.name else 0) - (
        obligation.amount if obligation.payer_account == POOL.name else 0
    )


def _rounding(balance: PoolBalance, *, window_id: UUID, amount: int) -> Obligation:
    return Obligation(
        obligation_id=obligation_key(
            window_id=window_id,
            kind="rounding",
            issuer_id=balance.issuer_id,
            acceptor_id=balance.issuer_id,
            terms_id=balance.terms_id,
            acceptor_terms_id=balance.terms_id,
            price=balance.price,
        ),
        window_id=window_id,
        payer_id=ROUNDING.party_id,
        payer_account=ROUNDING.name,
        payee_id=POOL.party_id,
        payee_account=POOL.name,
        issuer_id=balance.issuer_id,
        acceptor_id=balance.issuer_id,
        kind="rounding",
        terms_id=balance.terms_id,
        acceptor_terms_id=balance.terms_id,
        priced_on=(),
        points=0,
        postings=0,
        price=balance.price,
        amount=amount,
        currency=balance.currency,
    )
