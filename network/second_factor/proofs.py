"""What a member has proven themselves for: one act, in one session, for minutes. Wall time.

A proof names what was on the screen when the PIN was typed. One for another act, another shop's
request, another member, fewer points or another session is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from network import ids
from network.database.pieces import delete_piece
from network.second_factor.errors import ProofNeededError
from network.second_factor.models import MemberProof

PROOF_LIFE = timedelta(minutes=10)

Kind = Literal["code", "request", "gift", "pool", "threshold", "passkey", "unlock"]
By = Literal["pin", "passkey"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What is to be proven for: about whom or what, and up to how many points."""

    kind: Kind
    subject: str = ""
    points: int = 0


def note(
    session: Session, *, member_id: UUID, session_id: UUID, act: Act, by: By, wall: datetime
) -> None:
    """Write down that a member has just proven themselves for an act."""
    session.add(
        MemberProof(
            proof_id=ids.uuid7(),
            member_id=member_id,
            session_id=session_id,
            act=act.kind,
            subject=act.subject,
            points=act.points,
            proven_by=by,
            proven_at=wall,
            expires_at=wall + PROOF_LIFE,
            used_at=None,
        )
    )
    session.flush()


def standing(
    session: Session,
    *,
    member_id: UUID,
    session_id: UUID,
    act: Act,
    wall: datetime,
    after: datetime | None = None,
) -> MemberProof | None:
    """Return the proof that covers an act and was not used, ``None`` where there is none.

    One that was not given ``after`` then is none either.
    """
    later = () if after is None else (MemberProof.proven_at > after,)
    return session.scalars(
        select(MemberProof)
        .where(
            MemberProof.session_id == session_id,
            MemberProof.member_id == member_id,
            MemberProof.act == act.kind,
            MemberProof.subject == act.subject,
            MemberProof.points >= act.points,
            MemberProof.proven_at <= wall,
            MemberProof.expires_at > wall,
            MemberProof.used_at.is_(None),
            *later,
        )
        .order_by(MemberProof.points, MemberProof.proof_id)
        .limit(1)
    ).first()


def use(
    session: Session, *, member_id: UUID, session_id: UUID | None, act: Act, wall: datetime
) -> None:
    """Use a proof up for an act, in the unit of work that does it; raise ProofNeededError."""
    found = None
    if session_id is not None:
        found = standing(session, member_id=member_id, session_id=session_id, act=act, wall=wall)
    if found is not None:
        found = session.get(
            MemberProof, found.proof_id, with_for_update=True, populate_existing=True
        )
    if found is None or found.used_at is not None:
        raise ProofNeededError("so many points take the PIN", facts={"points": act.points})
    found.used_at = wall
    session.flush()


def end_unused(session: Session, *, member_id: UUID) -> None:
    """Delete the proofs of a member that were not used: what they were given with is replaced."""
    session.execute(
        delete(MemberProof).where(MemberProof.member_id == member_id, MemberProof.used_at.is_(None))
    )


def forget_proofs(session: Session, *, before: datetime, limit: int) -> int:
    """Delete up to ``limit`` proofs that lapsed before then; return how many."""
    return delete_piece(session, MemberProof, MemberProof.expires_at < before, limit=limit)
