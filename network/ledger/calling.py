"""How a function of the ledger is called: one statement, one round trip, its errors translated."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any
from uuid import UUID

from sqlalchemy import Row, TextClause, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from network.database.driver import Channel, rows_of
from network.ledger.errors import WalletMoved
from network.ledger.errors_by_code import translate
from network.ledger.values import Posted

MOVES = 4
"""So many times a person may join or leave while one call waits, before it is refused."""


def function(name: str, *arguments: str) -> TextClause:
    """Return the statement that calls ``ledger.name`` with named arguments and nothing else."""
    return text(f"SELECT * FROM ledger.{name}({', '.join(arguments)})")


def post(
    connection: Channel,
    statement: TextClause,
    member_id: UUID,
    parameters: dict[str, Any],
) -> Posted:
    """Call a function that posts for a member; raise the ledger's own errors."""
    return posted(member_id, one(connection, statement, {"member_id": member_id} | parameters))


def post_followed(
    connection: Channel,
    statement: TextClause,
    member_id: UUID,
    parameters: dict[str, Any],
) -> Posted:
    """Call a function that looks for a person's points, again where they moved while it waited.

    Within a transaction it takes a savepoint, because a refusal would end the transaction.
    """
    for _ in range(MOVES - 1):
        try:
            with savepoint(connection):
                return post(connection, statement, member_id, parameters)
        except WalletMoved:
            continue
    return post(connection, statement, member_id, parameters)


def savepoint(connection: Channel) -> AbstractContextManager[object]:
    """Let a refusal within a transaction leave it usable; a single call needs nothing."""
    return connection.begin_nested() if isinstance(connection, Session) else nullcontext()


def one(connection: Channel, statement: TextClause, parameters: dict[str, Any]) -> Row[Any]:
    """Call a function that returns one row; raise the ledger's own errors."""
    return rows(connection, statement, parameters)[0]


def rows(connection: Channel, statement: TextClause, parameters: dict[str, Any]) -> list[Row[Any]]:
    """Call a function and return its rows; raise the ledger's own errors."""
    try:
        return rows_of(connection, statement, parameters)
    except DBAPIError as error:
        translated = translate(error)
        if translated is None:
            raise
        raise translated from error


def posted(member_id: UUID, row: Row[Any]) -> Posted:
    """Return a row of type ``ledger.posted`` as a value.

    The result names the wallet that the entry belongs to where that is not the one asked for.
    """
    owner = row.result.get("member_id")
    return Posted(
        member_id=UUID(owner) if owner else member_id,
        sequence=row.sequence,
        business_date=row.business_date,
        replayed=row.replayed,
        result=row.result,
    )
