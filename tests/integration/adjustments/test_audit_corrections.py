"""The audit holds each correction in the ledger against the proposal that two people decided."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from network.adjustments import service
from network.clearing.parties import NETWORK_PARTY
from network.database.connection import Database
from network.ledger import operations, operations_members
from network.ledger.audit import audit
from network.ledger.audit_pass import Check, run_pass
from network.ledger.partitions import open_first_day
from network.ledger.values import Approval, Claim, Event, Grant, Posted
from network.operators.audit_corrections import CORRECTIONS
from network.programme import service as programme
from tests.integration.adjustments.test_adjustments import propose
from tests.integration.ledger_audit.history import BAKERY, FIRST, PEOPLE, found, noon

NOW = noon(FIRST)
ENDS = FIRST + timedelta(days=90)
ANNA, BEHZAD = PEOPLE
MEMBER, EARLY, LATE, POOL, ELDER, STRANGER = (UUID(int=n) for n in range(61, 67))


@dataclass(frozen=True, kw_only=True)
class Corrected:
    """Corrections of a member that were posted: the network's, in the pool, behind the pool."""

    database: Database
    paid: UUID
    shared: UUID
    behind: UUID


def claim() -> Claim:
    return Claim(client_id=MEMBER, key=str(uuid4()), fingerprint=sha256(b"x").digest())


def correct(
    database: Database, *, kind: str, points: int, member: UUID = MEMBER, issuer: UUID = BAKERY
) -> UUID:
    """Have two people correct a member's points."""
    asked = propose(database, member, ANNA, kind=kind, points=points, issuer=issuer)
    with database.unit_of_work() as session:
        service.approve(session, now=NOW, adjustment_id=asked, approved_by=BEHZAD)
    return asked


def move(database: Database, operation: Callable[..., Posted], member: UUID, **facts: Any) -> None:
    """Let a person join, leave or be merged."""
    with database.ledger() as connection:
        operation(connection, now=NOW, wall=NOW, claim=claim(), member_id=member, **facts)


def open_house(database: Database, owner_database: Database) -> None:
    """Store merchants and operators, and open the first day and everybody's wallets."""
    found(owner_database)
    with database.unit_of_work() as session:
        open_first_day(session, business_date=FIRST)
        programme.set_face_value(
            session, effective_from=FIRST, value=Fraction(1000), today=FIRST, now=NOW
        )
        for wallet in (MEMBER, EARLY, LATE, POOL, ELDER, STRANGER):
            operations.open_wallet(session, member_id=wallet)


@pytest.fixture
def corrected(database: Database, owner_database: Database) -> Corrected:
    """Return a house whose member was corrected alone, in a pool, and where the pool went."""
    open_house(database, owner_database)
    join, leave = operations_members.join_pool, operations_members.leave_pool
    paid = correct(database, kind="up", points=1, issuer=NETWORK_PARTY)
    correct(database, kind="up", points=50)
    move(database, join, EARLY, pool=POOL)
    move(database, leave, EARLY, pool=POOL, points=0)
    move(database, join, MEMBER, pool=POOL)
    shared = correct(database, kind="up", points=10)
    correct(database, kind="down", points=5)
    move(database, leave, MEMBER, pool=POOL, points=20)
    correct(database, kind="down", points=3)
    move(database, join, MEMBER, pool=POOL)
    move(database, join, LATE, pool=POOL)
    move(database, operations_members.merge, POOL, into=ELDER, actor="system")
    behind = correct(database, kind="up", points=4)
    return Corrected(database=database, paid=paid, shared=shared, behind=behind)


def looked_at(session: Session) -> tuple[Check, Check]:
    """Return what the audit says of entries, and of proposals."""
    entries, rows = run_pass(session, CORRECTIONS)
    return entries, rows


