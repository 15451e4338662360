"""Sealed month ends, and the rebuild that starts from them: clean when honest, exact when not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from config.services.postgres import SUPERUSER
from network.database.connection import Database
from network.ledger import operations
from network.ledger.audit import audit
from network.ledger.audit_pass import Check
from network.ledger.month_ends import month_after, write_month_ends
from network.ledger.partitions import open_first_day
from network.ledger.rebuild import rebuild_checks, rebuild_names
from tests.fixtures.cluster import Cluster
from tests.integration.ledger_audit import history
from tests.integration.ledger_audit.conftest import Past
from tests.integration.ledger_audit.history import (
    BAKERY,
    DEBTOR,
    FIRST,
    GROCER,
    MEMBERS,
    SPENDER,
    Ledger,
    noon,
    sign,
    verify,
)

MONTH = month_after(FIRST.replace(day=1) - timedelta(days=40))
"""The first of two month ends: play begins in its last days, a month before the history's own."""
START = MONTH - timedelta(days=2)
NEXT = month_after(MONTH)
LAST = MONTH - timedelta(days=1)


def play(database: Database, owner: Database) -> Ledger:
    """Play over two month ends: lots, debts and a redeposit that cross them."""
    history.found(owner)
    with database.ledger() as connection:
        open_first_day(connection, business_date=START)
        for member in MEMBERS:
            operations.open_wallet(connection, member_id=member)
    book = Ledger(database=database, today=START)
    book.earn(SPENDER, BAKERY, 300, 40)
    book.earn(SPENDER, GROCER, 100, starts=20)
    bought = book.earn(DEBTOR, BAKERY, 100)
    book.redeem(DEBTOR, GROCER, 90)
    spent = book.redeem(SPENDER, GROCER, 30)
    while book.today < MONTH:
        end_day(book)
    book.do(
        operations.refund_earn, DEBTOR, BAKERY, original=bought.sequence, amount=10_050, lines=None
    )
    book.do(
        operations.refund_redeem,
        SPENDER,
        GROCER,
        original=spent.sequence,
        points=10,
        grace_days=30,
    )
    while book.today < NEXT:
        end_day(book)
    book.earn(DEBTOR, BAKERY, 60)
    book.redeem(SPENDER, BAKERY, 50)
    return book


def end_day(book: Ledger) -> None:
    """End the open day as a night does."""
    ended = book.today
    book.next_day()
    write_month_ends(book.database, through=ended, now=noon(book.today), sign=sign)


@pytest.fixture(scope="module")
def months(cluster: Cluster) -> Iterator[Past]:
    with cluster.fresh_database() as name:
        database = Database(cluster.url("peyvand", database=name))
        owner = Database(cluster.url("peyvand_owner", database=name), pool_size=1)
        try:
            yield Past(
                database=database,
                book=play(database, owner),
                superuser_url=cluster.url(SUPERUSER, database=name),
            )
        finally:
            database.dispose()
            owner.dispose()


def everything(session: Session) -> dict[str, Check]:
    found = [*audit(session, verify=verify), *rebuild_checks(session, verify=verify)]
    return {check.name: check for check in found}


def test_an_honest_ledger_is_rebuilt_as_it_stands(months: Past) -> None:
    with months.database.snapshot() as session:
        found = everything(session)
        rows = session.execute(text("SELECT month, count(*) FROM ledger.opening GROUP BY month"))
        openings = {row.month: int(row[1]) for row in rows}
    assert [check for check in found.values() if check.differences] == []
    assert [name for name in rebuild_names() if found[name].rows == 0] == []
    # Three lots; then the lot of a redeposit, the lot of a clawback and the debt it left.
    assert openings == {MONTH: 3, NEXT: 3}


def test_a_ledger_without_a_month_end_is_rebuilt_from_its_postings(past: Past) -> None:
    with past.database.snapshot() as session:
        found = list(rebuild_checks(session))
    assert [check for check in found if check.differences and check.name != "month_ends"] == []
    assert {check.name for check in found if check.rows} >= {"lots_rebuilt", "wallets_rebuilt"}


def test_a_month_end_is_written_once_and_in_order(months: Past) -> None:
    def write(month: date) -> str:
        with (
            pytest.raises(DBAPIError) as caught,
            months.database.unit_of_work() as session,
        ):
            session.execute(text("SELECT * FROM ledger.write_openings(:m)"), {"m": month})
        return str(caught.value.orig).splitlines()[0]

    assert write(MONTH) == "month_sealed"
    assert write(month_after(NEXT)) == "month_not_sealed"
    assert write(MONTH + timedelta(days=1)).startswith("a month is named by its first day")
    assert (
        write_month_ends(
            months.database, through=months.book.today, now=noon(months.book.today), sign=sign
        )
        == []
    )


