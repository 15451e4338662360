"""The devices that a member signs in on: a new one is told at once, by message too.

A device is a browser that keeps a random token of ours; here is its digest. Whoever clears the
browser's data has a new device, which is told once too often rather than never.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid5

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from network.database.pieces import delete_piece
from network.members import queries as members
from network.members.errors import InvalidPhoneError
from network.members.phones import normalise_phone
from network.members.queries import DEVICE_FIELD
from network.members.sealing import phone_index
from network.members.sign_in import SignedIn, member_at
from network.messaging.service import queue_sms
from network.notices.choices import DEVICE
from network.notices.models import MemberDevice
from network.notices.service import NAMESPACE, News, write_down
from network.notices.texts import device_text
from network.tokens import token_digest
from network.vault import Vault

KEPT = timedelta(days=400)
"""So long a device is known on which its member does not sign in; longer than its cookie lives."""


def note_sign_in(
    session: Session,
    vault: Vault,
    *,
    signed_in: SignedIn,
    token: str,
    device: str | None,
    wallet_url: str,
    wall: datetime,
) -> bool:
    """Remember the device of a sign-in; tell the member where it is new, but not of their first.

    ``token`` is what the browser keeps, ``device`` what it says of itself. Returns whether the
    member was told.
    """
    if _known(session, member_id=signed_in.member_id, token=token, wall=wall) or signed_in.joined:
        return False
    member = members.member(session, vault, member_id=signed_in.member_id)
    key = members.person_key(session, vault, member_id=member.member_id)
    sealed = key.seal(device.encode(), name=DEVICE_FIELD) if device else None
    news = News(
        notice_id=uuid5(NAMESPACE, f"{DEVICE}\n{signed_in.session_id}"),
        member_id=member.member_id,
        kind=DEVICE,
        sealed_device=sealed,
    )
    write_down(session, [news], wall=wall)
    queue_sms(
        session,
        vault,
        recipient=member.phone,
        body=device_text(device=device or "", address=wallet_url, locale=member.locale),
        kind=DEVICE,
        locale=member.locale,
        wall=wall,
        message_id=news.notice_id,
    )
    return True


def is_known(session: Session, vault: Vault, *, phone: str, token: str) -> bool:
    """Return whether the member of a phone has signed in before on the browser with this token.

    What is no phone is nobody's.
    """
    try:
        index = phone_index(vault, phone=normalise_phone(phone))
    except InvalidPhoneError:
        return False
    member_id = member_at(session, index)
    known = None
    if member_id is not None:
        known = session.get(MemberDevice, (member_id, token_digest(token)))
    return known is not None


def forget_devices(session: Session, *, wall: datetime, limit: int) -> int:
    """Delete up to ``limit`` devices that nobody has signed in on for long; return how many."""
    return delete_piece(session, MemberDevice, MemberDevice.seen_at < wall - KEPT, limit=limit)


def _known(session: Session, *, member_id: UUID, token: str, wall: datetime) -> bool:
    """Remember a member's device; return whether it was known."""
    digest = token_digest(token)
    row = session.get(MemberDevice, (member_id, digest), with_for_update=True)
    if row is not None:
        row.seen_at = wall
        session.flush()
        return True
    stored = session.scalar(
        insert(MemberDevice)
        .values(member_id=member_id, token_digest=digest, first_seen_at=wall, seen_at=wall)
        .on_conflict_do_nothing()
        .returning(MemberDevice.member_id)
    )
    return stored is None
