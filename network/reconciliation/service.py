"""Taking a merchant's record of a day in, and matching it with the ledger.

A record is stored as it was given before anything of it is read; a worker reads and matches it in
one transaction, so a record is matched whole or not at all, however often the worker is killed.
``wall`` is wall time: ages and clocks of reconciliation are those of the people who work on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from hashlib import sha256
from typing import BinaryIO
from uuid import UUID

from sqlalchemy import ColumnElement, Row, delete, func, insert, select, text, update
from sqlalchemy.orm import Session

from network import ids
from network.events.service import publish
from network.events.types import RECONCILIATION_FINISHED
from network.ledger.queries import open_day
from network.ledger.tables import business_day
from network.ledger.values import Evidence
from network.members.pairwise import PairwiseNames
from network.reconciliation import comparing, pairing, sides
from network.reconciliation.errors import (
    DayNotOverError,
    EmptyRecordError,
    RecordTooLargeError,
    UnknownReconciliationError,
)
from network.reconciliation.facts import Form, Received
from network.reconciliation.models import Reconciliation, ReconciliationMatch, ReconciliationPart
from network.reconciliation.reading import Reader
from network.vault import Vault

RECEIVED_TOPIC = "reconciliations.received"
PREFIX = "rcn"
MOST_BYTES = 256 * 1024 * 1024
PIECE_BYTES = 4 * 1024 * 1024
_PURPOSE = "reconciliation"
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
_ROOM = ("SET LOCAL statement_timeout = 0", "SET LOCAL work_mem = '96MB'")
_OLDER = text("""
    UPDATE network.reconciliation SET state = 'superseded'
    WHERE merchant_id = :merchant_id AND business_date = :day AND state = 'done'
      AND version < :version
    RETURNING reconciliation_id
""")


def receive(
    session: Session,
    vault: Vault,
    *,
    merchant_id: UUID,
    day: date,
    form: Form,
    file: BinaryIO,
    sent_by: str,
    wall: datetime,
    evidence: Evidence | None = None,
) -> Received:
    """Store a record of a closed business day and announce it to a worker.

    ``file`` is read twice, piece by piece. The very bytes of the day's latest version are that
    version, whoever sends them, unless it failed. Raises DayNotOverError, EmptyRecordError,
    RecordTooLargeError.
    """
    known_day = session.scalar(
        select(business_day.c.business_date).where(business_day.c.business_date == day)
    )
    if known_day is None or day >= open_day(session):
        raise DayNotOverError("this is no business day that is over", field="business_date")
    digest, size = _measured(file)
    session.execute(_LOCK, {"name": f"record:{merchant_id}:{day}"})
    latest = _latest(session, merchant_id=merchant_id, day=day)
    if latest is not None and latest.digest == digest and latest.state != "failed":
        return Received(
            reconciliation_id=latest.reconciliation_id, version=latest.version, known=True
        )
    reconciliation_id = ids.uuid7()
    version = 1 if latest is None else latest.version + 1
    session.execute(
        insert(Reconciliation).values(
            reconciliation_id=reconciliation_id,
            merchant_id=merchant_id,
            business_date=day,
            version=version,
            form=form,
            digest=digest,
            size=size,
            sent_by=sent_by,
            signature_base=None if evidence is None else evidence.signature_base,
            signature=None if evidence is None else evidence.signature,
            received_at=wall,
            touched_at=wall,
            state="waiting",
        )
    )
    for number, piece in enumerate(_pieces(file)):
        session.execute(
            insert(ReconciliationPart).values(
                reconciliation_id=reconciliation_id,
                number=number,
                sealed_content=vault.seal(piece, purpose=_PURPOSE),
            )
        )
    _announce(session, reconciliation_id, merchant_id)
    return Received(reconciliation_id=reconciliation_id, version=version, known=False)


def _latest(session: Session, *, merchant_id: UUID, day: date) -> Row[UUID, int, bytes, str] | None:
    """Return id, version, digest and state of the day's latest record."""
    return session.execute(
        select(
            Reconciliation.reconciliation_id,
            Reconciliation.version,
            Reconciliation.digest,
            Reconciliation.state,
        )
        .where(Reconciliation.merchant_id == merchant_id, Reconciliation.business_date == day)
        .order_by(Reconciliation.version.desc())
        .limit(1)
    ).one_or_none()


def match_again(session: Session, *, reconciliation_id: UUID, wall: datetime) -> bool:
    """Have a record matched once more, and return whether it will be.

    That is the version in force, for entries that came since, or one that failed.
    """
    row = session.execute(
        update(Reconciliation)
        .where(
            Reconciliation.reconciliation_id == reconciliation_id,
            Reconciliation.state.in_(("done", "failed")),
        )
        .values(state="waiting", touched_at=wall, finished_at=None, attempts=0, failure=None)
        .returning(Reconciliation.merchant_id)
    ).one_or_none()
    if row is None:
        return False
    session.execute(
        delete(ReconciliationMatch).where(
            ReconciliationMatch.reconciliation_id == reconciliation_id
        )
    )
    _announce(session, reconciliation_id, row.merchant_id)
    return True


