"""Two members who turn out to be one person: two operators merge them, for good.

The wallet, debts and references move by the ledger's own call. The member who goes stays as a name
for the past: phone and cards lead to who remains, a sign-in by that phone opens who remains,
their sessions end, and what their devices show buys nothing new (``network/members/resolving.py``).
What somebody holds, locks or shares is settled first: a merge would decide it for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from network.database.installation import clock_offset
from network.errors import PeyvandError
from network.ledger import operations_members as operations
from network.ledger import queries as ledger
from network.ledger import shared_wallets
from network.ledger.errors import OpenHolds, SameWallet, WalletClosed
from network.ledger.values import Claim
from network.members import queries
from network.members.freezing import freeze_of
from network.members.models import Member, MemberMerge, MemberSession
from network.messaging.service import queue_sms
from network.messaging.texts import merged_text
from network.operators import proposals
from network.operators.audit import await_turn
from network.operators.proposals import Proposal
from network.second_factor.models import MemberPasskey, MemberPin
from network.vault import Vault

MERGE = "member.merge"
_PHONE_END = 4


class MergeError(PeyvandError):
    """These can't be merged.

    ``reason`` is same, unknown, closed, merged, shared, frozen or holds.
    """

    code = "merge_refused"

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What one of two members has: points to spend now and later, held ones, and what is owed."""

    member_id: UUID
    available: int
    pending: int
    held: int
    debt: int
    joined_at: datetime


def side(session: Session, *, member_id: UUID, now: datetime, wall: datetime) -> Side:
    """Return what a member has; raise MergeError where nobody of that id takes part."""
    row = session.get(Member, member_id, populate_existing=True)
    if row is None:
        raise MergeError("there is no such member", reason="unknown")
    wallet = ledger.wallet(session, member_id=member_id, now=now, wall=wall)
    return Side(
        member_id=member_id,
        available=0 if wallet is None else wallet.available,
        pending=0 if wallet is None else wallet.pending,
        held=0 if wallet is None else wallet.held,
        debt=0 if wallet is None else wallet.debt,
        joined_at=row.joined_at,
    )


def check(
    session: Session, *, member_id: UUID, into: UUID, now: datetime, wall: datetime
) -> tuple[Side, Side]:
    """Return who goes and who remains, with what they have; raise MergeError where it can't be."""
    if member_id == into:
        raise MergeError("that is one member", reason="same")
    goes, remains = (
        side(session, member_id=each, now=now, wall=wall) for each in (member_id, into)
    )
    for each in (member_id, into):
        _check_alone(session, each)
    if goes.held:
        raise MergeError("merchants hold points of who goes", reason="holds")
    return goes, remains


def propose(
    session: Session,
    *,
    member_id: UUID,
    into: UUID,
    reason: str,
    by: UUID,
    now: datetime,
    wall: datetime,
) -> Proposal:
    """Propose that a member goes into another; ``now`` is programme time.

    Raises MergeError and ProposalError.
    """
    check(session, member_id=member_id, into=into, now=now, wall=wall)
    return proposals.propose(
        session,
        kind=MERGE,
        subject_id=member_id,
        reason=reason,
        by=by,
        now=wall,
        terms={"into": str(into)},
    )


def carry_out(session: Session, *, proposal: Proposal, wall: datetime) -> None:
    """Merge as an approved proposal says, in the unit of work that approves it.

    Raises MergeError where it can't be done any more; nothing may be committed then.
    """
    member_id, into = proposal.subject_id, UUID(proposal.terms["into"])
    pair = select(Member.member_id).where(Member.member_id.in_((member_id, into)))
    session.execute(pair.order_by(Member.member_id).with_for_update())
    await_turn(session)  # before the wallets are held, as whoever records first does
    now = wall + clock_offset(session)
    check(session, member_id=member_id, into=into, now=now, wall=wall)
    try:
        operations.merge(
            session,
            now=now,
            wall=wall,
            claim=Claim(
                client_id=proposal.proposal_id,
                key="merge",
                fingerprint=sha256(proposal.proposal_id.bytes).digest(),
            ),
            member_id=member_id,
            into=into,
            actor=f"operator:{proposal.decided_by}",
        )
    except OpenHolds as error:
        raise MergeError(error.message, reason="holds") from error
    except (SameWallet, WalletClosed) as error:
        raise MergeError(error.message, reason="shared") from error
    _lead(session, member_id=member_id, into=into, proposal=proposal, wall=wall)


def _lead(
    session: Session, *, member_id: UUID, into: UUID, proposal: Proposal, wall: datetime
) -> None:
    """Let every way in of who goes lead to who remains, and end their sign-ins."""
    session.execute(
        update(MemberMerge).where(MemberMerge.into_id == member_id).values(into_id=into)
    )
    session.add(
        MemberMerge(
            member_id=member_id,
            into_id=into,
            proposal_id=proposal.proposal_id,
            merged_at=wall,
        )
    )
    session.execute(
        update(MemberSession)
        .where(MemberSession.member_id == member_id, MemberSession.ended_at.is_(None))
        .values(ended_at=wall)
    )
    # Who remains has their own PIN and passkeys, or none yet; those of the other open nothing.
    for table in (MemberPin, MemberPasskey):
        session.execute(delete(table).where(table.member_id == member_id))
    session.flush()


def tell(
    session: Session, vault: Vault, *, proposal: Proposal, wall: datetime, wallet_url: str
) -> None:
    """Send both phones of a merged person a message; raises UnknownMemberError."""
    goes = queries.member(session, vault, member_id=proposal.subject_id)
    remains = queries.member(session, vault, member_id=UUID(proposal.terms["into"]))
    for person, other in ((goes, remains), (remains, goes)):
        queue_sms(
            session,
            vault,
            recipient=person.phone,
            body=merged_text(
                remains=person is remains,
                phone_end=other.phone[-_PHONE_END:],
                address=wallet_url,
                locale=person.locale,
            ),
            kind="merged",
            locale=person.locale,
            wall=wall,
        )


def waiting(session: Session, *, member_id: UUID) -> list[Proposal]:
    """Return the merges that wait for a second person and that a member has a part in."""
    return [
        each
        for each in proposals.waiting(session, kind=MERGE)
        if str(member_id) in (str(each.subject_id), each.terms["into"])
    ]


def _check_alone(session: Session, member_id: UUID) -> None:
    """Refuse a member whose place is not theirs alone to leave or to take somebody into."""
    row = session.get_one(Member, member_id)
    if session.get(MemberMerge, member_id, populate_existing=True) is not None:
        raise MergeError("this member was merged already", reason="merged")
    if row.status != "active":
        raise MergeError("this member left", reason="closed")
    if shared_wallets.stay(session, member_id=member_id) is not None:
        raise MergeError("this member shares a wallet", reason="shared")
    if freeze_of(session, member_id=member_id) is not None:
        raise MergeError("the network has locked this member's spending", reason="frozen")
