"""A settled coalition's payments in a test's hands: read, released, made into files, answered."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from network.clearing import queries as clearing
from network.clearing.facts import Totals, WindowView
from network.clock import wall_now
from network.money import queries as money
from network.money import service
from network.money.facts import FileKind, KeptFile, PaymentView
from network.services import Services
from settlement import second_person
from settlement.payments.importing import Imported, take_answers
from settlement.payments.release import payment_file
from tests.integration.settlement.bank import Booking, statement
from tests.integration.settlement.coalition import (
    DAY,
)

ANNA, BEHNAM = uuid4(), uuid4()


def window(services: Services, offset: int = 0) -> WindowView:
    with services.database.reading() as session:
        found = clearing.window_of(session, business_date=DAY + timedelta(days=offset))
    assert found is not None
    return found


def payments(services: Services, offset: int = 0) -> dict[UUID, PaymentView]:
    with services.database.reading() as session:
        found = money.payments(session, window_id=window(services, offset).window_id)
    return {each.fact.merchant_id: each for each in found}


def totals(services: Services, offset: int) -> dict[UUID, Totals]:
    with services.database.reading() as session:
        found = clearing.statements(session, window=window(services, offset))
    return {each.merchant.party_id: each.totals for each in found}


def balance(services: Services, account: str) -> int:
    with services.database.reading() as session:
        return sum(money.balances(session, account=account).values())


def release(services: Services, offset: int = 0, *, at: datetime | None = None) -> None:
    at = at or wall_now()
    window_id = window(services, offset).window_id
    with services.database.unit_of_work() as session:
        seen = money.release_totals(session, window_id=window_id)
        service.propose_release(session, window_id=window_id, totals=seen, by=ANNA, now=at)
    with services.database.unit_of_work() as session:
        service.approve_release(session, window_id=window_id, by=BEHNAM, now=at)


def made(services: Services, kind: FileKind = "pain.001") -> KeptFile:
    with services.database.unit_of_work() as session:
        return payment_file(
            session,
            window=window(services),
            kind=kind,
            settings=services.settings,
            by=ANNA,
            now=wall_now(),
        )


def taken(services: Services, *bookings: Booking, number: int = 1) -> Imported:
    """Take a statement; one that says money came in or back on a second person's word."""
    found = take_answers(
        services, content=statement(*bookings, number=number), by=ANNA, now=wall_now()
    )
    if found.proposal is None:
        return found
    with services.database.unit_of_work() as session:
        second_person.approve(
            session, proposal_id=found.proposal.proposal_id, by=BEHNAM, now=wall_now()
        )
    return replace(found, outcomes=dict(Counter(each[0] for each in found.effects)))


def cancelled(services: Services, payment_id: UUID) -> None:
    with services.database.unit_of_work() as session:
        proposal = second_person.propose_cancellation(
            session, payment_id=payment_id, reason="no answer", by=ANNA, now=wall_now()
        )
    with services.database.unit_of_work() as session:
        second_person.approve(session, proposal_id=proposal.proposal_id, by=BEHNAM, now=wall_now())
