"""How a function of the ledger is called: one statement, one round trip, its errors translated."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Row, TextClause, text
from sqlalchemy.exc import DBAPIError

from network.database.driver import Channel, rows_of
from network.ledger.errors import translate
from network.ledger.values import Posted


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

    A replay of a key from before a wallet moved names the wallet that the entry belongs to.
    """
    owner = row.result.get("member_id") if row.replayed else None
    return Posted(
        member_id=UUID(owner) if owner else member_id,
        sequence=row.sequence,
        business_date=row.business_date,
        replayed=row.replayed,
        result=row.result,
    )
