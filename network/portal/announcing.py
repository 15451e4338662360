"""Whom a code that takes the place of a way in is told to, and what was told in the portal itself.

A merchant's administrator is the merchant's own authority and needs nobody for it. But with such a
code one could act as a colleague; so the colleague and every administrator are written to when it
is made and when it is used, and for a while the portal says so at each of the colleague's sign-ins.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from sqlalchemy import select
from sqlalchemy.orm import Session

from network import ids
from network.language import gettext, use_locale
from network.merchants.queries import merchant as find_merchant
from network.messaging.service import PORTAL_NEWS, queue_message
from network.portal.links import MADE
from network.portal.models import PortalLink, PortalUser
from network.portal.queries import PREFIX
from network.portal.readers import READERS_LOCALE, readers_of
from network.vault import Vault

NEWS = PORTAL_NEWS
TOLD_FOR = timedelta(days=14)
_NAMESPACE = UUID("9b1c1f0e-52a4-5a1f-8e0b-6c4f0d9f7a31")


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A code in the place of somebody's way in; ``made_by`` is who made it, as the log names it."""

    user_id: UUID
    made_by: str
    created_at: datetime
    used_at: datetime | None


def taken_for(session: Session, *, user_id: UUID, now: datetime) -> list[Code]:
    """Return the codes of others that set a new password for somebody lately, the newest first."""
    rows = session.scalars(
        select(PortalLink)
        .where(
            PortalLink.user_id == user_id,
            PortalLink.again,
            PortalLink.taken,
            PortalLink.used_at > now - TOLD_FOR,
            PortalLink.made_by != ids.encode(PREFIX, user_id),
        )
        .order_by(PortalLink.used_at.desc())
    )
    return [_code(row) for row in rows]


def waiting(session: Session, *, merchant_id: UUID, now: datetime) -> dict[UUID, Code]:
    """Return the codes that a merchant's people made and nobody has used, by whom they let in."""
    rows = session.scalars(
        select(PortalLink)
        .join(PortalUser, PortalUser.user_id == PortalLink.user_id)
        .where(
            PortalUser.merchant_id == merchant_id,
            PortalLink.made_by.startswith(f"{PREFIX}_", autoescape=True),
            PortalLink.used_at.is_(None),
            PortalLink.expires_at > now,
        )
        .order_by(PortalLink.created_at)
    )
    return {row.user_id: _code(row) for row in rows}


def tell(
    session: Session, vault: Vault, *, digest: str, stage: str, portal: str, wall: datetime
) -> int:
    """Write to whom a code is about, and to their merchant's administrators, as far as by e-mail.

    ``digest`` is the code's, in hexadecimal; ``portal`` its address. Returns how many were written
    to; the second run writes to nobody.
    """
    link = session.get(PortalLink, bytes.fromhex(digest))
    if link is None:
        return 0
    about = session.get_one(PortalUser, link.user_id)
    merchant = find_merchant(session, merchant_id=about.merchant_id)
    readers = readers_of(session, about=about)
    for reader in readers:
        locale = reader.locale or READERS_LOCALE
        with use_locale(locale):
            facts = {
                "by": maker(session, merchant_id=about.merchant_id, made_by=link.made_by),
                "name": about.name,
                "login": about.login,
                "merchant": merchant.name(locale),
            }
            body = _news(facts, stage=stage) + f"\n{portal}/people"
        queue_message(
            session,
            vault,
            channel="email",
            recipient=reader.login,
            body=body,
            kind=NEWS,
            locale=locale,
            wall=wall,
            message_id=uuid5(_NAMESPACE, f"{digest}\n{stage}\n{reader.user_id}"),
        )
    return len(readers)


def maker(session: Session, *, merchant_id: UUID, made_by: str) -> str:
    """Return who made a code in words: a person of the merchant by name, else the network."""
    if made_by.startswith(f"{PREFIX}_"):
        row = session.get(PortalUser, ids.decode(PREFIX, made_by))
        if row is not None and row.merchant_id == merchant_id:
            return row.name
    return gettext("The network's staff")


def _code(row: PortalLink) -> Code:
    return Code(
        user_id=row.user_id,
        made_by=row.made_by,
        created_at=row.created_at,
        used_at=row.used_at,
    )


def _news(facts: dict[str, str], *, stage: str) -> str:
    if stage == MADE:
        said = gettext(
            "Peyvand: a new code for the portal of %(merchant)s\n\n"
            "%(by)s has made a code with which %(name)s (%(login)s) can choose a new password. "
            "Until it is used, everything stays as it was.",
            **facts,
        )
    else:
        said = gettext(
            "Peyvand: a new password in the portal of %(merchant)s\n\n"
            "A code that %(by)s had made was used: whoever had it chose a new password for "
            "%(name)s (%(login)s). Their earlier sign-ins have ended.",
            **facts,
        )
    asked = gettext("If nobody asked for this, end it in the portal under People, or call us:")
    return f"{said}\n{asked}"
