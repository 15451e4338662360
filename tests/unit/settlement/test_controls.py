"""Each control total finds the fault that it is there for, and passes what is right."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest

from network.clearing.facts import Obligation, Totals
from network.clearing.parties import NETWORK_PARTY
from network.clearing.streams import Detail
from settlement import controls
from settlement.controls import Check, Ledger
from settlement.netting import Position, bilateral, positions

A, B = UUID(int=1), UUID(int=2)


def obligation(kind: str, points: int, price: str, amount: int, *, number: int) -> Obligation:
    return Obligation(
        obligation_id=UUID(int=number),
        window_id=UUID(int=9),
        payer_id=A,
        payer_account="settlement",
        payee_id=NETWORK_PARTY if kind.startswith("margin") else B,
        payee_account="margin" if kind.startswith("margin") else "settlement",
        issuer_id=A,
        acceptor_id=B,
        kind=kind,
        terms_id=UUID(int=11),
        acceptor_terms_id=UUID(int=12),
        priced_on=(date(2026, 3, 22),),
        points=points,
        postings=1,
        price=Decimal(price),
        amount=amount,
        currency="IRR",
    )


OWED = [
    obligation("redemption", 7, "979.5", 6856, number=21),
    obligation("margin", 7, "31", 217, number=22),
]
DETAILS = {
    UUID(int=21): Detail(postings=1, points=7, share=6856),
    UUID(int=22): Detail(postings=1, points=7, share=217),
}
LEDGER = Ledger(postings=1, points=7, days=1, days_in_windows=1)
STORED = positions(controls.debts(OWED))


def wrong(checks: list[Check]) -> set[str]:
    return {check.name for check in checks if not check.agrees}


def checked(
    *,
    stored: list[Obligation] = OWED,
    details: dict[UUID, Detail] = DETAILS,
    ledger: Ledger = LEDGER,
) -> set[str]:
    found = controls.ObligationControls(ledger=ledger)
    found.take(computed=OWED, stored=stored, details=details)
    return wrong(found.checks())


def netted(stored: list[Position], obligations: list[Obligation] = OWED) -> set[str]:
    owed = list(controls.debts(obligations))
    return wrong(controls.check_positions(owed=owed, pairs=bilateral(owed), stored=stored))


def test_what_is_right_agrees() -> None:
    assert checked() == set()
    assert netted(STORED) == set()


@pytest.mark.parametrize(
    ("ledger", "found"),
    [
        (replace(LEDGER, postings=2), {"postings_in_obligations"}),
        (replace(LEDGER, points=8), {"points_in_obligations"}),
        (replace(LEDGER, days_in_windows=0), {"days_in_one_window"}),
        (replace(LEDGER, days_in_windows=2), {"days_in_one_window"}),
    ],
)
def test_what_the_ledger_has_and_the_obligations_have_not(ledger: Ledger, found: set[str]) -> None:
    assert checked(ledger=ledger) == found


def test_a_wrong_amount_is_found_by_price_by_details_and_by_recomputing() -> None:
    stored = [replace(OWED[0], amount=6858), OWED[1]]
    assert checked(stored=stored) == {
        "points_times_price",
        "details_add_up",
        "obligations_recomputed",
    }


def test_two_wrong_amounts_that_cancel_out_are_found_row_by_row() -> None:
    stored = [replace(OWED[0], amount=6857), replace(OWED[1], amount=216)]
    assert {"details_add_up", "obligations_recomputed"} <= checked(stored=stored)


def test_a_missing_and_an_added_obligation_are_found() -> None:
    assert "obligations_recomputed" in checked(stored=OWED[:1])
    added = replace(OWED[0], obligation_id=UUID(int=23), points=1, amount=0, price=Decimal(0))
    assert {"obligations_recomputed", "points_in_obligations"} <= checked(stored=[*OWED, added])


def test_details_that_lost_a_line_are_found() -> None:
    details = DETAILS | {UUID(int=22): Detail(postings=0, points=0, share=0)}
    assert checked(details=details) == {
        "details_add_up",
        "points_in_obligations",
        "postings_in_obligations",
    }


def test_positions_that_are_not_the_obligations_are_found() -> None:
    moved = [
        replace(each, receivable=each.receivable + 5) if each.party == B else each
        for each in STORED
    ]
    assert netted(moved) == {
        "positions_sum_to_zero",
        "positions_from_obligations",
        "bilateral_equals_multilateral",
    }
    assert "positions_from_obligations" in netted(STORED[:-1])


def test_an_empty_window_with_the_network_alone_agrees() -> None:
    alone = [
        Position(
            party=NETWORK_PARTY,
            account="margin",
            currency="IRR",
            payable=0,
            receivable=0,
            fees=0,
        )
    ]
    assert netted(alone, []) == set()


def totals(position: Position, *, opening: int = 0) -> Totals:
    return Totals(
        currency="IRR",
        opening=opening,
        receivable=position.receivable,
        payable=position.payable,
        fees=position.fees,
        net=position.net,
        returned=0,
        paid=0,
        closing=opening + position.net,
        lines=1,
    )


def statements(drafts: dict[UUID, Totals], closings: dict[UUID, int] | None = None) -> set[str]:
    return wrong(
        controls.check_statements(
            drafts={(merchant, "IRR"): each for merchant, each in drafts.items()},
            stored=STORED,
            closings={(merchant, "IRR"): each for merchant, each in (closings or {}).items()},
        )
    )


def test_statements_are_held_against_positions_and_closings() -> None:
    right = {each.party: totals(each) for each in STORED if each.party != NETWORK_PARTY}
    assert statements(right) == set()
    assert statements({A: right[A]}) == {"statements_from_positions"}
    assert "statements_from_positions" in statements(
        right | {A: replace(right[A], payable=0, net=right[A].net)}
    )
    assert statements(right, {A: 50}) == {"openings_are_closings"}
    assert statements(right | {B: replace(right[B], closing=1)}) == {"closings_follow"}


def test_a_stop_says_what_was_expected_and_what_was_found() -> None:
    check = Check(name="details_add_up", rows=3, expected=10, found=9, differences=1)
    error = controls.ControlTotalsError([check])
    assert "details_add_up: expected 10, found 9, 1 of 3 rows differ" in error.message
    assert controls.as_json([check])["agree"] is False
