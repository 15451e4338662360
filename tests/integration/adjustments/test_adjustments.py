"""A correction is posted when a second person approves it, and not before."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from network.adjustments import queries, service
from network.adjustments.errors import (
    AdjustmentDecidedError,
    InvalidAdjustmentError,
    UnknownAdjustmentError,
)
from network.clearing.parties import NETWORK_PARTY
from network.database.connection import Database
from network.ids import uuid7
from network.ledger import operations
from network.ledger import queries as ledger
from network.ledger.audit import audit
from network.ledger.errors import (
    InsufficientPoints,
    SamePerson,
    UnknownWallet,
    WriteOffExceedsDebt,
)
from network.ledger.partitions import open_first_day
from network.operators.service import add_operator
from network.programme.queries import NoFaceValueError
from network.programme.service import MAX_EXPIRY_DAYS
from network.vault import Vault
from tests.integration.ledger_audit.history import BAKERY, FIRST, found, noon

NOW = noon(FIRST)
ENDS = FIRST + timedelta(days=90)


@pytest.fixture
def people(database: Database, owner_database: Database, vault: Vault) -> tuple[UUID, UUID]:
    found(owner_database)
    with database.unit_of_work() as session:
        open_first_day(session, business_date=FIRST)
        reza, mina = (
            add_operator(
                session,
                vault=vault,
                now=NOW,
                email=f"{name}@example.org",
                name=name,
                role="approver",
                password="correct horse battery staple",
            ).operator.operator_id
            for name in ("reza", "mina")
        )
    return reza, mina


@pytest.fixture
def member(database: Database) -> UUID:
    member_id = uuid7()
    with database.ledger() as connection:
        operations.open_wallet(connection, member_id=member_id)
    return member_id


def propose(
    database: Database,
    member: UUID,
    by: UUID,
    *,
    kind: str = "up",
    points: int = 50,
    issuer: UUID = BAKERY,
) -> UUID:
    with database.unit_of_work() as session:
        return service.propose(
            session,
            now=NOW,
            member_id=member,
            kind=kind,
            issuer_id=issuer,
            points=points,
            reason="the till was offline",
            proposed_by=by,
            expires_on=ENDS if kind == "up" else None,
        ).adjustment_id


def available(database: Database, member: UUID) -> int:
    with database.reading() as session:
        wallet = ledger.stored_wallet(session, member_id=member)
    assert wallet is not None
    return wallet.available


def test_two_people_post_a_correction(
    database: Database, people: tuple[UUID, UUID], member: UUID
) -> None:
    reza, mina = people
    asked = propose(database, member, reza)
    assert available(database, member) == 0
    with pytest.raises(SamePerson), database.unit_of_work() as session:
        service.approve(session, now=NOW, adjustment_id=asked, approved_by=reza)
    with database.unit_of_work() as session:
        done = service.approve(session, now=NOW, adjustment_id=asked, approved_by=mina)
    assert (done.state, done.sequence, done.business_date) == ("posted", 1, FIRST)
    assert available(database, member) == 50
    with database.reading() as session:
        entry = ledger.entry(session, member_id=member, sequence=1)
        acts = session.execute(
            text("SELECT action, facts FROM network.audit_log WHERE action LIKE 'adjustment%'")
        )
        facts = {act.action: act.facts for act in acts}
        assert sorted(facts) == ["adjustment.approved", "adjustment.proposed"]
        assert facts["adjustment.approved"] == facts["adjustment.proposed"]
        assert facts["adjustment.approved"] == {
            "adjustment": str(asked),
            "kind": "up",
            "points": 50,
            "issuer": "bakery",
            "expires_on": ENDS.isoformat(),
        }
        assert queries.waiting(session) == []
        assert queries.of_member(session, member_id=member) == [done]
    assert entry is not None
    assert entry.actor == f"operator:{reza} operator:{mina}"
    assert entry.explanation[0]["facts"] == {"words": "the till was offline"}
    with pytest.raises(AdjustmentDecidedError), database.unit_of_work() as session:
        service.approve(session, now=NOW, adjustment_id=asked, approved_by=mina)
    with database.snapshot() as session:
        assert [check for check in audit(session) if check.differences] == []


def test_what_the_ledger_refuses_still_waits(
    database: Database, people: tuple[UUID, UUID], member: UUID
) -> None:
    reza, mina = people
    for kind, refusal in (("down", InsufficientPoints), ("write_off", WriteOffExceedsDebt)):
        asked = propose(database, member, reza, kind=kind)
        with pytest.raises(refusal), database.unit_of_work() as session:
            service.approve(session, now=NOW, adjustment_id=asked, approved_by=mina)
        with database.reading() as session:
            left = queries.adjustment(session, adjustment_id=asked)
        assert left is not None
        assert left.state == "proposed"
    with database.unit_of_work() as session:
        declined = service.decline(session, now=NOW, adjustment_id=asked, declined_by=reza)
    assert declined.state == "declined"
    with database.reading() as session:
        assert len(queries.waiting(session)) == 1


def test_points_are_taken_away_by_two_people(
    database: Database, people: tuple[UUID, UUID], member: UUID
) -> None:
    reza, mina = people
    for kind, points in (("up", 50), ("down", 20)):
        asked = propose(database, member, mina, kind=kind, points=points)
        with database.unit_of_work() as session:
            service.approve(session, now=NOW, adjustment_id=asked, approved_by=reza)
    assert available(database, member) == 30


@pytest.mark.parametrize(
    ("field", "facts"),
    [
        ("kind", {"kind": "gift"}),
        ("points", {"points": 0}),
        ("reason", {"reason": "  "}),
        ("expires_on", {"expires_on": None}),
        ("expires_on", {"expires_on": FIRST}),
        ("expires_on", {"expires_on": FIRST + timedelta(days=MAX_EXPIRY_DAYS + 1)}),
        ("expires_on", {"expires_on": date.max}),
        ("expires_on", {"kind": "down"}),
    ],
)
def test_a_proposal_says_what_is_missing(
    database: Database,
    people: tuple[UUID, UUID],
    member: UUID,
    field: str,
    facts: dict[str, object],
) -> None:
    asked: dict[str, object] = {
        "member_id": member,
        "kind": "up",
        "issuer_id": BAKERY,
        "points": 5,
        "reason": "words",
        "proposed_by": people[0],
        "expires_on": ENDS,
    }
    with pytest.raises(InvalidAdjustmentError) as caught, database.unit_of_work() as session:
        service.propose(session, now=NOW, **(asked | facts))  # type: ignore[arg-type]
    assert caught.value.field == field


def test_what_could_not_be_posted_is_not_proposed(
    database: Database, people: tuple[UUID, UUID], member: UUID
) -> None:
    for kind in ("up", "down", "write_off"):
        with pytest.raises(UnknownWallet):
            propose(database, uuid4(), people[0], kind=kind)
    with pytest.raises(NoFaceValueError):
        propose(database, member, people[0], issuer=NETWORK_PARTY)
    with database.reading() as session:
        assert queries.waiting(session) == []


def test_an_unknown_proposal_is_said_to_be_one(
    database: Database, people: tuple[UUID, UUID]
) -> None:
    with pytest.raises(UnknownAdjustmentError), database.unit_of_work() as session:
        service.decline(session, now=NOW, adjustment_id=uuid4(), declined_by=people[0])
