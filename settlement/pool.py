"""The pool: what points that were paid for when they were given cost, and the rounding beside it.

The pool is what it must be: for each terms the outstanding points times the price, half to even.
The obligations that move it are rounded one by one, so a window may bring it a unit or a few beside
that; the rounding account takes the difference. So a pool whose points are all gone is empty. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal
from uuid import UUID

from network.clearing.facts import MARGIN_KINDS, Obligation, PoolBalance
from network.clearing.parties import POOL, ROUNDING, clearing_id
from network.points import price_amount

PriceOf = Callable[[UUID], Decimal]
"""What one point under the terms with this id costs its issuer, minor units."""

_GIVEN = frozenset({"issuance", "adjustment_up"})


def pool_after(
    obligations: Iterable[Obligation], *, before: Iterable[PoolBalance], prices: PriceOf
) -> tuple[list[PoolBalance], list[Obligation]]:
    """Return what the pool holds by terms after a window, and the rounding that brings it there.

    ``before`` are the balances of earlier windows, ``prices`` says what the terms' points cost.
    Terms whose points did not move are left out. Both lists come in the order of terms.
    """
    earlier = {each.terms_id: each for each in before}
    moved: defaultdict[UUID, list[Obligation]] = defaultdict(list)
    for each in obligations:
        if POOL.name in {each.payer_account, each.payee_account}:
            moved[each.terms_id].append(each)
    balances, rounding = [], []
    for terms_id in sorted(moved):
        flows = moved[terms_id]
        was, price = earlier.get(terms_id), prices(terms_id)
        points = (was.points if was else 0) + sum(map(points_in, flows))
        balance = PoolBalance(
            issuer_id=flows[0].issuer_id,
            terms_id=terms_id,
            points=points,
            price=price,
            amount=price_amount(points=points, price=price),
            currency=flows[0].currency,
        )
        balances.append(balance)
        missing = balance.amount - (was.amount if was else 0) - sum(map(amount_in, flows))
        if missing:
            rounding.append(_rounding(flows[0], price=price, amount=missing))
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


def _rounding(like: Obligation, *, price: Decimal, amount: int) -> Obligation:
    return Obligation(
        obligation_id=clearing_id("obligation", like.window_id, "rounding", like.terms_id),
        window_id=like.window_id,
        payer_id=ROUNDING.party_id,
        payer_account=ROUNDING.name,
        payee_id=POOL.party_id,
        payee_account=POOL.name,
        issuer_id=like.issuer_id,
        acceptor_id=like.issuer_id,
        kind="rounding",
        terms_id=like.terms_id,
        acceptor_terms_id=like.terms_id,
        priced_on=(),
        points=0,
        postings=0,
        price=price,
        amount=amount,
        currency=like.currency,
    )