def work_off(session: Session, vault: Vault, *, reconciliation_id: UUID, wall: datetime) -> bool:
    """Read and match a waiting record in the caller's unit of work; return whether this did it.

    Another worker may be at it, or may have ended it. Raises UnknownReconciliationError.
    """
    for setting in _ROOM:
        session.execute(text(setting))
    known = session.get(Reconciliation, reconciliation_id)
    if known is None:
        raise UnknownReconciliationError("there is no such record")
    session.execute(select(func.pg_advisory_xact_lock(matching_lock(known.merchant_id))))
    row = session.scalars(
        select(Reconciliation)
        .where(
            Reconciliation.reconciliation_id == reconciliation_id,
            Reconciliation.state == "waiting",
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        return False
    if _is_overtaken(session, row):
        row.state = "superseded"
    else:
        _read_and_match(session, vault, row, wall=wall)
    row.finished_at, row.touched_at, row.failure = wall, wall, None
    session.flush()
    tell_finished(session, row)
    return True


def _read_and_match(session: Session, vault: Vault, row: Reconciliation, *, wall: datetime) -> None:
    names = PairwiseNames(vault)
    reader = Reader(
        day=row.business_date,
        member=lambda name: names.member(name, merchant_id=row.merchant_id),
    )
    found = reader.read(
        content(session, vault, reconciliation_id=row.reconciliation_id),
        form="csv" if row.form == "csv" else "jsonl",
    )
    row.lines, row.faulty, faults = sides.bring_theirs(session, found=found)
    if row.faulty:
        row.state, row.faults = "refused", [each.record() for each in faults]
        return
    sides.bring_ours(session, merchant_id=row.merchant_id, day=row.business_date)
    pairing.match(session, merchant_id=row.merchant_id)
    counts = comparing.compare(session, day=row.business_date)
    _supersede(session, row)
    comparing.write(
        session,
        reconciliation_id=row.reconciliation_id,
        merchant_id=row.merchant_id,
        day=row.business_date,
        version=row.version,
        wall=wall,
    )
    row.state = "done"
    row.entries, row.agreeing = counts.entries, counts.agreeing
    row.idle_lines, row.breaks = counts.idle_lines, counts.breaks


def content(session: Session, vault: Vault, *, reconciliation_id: UUID) -> Iterator[bytes]:
    """Yield a record as it was given, piece by piece."""
    number = 0
    while True:
        sealed = session.scalar(
            select(ReconciliationPart.sealed_content).where(
                ReconciliationPart.reconciliation_id == reconciliation_id,
                ReconciliationPart.number == number,
            )
        )
        if sealed is None:
            return
        yield vault.open(sealed, purpose=_PURPOSE)
        number += 1


def _is_overtaken(session: Session, row: Reconciliation) -> bool:
    """Return whether a later version of the day is in force already."""
    later = session.scalar(
        select(func.count())
        .select_from(Reconciliation)
        .where(
            Reconciliation.merchant_id == row.merchant_id,
            Reconciliation.business_date == row.business_date,
            Reconciliation.version > row.version,
            Reconciliation.state == "done",
        )
    )
    return bool(later)


def _supersede(session: Session, row: Reconciliation) -> None:
    """Take the day's earlier version out of force."""
    older = session.scalars(
        _OLDER,
        {"merchant_id": row.merchant_id, "day": row.business_date, "version": row.version},
    ).all()
    if older:
        session.execute(
            delete(ReconciliationMatch).where(ReconciliationMatch.reconciliation_id.in_(older))
        )


def matching_lock(merchant_id: UUID) -> ColumnElement[int]:
    """Return the key of the lock under which a merchant's records are matched, one at a time.

    Neighbouring days look at each other's pairs.
    """
    return func.hashtextextended(f"reconciliation:{merchant_id}", 0)


def tell_finished(session: Session, row: Reconciliation) -> None:
    """Announce what became of a record."""
    publish(
        session,
        topic=RECONCILIATION_FINISHED,
        payload={
            "id": ids.encode(PREFIX, row.reconciliation_id),
            "business_date": row.business_date.isoformat(),
            "version": row.version,
            "state": row.state,
            "lines": row.lines,
            "entries": row.entries,
            "agreeing": row.agreeing,
            "breaks": row.breaks,
        },
        merchant_id=row.merchant_id,
    )


def _announce(session: Session, reconciliation_id: UUID, merchant_id: UUID) -> None:
    publish(
        session,
        topic=RECEIVED_TOPIC,
        payload={"reconciliation_id": str(reconciliation_id)},
        merchant_id=merchant_id,
    )


def _measured(file: BinaryIO) -> tuple[bytes, int]:
    """Return a file's SHA-256 and its length; raise where there is nothing in it, or too much."""
    digest, size = sha256(), 0
    for piece in _pieces(file):
        digest.update(piece)
        size += len(piece)
        if size > MOST_BYTES:
            raise RecordTooLargeError("the file is too large", facts={"most": MOST_BYTES})
    if not size:
        raise EmptyRecordError("there is nothing in the file")
    return digest.digest(), size


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    """Yield a file from its beginning, piece by piece."""
    file.seek(0)
    while piece := file.read(PIECE_BYTES):
        yield piece
