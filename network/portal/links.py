"""The codes that let a merchant's people in: made, found while they live, ended, told about.

Whoever has such a code chooses a password with it, once. One that takes the place of a way in that
somebody had is told to that person and to the merchant's administrators, when it is made and when
it is used (topic ``portal.code``): nobody acts as a colleague unnoticed.
"""

from __future__ import annotations

import base64
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, not_, or_, select, update
from sqlalchemy.orm import Session

from network.events.service import publish
from network.merchants.models import Merchant
from network.operators import totp
from network.operators.models import ProposalRow
from network.portal import roles
from network.portal.errors import LinkEndedError
from network.portal.models import PortalLink, PortalUser
from network.portal.queries import MAY_SIGN_IN, PREFIX
from network.tokens import token_digest
from network.vault import Vault

LINK_LIFE = timedelta(days=7)
TOTP_PURPOSE = "portal-totp"
CODE_TOPIC = "portal.code"
MADE, USED = "made", "used"

_CODE_BYTES = 20
_GROUP = 4


def make_link(
    session: Session,
    vault: Vault,
    row: PortalUser,
    *,
    actor: str,
    now: datetime,
    proposal_id: UUID | None = None,
) -> str:
    """Make a code for somebody and return it: 160 bits in groups that a person can type.

    With a proposal it opens nothing before a second operator has approved that.
    """
    token = base64.b32encode(secrets.token_bytes(_CODE_BYTES)).decode().lower()
    sealed = None
    if roles.needs_second_factor(row.role):
        sealed = vault.seal(totp.new_secret().encode(), purpose=TOTP_PURPOSE)
    session.add(
        PortalLink(
            token_digest=token_digest(token),
            user_id=row.user_id,
            sealed_totp=sealed,
            made_by=actor,
            proposal_id=proposal_id,
            again=row.password_hash is not None,
            taken=False,
            created_at=now,
            expires_at=now + LINK_LIFE,
        )
    )
    session.flush()
    return "-".join(token[start : start + _GROUP] for start in range(0, len(token), _GROUP))


def tell(session: Session, link: PortalLink, *, stage: str) -> None:
    """Have the person, and their merchant's administrators, told of a code in place of theirs."""
    payload = {"digest": link.token_digest.hex(), "stage": stage}
    publish(session, topic=CODE_TOPIC, payload=payload)


def living_link(
    session: Session, *, token: str, now: datetime, lock: bool
) -> tuple[PortalLink, PortalUser]:
    """Return a code that works now and whom it lets in; raise LinkEndedError."""
    query = (
        select(PortalLink, PortalUser)
        .join(PortalUser, PortalUser.user_id == PortalLink.user_id)
        .join(Merchant, Merchant.merchant_id == PortalUser.merchant_id)
        .outerjoin(ProposalRow, ProposalRow.proposal_id == PortalLink.proposal_id)
        .where(
            PortalLink.token_digest == token_digest(plain_code(token)),
            PortalLink.used_at.is_(None),
            PortalLink.expires_at > now,
            or_(PortalLink.proposal_id.is_(None), ProposalRow.approved.is_(True)),
            PortalUser.status != "suspended",
            Merchant.status.in_(MAY_SIGN_IN),
        )
    )
    row = session.execute(query.with_for_update(of=PortalLink) if lock else query).one_or_none()
    if row is None:
        raise LinkEndedError("this code was used, replaced, ended, or is too old")
    return row.PortalLink, row.PortalUser


def end_links(session: Session, *, user_id: UUID, now: datetime) -> None:
    """End every code that would let somebody in."""
    session.execute(
        update(PortalLink)
        .where(PortalLink.user_id == user_id, PortalLink.used_at.is_(None))
        .values(used_at=func.greatest(PortalLink.created_at, now)),
        execution_options={"synchronize_session": False},
    )


def end_links_made_alone(session: Session, *, merchant_id: UUID, now: datetime) -> None:
    """End what operators made on one word: whoever manages the merchant now invites the others."""
    people = select(PortalUser.user_id).where(PortalUser.merchant_id == merchant_id)
    session.execute(
        update(PortalLink)
        .where(
            PortalLink.user_id.in_(people),
            PortalLink.used_at.is_(None),
            PortalLink.proposal_id.is_(None),
            not_(PortalLink.made_by.startswith(f"{PREFIX}_", autoescape=True)),
        )
        .values(used_at=func.greatest(PortalLink.created_at, now)),
        execution_options={"synchronize_session": False},
    )


def plain_code(text: str) -> str:
    """Return a code as it is looked up: groups and capitals are for the reader."""
    return "".join(each for each in text.lower() if each.isalnum())
