"""What a merchant is told when the network changes how others act or are paid in its name.

A new live key, and another account to be paid to: each is written to the merchant's administrators,
as far as by e-mail; where it has none, to the address of its application.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID, uuid5

from sqlalchemy import select
from sqlalchemy.orm import Session

from network.language import format_date, gettext, use_locale
from network.merchants import applications
from network.merchants import queries as merchants
from network.merchants.models import Agreement
from network.merchants.public_keys import fingerprint
from network.merchants.queries import MerchantView
from network.messaging.service import PORTAL_NEWS, queue_message
from network.portal import roles
from network.portal.models import PortalUser
from network.portal.readers import READERS_LOCALE
from network.vault import Vault

NEWS = PORTAL_NEWS
_NAMESPACE = UUID("c1a2f3de-6a0b-5e57-9d7a-0f6f3f5f2b90")
_SHOWN = 4


def tell_of_key(session: Session, vault: Vault, *, key_id: str, portal: str, wall: datetime) -> int:
    """Write that a live key was registered; ``portal`` is its address.

    Returns how many were written to; the second run writes to nobody anew.
    """
    key = merchants.held_key(session, key_id=key_id)
    if key is None:
        return 0
    merchant = merchants.merchant(session, merchant_id=key.merchant_id)

    def body(locale: str) -> str:
        print_of = gettext("a shared secret")
        if key.public_key is not None:
            print_of = fingerprint(key.public_key)
        said = gettext(
            "Peyvand: a new key acts for %(merchant)s\n\n"
            "The live key %(key)s (%(print)s) was registered. Whoever holds it gives and takes "
            "points in your name.",
            merchant=merchant.name(locale),
            key=key.key_id,
            print=print_of,
        )
        asked = gettext(
            "If nobody with you asked for this, revoke it in the portal under Keys, and call us:"
        )
        return f"{said}\n{asked}\n{portal}/keys"

    return _tell(session, vault, merchant, about=f"key\n{key_id}", body=body, wall=wall)


def tell_of_account(
    session: Session, vault: Vault, *, agreement_id: UUID, portal: str, wall: datetime
) -> int:
    """Write that an approved agreement names another account than the one before it.

    Returns how many were written to; the second run writes to nobody anew.
    """
    row = session.get(Agreement, agreement_id)
    if row is None or row.approved_at is None:
        return 0
    merchant = merchants.merchant(session, merchant_id=row.merchant_id)

    def body(locale: str) -> str:
        account = gettext("no account")
        if row.settlement_iban is not None:
            account = gettext("the account that ends in %(end)s", end=row.settlement_iban[-_SHOWN:])
        said = gettext(
            "Peyvand: another account for %(merchant)s\n\n"
            "From %(day)s on, what the network owes you is paid to %(account)s, held by "
            "%(holder)s. Two members of the network's staff have approved this.",
            merchant=merchant.name(locale),
            day=format_date(row.effective_from),
            account=account,
            holder=row.account_holder or merchant.name_en,
        )
        asked = gettext("If nobody with you asked for this, call us at once:")
        return f"{said}\n{asked}\n{portal}"

    return _tell(session, vault, merchant, about=f"account\n{agreement_id}", body=body, wall=wall)


def _tell(
    session: Session,
    vault: Vault,
    merchant: MerchantView,
    *,
    about: str,
    body: Callable[[str], str],
    wall: datetime,
) -> int:
    readers = _readers(session, vault, merchant.merchant_id)
    for address, locale in readers:
        with use_locale(locale):
            words = body(locale)
        queue_message(
            session,
            vault,
            channel="email",
            recipient=address,
            body=words,
            kind=NEWS,
            locale=locale,
            wall=wall,
            message_id=uuid5(_NAMESPACE, f"{about}\n{address}"),
        )
    return len(readers)


def _readers(session: Session, vault: Vault, merchant_id: UUID) -> list[tuple[str, str]]:
    """Return addresses and languages of a merchant's administrators, or of who applied for it."""
    people = session.scalars(
        select(PortalUser)
        .where(
            PortalUser.merchant_id == merchant_id,
            PortalUser.status == "active",
            PortalUser.role == roles.ADMINISTRATOR,
            PortalUser.login.regexp_match("@.*[.]"),
        )
        .order_by(PortalUser.user_id)
    ).all()
    if people:
        return [(each.login, each.locale or READERS_LOCALE) for each in people]
    applied = applications.of_merchant(session, vault, merchant_id=merchant_id)
    if applied is None or applied.contact is None or "@" not in applied.contact.email:
        return []
    return [(applied.contact.email, applied.locale)]
