"""Codes that a member's device makes by itself while it has no network.

They have the form of ``codes`` and are keyed by a secret of one sign-in: HMAC-SHA256, keyed by the
member's code secret, of the sign-in's id. A device is given that secret while it is signed in. Its
codes consent to nothing from when the sign-in ends (for a day they still name the member, so that a
till that tries again gets the answer it missed), and never to more than the last limit that the
sign-in was told, and the member's own limits then are: what stands in a code is a mere claim.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from network.database.driver import Channel, rows_of
from network.members import codes
from network.members.codes import ParsedCode, VerifiedCode
from network.members.errors import InvalidCodeError, UnknownMemberError
from network.members.models import Member, MemberCodeSecret, MemberSession
from network.members.queries import SECRET_FIELD, person_key
from network.vault import Vault

REMEMBERED = timedelta(seconds=codes.STEPS_REMEMBERED * codes.STEP_SECONDS)
MOST_DEVICES = 50
"""So many sign-ins are looked at, those that were used last: what a wrong code costs is bounded."""

_LABEL = b"peyvand-device-code-v1"
_session = MemberSession.__table__
_member = Member.__table__
_DEVICES = (
    select(
        _session.c.session_id,
        func.least(_session.c.ended_at, _session.c.expires_at).label("ends_at"),
        func.least(_session.c.offline_limit, _member.c.spend_limit, _member.c.ask_above).label(
            "limit"
        ),
    )
    .join(_member, _member.c.member_id == _session.c.member_id)
    .where(
        _session.c.member_id == bindparam("member_id"),
        func.least(_session.c.ended_at, _session.c.expires_at) > bindparam("since"),
    )
    .order_by(_session.c.seen_at.desc())
    .limit(MOST_DEVICES)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceKey:
    """What a device needs to make codes; ``limit`` in points, ``packed_limit`` as codes have it."""

    handle: int = field(repr=False)
    secret: bytes = field(repr=False)
    limit: int
    packed_limit: int


def give_device_key(
    session: Session, vault: Vault, *, member_id: UUID, session_id: UUID, limit: int
) -> DeviceKey:
    """Return the key of one sign-in of a member, for codes of at most ``limit`` points from now on.

    Whoever calls it has made sure that so much needs no proof. Raises UnknownMemberError.
    """
    row = session.execute(
        select(Member.code_handle, MemberCodeSecret.sealed_secret)
        .join(MemberCodeSecret, MemberCodeSecret.member_id == Member.member_id)
        .where(Member.member_id == member_id, Member.status == "active")
    ).first()
    device = session.get(MemberSession, session_id)
    if row is None or device is None or device.member_id != member_id:
        raise UnknownMemberError("there is no such member, or no such sign-in")
    device.offline_limit = codes.coded_limit(limit)
    session.flush()
    key = person_key(session, vault, member_id=member_id)
    secret = key.open(row.sealed_secret, name=SECRET_FIELD)
    return DeviceKey(
        handle=row.code_handle,
        secret=device_secret(secret, session_id=session_id),
        limit=device.offline_limit,
        packed_limit=codes.packed_limit(limit),
    )


def device_secret(secret: bytes, *, session_id: UUID) -> bytes:
    """Return the secret that the codes of one sign-in are made from, out of the member's own."""
    return hmac.digest(secret, _LABEL + session_id.bytes, "sha256")


def verify(
    channel: Channel, parsed: ParsedCode, *, secret: bytes, member_id: UUID, wall: datetime
) -> VerifiedCode:
    """Return the consent of a code that a device of the member made; raise InvalidCodeError."""
    devices = rows_of(channel, _DEVICES, {"member_id": member_id, "since": wall - REMEMBERED})
    for device in devices:
        found = _made_on(device, parsed, secret=secret, wall=wall)
        if found is not None:
            return replace(
                found,
                limit=min(found.limit, device.limit),
                expires_at=min(found.expires_at, device.ends_at),
            )
    raise InvalidCodeError("this member code is not genuine, or too old", field="code")


def _made_on(
    device: Any, parsed: ParsedCode, *, secret: bytes, wall: datetime
) -> VerifiedCode | None:
    own = device_secret(secret, session_id=device.session_id)
    try:
        return codes.verify(parsed, secret=own, wall=wall)
    except InvalidCodeError:
        return None
