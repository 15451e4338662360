"""The network's own lock on a member's spending, which the member can't undo.

One operator sets it, as a theft does not wait; another lets go. Meanwhile the wallet goes on
earning, and tills see what they see of any locked wallet.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from network import ids
from network.errors import PeyvandError
from network.ledger import queries as ledger
from network.ledger import shared_wallets
from network.members.errors import UnknownMemberError
from network.members.models import Member, MemberFreeze
from network.operators.audit import record_act

LONGEST_REASON = 300


class FreezeError(PeyvandError):
    """Nobody can be frozen or let go so.

    ``reason`` is no_reason, frozen, merged, free or same_person.
    """

    code = "freeze_refused"

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeView:
    """Who locked a member's spending, when and why."""

    reason: str
    frozen_by: UUID
    frozen_at: datetime


def freeze_of(session: Session, *, member_id: UUID) -> FreezeView | None:
    """Return the network's lock on a member's spending, ``None`` where there is none."""
    row = session.get(MemberFreeze, member_id, populate_existing=True)
    if row is None:
        return None
    return FreezeView(reason=row.reason, frozen_by=row.frozen_by, frozen_at=row.frozen_at)


def freeze(session: Session, *, member_id: UUID, reason: str, by: UUID, now: datetime) -> None:
    """Lock a member's spending until the network lets go; raise FreezeError, UnknownMemberError."""
    words = " ".join(reason.split())
    if not 0 < len(words) <= LONGEST_REASON:
        raise FreezeError("a freeze needs a reason", reason="no_reason")
    lock_member(session, member_id)
    if freeze_of(session, member_id=member_id) is not None:
        raise FreezeError("spending is frozen already", reason="frozen")
    person = shared_wallets.person(session, member_id=member_id)
    if person != member_id:
        raise FreezeError("this member is part of another one", reason="merged")
    session.add(
        MemberFreeze(
            member_id=member_id,
            reason=words,
            was_locked=_is_locked(session, person),
            frozen_by=by,
            frozen_at=now,
        )
    )
    session.flush()
    shared_wallets.set_spend_lock(session, member_id=person, locked=True)
    _record(session, "member.frozen", member_id, words, by=by, now=now)


def let_go(session: Session, *, member_id: UUID, reason: str, by: UUID, now: datetime) -> None:
    """Give a member their own switch back, as it stood; another person than who froze it.

    Raises FreezeError, UnknownMemberError.
    """
    words = " ".join(reason.split())
    if not 0 < len(words) <= LONGEST_REASON:
        raise FreezeError("say why", reason="no_reason")
    lock_member(session, member_id)
    row = session.get(MemberFreeze, member_id, populate_existing=True)
    if row is None:
        raise FreezeError("spending is not frozen", reason="free")
    if row.frozen_by == by:
        raise FreezeError("another person lets go", reason="same_person")
    shared_wallets.set_spend_lock(
        session,
        member_id=shared_wallets.person(session, member_id=member_id),
        locked=row.was_locked,
    )
    session.delete(row)
    session.flush()
    _record(session, "member.let_go", member_id, words, by=by, now=now)


def lock_member(session: Session, member_id: UUID) -> None:
    """Hold a member's row until the end: nobody freezes while somebody unlocks.

    Raises UnknownMemberError.
    """
    if (
        session.scalar(
            select(Member.member_id).where(Member.member_id == member_id).with_for_update()
        )
        is None
    ):
        raise UnknownMemberError("there is no such member")


def _is_locked(session: Session, person: UUID) -> bool:
    own = shared_wallets.stay(session, member_id=person)
    if own is not None:
        return own.locked
    wallet = ledger.stored_wallet(session, member_id=person)
    return wallet is not None and wallet.status == shared_wallets.SPEND_LOCKED


def _record(
    session: Session, action: str, member_id: UUID, reason: str, *, by: UUID, now: datetime
) -> None:
    record_act(
        session,
        now=now,
        actor=ids.encode("opr", by),
        action=action,
        subject=ids.encode("mem", member_id),
        facts={"reason": reason},
    )
