"""The rules that let one schema run on one PostgreSQL and on Citus (docs/scaling.md), held.

Trees of the SQL itself are looked at, not text: pglast is PostgreSQL's own parser as a library.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pglast
import pytest
from pglast import ast
from pglast.enums import ConstrType

import network
from config.citus import MEMBER_TABLES, TWO_MEMBERS
from tests.architecture.sql_rules import PREFIX, nodes, references, statements

ROOT = Path(network.__file__).parents[1]
FUNCTIONS = sorted((ROOT / "network" / "ledger" / "sql").glob("*.sql"))
MIGRATIONS = sorted((ROOT / "network" / "database" / "migrations" / "sql").glob("*.sql"))
OF_MEMBERS = {name.removeprefix("ledger.") for name in MEMBER_TABLES}
VIEWS = {
    *("posting", "earned_part", "consumption"),
    *("every_entry", "every_movement"),
}

ACROSS_MEMBERS = {
    ("begin_operation", "idempotency"): "the key is looked up without its member; Citus swaps it",
    ("batch_taken", "idempotency"): "the same",
    ("expire_due", "wallet"): "finds who is due; run shard by shard",
    ("forget_requests", "idempotency"): "housekeeping; run shard by shard",
    ("forget_requests", "used_code"): "housekeeping; run shard by shard",
    ("lot_months", "every_movement"): "closed days only, summed on every shard",
    ("openings_head", "opening"): "digests per member, of a month that is closed",
    ("write_openings", "opening"): "joined with a closed month's sums, shard by shard",
    ("seal_month", "opening"): "counts the openings of a month that is closed",
}
"""Function and table that name no member, and why they may."""


def schema() -> Iterator[tuple[str, Any]]:
    """Yield every statement of the migrations that is not a function's, with its file's name."""
    for path in MIGRATIONS:
        for raw in pglast.parse_sql(path.read_text(encoding="utf-8")):
            yield path.name, raw.stmt


def ledger_tables() -> dict[str, Any]:
    """Return the CREATE TABLE statements of the ledger by table."""
    return {
        made.relation.relname: made
        for _, made in schema()
        if isinstance(made, ast.CreateStmt) and made.relation.schemaname == "ledger"
    }


def keys(made: Any) -> list[set[str]]:
    """Return the columns of a table's primary key and unique constraints."""
    wanted = {ConstrType.CONSTR_PRIMARY, ConstrType.CONSTR_UNIQUE}
    return [
        {column.sval for column in part.keys}
        for part in made.tableElts
        if isinstance(part, ast.Constraint) and part.contype in wanted
    ]


def columns(made: Any) -> list[str]:
    return [part.colname for part in made.tableElts if isinstance(part, ast.ColumnDef)]


def test_the_list_of_member_tables_is_that_of_the_schema() -> None:
    found = {name for name, made in ledger_tables().items() if "member_id" in columns(made)}
    assert found == OF_MEMBERS


def test_the_member_is_in_every_key_of_its_tables() -> None:
    tables = ledger_tables()
    without = {name for name in OF_MEMBERS for key in keys(tables[name]) if "member_id" not in key}
    assert without == {"idempotency"}  # swapped by config/citus.py
    unique = {
        index.relation.relname
        for _, index in schema()
        if isinstance(index, ast.IndexStmt) and index.unique
    }
    assert unique & OF_MEMBERS == set()


def test_member_tables_have_no_foreign_key() -> None:
    """And nobody refers to them; what belongs together is checked nightly."""
    found = []
    for file, made in schema():
        if not isinstance(made, ast.CreateStmt | ast.AlterTableStmt):
            continue
        for node in nodes(made):
            if isinstance(node, ast.Constraint) and node.contype == ConstrType.CONSTR_FOREIGN:
                ends = {made.relation.relname, node.pktable.relname}
                if (
                    "ledger" in {made.relation.schemaname, node.pktable.schemaname}
                    and ends & OF_MEMBERS
                ):
                    found.append((file, node.conname))
    assert found == []


@pytest.mark.parametrize("path", FUNCTIONS, ids=lambda path: path.stem)
def test_every_statement_says_whose_rows_it_wants(path: Path) -> None:
    """One table without its member would be read on every node."""
    loose = {
        (each.function, each.table)
        for statement in statements(path)
        for each in references(statement)
        if each.table in OF_MEMBERS | VIEWS and not each.bound
    }
    assert loose - ACROSS_MEMBERS.keys() == set()


def test_every_exception_is_needed() -> None:
    loose = {
        (each.function, each.table)
        for path in FUNCTIONS
        for statement in statements(path)
        for each in references(statement)
        if not each.bound
    }
    assert ACROSS_MEMBERS.keys() - loose == set()


def test_no_merge_and_no_with_that_writes() -> None:
    seen = 0
    for path in FUNCTIONS:
        for statement in statements(path):
            for node in nodes(statement.tree):
                seen += 1
                assert not isinstance(node, ast.MergeStmt), statement.function
                if isinstance(node, ast.CommonTableExpr):
                    assert isinstance(node.ctequery, ast.SelectStmt), statement.function
    assert seen > 1000


def test_wallets_are_locked_together_in_one_order() -> None:
    """A statement that locks several wallets sorts them; the others lock one."""
    several = 0
    for path in FUNCTIONS:
        for statement in statements(path):
            for node in nodes(statement.tree):
                if not isinstance(node, ast.SelectStmt) or not node.lockingClause:
                    continue
                tables = {
                    each.relname for each in node.fromClause or () if isinstance(each, ast.RangeVar)
                }
                if f"{PREFIX}wallet" not in tables:
                    continue
                one = "AEXPR_OP_ANY" not in {
                    each.kind.name
                    for each in nodes(node.whereClause)
                    if hasattr(each, "kind") and isinstance(each, ast.A_Expr)
                }
                if not one:
                    several += 1
                    (by,) = node.sortClause
                    assert by.node.fields[-1].sval == "member_id", statement.function
    assert several >= 2


def test_callers_send_the_function_alone() -> None:
    """``SELECT * FROM ledger.f(…)`` and nothing else reaches the member's node in one trip."""
    named = {
        raw.stmt.funcname[-1].sval
        for path in FUNCTIONS
        for raw in pglast.parse_sql(path.read_text(encoding="utf-8"))
        if isinstance(raw.stmt, ast.CreateFunctionStmt)
        and [p.name for p in raw.stmt.parameters or ()][:1] in (["p_member"], ["p_items"])
    }
    assert named >= TWO_MEMBERS
    calls = re.compile(rf"(.{{0,16}})\bledger\.({'|'.join(sorted(named))})\(", re.DOTALL)
    found = 0
    for package in ("network", "merchant_gateway", "wallet", "settlement", "config"):
        for path in (ROOT / package).rglob("*.py"):
            for before, name in calls.findall(path.read_text(encoding="utf-8")):
                found += 1
                assert before.endswith("SELECT * FROM "), (path, name)
    assert found
