"""Netting: from many debts between parties to one figure for each. Pure.

Amounts are minor units of one currency; a debt may be negative (something undone). Bilateral
netting leaves at most one debt between any two parties; multilateral netting puts the network in
their middle and leaves at most one payment per party, to the network or from it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Debt:
    """What ``payer`` owes ``payee``; ``fee`` marks what is owed for the network's own service."""

    payer: UUID
    payee: UUID
    amount: int
    currency: str
    fee: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A party's sums in one currency: net = receivable − payable − fees."""

    party: UUID
    currency: str
    payable: int
    receivable: int
    fees: int

    @property
    def net(self) -> int:
        """Return what the party gets (above zero) or pays (below)."""
        return self.receivable - self.payable - self.fees


def bilateral(debts: Iterable[Debt]) -> list[Debt]:
    """Return at most one debt per pair of parties and currency, each above zero.

    What a party owes itself, and pairs that come out even, disappear. Sorted by payer and payee.
    """
    sums: defaultdict[tuple[str, UUID, UUID], int] = defaultdict(int)
    for debt in debts:
        if debt.payer < debt.payee:
            sums[debt.currency, debt.payer, debt.payee] += debt.amount
        elif debt.payee < debt.payer:
            sums[debt.currency, debt.payee, debt.payer] -= debt.amount
    netted = [
        Debt(payer=first, payee=second, amount=amount, currency=currency)
        if amount > 0
        else Debt(payer=second, payee=first, amount=-amount, currency=currency)
        for (currency, first, second), amount in sums.items()
        if amount != 0
    ]
    return sorted(netted, key=lambda debt: (debt.currency, debt.payer, debt.payee))


def positions(debts: Iterable[Debt]) -> list[Position]:
    """Return every party's position, sorted by currency and party; the nets add up to zero.

    Fees stand apart from what is payable; their payee has them among what is receivable.
    """
    payable: defaultdict[tuple[str, UUID], int] = defaultdict(int)
    receivable: defaultdict[tuple[str, UUID], int] = defaultdict(int)
    fees: defaultdict[tuple[str, UUID], int] = defaultdict(int)
    for debt in debts:
        (fees if debt.fee else payable)[debt.currency, debt.payer] += debt.amount
        receivable[debt.currency, debt.payee] += debt.amount
    return [
        Position(
            party=party,
            currency=currency,
            payable=payable[currency, party],
            receivable=receivable[currency, party],
            fees=fees[currency, party],
        )
        for currency, party in sorted({*payable, *receivable, *fees})
    ]


def multilateral(debts: Iterable[Debt], *, centre: UUID) -> list[Debt]:
    """Return one debt per party, to or from ``centre``: what remains to be paid.

    Any debts with the same nets give the same result, so netting bilaterally first changes
    nothing. Parties whose net is zero have no debt.
    """
    remaining = []
    for position in positions(debts):
        if position.party == centre or position.net == 0:
            continue
        owes = position.net < 0
        remaining.append(
            Debt(
                payer=position.party if owes else centre,
                payee=centre if owes else position.party,
                amount=abs(position.net),
                currency=position.currency,
            )
        )
    return remaining
