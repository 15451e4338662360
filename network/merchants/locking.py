"""One change of a merchant at a time: of itself, its agreements, keys and places."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from network.merchants.errors import SponsorSellsNothingError
from network.merchants.models import Merchant
from network.merchants.queries import SPONSOR, UnknownMerchantError


def locked_merchant(session: Session, merchant_id: UUID) -> Merchant:
    """Return a merchant's row, locked until the end; raise UnknownMerchantError."""
    merchant = session.scalars(
        select(Merchant)
        .where(Merchant.merchant_id == merchant_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()
    if merchant is None:
        raise UnknownMerchantError("there is no such merchant")
    return merchant


def locked_seller(session: Session, merchant_id: UUID) -> Merchant:
    """Return a merchant's row if it sells; raise SponsorSellsNothingError for a sponsor."""
    merchant = locked_merchant(session, merchant_id)
    if merchant.kind == SPONSOR:
        raise SponsorSellsNothingError("a sponsor sells nothing")
    return merchant
