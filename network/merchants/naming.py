"""The few merchants and stores that a page names, read by their ids."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from network.merchants.models import Merchant, Store
from network.merchants.queries import MerchantView, StoreView, merchant_view, store_view


def merchants_named(session: Session, *, merchant_ids: Collection[UUID]) -> list[MerchantView]:
    """Return these merchants, in no order."""
    if not merchant_ids:
        return []
    rows = session.scalars(select(Merchant).where(Merchant.merchant_id.in_(merchant_ids)))
    return [merchant_view(row) for row in rows]


def stores_named(session: Session, *, store_ids: Collection[UUID]) -> list[StoreView]:
    """Return these stores, in no order."""
    if not store_ids:
        return []
    rows = session.scalars(select(Store).where(Store.store_id.in_(store_ids)))
    return [store_view(row) for row in rows]
