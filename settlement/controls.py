"""Control totals: what must agree before anything leaves the house. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any
from uuid import UUID

from network.clearing.facts import (
    MARGIN_KINDS,
    MOVED_KINDS,
    POOL_KINDS,
    VAT_KINDS,
    Obligation,
    Totals,
)
from network.clearing.parties import MARGIN, NETWORK_PARTY
from network.errors import PeyvandError
from settlement.netting import Debt, Position, bilateral, positions
from settlement.statements import Detail

_HALF = Fraction(1, 2)
_SETTLING = MOVED_KINDS | POOL_KINDS
"""Each posting that money follows stands behind exactly one obligation of these kinds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One comparison: how many rows it looked at, both sums, and how many rows differ."""

    name: str
    rows: int
    expected: int
    found: int
    differences: int

    @property
    def agrees(self) -> bool:
        """Return whether sums and rows agree."""
        return self.expected == self.found and self.differences == 0


class ControlTotalsError(PeyvandError):
    """Control totals do not agree: the run stops before statements are published."""

    code = "settlement_totals_differ"

    def __init__(self, checks: Sequence[Check]) -> None:
        wrong = [check for check in checks if not check.agrees]
        said = "; ".join(
            f"{check.name}: expected {check.expected}, found {check.found}, "
            f"{check.differences} of {check.rows} rows differ"
            for check in wrong
        )
        super().__init__(f"control totals do not agree: {said}")
        self.checks = tuple(checks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What the ledger says of a window's days: postings that money follows, windows over them.

    ``outstanding`` are the points on issue by terms that members held when the days had ended.
    """

    postings: int
    points: int
    days: int
    days_in_windows: int
    outstanding: Mapping[UUID, int] = field(default_factory=dict)


def debts(obligations: Iterable[Obligation]) -> list[Debt]:
    """Return obligations as debts; the network's margin is a fee."""
    return [
        Debt(
            payer=each.payer_id,
            payer_account=each.payer_account,
            payee=each.payee_id,
            payee_account=each.payee_account,
            amount=each.amount,
            currency=each.currency,
            fee=each.kind in MARGIN_KINDS,
            vat=each.kind in VAT_KINDS,
        )
        for each in obligations
    ]


def check_obligations(
    *,
    computed: Sequence[Obligation],
    stored: Sequence[Obligation],
    details: Mapping[UUID, Detail],
    ledger: Ledger,
) -> list[Check]:
    """Hold the stored obligations against the ledger, their details and a fresh reckoning.

    ``details`` has what the lines behind each obligation come to.
    """
    moved = [each for each in stored if each.kind in _SETTLING]
    margins = [each for each in stored if each.kind in MARGIN_KINDS]
    priced = [each for each in stored if each.kind != "rounding"]
    by_id = {each.obligation_id: each for each in computed}
    nothing = Detail()
    return [
        Check(
            name="days_in_one_window",
            rows=ledger.days,
            expected=ledger.days,
            found=ledger.days_in_windows,
            differences=abs(ledger.days - ledger.days_in_windows),
        ),
        Check(
            name="postings_in_obligations",
            rows=ledger.postings,
            expected=ledger.postings,
            found=sum(details.get(each.obligation_id, nothing).postings for each in moved),
            differences=sum(
                details.get(each.obligation_id, nothing).postings != each.postings
                for each in stored
            ),
        ),
        Check(
            name="points_in_obligations",
            rows=len(stored),
            expected=ledger.points,
            found=sum(abs(each.points) for each in moved),
            differences=sum(
                details.get(each.obligation_id, nothing).points != each.points for each in stored
            )
            + int(
                sum(
                    each.points
                    for each in stored
                    if each.kind in MOVED_KINDS and each.issuer_id != NETWORK_PARTY
                )
                != sum(each.points for each in margins)
            ),
        ),
        Check(
            name="obligations_recomputed",
            rows=len(computed),
            expected=sum(each.amount for each in computed),
            found=sum(each.amount for each in stored),
            differences=sum(by_id.pop(each.obligation_id, None) != each for each in stored)
            + len(by_id),
        ),
        Check(
            name="points_times_price",
            rows=len(priced),
            expected=0,
            found=0,
            differences=sum(
                abs(each.amount - each.points * Fraction(each.price)) > _HALF for each in priced
            ),
        ),
        Check(
            name="details_add_up",
            rows=len(priced),
            expected=sum(each.amount for each in priced),
            found=sum(each.share for each in details.values()),
            differences=sum(
                details.get(each.obligation_id, nothing).share != each.amount for each in priced
            ),
        ),
    ]


