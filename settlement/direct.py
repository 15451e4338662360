"""Direct payments: who pays whom where merchants pay each other. Pure.

The network stays everybody's counterparty in obligations and statements; only the cash takes the
short way. Greedy: the largest debtor pays the largest creditor as much as both have, so each
payment ends one of them. That is at most N - 1 payments among N merchants, not always the fewest:
the fewest is NP-hard (it asks for subsets that sum to zero). What is left when one side is out, the
network's margin above all, goes between a merchant and the network: one payment per merchant at
most, all of them in one direction. Together they are at most N, where the network is a party too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """``payer`` pays ``payee`` an amount above zero, minor units of one currency."""

    payer: UUID
    payee: UUID
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Direct:
    """Who pays whom, and what is left to be paid with the network, signed as what was due."""

    transfers: tuple[Transfer, ...]
    rest: Mapping[UUID, int]


def direct_payments(due: Mapping[UUID, int]) -> Direct:
    """Return the payments that bring every merchant's amount to zero.

    ``due`` is above zero for who is paid. The same amounts give the same payments, whatever their
    order: largest first, then by id. What a merchant gets or pays adds up to what was due, its part
    with the network (``rest``, never zero) included.
    """
    creditors = [(-amount, party) for party, amount in due.items() if amount > 0]
    debtors = [(amount, party) for party, amount in due.items() if amount < 0]
    heapify(creditors)
    heapify(debtors)
    transfers = []
    while creditors and debtors:
        credit, payee = heappop(creditors)
        debt, payer = heappop(debtors)
        amount = min(-credit, -debt)
        transfers.append(Transfer(payer=payer, payee=payee, amount=amount))
        if -credit > amount:
            heappush(creditors, (credit + amount, payee))
        if -debt > amount:
            heappush(debtors, (debt + amount, payer))
    rest = {party: -credit for credit, party in creditors}
    rest |= {party: debt for debt, party in debtors}
    return Direct(transfers=tuple(transfers), rest=rest)
