"""The network's own lock on a member's spending, which the member can't undo.

One operator sets it, as a theft does not wait; another lets go. Meanwhile the wallet goes on
earning, and tills see what they see of any locked wallet. Nor does the member take the points
elsewhere: shared wallets and the closing of the account ask ``hold_free`` first.

Whoever decides over a member locks in one order: the member's row, then the audit log, then
wallets. The log is one lock for all, so a wallet held while waiting for it could be waited for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from network import ids
from network.errors import PeyvandError
from network.ledger import queries as ledger
from network.ledger import shared_wallets
from network.ledger.errors import WalletClosed
from network.members.errors import MemberFrozenError, UnknownMemberError
from network.members.models import Member, MemberFreeze
from network.operators.audit import record_act

LONGEST_REASON = 300


class FreezeError(PeyvandError):
    """Nobody can be frozen or let go so.

    ``reason`` is no_reason, frozen, merged, closed, free or same_person.
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
    """Return the network's lock on a member's spending, ``None`` where there is none.

    Of a member who turned out to be another one, that of who remains.
    """
    row = _row(session, shared_wallets.person(session, member_id=member_id))
    if row is None:
        return None
    return FreezeView(reason=row.reason, frozen_by=row.frozen_by, frozen_at=row.frozen_at)


def freeze(session: Session, *, member_id: UUID, reason: str, by: UUID, now: datetime) -> None:
    """Lock a member's spending until the network lets go; raise FreezeError, UnknownMemberError.

    Nothing may be committed after either.
    """
    words = " ".join(reason.split())
    if not 0 < len(words) <= LONGEST_REASON:
        raise FreezeError("a freeze needs a reason", reason="no_reason")
    if lock_person(session, member_id) != member_id:
        raise FreezeError("this member is part of another one", reason="merged")
    if _row(session, member_id) is not None:
        raise FreezeError("spending is frozen already", reason="frozen")
    _record(session, "member.frozen", member_id, words, by=by, now=now)
    row = MemberFreeze(
        member_id=member_id,
        reason=words,
        was_locked=_is_locked(session, member_id),
        frozen_by=by,
        frozen_at=now,
    )
    session.add(row)
    session.flush()
    try:
        shared_wallets.set_spend_lock(session, member_id=member_id, locked=True)
    except WalletClosed as error:
        raise FreezeError("the account is closed", reason="closed") from error


def let_go(session: Session, *, member_id: UUID, reason: str, by: UUID, now: datetime) -> None:
    """Give a member their own switch back, as they wished it; another person than who froze it.

    Of an account that was closed, only the freeze ends. Raises FreezeError, UnknownMemberError.
    """
    words = " ".join(reason.split())
    if not 0 < len(words) <= LONGEST_REASON:
        raise FreezeError("say why", reason="no_reason")
    person = lock_person(session, member_id)
    row = _row(session, person)
    if row is None:
        raise FreezeError("spending is not frozen", reason="free")
    if row.frozen_by == by:
        raise FreezeError("another person lets go", reason="same_person")
    _record(session, "member.let_go", person, words, by=by, now=now)
    was_locked = row.was_locked
    session.delete(row)
    session.flush()
    try:
        with session.begin_nested():
            shared_wallets.set_spend_lock(session, member_id=person, locked=was_locked)
    except WalletClosed:
        return


def set_switch(session: Session, *, member_id: UUID, locked: bool) -> None:
    """Turn a member's own switch; one that is frozen may be locked, for the day of letting go.

    Raises MemberFrozenError, UnknownMemberError.
    """
    person = lock_person(session, member_id)
    row = _row(session, person)
    if row is not None:
        if not locked:
            raise MemberFrozenError("the network has locked this member's spending")
        row.was_locked = True
        session.flush()
    shared_wallets.set_spend_lock(session, member_id=person, locked=locked)


def hold_free(session: Session, *, people: Iterable[UUID]) -> None:
    """Hold people until the end, so that nobody is frozen meanwhile, before what moves points.

    Raises MemberFrozenError where one of them is frozen, UnknownMemberError.
    """
    for each in sorted(set(people)):
        if _row(session, lock_person(session, each)) is not None:
            raise MemberFrozenError("the network has locked this member's spending")


def lock_person(session: Session, member_id: UUID) -> UUID:
    """Hold the row of who a member is, after merges too; return who that is.

    Rows that only refer to the member can be written meanwhile. Raises UnknownMemberError.
    """
    person = shared_wallets.person(session, member_id=member_id)
    _lock_member(session, person)
    remains = shared_wallets.person(session, member_id=person)
    if remains != person:  # merged while this waited
        _lock_member(session, remains)
    return remains


def _lock_member(session: Session, member_id: UUID) -> None:
    held = select(Member.member_id).where(Member.member_id == member_id)
    if session.scalar(held.with_for_update(key_share=True)) is None:
        raise UnknownMemberError("there is no such member")


def _row(session: Session, person: UUID) -> MemberFreeze | None:
    return session.get(MemberFreeze, person, populate_existing=True)


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
