"""Whom news about somebody of a merchant is written to."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from network.portal import roles
from network.portal.models import PortalUser

READERS_LOCALE = "fa"
"""The language of who has chosen none."""


def readers_of(session: Session, *, about: PortalUser) -> Sequence[PortalUser]:
    """Return the person it is about and the merchant's administrators, as far as by e-mail."""
    return session.scalars(
        select(PortalUser)
        .where(
            PortalUser.merchant_id == about.merchant_id,
            PortalUser.status == "active",
            or_(PortalUser.role == roles.ADMINISTRATOR, PortalUser.user_id == about.user_id),
            PortalUser.login.regexp_match("@.*[.]"),  # the others have a name, not an address
        )
        .order_by(PortalUser.user_id)
    ).all()
