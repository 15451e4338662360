"""Who is paid, and who pays, with a statement. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from uuid import UUID

from network.clearing.facts import Carried
from network.money.facts import (
    DirectFact,
    PaymentDetails,
    PaymentFact,
    direct_fact,
    payment_fact,
)
from settlement.direct import direct_payments

Amounts = Mapping[tuple[UUID, str], int]
"""Minor units by merchant and currency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a window's payments follow from: where merchants are paid, what came back, deposits.

    ``returned`` is what the bank sent back on the window's days, above zero for a payout.
    ``deposits`` are what merchants had paid in advance when the window began, and ``paid_in`` what
    they have added on its days. ``direct`` says that merchants pay each other as far as that goes.
    ``stopped`` are issuers that two people stopped because they do not pay: nothing is paid out to
    them, and they pay no other merchant. Who they are can change while a night waits to go on; it
    is no part of the hash.
    """

    details: Mapping[UUID, PaymentDetails] = field(default_factory=dict)
    returned: Amounts = field(default_factory=dict)
    deposits: Amounts = field(default_factory=dict)
    paid_in: Amounts = field(default_factory=dict)
    direct: bool = False
    stopped: AbstractSet[UUID] = frozenset()

    def called(self, deposit: int) -> int:
        """Return what goes from a settlement account to its deposit, which holds ``deposit``.

        A deposit that did not suffice is filled up to zero: what it paid too much is owed like
        anything else, and acceptors wait for nobody.
        """
        return max(0, -deposit)

    def due(self, *, merchant_id: UUID, balance: int) -> tuple[int, Carried | None]:
        """Return what of a balance is paid with its statement: all of it, or nothing and why.

        What a stopped issuer would get stays here until two people decide whose it is; what it owes
        does where merchants pay each other, so that nobody is told to wait for its money. A balance
        is carried over also where the agreement names no account, has it paid on another day, or
        where it is below the agreed minimum.
        """
        details = self.details.get(merchant_id)
        carried: Carried | None = None
        if balance == 0:
            return 0, None
        if merchant_id in self.stopped and (balance > 0 or self.direct):
            carried = "default"
        elif details is None:
            carried = "no_account"
        elif not details.settles:
            carried = "cycle"
        elif abs(balance) < details.minimum:
            carried = "minimum"
        return (0, carried) if carried else (balance, None)

    def record(self, parties: AbstractSet[UUID]) -> dict[str, list[list[str]]]:
        """Return what concerns these parties in a fixed order, for the hash of a run's input."""
        mode = {"mode": [["direct"]]} if self.direct else {}
        return mode | {
            "accounts": sorted(
                [
                    *(str(merchant), each.iban, each.holder),
                    *(str(each.mandate_id), str(each.mandate_signed_on)),
                    *(str(each.settles), str(each.minimum)),
                ]
                for merchant, each in self.details.items()
                if merchant in parties
            ),
            "returned": sorted(
                [str(merchant), currency, str(amount)]
                for (merchant, currency), amount in self.returned.items()
            ),
            "deposits": _plain(self.deposits, parties),
            "paid_in": _plain(self.paid_in, parties),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What a window's statements lead to: payments with the network, and between merchants."""

    payments: tuple[PaymentFact, ...]
    directs: tuple[DirectFact, ...]


def orders(paid: Amounts, *, window_id: UUID, terms: Terms) -> Orders:
    """Return the payments that pay what statements say is paid (above zero: to the merchant).

    Through the network there is one per merchant. Where merchants pay each other, one of them pays
    another as far as that goes, and the network takes or gives what is left.
    """
    directs: list[DirectFact] = []
    rest: dict[tuple[UUID, str], int] = {key: amount for key, amount in paid.items() if amount}
    for currency in sorted({currency for _, currency in rest}) if terms.direct else ():
        found = direct_payments({who: due for (who, of), due in rest.items() if of == currency})
        rest = {key: due for key, due in rest.items() if key[1] != currency}
        rest |= {(who, currency): due for who, due in found.rest.items()}
        directs += [
            direct_fact(
                window_id=window_id,
                payer_id=each.payer,
                payee_id=each.payee,
                currency=currency,
                amount=each.amount,
                details=terms.details[each.payee],
            )
            for each in found.transfers
        ]
    return Orders(
        payments=tuple(
            payment_fact(
                window_id=window_id,
                merchant_id=who,
                currency=currency,
                balance=due,
                details=terms.details[who],
            )
            for (who, currency), due in sorted(rest.items())
        ),
        directs=tuple(directs),
    )


def _plain(amounts: Amounts, parties: AbstractSet[UUID]) -> list[list[str]]:
    return sorted(
        [str(merchant), currency, str(amount)]
        for (merchant, currency), amount in amounts.items()
        if merchant in parties
    )
