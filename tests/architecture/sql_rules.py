"""The ledger's SQL as syntax trees: its functions' statements, and which member each is about."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pglast
from pglast import ast
from pglast.enums import A_Expr_Kind

# PL/pgSQL's parser knows types of no other schema than public, and no arrays of rows.
_SCHEMA = re.compile(r"\bledger\.")
_ROW_ARRAY = re.compile(r"\bledger_\w+\[\]")
PREFIX = "ledger_"


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One SQL statement of one function."""

    function: str
    tree: Any


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A table of the ledger in one query, and whether the query says whose rows it wants."""

    function: str
    table: str
    bound: bool


def statements(path: Path) -> Iterator[Statement]:
    """Yield the statements of the functions in a file of ``network/ledger/sql``."""
    source = _SCHEMA.sub(PREFIX, path.read_text(encoding="utf-8"))
    for raw in pglast.parse_sql(source):
        made = raw.stmt
        if not isinstance(made, ast.CreateFunctionStmt):
            continue
        name = made.funcname[-1].sval.removeprefix(PREFIX)
        if made.sql_body is not None:
            yield Statement(function=name, tree=made.sql_body)
            continue
        end = raw.stmt_location + raw.stmt_len if raw.stmt_len else None
        body = _ROW_ARRAY.sub("text[]", source[raw.stmt_location : end])
        for query in _queries(pglast.parse_plpgsql(body)):
            for parsed in pglast.parse_sql(query):
                yield Statement(function=name, tree=parsed.stmt)


def _queries(tree: Any) -> Iterator[str]:
    """Yield the SQL in what PL/pgSQL's parser returned; expressions as the SELECT they are."""
    if isinstance(tree, list):
        for each in tree:
            yield from _queries(each)
    elif isinstance(tree, dict):
        for key, value in tree.items():
            if key == "PLpgSQL_expr":
                yield _as_statement(value["query"], value.get("parseMode", 0))
            else:
                yield from _queries(value)


def _as_statement(query: str, mode: int) -> str:
    if mode == 0:
        return query
    if mode >= 3:  # an assignment: target := expression
        query = re.split(r":?=", query, maxsplit=1)[1]
    return f"SELECT {query}"


def nodes(tree: Any) -> Iterator[Any]:
    """Yield every node of a tree, the tree itself first."""
    if isinstance(tree, ast.Node):
        yield tree
        for name in tree:
            yield from nodes(getattr(tree, name))
    elif isinstance(tree, tuple | list):
        for each in tree:
            yield from nodes(each)


def references(statement: Statement) -> Iterator[Reference]:
    """Yield the ledger's tables that a statement names, each with whether it is bound."""
    for node in nodes(statement.tree):
        if isinstance(node, ast.SelectStmt | ast.UpdateStmt | ast.DeleteStmt | ast.InsertStmt):
            yield from _of_query(statement.function, node)


def _of_query(function: str, query: Any) -> Iterator[Reference]:
    if isinstance(query, ast.InsertStmt):
        columns = [column.name for column in query.cols or ()]
        yield Reference(
            function=function,
            table=query.relation.relname.removeprefix(PREFIX),
            bound=not columns or "member_id" in columns,
        )
        return
    tables = list(_tables(getattr(query, "fromClause", None) or ()))
    tables += list(_tables(getattr(query, "usingClause", None) or ()))
    if not isinstance(query, ast.SelectStmt):
        tables.append(query.relation)
    joins = [n for n in _level(getattr(query, "fromClause", None)) if isinstance(n, ast.JoinExpr)]
    conditions = [query.whereClause, *(join.quals for join in joins)]
    bound = {name for condition in conditions for name in _members(condition)}
    shared = any("member_id" in {n.sval for n in join.usingClause or ()} for join in joins)
    for table in tables:
        if table.relname.startswith(PREFIX):
            name = table.alias.aliasname if table.alias else table.relname
            yield Reference(
                function=function,
                table=table.relname.removeprefix(PREFIX),
                bound=name in bound or shared,
            )


def _tables(clause: Any) -> Iterator[Any]:
    return (node for node in _level(clause) if isinstance(node, ast.RangeVar))


def _level(tree: Any) -> Iterator[Any]:
    """Yield nodes without descending into queries inside."""
    if isinstance(tree, ast.Node):
        if isinstance(tree, ast.SelectStmt):
            return
        yield tree
        for name in tree:
            yield from _level(getattr(tree, name))
    elif isinstance(tree, tuple | list):
        for each in tree:
            yield from _level(each)


def _members(condition: Any) -> Iterator[str]:
    """Yield the aliases whose member_id a condition compares for equality, in an AND at its top."""
    if isinstance(condition, ast.BoolExpr) and condition.boolop.name == "AND_EXPR":
        for each in condition.args:
            yield from _members(each)
    elif (
        isinstance(condition, ast.A_Expr)
        and condition.kind
        in {
            A_Expr_Kind.AEXPR_OP,
            A_Expr_Kind.AEXPR_OP_ANY,
            A_Expr_Kind.AEXPR_IN,
        }
        and condition.name[-1].sval == "="
    ):
        for side in (condition.lexpr, condition.rexpr):
            if isinstance(side, ast.ColumnRef):
                fields = [getattr(field, "sval", "*") for field in side.fields]
                if len(fields) == 2 and fields[1] == "member_id":
                    yield fields[0]