_LOT = f"member_id = '{SPENDER}' AND lot_id = 1000001"
_NAMED_LOT = f"member {SPENDER}, lot 1000001"
_NAMED_ENTRY = f"member {SPENDER}, entry 1 of {START}"
_GREW = f"{_NAMED_LOT}, opening of {MONTH}: grew"

Change = tuple[str, str, dict[str, str]]


def change(kind: str, statement: str, **named: str) -> Change:
    """Return a kind of value, what changes one, and which checks must say which words."""
    return kind, statement, named


CHANGES = (
    change(
        "wallet figure",
        f"UPDATE ledger.wallet SET pending = pending + 1 WHERE member_id = '{SPENDER}'",
        wallets_rebuilt=f"member {SPENDER}: ",
        wallets_match_lots=f"member {SPENDER}: ",
    ),
    change(
        "lot counter",
        f"UPDATE ledger.lot SET redeemed = redeemed + 1, remaining = remaining - 1 WHERE {_LOT}",
        lots_rebuilt=f"{_NAMED_LOT}: stored",
        lots_match_postings=f"{_NAMED_LOT}: stored",
    ),
    change(
        "debt",
        f"UPDATE ledger.debt SET points = points + 1 WHERE member_id = '{DEBTOR}'",
        debts_rebuilt=f"member {DEBTOR} owes issuer {BAKERY}: stored 31, rebuilt 30",
    ),
    change(
        "points before a month end",
        f"UPDATE ledger.movement SET points = points + 1 WHERE member_id = '{SPENDER}'"
        " AND sequence = 1 AND line = 1",
        openings_match_postings=_GREW,
        entry_digests=_NAMED_ENTRY,
    ),
    change(
        "points after the last month end",
        f"UPDATE ledger.movement SET points = points + 1 WHERE member_id = '{DEBTOR}'"
        f" AND business_date = '{NEXT}' AND line = 1",
        lots_rebuilt=f"member {DEBTOR}, lot ",
        entry_digests=f"member {DEBTOR}, entry ",
    ),
    change(
        "entry explanation",
        f"UPDATE ledger.entry SET explanation = '[]' WHERE sequence = 1"
        f" AND member_id = '{SPENDER}'",
        entry_digests=_NAMED_ENTRY,
    ),
    change(
        "seal head",
        f"UPDATE ledger.seal SET head = sha256(head) WHERE business_date = '{LAST}'",
        seals=f"{LAST}: changed",
        month_ends=f"{MONTH}: unsealed",
    ),
    change(
        "opening",
        f"UPDATE ledger.opening SET available = available + 1 WHERE {_LOT} AND month = '{MONTH}'",
        openings_match_postings=_GREW,
        month_ends=f"{MONTH}: changed",
    ),
    change(
        "opening taken away",
        f"DELETE FROM ledger.opening WHERE {_LOT} AND month = '{NEXT}'",
        lots_rebuilt=_NAMED_LOT,
        month_ends=f"{NEXT}: changed",
    ),
    change(
        "head of a month",
        f"UPDATE ledger.month_end SET head = sha256(head) WHERE month = '{MONTH}'",
        month_ends=f"{NEXT}: unchained",
    ),
    change(
        "signature of a month",
        f"UPDATE ledger.month_end SET signature = '\\x00' WHERE month = '{MONTH}'",
        month_ends=f"{MONTH}: unsigned",
    ),
)


@pytest.mark.parametrize("changed", CHANGES, ids=lambda changed: changed[0])
def test_one_changed_value_of_any_kind_is_named(months: Past, changed: Change) -> None:
    _kind, statement, named = changed
    with months.tampered(statement) as session:
        found = everything(session)
    for check, words in named.items():
        assert any(words in example for example in found[check].examples), found[check]


def test_the_application_writes_no_month_end(months: Past) -> None:
    for table in ("opening", "month_end"):
        with (
            pytest.raises(DBAPIError, match="permission denied"),
            months.database.unit_of_work() as session,
        ):
            session.execute(text(f"DELETE FROM ledger.{table}"))


def test_a_head_that_is_not_of_the_rows_is_not_sealed(months: Past) -> None:
    with (
        pytest.raises(DBAPIError, match="month_head_differs"),
        months.database.unit_of_work() as session,
    ):
        session.execute(
            text("SELECT ledger.seal_month(:m, 1, :head, 'k', :head, now())"),
            {"m": NEXT, "head": bytes(32)},
        )
