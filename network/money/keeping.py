"""Payment files that were given out: kept as bytes, because the bank has them as bytes.

A file is made once, of the payments that wait for the bank then. Whatever becomes of these later,
the file stays what the bank was given, under the same message id; what was cancelled before the
file was made is not in it.
"""

from __future__ import annotations

from dataclasses import asdict
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from network.money.facts import FileKind, KeptFile
from network.money.models import PaymentFileRow

_COLUMNS = (
    *("window_id", "kind", "name", "message_id", "payments", "control_sum", "content", "digest"),
    *("made_by", "made_at"),
)


def keep_file(session: Session, *, file: KeptFile) -> KeptFile:
    """Keep a file, and return what is kept: the first one where two are made at once."""
    session.execute(
        insert(PaymentFileRow)
        .values({name: value for name, value in asdict(file).items() if name in _COLUMNS})
        .on_conflict_do_nothing(index_elements=["window_id", "kind"])
    )
    kept = kept_file(session, window_id=file.window_id, kind=file.kind)
    return kept or file


def kept_file(session: Session, *, window_id: UUID, kind: FileKind) -> KeptFile | None:
    """Return the file of a kind as it was given out, ``None`` where none was."""
    return next(
        (each for each in kept_files(session, window_id=window_id) if each.kind == kind), None
    )


def kept_files(session: Session, *, window_id: UUID) -> list[KeptFile]:
    """Return the files of a window that were given out, the first one first."""
    rows = session.execute(
        text(f"""
            SELECT {", ".join(f"f.{name}" for name in _COLUMNS)},
                   (SELECT count(*) FROM network.payment AS p
                    WHERE p.payment_id = ANY (f.payments)
                      AND p.state IN ('cancelled', 'returned')) AS withdrawn
            FROM network.payment_file AS f WHERE f.window_id = :window ORDER BY f.made_at, f.kind
        """),
        {"window": window_id},
    )
    return [
        KeptFile(**{**row._mapping, "payments": tuple(row.payments)})  # noqa: SLF001 - public name
        for row in rows
    ]


def hold_payments(session: Session, *, window_id: UUID) -> None:
    """Hold a window's payments as they are until the unit of work ends, while a file is made."""
    session.execute(
        text("SELECT FROM network.payment WHERE window_id = :window ORDER BY payment_id FOR SHARE"),
        {"window": window_id},
    )


def withdrawn_total(session: Session, *, window_id: UUID) -> int:
    """Return what the money ledger took back of a window's payments that were cancelled.

    Signed like the instructions it undoes: above zero where more payouts were cancelled.
    """
    found: int = session.execute(
        text("""
            SELECT coalesce(-sum(g.amount), 0)::bigint
            FROM network.payment AS p
            JOIN network.money_entry AS e ON e.payment_id = p.payment_id
            JOIN network.money_posting AS g ON g.money_entry_id = e.money_entry_id
            WHERE p.window_id = :window AND g.account = 'clearing'
              AND e.kind IN ('cancellation', 'reinstatement')
        """),
        {"window": window_id},
    ).scalar_one()
    return found
