"""Giving points to another member, on the giver's word by a one-time code.

A session on a stolen phone gives nothing away by itself: the code comes in a message that says how
many points go to whom, and confirms exactly that.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from sqlalchemy.orm import Session

from network.errors import PeyvandError
from network.ledger import operations_members as operations
from network.ledger import queries as ledger
from network.ledger import shared_wallets
from network.ledger.errors import WalletMoved
from network.ledger.values import Claim
from network.members import queries
from network.members.queries import MemberView, masked_name
from network.members.resolving import resolve
from network.members.sign_in import CODE_LIFE, CodeRefused, read_code, send_code
from network.messaging.service import queue_sms
from network.messaging.texts import giving_text, received_text
from network.pools import queries as pools
from network.second_factor.proofs import Act
from network.second_factor.threshold import Screen, require_proof
from network.vault import Vault

_PHONE_END = 4


class OneselfError(PeyvandError):
    """Points are given to somebody else."""

    code = "same_person"


class NotOnesOwnError(PeyvandError):
    """The points are in a shared wallet that somebody else made."""

    code = "shared_wallet"


class TooManyPointsError(PeyvandError):
    """The giver has fewer points that can be given."""

    code = "too_many_points"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taker:
    """Who is to get points, as the giver sees them: initials, or the end of the number."""

    member_id: UUID
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Points were given; ``sequence`` is the giver's entry."""

    sequence: int
    points: int


def find_taker(
    session: Session,
    vault: Vault,
    *,
    giver: MemberView,
    phone: str,
    points: int,
    now: datetime,
    wall: datetime,
) -> Taker:
    """Return the member with a phone who could get so many points of the giver's now.

    Raises InvalidPhoneError, UnknownMemberError, OneselfError, NotOnesOwnError,
    TooManyPointsError.
    """
    found = resolve(session, vault, wall=wall, phone=phone)
    home = giving_wallet(session, giver=giver.member_id)
    if shared_wallets.home(session, member_id=found.member_id) == home:
        raise OneselfError("that is one wallet", field="phone")
    wallet = ledger.wallet(session, member_id=home, now=now, wall=wall)
    spendable = 0 if wallet is None else wallet.spendable
    if points > spendable:
        raise TooManyPointsError("more than there is", facts={"spendable": spendable})
    return taker(session, vault, member_id=found.member_id)


def giving_wallet(session: Session, *, giver: UUID) -> UUID:
    """Return the wallet that a member may give points of: their own, or one shared that they made.

    Raises NotOnesOwnError: what several people share is not for each of them to give away.
    """
    found = pools.pool_of(session, member_id=giver)
    if found is not None and found[0].owner_id != giver:
        raise NotOnesOwnError("the points belong to several people")
    return shared_wallets.home(session, member_id=giver)


def taker(session: Session, vault: Vault, *, member_id: UUID) -> Taker:
    """Return a member as a giver sees them; raise UnknownMemberError."""
    person = queries.member(session, vault, member_id=member_id)
    return Taker(member_id=member_id, name=_shown(person))


def ask(
    session: Session,
    vault: Vault,
    *,
    giver: MemberView,
    to: Taker,
    points: int,
    address: str | None,
    domain: str,
    wall: datetime,
) -> None:
    """Send the giver a code that confirms this gift and nothing else; raise ThrottledError."""
    send_code(
        session,
        vault,
        phone=giver.phone,
        address=address,
        locale=giver.locale,
        wall=wall,
        kind="giving",
        purpose=_purpose(to.member_id, points),
        body=lambda code: giving_text(
            code=code,
            points=points,
            taker=to.name,
            minutes=CODE_LIFE // timedelta(minutes=1),
            domain=domain,
            locale=giver.locale,
        ),
    )


def give(
    session: Session,
    vault: Vault,
    *,
    giver: MemberView,
    to: Taker,
    points: int,
    code: str,
    screen: Screen,
    now: datetime,
    wall: datetime,
    wallet_url: str,
) -> Given | CodeRefused:
    """Give the points once the code is right, and tell whoever got them.

    Commit a refusal too: it has been counted. Raises ProofNeededError, NotOnesOwnError, the
    ledger's refusals, and WalletMoved where somebody joined or left just now.
    """
    purpose = _purpose(to.member_id, points)
    sent = read_code(session, vault, phone=giver.phone, code=code, wall=wall, purpose=purpose)
    if isinstance(sent, CodeRefused):
        return sent
    sent.used_at = wall
    act = gift(to.member_id, points)
    require_proof(session, member_id=giver.member_id, screen=screen, act=act, wall=wall)
    home = giving_wallet(session, giver=giver.member_id)
    theirs = shared_wallets.home(session, member_id=to.member_id)
    posted = operations.transfer(
        session,
        now=now,
        wall=wall,
        claim=Claim(
            client_id=giver.member_id,
            key=f"give-{sent.one_time_code_id}",
            fingerprint=sha256(purpose.encode()).digest(),
        ),
        member_id=home,
        taker=theirs,
        points=points,
        actor=f"member:{giver.member_id}" if home != giver.member_id else "member",
    )
    # Both wallets are locked now: whoever was there before the lock and is still there stays.
    if (home, theirs) != (
        giving_wallet(session, giver=giver.member_id),
        shared_wallets.home(session, member_id=to.member_id),
    ):
        raise WalletMoved(WalletMoved.sentence)
    person = queries.member(session, vault, member_id=to.member_id)
    queue_sms(
        session,
        vault,
        recipient=person.phone,
        body=received_text(
            points=points, giver=_shown(giver), address=wallet_url, locale=person.locale
        ),
        kind="received",
        locale=person.locale,
        wall=wall,
    )
    return Given(sequence=posted.sequence, points=points)


def gift(taker: UUID, points: int) -> Act:
    """Return what a giver proves themselves for, where so many points take that."""
    return Act(kind="gift", subject=str(taker), points=points)


def _purpose(taker: UUID, points: int) -> str:
    return f"give {points} to {taker}"


def _shown(person: MemberView) -> str:
    return masked_name(person.name) if person.name else f"…{person.phone[-_PHONE_END:]}"
