"""Stores and their tills: added, renamed, closed."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from network.ids import uuid7
from network.merchants.errors import MerchantDataError, UnknownPlaceError
from network.merchants.inserting import insert_row
from network.merchants.locking import locked_seller
from network.merchants.models import Store, Terminal

LONGEST_NAME = 120
"""Characters of the name of a store, a city or a till."""


def add_store(
    session: Session,
    *,
    merchant_id: UUID,
    code: str,
    name_fa: str,
    name_en: str,
    city_fa: str = "",
    city_en: str = "",
) -> UUID:
    """Add a place of a merchant and return its id; ``code`` is what its tills send.

    Raises CodeTakenError, MerchantDataError or SponsorSellsNothingError.
    """
    locked_seller(session, merchant_id)
    store = Store(
        store_id=uuid7(),
        merchant_id=merchant_id,
        code=code.strip(),
        name_fa=_name(name_fa, field="name_fa"),
        name_en=_name(name_en, field="name_en"),
        city_fa=_name(city_fa, field="city_fa", least=0),
        city_en=_name(city_en, field="city_en", least=0),
    )
    insert_row(session, store)
    return store.store_id


def rename_store(
    session: Session,
    *,
    merchant_id: UUID,
    code: str,
    name_fa: str,
    name_en: str,
    city_fa: str = "",
    city_en: str = "",
) -> None:
    """Give a store other names; its code stays. Raises UnknownPlaceError or MerchantDataError."""
    store = _store(session, merchant_id, code)
    store.name_fa, store.name_en = _name(name_fa, field="name_fa"), _name(name_en, field="name_en")
    store.city_fa = _name(city_fa, field="city_fa", least=0)
    store.city_en = _name(city_en, field="city_en", least=0)
    session.flush()


def close_store(session: Session, *, merchant_id: UUID, code: str, now: datetime) -> None:
    """Have a store take no more calls; what it did stays. Closing it again changes nothing."""
    store = _store(session, merchant_id, code)
    store.closed_at = store.closed_at or now
    session.flush()


def add_terminal(
    session: Session, *, merchant_id: UUID, store: str, code: str, name: str, now: datetime
) -> UUID:
    """Put a till on a store's list and return its id.

    From the first one on, the store takes calls only from the open tills on its list, and calls
    that name no till. Raises UnknownPlaceError, CodeTakenError or MerchantDataError.
    """
    place = _store(session, merchant_id, store)
    if place.closed_at is not None:
        raise UnknownPlaceError("this store is closed", field="store")
    terminal = Terminal(
        terminal_id=uuid7(),
        store_id=place.store_id,
        code=code.strip(),
        name=_name(name, field="name"),
        added_at=now,
    )
    insert_row(session, terminal)
    return terminal.terminal_id


def rename_terminal(
    session: Session, *, merchant_id: UUID, store: str, code: str, name: str
) -> None:
    """Give a till another name; raise UnknownPlaceError or MerchantDataError."""
    _terminal(session, merchant_id, store, code).name = _name(name, field="name")
    session.flush()


def close_terminal(
    session: Session, *, merchant_id: UUID, store: str, code: str, now: datetime
) -> None:
    """Have a till's calls refused from now on; closing it again changes nothing."""
    terminal = _terminal(session, merchant_id, store, code)
    terminal.closed_at = terminal.closed_at or now
    session.flush()


def _name(text: str, *, field: str, least: int = 1) -> str:
    found = text.strip()
    if not least <= len(found) <= LONGEST_NAME:
        raise MerchantDataError(f"a name has {least} to {LONGEST_NAME} characters", field=field)
    return found


def _store(session: Session, merchant_id: UUID, code: str) -> Store:
    found = session.scalars(
        select(Store).where(Store.merchant_id == merchant_id, Store.code == code).with_for_update()
    ).first()
    if found is None:
        raise UnknownPlaceError("there is no such store", field="store")
    return found


def _terminal(session: Session, merchant_id: UUID, store: str, code: str) -> Terminal:
    place = _store(session, merchant_id, store)
    found = session.scalars(
        select(Terminal)
        .where(Terminal.store_id == place.store_id, Terminal.code == code)
        .with_for_update()
    ).first()
    if found is None:
        raise UnknownPlaceError("there is no such till", field="terminal")
    return found
