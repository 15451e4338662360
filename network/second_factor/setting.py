"""Setting a PIN, changing it and coming back from a forgotten one: all by a one-time code.

One way for all three: whoever has forgotten it needs that way in any case, and an open session
with a PIN that somebody looked at over a shoulder changes nothing without the phone.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from network.members.queries import MemberView
from network.members.sign_in import CODE_LIFE, CodeRefused, read_code, send_code
from network.messaging.factor_texts import pin_code_text, pin_set_text
from network.messaging.service import queue_sms
from network.second_factor import pins, proofs
from network.second_factor.strength import checked_pin
from network.vault import Vault

_PURPOSE = "set a PIN"


def ask(
    session: Session,
    vault: Vault,
    *,
    member: MemberView,
    address: str | None,
    domain: str,
    wall: datetime,
) -> None:
    """Send the code that sets a PIN and nothing else; raise ThrottledError."""
    send_code(
        session,
        vault,
        phone=member.phone,
        address=address,
        locale=member.locale,
        wall=wall,
        kind="pin",
        purpose=_PURPOSE,
        body=lambda code: pin_code_text(
            code=code,
            minutes=CODE_LIFE // timedelta(minutes=1),
            domain=domain,
            locale=member.locale,
        ),
    )


def set_pin(
    session: Session,
    vault: Vault,
    *,
    member: MemberView,
    code: str,
    pin: str,
    wallet_url: str,
    wall: datetime,
) -> CodeRefused | None:
    """Keep a PIN once the code is right, and tell the member; wrong tries are forgotten.

    So are proofs that were not used: whoever knew the last PIN may have given them.

    Commit a refusal too: it has been counted. Raises WeakPinError, before the code is looked at.
    """
    checked = checked_pin(pin, phone=member.phone)
    sent = read_code(session, vault, phone=member.phone, code=code, wall=wall, purpose=_PURPOSE)
    if isinstance(sent, CodeRefused):
        return sent
    sent.used_at = wall
    first = pins.state(session, member_id=member.member_id) is None
    pins.keep(session, vault, member_id=member.member_id, pin=checked, wall=wall)
    proofs.end_unused(session, member_id=member.member_id)
    queue_sms(
        session,
        vault,
        recipient=member.phone,
        body=pin_set_text(first=first, address=wallet_url, locale=member.locale),
        kind="pin",
        locale=member.locale,
        wall=wall,
    )
    return None
