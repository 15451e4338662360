"""Acts on a shared wallet that a one-time code confirms: exactly what its message says.

A session on a stolen phone lets nobody in, raises no limit and takes no points out by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from network.ledger import queries as ledger
from network.ledger import shared_wallets
from network.members import queries as members
from network.members.errors import UnknownMemberError
from network.members.freezing import hold_free
from network.members.models import Member
from network.members.phones import normalise_phone
from network.members.queries import MemberView, masked_name
from network.members.sealing import phone_index
from network.members.sign_in import CODE_LIFE, CodeRefused, read_code, send_code
from network.messaging.service import queue_sms
from network.messaging.texts import pool_code_text, pool_news_text
from network.pools import queries, service
from network.pools.errors import InvitationGoneError
from network.second_factor.proofs import Act as ProofAct
from network.second_factor.threshold import Screen, require_proof
from network.vault import Vault

Kind = Literal["invite", "join", "part", "limit", "leave"]
INVITE, JOIN, PART, LEAVE = "invite", "join", "part", "leave"
_LIMITLESS = -1
_PROOF_OF = "pool-act"


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What is to be confirmed.

    ``subject`` is a phone (invite), an invitation (join), a person (part, limit) or the owner of
    the wallet that is left with nothing (leave); ``points`` are what a person goes with, or may
    spend in 30 days (-1: all).
    """

    kind: Kind
    subject: str
    points: int = 0

    @property
    def purpose(self) -> str:
        """Return the text that a code of this act is bound to."""
        return f"pool {self.kind} {self.subject} {self.points}"

    @property
    def most(self) -> int | None:
        """Return the limit that is set, None for none."""
        return None if self.points == _LIMITLESS else self.points


def limit_act(*, person_id: UUID, most: int | None) -> Act:
    """Return the act that sets a person's limit."""
    return Act(kind="limit", subject=str(person_id), points=_LIMITLESS if most is None else most)


def subject_name(
    session: Session, vault: Vault, *, act: Act, by: MemberView, wall: datetime
) -> str:
    """Return whom an act is about as the one who confirms it knows them.

    Raises InvitationGoneError where there is no such invitation for them.
    """
    if act.kind == INVITE:
        return queries.ending(normalise_phone(act.subject))
    if act.kind == JOIN:
        for each in queries.invited(session, vault, phone=by.phone, wall=wall):
            if each.invitation_id == UUID(act.subject):
                return each.name
        raise InvitationGoneError("it is no more")
    return queries.shown_name(session, vault, member_id=UUID(act.subject))


def proof_for(
    session: Session, vault: Vault, *, act: Act, by: MemberView, now: datetime, wall: datetime
) -> ProofAct:
    """Return what an act takes a proof for: the points that come into others' reach by it.

    Who is let go takes them along. Who is invited, or has no limit, may spend all that there is;
    who joins brings all of their own. Leaving with nothing moves none. What is stored of whom it
    is about is a keyed digest: an act may name the number of a stranger.
    """
    points = 0
    if act.kind == PART or (act.kind == "limit" and act.most is not None):
        points = act.points
    elif act.kind != LEAVE:
        home = shared_wallets.home(session, member_id=by.member_id)
        wallet = ledger.wallet(session, member_id=home, now=now, wall=wall)
        points = 0 if wallet is None else wallet.available + wallet.pending
    subject = vault.blind_index(act.purpose, purpose=_PROOF_OF).hex()
    return ProofAct(kind="pool", subject=subject, points=points)


def ask(
    session: Session,
    vault: Vault,
    *,
    act: Act,
    by: MemberView,
    address: str | None,
    domain: str,
    wall: datetime,
) -> None:
    """Send the code that confirms an act; raise ThrottledError, and what the act is refused for."""
    concerned = [by.member_id, *([UUID(act.subject)] if act.kind == PART else [])]
    hold_free(session, people=concerned)
    if act.kind == INVITE:
        service.check_invitation(session, inviter=by, phone=normalise_phone(act.subject), wall=wall)
    name = subject_name(session, vault, act=act, by=by, wall=wall)
    send_code(
        session,
        vault,
        phone=by.phone,
        address=address,
        locale=by.locale,
        wall=wall,
        kind="pool",
        purpose=act.purpose,
        body=lambda code: pool_code_text(
            kind=act.kind,
            code=code,
            name=name,
            points=act.most,
            minutes=CODE_LIFE // timedelta(minutes=1),
            domain=domain,
            locale=by.locale,
        ),
    )


def confirm(
    session: Session,
    vault: Vault,
    *,
    act: Act,
    by: MemberView,
    code: str,
    screen: Screen,
    now: datetime,
    wall: datetime,
    wallet_url: str,
) -> CodeRefused | None:
    """Do what the code confirms, and tell whom it concerns.

    Commit a refused code too: it has been counted. Raises what the act is refused for, and
    ProofNeededError.
    """
    sent = read_code(session, vault, phone=by.phone, code=code, wall=wall, purpose=act.purpose)
    if isinstance(sent, CodeRefused):
        return sent
    sent.used_at = wall
    session.flush()
    proof = proof_for(session, vault, act=act, by=by, now=now, wall=wall)
    require_proof(session, member_id=by.member_id, screen=screen, act=proof, wall=wall)
    told: UUID | None = None
    if act.kind == INVITE:
        service.invite(session, vault, inviter=by, phone=act.subject, wall=wall)
        told = _member_with(session, vault, phone=act.subject)
    elif act.kind == JOIN:
        pool = service.join(
            session, vault, person=by, invitation_id=UUID(act.subject), now=now, wall=wall
        )
        told = pool.owner_id
    elif act.kind == PART:
        told = UUID(act.subject)
        facts: dict[str, Any] = {"points": act.points, "now": now, "wall": wall}
        service.part(session, owner_id=by.member_id, person_id=told, **facts)
    elif act.kind == LEAVE:
        told = service.leave(session, person_id=by.member_id, now=now, wall=wall).owner_id
    else:
        told = UUID(act.subject)
        service.limit(session, owner_id=by.member_id, person_id=told, most=act.most, wall=wall)
    if told is not None and told != by.member_id:
        tell(
            session,
            vault,
            kind=act.kind,
            to=told,
            about=by,
            points=act.most,
            wallet_url=wallet_url,
            wall=wall,
        )
    return None


def tell(
    session: Session,
    vault: Vault,
    *,
    kind: str,
    to: UUID,
    about: MemberView,
    points: int | None,
    wallet_url: str,
    wall: datetime,
) -> None:
    """Send a message about a shared wallet to one of its people, or to who is invited."""
    try:
        person = members.member(session, vault, member_id=to)
    except UnknownMemberError:
        return
    queue_sms(
        session,
        vault,
        recipient=person.phone,
        body=pool_news_text(
            kind=kind,
            name=_told_name(about, kind=kind),
            points=points,
            address=f"{wallet_url}/pool",
            locale=person.locale,
        ),
        kind="pool",
        locale=person.locale,
        wall=wall,
    )


def _told_name(about: MemberView, *, kind: str) -> str:
    """Return whom a message is about: to who is only invited, no text of a stranger's choice."""
    if about.name is None:
        return queries.ending(about.phone)
    return masked_name(about.name) if kind == INVITE else about.name


def _member_with(session: Session, vault: Vault, *, phone: str) -> UUID | None:
    """Return who has a phone, None for a stranger: whoever invites learns neither."""
    index = phone_index(vault, phone=normalise_phone(phone))
    found: UUID | None = session.scalar(
        select(Member.member_id).where(Member.phone_index == index, Member.status == "active")
    )
    return found
