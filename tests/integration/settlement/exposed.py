"""Points given, cover moved, and what an issuer stands to owe after that."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID, uuid4

from sqlalchemy import text

from network.clock import wall_now
from network.exposure import measuring, queries
from network.exposure.cover import Act, Movement
from network.services import Services
from settlement import defaults, second_person
from tests.integration.settlement.coalition import (
    BAKER,
    DAY,
    TERMS,
    Coalition,
)

ANNA, BEHNAM = uuid4(), uuid4()
FIGURES = ("outstanding", "unsettled", "amount", "limit", "standing")


def given(coalition: Coalition, points: int, *, issuer: UUID, to: UUID) -> None:
    """Post an issuance on the first day."""
    when = datetime(2026, 1, 1, tzinfo=UTC)
    with coalition.owner.unit_of_work() as session:
        session.execute(
            text("""
                INSERT INTO ledger.entry
                    (member_id, sequence, business_date, kind, merchant_id, merchant_ref,
                     effective_at, recorded_at, actor, explanation, digest)
                VALUES (:member, 1, :day, 'issuance', :issuer, 'given', :at, :at, 'test', '[]',
                        :digest)
            """),
            {
                "member": to,
                "day": DAY,
                "issuer": issuer,
                "at": when,
                "digest": sha256(to.bytes).digest(),
            },
        )
        session.execute(
            text("""
                INSERT INTO ledger.movement
                    (member_id, sequence, line, business_date, source, target, issuer_id, lot_id,
                     terms_id, points)
                VALUES (:member, 1, 1, :day, 'issuance', 'available', :issuer, 1001, :terms,
                        :points)
            """),
            {"member": to, "day": DAY, "issuer": issuer, "terms": TERMS[issuer], "points": points},
        )


def measured(services: Services, merchant: UUID = BAKER) -> tuple[object, ...]:
    with services.database.unit_of_work() as session:
        assert measuring.measure(session, now=wall_now()) is not None
    with services.database.reading() as session:
        view = queries.exposure_of(session, merchant_id=merchant)
    assert view is not None
    return (*(getattr(view.found, name) for name in FIGURES), view.issuing)


def moved(
    services: Services,
    act: Act,
    amount: int,
    *,
    merchant: UUID = BAKER,
    reserve: bool = False,
    bank_ref: str | None = None,
) -> None:
    movement = Movement(
        merchant_id=merchant, account="reserve" if reserve else "deposit", act=act, amount=amount
    )
    with services.database.unit_of_work() as session:
        proposal = second_person.propose_cover(
            session,
            movement=movement,
            bank_ref=uuid4().hex if bank_ref is None else bank_ref,
            reason="agreed",
            by=ANNA,
            now=wall_now(),
        )
    with services.database.unit_of_work() as session:
        second_person.approve(session, proposal_id=proposal.proposal_id, by=BEHNAM, now=wall_now())


def without_nothing(found: dict[tuple[UUID, str], int]) -> dict[tuple[UUID, str], int]:
    return {key: amount for key, amount in found.items() if amount}


def suspended(services: Services, *, wanted: bool) -> None:
    with services.database.unit_of_work() as session:
        proposal = defaults.propose_suspension(
            session, merchant_id=BAKER, wanted=wanted, reason="unpaid", by=ANNA, now=wall_now()
        )
    with services.database.unit_of_work() as session:
        second_person.approve(session, proposal_id=proposal.proposal_id, by=BEHNAM, now=wall_now())
