"""Netting: from many debts between accounts to one figure for each. Pure.

Amounts are minor units of one currency; a debt may be negative (something undone). Bilateral
netting leaves at most one debt between any two accounts; multilateral netting puts the network in
their middle and leaves at most one payment per party, to the network or from it. Cash moves
settlement accounts only: what a deposit or the pool owes is there already.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple
from uuid import UUID

from network.clearing.parties import Account

_PAID = "settlement"


@dataclass(frozen=True, slots=True, kw_only=True)
class Debt:
    """What ``payer`` owes ``payee``, each by the party and its account.

    ``fee`` marks what is owed for the network's own service, ``vat`` the tax on that.
    """

    payer: UUID
    payee: UUID
    amount: int
    currency: str
    fee: bool = False
    vat: bool = False
    payer_account: str = _PAID
    payee_account: str = _PAID


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """An account's sums in one currency: net = receivable − payable − fees, VAT among the fees."""

    party: UUID
    currency: str
    payable: int
    receivable: int
    fees: int
    vat: int = 0
    account: str = _PAID

    @property
    def net(self) -> int:
        """Return what the party gets (above zero) or pays (below)."""
        return self.receivable - self.payable - self.fees


class _Key(NamedTuple):
    currency: str
    account: Account


@dataclass(slots=True)
class _Sums:
    """What an account pays and gets so far."""

    payable: int = 0
    receivable: int = 0
    fees: int = 0
    vat: int = 0


def bilateral(debts: Iterable[Debt]) -> list[Debt]:
    """Return at most one debt per pair of accounts and currency, each above zero.

    What an account owes itself, and pairs that come out even, disappear. Sorted by payer and payee.
    """
    sums: defaultdict[tuple[str, Account, Account], int] = defaultdict(int)
    for debt in debts:
        payer, payee = _payer(debt), _payee(debt)
        if payer < payee:
            sums[debt.currency, payer, payee] += debt.amount
        elif payee < payer:
            sums[debt.currency, payee, payer] -= debt.amount
    netted = [
        _debt(first, second, amount=amount, currency=currency)
        if amount > 0
        else _debt(second, first, amount=-amount, currency=currency)
        for (currency, first, second), amount in sums.items()
        if amount != 0
    ]
    return sorted(netted, key=lambda debt: (debt.currency, _payer(debt), _payee(debt)))


def positions(debts: Iterable[Debt]) -> list[Position]:
    """Return every account's position, sorted by currency and account; the nets add up to zero.

    Fees stand apart from what is payable; their payee has them among what is receivable. What a
    deposit or the pool pays is payable, fees too: it is no fee of theirs.
    """
    sums: defaultdict[_Key, _Sums] = defaultdict(_Sums)
    for debt in debts:
        payer = sums[_Key(debt.currency, _payer(debt))]
        if (debt.fee or debt.vat) and debt.payer_account == _PAID:
            payer.fees += debt.amount
            payer.vat += debt.amount if debt.vat else 0
        else:
            payer.payable += debt.amount
        sums[_Key(debt.currency, _payee(debt))].receivable += debt.amount
    return [
        Position(
            party=key.account.party_id,
            account=key.account.name,
            currency=key.currency,
            payable=found.payable,
            receivable=found.receivable,
            fees=found.fees,
            vat=found.vat,
        )
        for key, found in sorted(sums.items(), key=itemgetter(0))
    ]


def multilateral(debts: Iterable[Debt], *, centre: UUID) -> list[Debt]:
    """Return one debt per party, to or from ``centre``: what remains to be paid.

    Any debts with the same nets give the same result, so netting bilaterally first changes
    nothing. Parties whose net is zero have no debt, and neither have accounts that no cash moves.
    """
    remaining = []
    for position in positions(debts):
        if position.party == centre or position.account != _PAID or position.net == 0:
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


def _payer(debt: Debt) -> Account:
    return Account(debt.payer, debt.payer_account)


def _payee(debt: Debt) -> Account:
    return Account(debt.payee, debt.payee_account)


def _debt(payer: Account, payee: Account, *, amount: int, currency: str) -> Debt:
    return Debt(
        payer=payer.party_id,
        payer_account=payer.name,
        payee=payee.party_id,
        payee_account=payee.name,
        amount=amount,
        currency=currency,
    )
