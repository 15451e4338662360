"""Members' passkeys: a second way in, and a proof instead of the PIN. All times are wall time.

An unknown passkey, another member's, a wrong signature, a copy's count and a challenge that is too
old or was answered before are one refusal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from network import ids
from network import passkeys as ceremony
from network.database.pieces import delete_piece
from network.language import normalise
from network.members.models import Member
from network.members.queries import MemberView, person_key
from network.messaging.factor_texts import passkey_text
from network.messaging.service import queue_sms
from network.passkeys import Challenge, Owner, Party, PasskeyError
from network.second_factor.models import MemberChallenge, MemberPasskey
from network.second_factor.proofs import Act, use
from network.vault import Vault

MOST_PASSKEYS = 10
CHALLENGES_KEPT = timedelta(days=1)
_LONGEST_NAME = 60
PASSKEY_FIELD = "passkey-name"


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyView:
    """A passkey as its owner sees it; ``backed_up`` says that its maker keeps a copy."""

    passkey_id: UUID
    name: str = field(repr=False)
    backed_up: bool
    created_at: datetime
    used_at: datetime | None


def passkeys(session: Session, vault: Vault, *, member_id: UUID) -> list[PasskeyView]:
    """Return a member's passkeys, the newest first."""
    rows = list(
        session.scalars(
            select(MemberPasskey)
            .where(MemberPasskey.member_id == member_id)
            .order_by(MemberPasskey.created_at.desc(), MemberPasskey.passkey_id.desc())
        )
    )
    if not rows:
        return []
    key = person_key(session, vault, member_id=member_id)
    return [
        PasskeyView(
            passkey_id=row.passkey_id,
            name=key.open(row.sealed_name, name=PASSKEY_FIELD).decode(),
            backed_up=row.backed_up,
            created_at=row.created_at,
            used_at=row.used_at,
        )
        for row in rows
    ]


def making(session: Session, *, party: Party, member: MemberView, challenge: Challenge) -> str:
    """Return what the browser is asked to make, as the JSON of the standard."""
    return ceremony.making(
        party=party,
        owner=Owner(
            user_id=member.member_id.bytes,
            name=f"0{member.phone.removeprefix('+98')}",
            display_name=member.name or "",
        ),
        challenge=challenge,
        known=_credentials(session, member.member_id),
    )


def asking(session: Session, *, party: Party, member_id: UUID | None, challenge: Challenge) -> str:
    """Return what the browser is asked to sign: by a member's passkey, or by anybody's."""
    allowed = [] if member_id is None else _credentials(session, member_id)
    return ceremony.asking(party=party, challenge=challenge, allowed=allowed)


def register(
    session: Session,
    vault: Vault,
    *,
    party: Party,
    member: MemberView,
    session_id: UUID,
    challenge: Challenge,
    answer: str,
    name: str,
    wallet_url: str,
    wall: datetime,
) -> None:
    """Keep the passkey that a member's device has made, and tell the member.

    It takes a proof, whatever the threshold: it would prove everything from now on. Raises
    ProofNeededError and PasskeyError.
    """
    label = normalise(name)[:_LONGEST_NAME] or party.name
    made = ceremony.made(answer, party=party, challenge=challenge)
    act = Act(kind="passkey")
    use(session, member_id=member.member_id, session_id=session_id, act=act, wall=wall)
    _answered(session, challenge, wall=wall)
    if len(_credentials(session, member.member_id)) >= MOST_PASSKEYS:
        raise PasskeyError(f"a member has at most {MOST_PASSKEYS} passkeys", field="name")
    key = person_key(session, vault, member_id=member.member_id)
    kept = session.scalar(
        insert(MemberPasskey)
        .values(
            passkey_id=ids.uuid7(),
            member_id=member.member_id,
            credential_id=made.credential_id,
            public_key=made.public_key,
            sign_count=made.sign_count,
            sealed_name=key.seal(label.encode(), name=PASSKEY_FIELD),
            backed_up=made.backed_up,
            created_at=wall,
            used_at=None,
        )
        .on_conflict_do_nothing(index_elements=["credential_id"])
        .returning(MemberPasskey.passkey_id)
    )
    if kept is None:
        raise PasskeyError("this passkey is known already")
    queue_sms(
        session,
        vault,
        recipient=member.phone,
        body=passkey_text(address=wallet_url, locale=member.locale),
        kind="passkey",
        locale=member.locale,
        wall=wall,
    )


def signer(
    session: Session,
    *,
    party: Party,
    challenge: Challenge,
    answer: str,
    member_id: UUID | None,
    wall: datetime,
) -> UUID:
    """Return whose passkey has signed a challenge, its use noted; raise PasskeyError.

    ``member_id``: it must be this member's, who proves themselves; ``None`` for a sign-in.
    """
    row = session.execute(
        select(MemberPasskey)
        .join(Member, Member.member_id == MemberPasskey.member_id)
        .where(
            MemberPasskey.credential_id == ceremony.credential_of(answer),
            Member.status == "active",
        )
        .with_for_update(of=MemberPasskey)
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if row is None or member_id not in {None, row.member_id}:
        raise PasskeyError("nobody who may has this passkey")
    if ceremony.user_of(answer) not in {None, row.member_id.bytes}:
        raise PasskeyError("the device knows it as another member's")
    count = ceremony.signed(
        answer,
        party=party,
        challenge=challenge,
        public_key=row.public_key,
        sign_count=row.sign_count,
    )
    _answered(session, challenge, wall=wall)
    row.sign_count, row.used_at = count, wall
    session.flush()
    return row.member_id


def remove(session: Session, *, member_id: UUID, passkey_id: UUID) -> bool:
    """Take a passkey of a member away; return whether there was one."""
    gone = session.execute(
        delete(MemberPasskey)
        .where(MemberPasskey.passkey_id == passkey_id, MemberPasskey.member_id == member_id)
        .returning(MemberPasskey.passkey_id)
    )
    return gone.scalar_one_or_none() is not None


def forget_challenges(session: Session, *, wall: datetime, limit: int) -> int:
    """Delete up to ``limit`` challenges that are too old to be answered again; return how many."""
    old = MemberChallenge.used_at < wall - CHALLENGES_KEPT
    return delete_piece(session, MemberChallenge, old, limit=limit)


def _credentials(session: Session, member_id: UUID) -> list[bytes]:
    return list(
        session.scalars(
            select(MemberPasskey.credential_id).where(MemberPasskey.member_id == member_id)
        )
    )


def _answered(session: Session, challenge: Challenge, *, wall: datetime) -> None:
    """Use a challenge up; raise PasskeyError where it is too old or was answered before."""
    ceremony.check_age(challenge, wall=wall)
    used = session.scalar(
        insert(MemberChallenge)
        .values(digest=challenge.digest, used_at=wall)
        .on_conflict_do_nothing()
        .returning(MemberChallenge.digest)
    )
    if used is None:
        raise PasskeyError("the challenge was answered before")
