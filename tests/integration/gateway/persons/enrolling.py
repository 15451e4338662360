"""Hands on who is asked to join, at the till and behind it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from network import ids
from network.members import joining, resolving
from network.members.models import TillEnrolment
from tests.integration.gateway.house import House, Shop

LATER = timedelta(days=60)
"""Until no limit counts any more what other tests did."""


def members_with(house: House, phone: str) -> int:
    """Return how many members have a phone."""
    with house.services.database.reading() as session:
        found = resolving.members_by_phone(
            session, house.services.vault, phones=[f"+98{phone[1:]}"]
        )
    return len(found)


def row_of(house: House, enrolment_id: str) -> TillEnrolment:
    """Return what is stored of somebody who was asked."""
    with house.services.database.reading() as session:
        key = ids.decode(joining.PREFIX, enrolment_id)
        return session.scalars(select(TillEnrolment).where(TillEnrolment.enrolment_id == key)).one()


def ask(session: Session, house: House, shop: Shop, *, phone: str, wall: datetime) -> UUID:
    """Ask somebody to join at a given time."""
    return joining.ask_to_join(
        session,
        house.services.vault,
        merchant_id=shop.merchant_id,
        store_id=None,
        phone=phone,
        consents=["membership"],
        locale="en",
        name=None,
        wallet_url="http://wallet",
        wall=wall,
    ).enrolment_id


def try_once(session: Session, shop: Shop, enrolment_id: UUID, *, wall: datetime) -> None:
    """Count a try at a code."""
    joining.count_try(session, enrolment_id=enrolment_id, merchant_id=shop.merchant_id, wall=wall)


def in_a_unit(house: House, work: Callable[[Session], object]) -> object:
    """Do something in a transaction of its own."""
    with house.services.database.unit_of_work() as session:
        return work(session)
