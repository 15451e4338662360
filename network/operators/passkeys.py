"""Passkeys (WebAuthn Level 2): a key on the operator's device instead of password and code.

The device has checked its user (fingerprint, face or PIN: user verification is required), so one
passkey is two factors. The page carries the options to the browser and the browser's answer back
in a form. A challenge is made by the front, kept in the reader's signed cookie, and used once.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from webauthn import (
    base64url_to_bytes,
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from network import ids
from network.errors import PeyvandError
from network.language import normalise
from network.operators.audit import record_act
from network.operators.models import Operator, OperatorChallenge, OperatorPasskey
from network.operators.queries import OperatorView
from network.operators.service import SignIn
from network.operators.sessions import address_subject, one_too_many, open_session
from network.vault import Vault

CHALLENGE_BYTES = 32
CHALLENGE_LIFE = timedelta(minutes=5)
MOST_PASSKEYS = 10
_CHALLENGES_KEPT = timedelta(days=1)
_LONGEST_NAME = 60
_LONGEST_ANSWER = 16_384
_VERIFIED = UserVerificationRequirement.REQUIRED


class PasskeyError(PeyvandError):
    """A passkey's answer is not right, too old, or was used before; or there are too many."""

    code = "passkey_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Whom passkeys are made for: the console's host name, and its address as browsers send it."""

    host: str
    origin: str
    name: str = "Peyvand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """What a passkey has to sign, and when it was asked to."""

    value: bytes = field(repr=False)
    asked_at: datetime


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


def new_challenge(*, wall: datetime) -> Challenge:
    """Return a challenge of 256 random bits."""
    return Challenge(value=secrets.token_bytes(CHALLENGE_BYTES), asked_at=wall)


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
    return options_to_json(
        generate_registration_options(
            rp_id=party.host,
            rp_name=party.name,
            user_id=operator.operator_id.bytes,
            user_name=operator.email,
            user_display_name=operator.name,
            challenge=challenge.value,
            exclude_credentials=[PublicKeyCredentialDescriptor(id=each) for each in known],
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=_VERIFIED
            ),
        )
    )


def request_options(*, party: Party, challenge: Challenge) -> str:
    """Return what the browser is asked to sign, by whichever passkey its user chooses."""
    return options_to_json(
        generate_authentication_options(
            rp_id=party.host, challenge=challenge.value, user_verification=_VERIFIED
        )
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
    found = _parsed(answer)
    try:
        made = verify_registration_response(
            credential=found,
            expected_challenge=challenge.value,
            expected_rp_id=party.host,
            expected_origin=party.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, KeyError, TypeError, ValueError) as error:
        raise PasskeyError("this is no answer to what was asked") from error
    _use(session, challenge=challenge, wall=wall)
    row = OperatorPasskey(
        passkey_id=ids.uuid7(),
        operator_id=operator.operator_id,
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        name=label,
        backed_up=made.credential_backed_up,
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
    found = _parsed(answer)
    try:
        credential_id = base64url_to_bytes(str(found["rawId"]))
    except (KeyError, ValueError) as error:
        raise PasskeyError("this is no answer to what was asked") from error
    row = session.execute(
        select(OperatorPasskey)
        .join(Operator, Operator.operator_id == OperatorPasskey.operator_id)
        .where(OperatorPasskey.credential_id == credential_id, Operator.status == "active")
        .with_for_update(of=OperatorPasskey)
    ).scalar_one_or_none()
    if row is None:
        raise PasskeyError("nobody who may sign in has this passkey")
    try:
        verified = verify_authentication_response(
            credential=found,
            expected_challenge=challenge.value,
            expected_rp_id=party.host,
            expected_origin=party.origin,
            credential_public_key=row.public_key,
            credential_current_sign_count=row.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, KeyError, TypeError, ValueError) as error:
        raise PasskeyError("the passkey did not sign this") from error
    _use(session, challenge=challenge, wall=wall)
    row.sign_count, row.used_at = verified.new_sign_count, wall
    session.flush()
    return row


def _parsed(answer: str) -> dict[str, object]:
    if len(answer) > _LONGEST_ANSWER:
        raise PasskeyError("the answer is too long")
    try:
        found = json.loads(answer)
    except ValueError as error:
        raise PasskeyError("the answer is not JSON") from error
    if not isinstance(found, dict):
        raise PasskeyError("the answer is not an object")
    return found


def _use(session: Session, *, challenge: Challenge, wall: datetime) -> None:
    """Use a challenge up; raise PasskeyError where it is too old or was used before."""
    if not challenge.asked_at <= wall < challenge.asked_at + CHALLENGE_LIFE:
        raise PasskeyError("the challenge is too old")
    used = session.execute(
        insert(OperatorChallenge)
        .values(digest=sha256(challenge.value).digest(), used_at=wall)
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