def check_positions(
    *, obligations: Sequence[Obligation], stored: Sequence[Position]
) -> list[Check]:
    """Hold stored positions against the obligations, netted at once and pair by pair."""
    expected = {_key(each): each for each in positions(debts(obligations))}
    by_pairs = {_key(each): each.net for each in positions(bilateral(debts(obligations)))}
    found = {_key(each): each for each in stored}
    nets: defaultdict[str, int] = defaultdict(int)
    for position in stored:
        nets[position.currency] += position.net
    margin = (MARGIN.party_id, MARGIN.name)
    empty = {
        key for key, each in found.items() if (each.party, each.account) == margin and not each.net
    }
    return [
        Check(
            name="positions_sum_to_zero",
            rows=len(stored),
            expected=0,
            found=sum(nets.values()),
            differences=sum(net != 0 for net in nets.values()),
        ),
        Check(
            name="positions_from_obligations",
            rows=len(stored),
            expected=sum(each.receivable for each in expected.values()),
            found=sum(each.receivable for each in stored),
            differences=sum(
                expected.get(key) != found.get(key)
                for key in expected.keys() | (found.keys() - empty)
            ),
        ),
        Check(
            name="bilateral_equals_multilateral",
            rows=len(stored),
            expected=sum(abs(net) for net in by_pairs.values()),
            found=sum(abs(each.net) for each in stored),
            differences=sum(by_pairs.get(key, 0) != each.net for key, each in found.items()),
        ),
    ]


def _key(position: Position) -> tuple[str, UUID, str]:
    return position.currency, position.party, position.account


def check_statements(
    *,
    drafts: Mapping[tuple[UUID, str], Totals],
    stored: Sequence[Position],
    closings: Mapping[tuple[UUID, str], int],
) -> list[Check]:
    """Hold drafted statements against the positions and against the closing balances before."""
    merchants = {
        (each.party, each.currency): each for each in stored if each.account == "settlement"
    }
    deposits = {(each.party, each.currency): each for each in stored if each.account == "deposit"}

    def sums(key: tuple[UUID, str]) -> tuple[int, int, int, int, int, int]:
        found, deposit = merchants.get(key), deposits.get(key)
        used = 0 if deposit is None else -deposit.net
        return (
            (0, 0, 0, 0, 0, used)
            if found is None
            else (found.payable, found.receivable, found.fees, found.vat, found.net, used)
        )

    return [
        Check(
            name="statements_from_positions",
            rows=len(drafts),
            expected=sum(each.net for each in merchants.values()),
            found=sum(each.net for each in drafts.values()),
            differences=sum(
                sums(key)
                != (
                    each.payable,
                    each.receivable,
                    each.fees,
                    each.vat,
                    each.net,
                    each.deposit_used,
                )
                for key, each in drafts.items()
            )
            + len((merchants.keys() | deposits.keys()) - drafts.keys()),
        ),
        Check(
            name="openings_are_closings",
            rows=len(drafts),
            expected=sum(closings.values()),
            found=sum(each.opening for each in drafts.values()),
            differences=sum(each.opening != closings.get(key, 0) for key, each in drafts.items()),
        ),
        Check(
            name="closings_follow",
            rows=len(drafts),
            expected=sum(
                each.opening + each.net + each.returned - each.called - each.paid
                for each in drafts.values()
            ),
            found=sum(each.closing for each in drafts.values()),
            differences=sum(
                each.closing != each.opening + each.net + each.returned - each.called - each.paid
                for each in drafts.values()
            ),
        ),
    ]


def as_json(checks: Sequence[Check]) -> dict[str, Any]:
    """Return control totals as they are stored and printed."""
    return {
        "agree": all(check.agrees for check in checks),
        "checks": [
            {
                "name": check.name,
                "rows": check.rows,
                "expected": check.expected,
                "found": check.found,
                "differences": check.differences,
                "agrees": check.agrees,
            }
            for check in checks
        ],
    }
