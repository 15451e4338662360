"""Disputes: a merchant objects to one line, both sides' word on it is kept, and people decide.

Nothing else waits for it: the rest of the statement is paid. What a decision moves is a correction
of two people, on a later statement. ``wall`` is wall time, ``now`` programme time.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from network import ids
from network.events.service import publish
from network.events.types import DISPUTE_DECIDED
from network.ledger import queries as ledger
from network.operators.audit import record_act
from network.reconciliation import corrections
from network.reconciliation.corrections import LONGEST_REASON, Movement
from network.reconciliation.errors import (
    DisputeDecidedError,
    DisputeOpenError,
    DisputeTooLateError,
    InvalidDisputeError,
    UnknownBreakError,
    UnknownDisputeError,
)
from network.reconciliation.facts import DISPUTE_REASONS
from network.reconciliation.models import Break, Correction, Dispute, DisputeNote
from network.reconciliation.parts import part_of, sign_answer
from network.settings import CURRENCY
from network.vault import Vault

PREFIX = "dsp"
DECIDED_WITHIN = timedelta(days=14)
"""The clock of a dispute: what we promise to decide it within."""

OPEN_FOR = timedelta(days=120)
"""How long after its business day a line can be disputed."""

LONGEST_WORDS = 2000


class UnknownLineError(UnknownDisputeError):
    """This merchant has no part in such an entry."""

    code = "unknown_line"


def open_dispute(
    session: Session,
    vault: Vault,
    *,
    merchant_id: UUID,
    member_id: UUID,
    sequence: int,
    reason: str,
    words: str,
    opened_by: str,
    wall: datetime,
    points: int | None = None,
    amount: int | None = None,
    break_id: UUID | None = None,
) -> UUID:
    """Open a merchant's dispute of one entry and return its id.

    ``points`` and ``amount`` are what the merchant says it should have been. What the network says
    of the entry is signed now; the signed request is kept by the ledger. Raises UnknownLineError,
    InvalidDisputeError, DisputeTooLateError, DisputeOpenError, UnknownBreakError.
    """
    if reason not in DISPUTE_REASONS:
        raise InvalidDisputeError("there is no such reason", field="reason")
    said = _said(words)
    entry = ledger.entry(session, member_id=member_id, sequence=sequence)
    lines = None if entry is None else part_of(session, entry=entry, merchant_id=merchant_id)
    if entry is None or lines is None:
        raise UnknownLineError("this merchant has no part in such an entry")
    if ledger.open_day(session) - entry.business_date > OPEN_FOR:
        raise DisputeTooLateError("this line is too old", facts={"days": OPEN_FOR.days})
    if break_id is not None:
        found = session.get(Break, break_id)
        if found is None or found.merchant_id != merchant_id:
            raise UnknownBreakError("there is no such break")
    answer = sign_answer(session, vault, entry=entry, lines=lines, merchant_id=merchant_id)
    row = Dispute(
        dispute_id=ids.uuid7(),
        merchant_id=merchant_id,
        member_id=member_id,
        sequence=sequence,
        business_date=entry.business_date,
        break_id=break_id,
        reason=reason,
        words=said,
        wanted_points=points,
        wanted_amount=amount,
        opened_by=opened_by,
        opened_at=wall,
        due_at=wall + DECIDED_WITHIN,
        answer=answer.said,
        answer_key_id=answer.key_id,
        answer_signature=answer.signature,
        state="open",
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        raise DisputeOpenError("this line is disputed already") from error
    return row.dispute_id


def _said(words: str) -> str:
    said = words.strip()
    if not said or len(said) > LONGEST_WORDS:
        raise InvalidDisputeError("say what is wrong", field="words")
    return said


def say(
    session: Session, *, dispute_id: UUID, side: str, author: str, words: str, wall: datetime
) -> None:
    """Add what one side says to a dispute that is not decided."""
    row = _locked(session, dispute_id)
    if row.decided_at is not None:
        raise DisputeDecidedError(f"this dispute is {row.state}")
    _note(session, row, side=side, author=author, action="said", words=words, wall=wall)


def reject(session: Session, *, dispute_id: UUID, words: str, by: UUID, wall: datetime) -> None:
    """Decide that the line stands as it is."""
    row = _undecided(session, dispute_id)
    _decide(session, row, state="rejected", words=words, by=by, wall=wall)


def accept(
    session: Session,
    *,
    dispute_id: UUID,
    words: str,
    by: UUID,
    now: datetime,
    wall: datetime,
    movement: Movement | None = None,
) -> str:
    """Decide for the merchant, or propose what has to move first; return the dispute's state.

    Points move for the entry's member. Raises InvalidCorrectionError and what proposing raises.
    """
    row = _undecided(session, dispute_id)
    if movement is None:
        _decide(session, row, state="accepted", words=words, by=by, wall=wall)
        return row.state
    said = _words(words)
    moved = Movement(
        member_id=None if movement.points is None else row.member_id,
        points=movement.points,
        amount=movement.amount,
    )
    corrections.propose(
        session,
        merchant_id=row.merchant_id,
        movement=moved,
        reason=_shortened(said),
        proposed_by=by,
        now=now,
        wall=wall,
        dispute_id=row.dispute_id,
    )
    row.state = "proposed"
    author = ids.encode("opr", by)
    _note(session, row, side="network", author=author, action="proposed", words=said, wall=wall)
    return row.state


def settle_correction(
    session: Session, *, row: Correction, state: str, by: UUID, wall: datetime
) -> None:
    """Move the dispute of a correction on, once that was posted or declined.

    The words of the decision are those of whoever proposed it, in full; who declines says none.
    """
    found = _locked(session, row.dispute_id)
    if state == "posted":
        said = _proposed(session, found)
        _decide(
            session, found, state="accepted", words=said, said_by=row.proposed_by, by=by, wall=wall
        )
        return
    found.state = "open"
    author = ids.encode("opr", by)
    _note(session, found, side="network", author=author, action="declined", words="", wall=wall)


def _decide(
    session: Session,
    row: Dispute,
    *,
    state: str,
    words: str,
    by: UUID,
    wall: datetime,
    said_by: UUID | None = None,
) -> None:
    said = _words(words)
    row.state, row.decision = state, said
    row.decided_by, row.decided_at = by, wall
    session.flush()
    author = ids.encode("opr", said_by or by)
    _note(session, row, side="network", author=author, action=state, words=said, wall=wall)
    record_act(
        session,
        now=wall,
        actor=ids.encode("opr", by),
        action=f"dispute.{state}",
        subject=ids.encode(PREFIX, row.dispute_id),
    )
    publish(
        session,
        topic=DISPUTE_DECIDED,
        payload={
            "id": ids.encode(PREFIX, row.dispute_id),
            "entry": json.loads(row.answer)["entry"],
            "business_date": row.business_date.isoformat(),
            "state": state,
            "decision": said,
            **_moved(session, row),
        },
        merchant_id=row.merchant_id,
    )


def _moved(session: Session, row: Dispute) -> dict[str, object]:
    """Return the amount that an accepted dispute moved, and the day whose statement has it."""
    posted = session.scalars(
        select(Correction).where(
            Correction.dispute_id == row.dispute_id, Correction.state == "posted"
        )
    ).first()
    day = None if posted is None or posted.business_date is None else posted.business_date
    return {
        "amount": None if posted is None else posted.amount,
        "currency": CURRENCY,
        "corrected_on": None if day is None else day.isoformat(),
    }


def _note(
    session: Session,
    row: Dispute,
    *,
    side: str,
    author: str,
    action: str,
    words: str,
    wall: datetime,
) -> None:
    """Write down what ``author`` did and said; only a proposal is declined without words."""
    session.add(
        DisputeNote(
            dispute_note_id=ids.uuid7(),
            dispute_id=row.dispute_id,
            at=wall,
            side=side,
            author=author,
            action=action,
            words="" if action == "declined" else _words(words),
        )
    )
    session.flush()


def _proposed(session: Session, row: Dispute) -> str:
    """Return the words that the decision now proposed for a dispute is to have."""
    return session.scalars(
        select(DisputeNote.words)
        .where(DisputeNote.dispute_id == row.dispute_id, DisputeNote.action == "proposed")
        .order_by(DisputeNote.at.desc(), DisputeNote.dispute_note_id.desc())
        .limit(1)
    ).one()


def _shortened(words: str) -> str:
    """Return words as the reason of a correction: where they are too many, visibly cut."""
    return words if len(words) <= LONGEST_REASON else f"{words[: LONGEST_REASON - 1]}…"


def _words(words: str) -> str:
    said = words.strip()
    if not said or len(said) > LONGEST_WORDS:
        raise InvalidDisputeError("say it in words", field="words")
    return said


def _undecided(session: Session, dispute_id: UUID) -> Dispute:
    row = _locked(session, dispute_id)
    if row.state != "open":
        raise DisputeDecidedError(f"this dispute is {row.state}", facts={"state": row.state})
    return row


def _locked(session: Session, dispute_id: UUID | None) -> Dispute:
    row = session.scalars(
        select(Dispute)
        .where(Dispute.dispute_id == dispute_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise UnknownDisputeError("there is no such dispute")
    return row
