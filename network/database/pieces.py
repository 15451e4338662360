"""Deleting in pieces: what is old goes a bounded number of rows at a time."""

from __future__ import annotations

from sqlalchemy import ColumnElement, delete, func, literal_column, select
from sqlalchemy.orm import Session

from network.database.base import Base


def delete_piece(
    session: Session, table: type[Base], *conditions: ColumnElement[bool], limit: int
) -> int:
    """Delete up to ``limit`` rows that meet all conditions; return how many it were.

    The rows are found once and deleted where they lie (ctid), so a piece costs what it deletes. One
    that somebody changes meanwhile is left for the next time.
    """
    place: ColumnElement[str] = literal_column("ctid")
    found = select(place).select_from(table).where(*conditions).limit(limit)
    one: ColumnElement[int] = literal_column("1")
    gone = session.execute(
        delete(table).where(place == func.any(func.array(found.scalar_subquery()))).returning(one),
        execution_options={"synchronize_session": False},
    )
    return len(gone.all())
