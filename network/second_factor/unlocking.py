"""Unlocking spending: the lock that a member was told to set is no use if a session lifts it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from network.members.service import set_spend_lock
from network.second_factor.proofs import Act, use

UNLOCK = Act(kind="unlock")


def unlock(
    session: Session, *, member_id: UUID, session_id: UUID, has_factor: bool, wall: datetime
) -> None:
    """Unlock a member's spending; where they have a PIN or a passkey it takes a proof.

    Raises MemberFrozenError where the network has locked it, and ProofNeededError.
    """
    set_spend_lock(session, member_id=member_id, locked=False)
    if has_factor:
        use(session, member_id=member_id, session_id=session_id, act=UNLOCK, wall=wall)
