"""Control totals: what must agree before anything leaves the house. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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
from network.clearing.parties import MARGIN, NETWORK_PARTY, POOL
from network.clearing.streams import Detail
from network.errors import PeyvandError
from settlement.netting import Debt, Position, positions

_NO_DETAIL = Detail()
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


@dataclass(slots=True, kw_only=True)
class ObligationControls:
    """Holds stored obligations against the ledger, their details and a fresh reckoning.

    They are taken in parts, issuer by issuer, so that no window is too large; ``checks`` says what
    came of all of them. ``moving`` counts by terms what moved the pool, ``rounding`` is stored.
    """

    ledger: Ledger
    moving: Counter[UUID] = field(default_factory=Counter)
    rounding: list[Obligation] = field(default_factory=list)
    _rows: int = 0
    _priced: int = 0
    _computed: int = 0
    _postings: int = 0
    _points: int = 0
    _margin_points: int = 0
    _amounts: Counter[str] = field(default_factory=Counter)
    _differences: Counter[str] = field(default_factory=Counter)

    def take(
        self,
        *,
        computed: Sequence[Obligation],
        stored: Sequence[Obligation],
        details: Mapping[UUID, Detail],
    ) -> None:
        """Take a part; ``details`` has what the lines behind each obligation come to."""
        by_id = {each.obligation_id: each for each in computed}
        self._computed += len(computed)
        self._amounts["computed"] += sum(each.amount for each in computed)
        for each in stored:
            self._take_stored(each, detail=details.get(each.obligation_id, _NO_DETAIL))
            self._differences["recomputed"] += by_id.pop(each.obligation_id, None) != each
        self._differences["recomputed"] += len(by_id)

    def _take_stored(self, each: Obligation, *, detail: Detail) -> None:
        self._rows += 1
        self._amounts["stored"] += each.amount
        self._amounts["details"] += detail.share
        self._differences["postings"] += detail.postings != each.postings
        self._differences["points"] += detail.points != each.points
        if each.kind == "rounding":
            self.rounding.append(each)
            return
        self._priced += 1
        self._amounts["priced"] += each.amount
        self._differences["price"] += _off_price(each)
        self._differences["shares"] += detail.share != each.amount
        if POOL.name in {each.payer_account, each.payee_account}:
            self.moving[each.terms_id] += 1
        if each.kind in _SETTLING:
            self._postings += detail.postings
            self._points += abs(each.points)
        if each.kind in MOVED_KINDS and each.issuer_id != NETWORK_PARTY:
            self._margin_points += each.points
        elif each.kind in MARGIN_KINDS:
            self._margin_points -= each.points

    def checks(self) -> list[Check]:
        """Return the comparisons over all that was taken."""
        ledger, wrong, amounts = self.ledger, self._differences, self._amounts
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
                found=self._postings,
                differences=wrong["postings"],
            ),
            Check(
                name="points_in_obligations",
                rows=self._rows,
                expected=ledger.points,
                found=self._points,
                differences=wrong["points"] + int(self._margin_points != 0),
            ),
            Check(
                name="obligations_recomputed",
                rows=self._computed,
                expected=amounts["computed"],
                found=amounts["stored"],
                differences=wrong["recomputed"],
            ),
            Check(
                name="points_times_price",
                rows=self._priced,
                expected=0,
                found=0,
                differences=wrong["price"],
            ),
            Check(
                name="details_add_up",
                rows=self._priced,
                expected=amounts["priced"],
                found=amounts["details"],
                differences=wrong["shares"],
            ),
        ]


def _off_price(each: Obligation) -> bool:
    """Return whether an amount is more than half a unit away from points × price."""
    numerator, denominator = each.price.as_integer_ratio()
    return 2 * abs(each.amount * denominator - each.points * numerator) > denominator


def debts(obligations: Iterable[Obligation]) -> Iterator[Debt]:
    """Yield obligations as debts; the network's margin is a fee."""
    return (
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
    )


def check_positions(
    *, owed: Iterable[Debt], pairs: Iterable[Debt], stored: Sequence[Position]
) -> list[Check]:
    """Hold stored positions against the obligations, netted at once and pair by pair.

    ``owed`` are the debts of the obligations, ``pairs`` the same netted between any two accounts.
    """
    expected = {_key(each): each for each in positions(owed)}
    by_pairs = {_key(each): each.net for each in positions(pairs)}
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
        return (*((0, 0, 0, 0, 0) if found is None else _flows(found)), used)

    return [
        Check(
            name="statements_from_positions",
            rows=len(drafts),
            expected=sum(each.net for each in merchants.values()),
            found=sum(each.net for each in drafts.values()),
            differences=sum(
                sums(key) != (*_flows(each), each.deposit_used) for key, each in drafts.items()
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
            expected=sum(_closing(each) for each in drafts.values()),
            found=sum(each.closing for each in drafts.values()),
            differences=sum(each.closing != _closing(each) for each in drafts.values()),
        ),
    ]


def _flows(of: Position | Totals) -> tuple[int, int, int, int, int]:
    return of.payable, of.receivable, of.fees, of.vat, of.net


def _closing(of: Totals) -> int:
    """Return what a statement's closing balance must be."""
    return of.opening + of.net + of.returned - of.called - of.paid


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
