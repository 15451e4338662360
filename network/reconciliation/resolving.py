"""What people do with breaks: own them, talk about them, resolve them.

Taking our own figure closes a break (the merchant may do that as well), and so does writing the
difference off, which says why nothing moves. Whatever moves points or money becomes a correction,
and the break waits until another person has posted it: taking the merchant's figure always does.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from network import ids
from network.operators.audit import record_act
from network.reconciliation import corrections
from network.reconciliation.corrections import LONGEST_REASON, Movement
from network.reconciliation.errors import (
    BreakChangedError,
    BreakClosedError,
    InvalidCorrectionError,
    NothingToMoveError,
    UnknownBreakError,
)
from network.reconciliation.facts import (
    ACCEPT_OURS,
    ADJUST_MONEY,
    ANSWERED,
    CONCEDED,
    EARN,
    POST_EARN,
    REFUND_EARN,
    RESOLUTIONS,
    SAID,
    WRITE_OFF,
)
from network.reconciliation.models import Break, BreakEvent, Correction, Reconciliation

_SIGNS = {EARN: 1, REFUND_EARN: -1}
"""How a line's points change a member's: what is earned adds, what is taken back takes away."""


def resolve(
    session: Session,
    *,
    break_id: UUID,
    resolution: str,
    words: str,
    by: UUID,
    now: datetime,
    wall: datetime,
    movement: Movement | None = None,
) -> str:
    """Resolve an open break, or propose what is to move for it; return its state.

    A break closes without a movement only by our own figure or a write-off with its reason.
    ``movement`` says what is to move where the break itself does not, or other than it says. Raises
    BreakClosedError, NothingToMoveError, InvalidCorrectionError and what proposing raises.
    """
    if resolution not in RESOLUTIONS:
        raise InvalidCorrectionError("there is no such resolution", field="resolution")
    row = _open(session, break_id)
    reason, actor = words.strip()[:LONGEST_REASON], ids.encode("opr", by)
    wanted, moves = movement, resolution not in {ACCEPT_OURS, WRITE_OFF}
    if wanted is None and moves:
        wanted = _said_by_record(session, row, resolution=resolution)
    if resolution == WRITE_OFF and not reason:
        raise InvalidCorrectionError("a write-off says why", field="words")
    if wanted is None or not moves:
        _close(session, row, resolution=resolution, wall=wall)
        note(session, row=row, at=wall, actor=actor, action="resolved", words=reason, facts={})
        record_act(
            session,
            now=wall,
            actor=actor,
            action="break.resolved",
            subject=ids.encode("brk", row.break_id),
            facts={"resolution": resolution, "reason": reason},
        )
        return row.state
    correction_id = corrections.propose(
        session,
        merchant_id=row.merchant_id,
        movement=wanted,
        reason=reason,
        proposed_by=by,
        now=now,
        wall=wall,
        break_id=row.break_id,
        missing_earn=row.kind == "missing_here" and wanted.amount is None,
    )
    row.state = "proposed"
    note(
        session,
        row=row,
        at=wall,
        actor=actor,
        action="proposed",
        words=reason,
        facts={"correction": ids.encode("cor", correction_id)},
    )
    return row.state


def _said_by_record(session: Session, row: Break, *, resolution: str) -> Movement:
    wanted = movement_of(row, resolution=resolution)
    if wanted is None:
        raise NothingToMoveError("the record does not say what is to move")
    if _corrected_before(session, row):
        # Entries of ours do not show what was corrected: the difference is not what is missing.
        raise NothingToMoveError("this was corrected before: say what is still to move")
    return wanted


def movement_of(row: Break, *, resolution: str) -> Movement | None:
    """Return what a resolution would move by what the break says, ``None`` where it says nothing.

    Points follow where the merchant's record gives points: the difference to ours, for the member
    of our entry or, without one, the member that the record names.
    """
    theirs, ours = row.theirs or {}, row.ours or {}
    sign = _SIGNS.get((ours or theirs)["type"])
    if resolution == ADJUST_MONEY or sign is None or row.kind in {"member_differs", "date_differs"}:
        return None
    if resolution == POST_EARN and (row.kind != "missing_here" or sign < 0):
        return None
    if row.theirs is not None and "points" not in theirs:
        return None
    counted = theirs.get("points", 0) if theirs.get("status") != "voided" else 0
    points = sign * (counted - ours.get("points", 0))
    member = row.member_id or (UUID(theirs["member"]) if "member" in theirs else None)
    if points == 0 or member is None:
        return None
    return Movement(member_id=member, points=points)


def settle_correction(
    session: Session, *, row: Correction, state: str, by: UUID, wall: datetime
) -> None:
    """Move the break of a correction on, once that was posted or declined."""
    found = _locked(session, row.break_id)
    if state == "posted":
        _close(session, found, resolution=row.resolution, wall=wall)
    elif _in_force(session, found) and not _gone_since(session, found, row.proposed_at):
        found.state = "open"
    else:  # declined because a later record no longer shows it
        found.state, found.closed_at = "gone", wall
    note(
        session,
        row=found,
        at=wall,
        actor=ids.encode("opr", by),
        action=state,
        words=None,
        facts={"correction": ids.encode("cor", row.correction_id)},
    )


def check_in_force(session: Session, *, break_id: UUID, since: datetime) -> None:
    """Raise BreakChangedError where this break is not what it was when a correction was proposed.

    Matching writes into a break's history what it found changed or gone (actor ``system``).
    """
    row = _locked(session, break_id)
    if not _in_force(session, row) or _found_since(session, row, since):
        raise BreakChangedError("this is no longer what the correction was proposed for")


def comment(
    session: Session,
    *,
    break_id: UUID,
    words: str,
    by: UUID,
    wall: datetime,
    told: bool = False,
) -> None:
    """Say something about a break, open or closed: among operators, or ``told`` to the merchant."""
    row, said = _locked(session, break_id), _words(words)
    action = ANSWERED if told else "comment"
    actor = ids.encode("opr", by)
    note(session, row=row, at=wall, actor=actor, action=action, words=said, facts={})


def say(
    session: Session,
    *,
    break_id: UUID,
    merchant_id: UUID,
    words: str,
    author: str,
    wall: datetime,
) -> None:
    """Add what the merchant says of a break of its own, open or closed.

    Raises UnknownBreakError, InvalidCorrectionError.
    """
    row = _locked(session, break_id, merchant_id=merchant_id)
    said = _words(words)
    note(session, row=row, at=wall, actor=author, action=SAID, words=said, facts={})


def concede(
    session: Session,
    *,
    break_id: UUID,
    merchant_id: UUID,
    words: str,
    author: str,
    wall: datetime,
) -> None:
    """Close a break because the merchant takes the network's figure: nothing moves.

    Raises UnknownBreakError, BreakClosedError.
    """
    row = _locked(session, break_id, merchant_id=merchant_id)
    if row.state != "open":
        raise BreakClosedError(f"this break is {row.state}", facts={"state": row.state})
    said = words.strip()[:LONGEST_REASON]
    _close(session, row, resolution=ACCEPT_OURS, wall=wall)
    note(session, row=row, at=wall, actor=author, action=CONCEDED, words=said, facts={})
    record_act(
        session,
        now=wall,
        actor=author,
        action="break.conceded",
        subject=ids.encode("brk", row.break_id),
    )


def own(
    session: Session, *, break_id: UUID, owner_id: UUID | None, by: UUID, wall: datetime
) -> None:
    """Give a break an owner, or none."""
    row = _locked(session, break_id)
    if row.owner_id == owner_id:
        return
    row.owner_id = owner_id
    named = None if owner_id is None else ids.encode("opr", owner_id)
    actor = ids.encode("opr", by)
    note(session, row=row, at=wall, actor=actor, action="owned", words=None, facts={"owner": named})


def note(
    session: Session,
    *,
    row: Break,
    at: datetime,
    actor: str,
    action: str,
    words: str | None,
    facts: dict[str, object],
) -> None:
    """Add to a break's history."""
    session.add(
        BreakEvent(
            break_event_id=ids.uuid7(),
            break_id=row.break_id,
            at=at,
            actor=actor,
            action=action,
            words=words or None,
            facts=facts,
        )
    )
    session.flush()


