"""One change of a merchant at a time: of itself, its agreements, keys and places."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from network.merchants.models import Merchant
from network.merchants.queries import UnknownMerchantError


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
