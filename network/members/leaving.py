"""Leaving the programme: the account is closed, the person erased, the ledger stays.

Everything that a person told us is sealed with one key of their own: phone, name, devices, what
their signed requests named them by. Deleting the key makes all of it unreadable at once, also in
what is append-only, and in backups of the database once they are restored beside the list of keys
of today. Entries stay, under an id that leads to nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from network import ids
from network.errors import PeyvandError
from network.ledger import operations_members as operations
from network.ledger import queries as ledger
from network.ledger import shared_wallets
from network.ledger.errors import OpenDebt, OpenHolds, WalletClosed
from network.ledger.values import Claim
from network.members.errors import MemberFrozenError, UnknownMemberError
from network.members.freezing import freeze_of
from network.members.models import (
    Card,
    Member,
    MemberCodeSecret,
    MemberKey,
    MemberSession,
    OneTimeCode,
)
from network.members.queries import MemberView, everyone
from network.members.sign_in import CODE_LIFE, CodeRefused, read_code, send_code
from network.messaging.service import forget_recipient
from network.messaging.texts import leaving_text
from network.notices.models import MemberDevice, MemberNotice, MemberNoticeChoice
from network.operators.audit import await_turn, record_act
from network.questions.models import MemberQuestion
from network.second_factor.models import MemberPasskey, MemberPin, MemberProof
from network.vault import Vault

LEFT = "member.left"
_PURPOSE = "leave the programme"


class InSharedWalletError(PeyvandError):
    """The member shares a wallet; they leave that first, or end it."""

    code = "in_shared_wallet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """The person is erased; so many points expired with the account."""

    points: int


def check(session: Session, *, member_id: UUID, now: datetime, wall: datetime) -> int:
    """Return how many points would expire; raise what keeps the account from being closed.

    Raises MemberFrozenError, InSharedWalletError, OpenHolds or OpenDebt.
    """
    if freeze_of(session, member_id=member_id) is not None:
        raise MemberFrozenError("the network has locked this member's spending")
    home = shared_wallets.home(session, member_id=member_id)
    if home != member_id and shared_wallets.stay(session, member_id=member_id) is not None:
        raise InSharedWalletError("the wallet is shared")
    wallet = ledger.wallet(session, member_id=member_id, now=now, wall=wall)
    if wallet is None:
        return 0
    if wallet.held:
        raise OpenHolds(OpenHolds.sentence)
    if wallet.debt:
        raise OpenDebt(OpenDebt.sentence)
    return wallet.available + wallet.pending


def ask(
    session: Session,
    vault: Vault,
    *,
    member: MemberView,
    address: str | None,
    domain: str,
    now: datetime,
    wall: datetime,
) -> None:
    """Send the code that confirms leaving and nothing else.

    Raises ThrottledError, and what ``check`` raises.
    """
    points = check(session, member_id=member.member_id, now=now, wall=wall)
    send_code(
        session,
        vault,
        phone=member.phone,
        address=address,
        locale=member.locale,
        wall=wall,
        kind="leaving",
        purpose=_PURPOSE,
        body=lambda code: leaving_text(
            code=code,
            points=points,
            minutes=CODE_LIFE // timedelta(minutes=1),
            domain=domain,
            locale=member.locale,
        ),
    )


def leave(
    session: Session, vault: Vault, *, member: MemberView, code: str, now: datetime, wall: datetime
) -> Left | CodeRefused:
    """Close the account and erase the person once the code is right.

    Commit a refusal too: it has been counted. Raises what ``erase`` raises.
    """
    sent = read_code(session, vault, phone=member.phone, code=code, wall=wall, purpose=_PURPOSE)
    if isinstance(sent, CodeRefused):
        return sent
    sent.used_at = wall
    session.flush()
    return erase(session, member_id=member.member_id, now=now, wall=wall)


def erase(session: Session, *, member_id: UUID, now: datetime, wall: datetime) -> Left:
    """Let what is left of the points expire, and delete what leads to the person.

    Cards are blocked and stay, so that no number is given out twice. Raises UnknownMemberError,
    MemberFrozenError, InSharedWalletError, OpenHolds or OpenDebt; nothing has changed then.
    """
    row = session.scalars(
        select(Member)
        .where(Member.member_id == member_id, Member.status == "active")
        .with_for_update()
    ).first()
    if row is None:
        raise UnknownMemberError("there is no such member")
    check(session, member_id=member_id, now=now, wall=wall)
    await_turn(session)  # before the wallet is held, as whoever records first does
    points = _close_wallet(session, member_id=member_id, now=now, wall=wall)
    for each in everyone(session, member_id=member_id):
        _forget(session, session.get_one(Member, each, with_for_update=True), now=now)
    public_id = ids.encode("mem", member_id)
    record_act(
        session,
        now=wall,
        actor=public_id,
        action=LEFT,
        subject=public_id,
        facts={"points": points},
    )
    return Left(points=points)


def _forget(session: Session, row: Member, *, now: datetime) -> None:
    """Delete what leads to a person from one of the memberships that they have had."""
    session.execute(delete(OneTimeCode).where(OneTimeCode.phone_index == row.phone_index))
    if row.phone_index is not None:
        forget_recipient(session, index=row.phone_index)
    session.execute(
        update(Card)
        .where(Card.member_id == row.member_id, Card.blocked_at.is_(None))
        .values(blocked_at=now)
    )
    row.phone_index = row.sealed_phone = row.sealed_name = None
    row.status = "closed"
    session.flush()
    told = (MemberNotice, MemberNoticeChoice, MemberDevice, MemberQuestion)
    ways = (MemberProof, MemberPin, MemberPasskey, MemberSession, MemberCodeSecret)
    for table in (*told, *ways, MemberKey):
        session.execute(delete(table).where(table.member_id == row.member_id))


def _close_wallet(session: Session, *, member_id: UUID, now: datetime, wall: datetime) -> int:
    """Close the wallet for good; one that was merged into another is closed already."""
    try:
        with session.begin_nested():
            posted = operations.close_account(
                session,
                now=now,
                wall=wall,
                claim=Claim(
                    client_id=member_id,
                    key="leave-the-programme",
                    fingerprint=sha256(member_id.bytes).digest(),
                ),
                member_id=member_id,
            )
    except WalletClosed:
        return 0
    return int(posted.result["points"])
