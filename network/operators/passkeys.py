"""Operators' passkeys: a key on the operator's device instead of password and code.

The device has checked its user (``network.passkeys``), so one passkey is two factors.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from network import ids
from network import passkeys as ceremony
from network.language import normalise
from network.operators.audit import record_act
from network.operators.models import Operator, OperatorChallenge, OperatorPasskey
from network.operators.queries import OperatorView
from network.operators.service import SignIn
from network.operators.sessions import address_subject, one_too_many, open_session
from network.passkeys import Challenge, Owner, Party, PasskeyError
from network.vault import Vault

MOST_PASSKEYS = 10
_CHALLENGES_KEPT = timedelta(days=1)
_LONGEST_NAME = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyView:
    """A passkey as its owner sees it; ``backed_up`` says that its maker keeps a copy."""

    passkey_id: UUID
    name: str
    backed_up: bool
    created_at: datetime
    used_at: datetime | None

    @property
    def public_id(self) -> str:
        """Return the id by which pages and the audit log name it."""
        return ids.encode("pky", self.passkey_id)


def passkeys(session: Session, *, operator_id: UUID) -> list[PasskeyView]:
    """Return an operator's passkeys, the newest first."""
    rows = session.scalars(
        select(OperatorPasskey)
        .where(OperatorPasskey.operator_id == operator_id)
        .order_by(OperatorPasskey.created_at.desc(), OperatorPasskey.passkey_id.desc())
    )
    return [_view(row) for row in rows]


def creation_options(
    session: Session, *, party: Party, operator: OperatorView, challenge: Challenge
) -> str:
    """Return what the browser is asked to make, as the JSON of the standard."""
    known = session.scalars(
        select(OperatorPasskey.credential_id).where(
            OperatorPasskey.operator_id == operator.operator_id
        )
    )
    return ceremony.making(
        party=party,
        owner=Owner(
            user_id=operator.operator_id.bytes, name=operator.email, display_name=operator.name
        ),
        challenge=challenge,
        known=known,
    )


def register(
    session: Session,
    *,
    wall: datetime,
    party: Party,
    operator: OperatorView,
    challenge: Challenge,
    answer: str,
    name: str,
) -> PasskeyView:
    """Keep the passkey that an operator's device has made; raise PasskeyError."""
    label = normalise(name)[:_LONGEST_NAME] or party.name
    if len(passkeys(session, operator_id=operator.operator_id)) >= MOST_PASSKEYS:
        raise PasskeyError(f"an operator has at most {MOST_PASSKEYS} passkeys", field="name")
    made = ceremony.made(answer, party=party, challenge=challenge)
    _use(session, challenge=challenge, wall=wall)
    row = OperatorPasskey(
        passkey_id=ids.uuid7(),
        operator_id=operator.operator_id,
        credential_id=made.credential_id,
        public_key=made.public_key,
        sign_count=made.sign_count,
        name=label,
        backed_up=made.backed_up,
        created_at=wall,
        used_at=None,
    )
    taken = session.scalar(
        select(OperatorPasskey.passkey_id).where(
            OperatorPasskey.credential_id == made.credential_id
        )
    )
    if taken is not None:
        raise PasskeyError("this passkey is known already")
    session.add(row)
    session.flush()
    view = _view(row)
    record_act(
        session,
        now=wall,
        actor=operator.public_id,
        action="passkey.added",
        subject=view.public_id,
        facts={"name": label},
    )
    return view


def sign_in_with_passkey(
    session: Session,
    *,
    vault: Vault,
    wall: datetime,
    party: Party,
    challenge: Challenge,
    answer: str,
    user_agent: str,
    address: str,
) -> SignIn:
    """Open a session for the owner of the passkey that signed the challenge.

    An unknown passkey, a wrong signature, a challenge that is too old or was answered before and
    a suspended operator look the same.
    """
    if one_too_many(session, subjects=[address_subject(vault, address)], wall=wall):
        return SignIn(token=None, throttled=True)
    try:
        row = _signed(session, party=party, challenge=challenge, answer=answer, wall=wall)
    except PasskeyError:
        record_act(
            session,
            now=wall,
            actor="unknown",
            action="sign_in.refused",
            subject="unknown",
            facts={"address": address, "by": "passkey"},
        )
        return SignIn(token=None)
    token = open_session(
        session, operator_id=row.operator_id, wall=wall, user_agent=user_agent, address=address
    )
    return SignIn(token=token)


def remove(
    session: Session, *, wall: datetime, by: OperatorView, operator_id: UUID, passkey_id: UUID
) -> bool:
    """Take a passkey of an operator away; return whether there was one."""
    gone = session.execute(
        delete(OperatorPasskey)
        .where(OperatorPasskey.passkey_id == passkey_id, OperatorPasskey.operator_id == operator_id)
        .returning(OperatorPasskey.name)
    ).scalar_one_or_none()
    if gone is None:
        return False
    record_act(
        session,
        now=wall,
        actor=by.public_id,
        action="passkey.removed",
        subject=ids.encode("pky", passkey_id),
        facts={"name": gone, "operator": ids.encode("opr", operator_id)},
    )
    return True


def remove_all(session: Session, *, operator_id: UUID) -> int:
    """Take every passkey of an operator away, for an act that is logged by itself."""
    gone = session.execute(
        delete(OperatorPasskey)
        .where(OperatorPasskey.operator_id == operator_id)
        .returning(OperatorPasskey.passkey_id)
    )
    return len(gone.all())


def _signed(
    session: Session, *, party: Party, challenge: Challenge, answer: str, wall: datetime
) -> OperatorPasskey:
    """Return the passkey that signed the challenge, its use noted; raise PasskeyError."""
    credential_id = ceremony.credential_of(answer)
    row = session.execute(
        select(OperatorPasskey)
        .join(Operator, Operator.operator_id == OperatorPasskey.operator_id)
        .where(OperatorPasskey.credential_id == credential_id, Operator.status == "active")
        .with_for_update(of=OperatorPasskey)
    ).scalar_one_or_none()
    if row is None:
        raise PasskeyError("nobody who may sign in has this passkey")
    count = ceremony.signed(
        answer,
        party=party,
        challenge=challenge,
        public_key=row.public_key,
        sign_count=row.sign_count,
    )
    _use(session, challenge=challenge, wall=wall)
    row.sign_count, row.used_at = count, wall
    session.flush()
    return row


def _use(session: Session, *, challenge: Challenge, wall: datetime) -> None:
    """Use a challenge up; raise PasskeyError where it is too old or was used before."""
    ceremony.check_age(challenge, wall=wall)
    used = session.execute(
        insert(OperatorChallenge)
        .values(digest=challenge.digest, used_at=wall)
        .on_conflict_do_nothing()
        .returning(OperatorChallenge.digest)
    ).scalar_one_or_none()
    if used is None:
        raise PasskeyError("the challenge was answered before")
    session.execute(
        delete(OperatorChallenge).where(OperatorChallenge.used_at < wall - _CHALLENGES_KEPT)
    )


def _view(row: OperatorPasskey) -> PasskeyView:
    return PasskeyView(
        passkey_id=row.passkey_id,
        name=row.name,
        backed_up=row.backed_up,
        created_at=row.created_at,
        used_at=row.used_at,
    )
