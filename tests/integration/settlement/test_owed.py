"""The table of obligations as the database filters, sums and sorts it, against plain Python."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from network.clearing import owed, queries
from network.clearing.facts import ObligationView
from network.clearing.owed import NO_SEARCH, Order, Wanted
from network.clearing.parties import MARGIN, Account, settlement_account
from network.clearing.party_names import parties
from network.database.connection import Database
from settlement.console import proof
from tests.integration.settlement.coalition import BAKER, CINEMA, GROCER, Coalition, member
from tests.integration.settlement.test_spreading import settle_by_hand

ACCOUNTS = [None, settlement_account(BAKER), settlement_account(GROCER), MARGIN]
RANKS = {GROCER: 0, CINEMA: 1, BAKER: 2}


def reference(row: ObligationView, column: str, *, account: Account | None) -> object:
    """Return what a column sorts a row by."""
    fact = row.fact
    if column in {"issuer", "acceptor"}:
        return RANKS[fact.issuer_id if column == "issuer" else fact.acceptor_id]
    if account is not None and column == "counted":
        return proof.counted(fact, account=account)
    if account is not None and column == "direction":
        return " ".join(proof.directions(fact, account=account))
    return getattr(fact, column)


def test_a_table_of_obligations_is_what_plain_python_makes_of_them(
    coalition: Coalition, database: Database
) -> None:
    chance = random.Random(7)  # noqa: S311 - figures, not secrets
    for _ in range(60):
        coalition.taken(
            chance.choice((1, 2, 7, 50, -1, -3)),
            by=member(chance.randrange(9)),
            issuer=chance.choice((BAKER, GROCER, CINEMA)),
            acceptor=chance.choice((BAKER, GROCER, CINEMA)),
        )
    window, _facts = settle_by_hand(database)
    with database.reading() as session:
        names = parties(session)
        every = queries.obligations(session, window=window)
        assert {names[each.issuer.party_id] for each in every} == {each.issuer for each in every}
        for account in ACCOUNTS:
            wanted = Wanted(window_id=window.window_id, account=account)
            rows = [
                row
                for row in every
                if account is None or proof.directions(row.fact, account=account)
            ]
            check_sums(owed.portions(session, wanted=wanted), rows, account=account)
            for column in ("issuer", "acceptor", "points", "amount", "counted", "direction"):
                if account is None and column in {"counted", "direction"}:
                    continue
                for falls in (False, True):
                    found = [
                        each.view
                        for each in owed.rows(
                            session,
                            wanted=wanted,
                            order=Order(column=column, falls=falls, ranks=RANKS),
                            names=names,
                        )
                    ]
                    assert sorted(found, key=_id) == sorted(rows, key=_id)
                    values = [reference(each, column, account=account) for each in found]
                    assert values == sorted(values, reverse=falls)  # type: ignore[type-var]


def check_sums(
    found: list[owed.Portion], rows: list[ObligationView], *, account: Account | None
) -> None:
    """Hold portions against the rows that they are of."""
    assert sum(each.rows for each in found) == len(rows) > 0
    assert sum(each.amount for each in found) == sum(row.fact.amount for row in rows)
    assert sum(each.postings for each in found) == sum(row.fact.postings for row in rows)
    if account is None:
        return
    assert sum(each.counted for each in found) == sum(
        proof.counted(row.fact, account=account) for row in rows
    )
    assert proof.sums(found).net == sum(each.counted for each in found)
    assert {(each.kind, each.directions) for each in found} == {
        (row.fact.kind, proof.directions(row.fact, account=account)) for row in rows
    }


def _id(row: ObligationView) -> int:
    return row.fact.obligation_id.int


CASES: list[tuple[dict[str, Any], int]] = [
    ({}, 4),
    ({"issuer_id": BAKER}, 2),
    ({"acceptor_id": BAKER}, 2),
    ({"kind": "margin"}, 2),
    ({"issuer_id": BAKER, "kind": "margin"}, 1),
    ({"account": settlement_account(GROCER)}, 3),
    ({"account": settlement_account(GROCER), "direction": "receivable"}, 1),
    ({"account": settlement_account(GROCER), "direction": "fee"}, 1),
    ({"search": replace(NO_SEARCH, figure="7")}, 2),
    ({"search": replace(NO_SEARCH, figure="9")}, 1),
    ({"search": replace(NO_SEARCH, kinds=("redemption",))}, 2),
    ({"search": replace(NO_SEARCH, accounts=("margin",))}, 2),
    ({"search": replace(NO_SEARCH, parties=(CINEMA,))}, 0),
    ({"search": NO_SEARCH}, 0),
]
"""What is asked of the window of ``owed_by_two``, and how many obligations that finds."""


def test_obligations_are_filtered(owed_by_two: tuple[Database, Wanted]) -> None:
    database, wanted = owed_by_two
    with database.reading() as session:
        for changes, count in CASES:
            asked = replace(wanted, **changes)
            assert sum(each.rows for each in owed.portions(session, wanted=asked)) == count, asked
            found = owed.rows(
                session,
                wanted=asked,
                order=Order(column="amount", falls=True, ranks={}),
                names=parties(session),
                limit=3,
                offset=1,
            )
            assert len(list(found)) == max(0, min(3, count - 1)), asked


@pytest.fixture
def owed_by_two(coalition: Coalition, database: Database) -> tuple[Database, Wanted]:
    """Return a window in which two merchants took each other's points: 7 at 979.5, 10 at 990."""
    coalition.taken(7, by=member(1), issuer=BAKER, acceptor=GROCER)
    coalition.taken(10, by=member(1), issuer=GROCER, acceptor=BAKER)
    window, _facts = settle_by_hand(database)
    return database, Wanted(window_id=window.window_id)


def test_a_redemption_and_its_margin_know_each_other(
    owed_by_two: tuple[Database, Wanted],
) -> None:
    database, wanted = owed_by_two
    with database.reading() as session:
        window = queries.window(session, window_id=wanted.window_id)
        assert window is not None
        every = [each.fact for each in queries.obligations(session, window=window)]
        for fact in every:
            (beside,) = owed.siblings(session, fact=fact)
            assert beside.fact in every
            assert {fact.kind, beside.fact.kind} == {"redemption", "margin"}
            assert beside.fact.issuer_id == fact.issuer_id
        own = queries.obligations(session, window=window, party_id=BAKER)
        assert {each.fact.obligation_id for each in own} == {
            each.obligation_id for each in every if BAKER in {each.payer_id, each.payee_id}
        }
