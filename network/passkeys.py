"""The ceremony of passkeys (WebAuthn Level 2), the same for operators and members.

A page carries the options to the browser and the browser's answer back in a form. User
verification is required: the device has checked its user by fingerprint, face or PIN. A challenge
is made by the front, kept in the reader's signed cookie, and answered once; who owns which passkey,
and which challenges were answered, is for the owners' own modules to keep.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

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

from network.errors import PeyvandError

CHALLENGE_BYTES = 32
CHALLENGE_LIFE = timedelta(minutes=5)
_LONGEST_ANSWER = 16_384
_VERIFIED = UserVerificationRequirement.REQUIRED
_UNFIT = (WebAuthnException, KeyError, TypeError, ValueError)


class PasskeyError(PeyvandError):
    """A passkey's answer is not right, too old, or was used before; or there are too many."""

    code = "passkey_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Whom passkeys are made for: the front's host name, and its address as browsers send it."""

    host: str
    origin: str
    name: str = "Peyvand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """What a passkey has to sign, and when it was asked to."""

    value: bytes = field(repr=False)
    asked_at: datetime

    @property
    def digest(self) -> bytes:
        """Return what is kept of a challenge that was answered."""
        return sha256(self.value).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A new passkey; ``backed_up`` says that its maker keeps a copy."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    backed_up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Who a passkey is made for, as their device shows them."""

    user_id: bytes
    name: str = field(repr=False)
    display_name: str = field(repr=False)


def new_challenge(*, wall: datetime) -> Challenge:
    """Return a challenge of 256 random bits."""
    return Challenge(value=secrets.token_bytes(CHALLENGE_BYTES), asked_at=wall)


def check_age(challenge: Challenge, *, wall: datetime) -> None:
    """Raise PasskeyError where a challenge was asked too long ago, or in time to come."""
    if not challenge.asked_at <= wall < challenge.asked_at + CHALLENGE_LIFE:
        raise PasskeyError("the challenge is too old")


def making(*, party: Party, owner: Owner, challenge: Challenge, known: Iterable[bytes]) -> str:
    """Return what the browser is asked to make, as the JSON of the standard.

    A device that has one of the ``known`` credentials makes no second one.
    """
    return options_to_json(
        generate_registration_options(
            rp_id=party.host,
            rp_name=party.name,
            user_id=owner.user_id,
            user_name=owner.name,
            user_display_name=owner.display_name,
            challenge=challenge.value,
            exclude_credentials=_described(known),
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=_VERIFIED
            ),
        )
    )


def asking(*, party: Party, challenge: Challenge, allowed: Iterable[bytes] = ()) -> str:
    """Return what the browser is asked to sign: by one of ``allowed``, or by any its user picks."""
    return options_to_json(
        generate_authentication_options(
            rp_id=party.host,
            challenge=challenge.value,
            allow_credentials=_described(allowed),
            user_verification=_VERIFIED,
        )
    )


def made(answer: str, *, party: Party, challenge: Challenge) -> Made:
    """Return the passkey that a device has made; raise PasskeyError."""
    try:
        found = verify_registration_response(
            credential=parsed(answer),
            expected_challenge=challenge.value,
            expected_rp_id=party.host,
            expected_origin=party.origin,
            require_user_verification=True,
        )
    except _UNFIT as error:
        raise PasskeyError("this is no answer to what was asked") from error
    return Made(
        credential_id=found.credential_id,
        public_key=found.credential_public_key,
        sign_count=found.sign_count,
        backed_up=found.credential_backed_up,
    )


def credential_of(answer: str) -> bytes:
    """Return the id of the passkey that an answer says it is from; raise PasskeyError."""
    try:
        return base64url_to_bytes(str(parsed(answer)["rawId"]))
    except (KeyError, ValueError) as error:
        raise PasskeyError("this is no answer to what was asked") from error


def user_of(answer: str) -> bytes | None:
    """Return whom the device itself says that the passkey is of, where it says so."""
    response = parsed(answer).get("response")
    said = response.get("userHandle") if isinstance(response, dict) else None
    try:
        return base64url_to_bytes(str(said)) if said else None
    except ValueError as error:
        raise PasskeyError("this is no answer to what was asked") from error


def signed(
    answer: str, *, party: Party, challenge: Challenge, public_key: bytes, sign_count: int
) -> int:
    """Return the passkey's new count of signatures; raise PasskeyError.

    A count that does not go on from ``sign_count`` is a copy's, and refused (section 6.1.1).
    """
    try:
        found = verify_authentication_response(
            credential=parsed(answer),
            expected_challenge=challenge.value,
            expected_rp_id=party.host,
            expected_origin=party.origin,
            credential_public_key=public_key,
            credential_current_sign_count=sign_count,
            require_user_verification=True,
        )
    except _UNFIT as error:
        raise PasskeyError("the passkey did not sign this") from error
    return int(found.new_sign_count)


def parsed(answer: str) -> dict[str, object]:
    """Return an answer's JSON object; raise PasskeyError."""
    if len(answer) > _LONGEST_ANSWER:
        raise PasskeyError("the answer is too long")
    try:
        found = json.loads(answer)
    except ValueError as error:
        raise PasskeyError("the answer is not JSON") from error
    if not isinstance(found, dict):
        raise PasskeyError("the answer is not an object")
    return found


def _described(credentials: Iterable[bytes]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=each) for each in credentials]