def test_corrections_stand_on_their_proposals_wherever_the_points_were(
    corrected: Corrected, owner_database: Database
) -> None:
    with corrected.database.snapshot() as session:
        for check in looked_at(session):
            assert (check.rows, check.differences, check.examples) == (6, 0, ())
        assert {
            session.execute(
                text(
                    "SELECT e.member_id FROM ledger.entry AS e JOIN network.adjustment AS a"
                    " USING (sequence) WHERE e.kind = 'adjustment' AND a.adjustment_id = :asked"
                    " AND e.explanation #>> '{0,points}' = a.points::text"
                ),
                {"asked": asked},
            ).scalar_one()
            for asked in (corrected.shared, corrected.behind)
        } == {POOL, ELDER}
    for asked, change in (
        (corrected.paid, "points = 2"),
        (corrected.paid, "kind = 'down', expires_on = NULL"),
        (corrected.paid, f"issuer_id = '{BAKERY}'"),
        (corrected.paid, "proposed_by = decided_by, decided_by = proposed_by"),
        (corrected.paid, "business_date = business_date + 1"),
        (corrected.paid, f"member_id = '{STRANGER}'"),
        (corrected.shared, f"member_id = '{EARLY}'"),
        (corrected.shared, f"member_id = '{LATE}'"),
        (corrected.shared, f"member_id = '{ELDER}'"),
        (corrected.behind, f"member_id = '{EARLY}'"),
    ):
        with owner_database.rehearsal() as session:
            session.execute(
                text(f"UPDATE network.adjustment SET {change} WHERE adjustment_id = :asked"),
                {"asked": asked},
            )
            entries, rows = looked_at(session)
        assert (entries.differences, rows.differences) == (1, 1), change
        assert str(asked) in rows.examples[0]


@pytest.mark.parametrize(
    ("wallet", "points"),
    [
        (ELDER, 1_000_000),  # more than was approved
        (STRANGER, 1),  # the same for somebody else
        (MEMBER, 1),  # once more
    ],
)
def test_points_given_on_a_proposal_of_other_points_are_found(
    database: Database, owner_database: Database, wallet: UUID, points: int
) -> None:
    open_house(database, owner_database)
    asked = correct(database, kind="up", points=1, issuer=NETWORK_PARTY)
    with database.rehearsal() as session:
        operations_members.adjust_up(
            session,
            now=NOW,
            claim=claim(),
            member_id=wallet,
            issuer_id=NETWORK_PARTY,
            terms_id=asked,
            price=Decimal(1000),
            points=points,
            active_from=FIRST,
            expires_on=ENDS,
            approval=Approval(proposer=ANNA, approver=BEHZAD, reason="by the way"),
        )
        entries, rows = looked_at(session)
        assert (entries.rows, entries.differences, rows.differences) == (2, 1, 0)
        assert f"member {wallet}, entry" in entries.examples[0]
        assert f"up posted, {points} points" in entries.examples[0]


def test_no_purchase_earns_the_points_of_a_correction(corrected: Corrected) -> None:
    with corrected.database.snapshot() as session:
        assert [each for each in audit(session) if each.differences] == []
    with corrected.database.ledger() as connection:
        operations.earn(
            connection,
            now=NOW,
            claim=claim(),
            member_id=STRANGER,
            event=Event(
                merchant_id=BAKERY,
                merchant_ref="r",
                effective_at=NOW,
                amount=1000,
                base=1000,
                currency="IRR",
            ),
            grants=[
                Grant(
                    issuer_id=NETWORK_PARTY,
                    terms_id=corrected.paid,
                    price=Decimal(1000),
                    points=1_000_000,
                    base=1000,
                    active_from=FIRST,
                    expires_on=ENDS,
                    line=0,
                )
            ],
            explanation=[],
            evidence=None,
        )
    with corrected.database.snapshot() as session:
        wrong = [each for each in audit(session) if each.differences]
    assert [each.name for each in wrong] == ["terms_exist"]
    assert str(corrected.paid) in wrong[0].examples[0]