def _corrected_before(session: Session, row: Break) -> bool:
    return (
        session.scalar(
            select(Correction.correction_id)
            .where(Correction.break_id == row.break_id, Correction.state == "posted")
            .limit(1)
        )
        is not None
    )


def _found_since(session: Session, row: Break, since: datetime) -> list[str]:
    """Return what matching found of a break since then, the newest first."""
    return list(
        session.scalars(
            select(BreakEvent.action)
            .where(
                BreakEvent.break_id == row.break_id,
                BreakEvent.actor == "system",
                BreakEvent.at >= since,
            )
            .order_by(BreakEvent.at.desc(), BreakEvent.break_event_id.desc())
        )
    )


def _gone_since(session: Session, row: Break, since: datetime) -> bool:
    return _found_since(session, row, since)[:1] == ["gone"]


def _close(session: Session, row: Break, *, resolution: str, wall: datetime) -> None:
    row.state, row.resolution, row.closed_at = "resolved", resolution, wall
    session.flush()


def _open(session: Session, break_id: UUID) -> Break:
    row = _locked(session, break_id)
    if row.state != "open":
        raise BreakClosedError(f"this break is {row.state}", facts={"state": row.state})
    return row


def _words(words: str) -> str:
    said = words.strip()
    if not said or len(said) > LONGEST_REASON:
        raise InvalidCorrectionError("a comment has words", field="words")
    return said


def _locked(session: Session, break_id: UUID | None, *, merchant_id: UUID | None = None) -> Break:
    row = session.scalars(
        select(Break)
        .where(Break.break_id == break_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None or merchant_id not in {None, row.merchant_id}:
        raise UnknownBreakError("there is no such break")
    return row


def _in_force(session: Session, row: Break) -> bool:
    state = session.scalar(
        select(Reconciliation.state).where(
            Reconciliation.reconciliation_id == row.reconciliation_id
        )
    )
    latest = session.scalar(
        select(Reconciliation.reconciliation_id)
        .where(
            Reconciliation.merchant_id == row.merchant_id,
            Reconciliation.business_date == row.business_date,
            Reconciliation.state == "done",
        )
        .limit(1)
    )
    return state == "done" and latest == row.reconciliation_id
