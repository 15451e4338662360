"""Points of an issuer that two people suspended: not spent, not given away, none made."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from uuid import UUID, uuid4

import pytest

from network.clock import local_date
from network.ledger import operations_members
from network.ledger.errors import IssuerSuspended, LedgerInvariantError, Refusal
from network.ledger.suspending import resume_issuer, suspend_issuer, suspended_issuers
from network.ledger.values import Approval
from network.operators import proposals
from network.settings import PROGRAMME_ZONE
from tests.integration.ledger.conftest import Hands, attempt
from tests.integration.ledger.test_batches import earning, post

ANNA, BEHNAM = uuid4(), uuid4()


def agreed(hands: Hands, kind: str, issuer_id: UUID, *, approved: bool = True) -> UUID:
    with hands.database.unit_of_work() as session:
        made = proposals.propose(
            session,
            kind=kind,
            subject_id=issuer_id,
            reason="it pays nobody",
            by=ANNA,
            now=hands.now,
        )
        proposals.decide(
            session, proposal_id=made.proposal_id, approved=approved, by=BEHNAM, now=hands.now
        )
    return made.proposal_id


def suspend(hands: Hands, issuer_id: UUID, *, wanted: bool = True) -> bool:
    proposal_id = agreed(hands, "points.suspend" if wanted else "points.resume", issuer_id)
    with hands.database.unit_of_work() as session:
        if wanted:
            return suspend_issuer(
                session, issuer_id=issuer_id, proposal_id=proposal_id, now=hands.now
            )
        return resume_issuer(session, issuer_id=issuer_id, proposal_id=proposal_id)


def give(hands: Hands, giver: UUID, points: int) -> object:
    with hands.database.ledger() as connection:
        return operations_members.transfer(
            connection,
            now=hands.now,
            wall=hands.now,
            claim=hands.claim(),
            member_id=giver,
            taker=hands.wallet(),
            points=points,
        )


def test_suspended_points_stay_and_the_others_are_spent(hands: Hands) -> None:
    grocer = replace(hands, bakery=uuid4())
    person = hands.wallet()
    hands.earn(person, 40, days=30)
    grocer.earn(person, 60, days=60)
    held = hands.authorise(person, 5).sequence
    assert suspend(hands, hands.bakery)
    assert not suspend(hands, hands.bakery)
    with hands.database.reading() as session:
        assert suspended_issuers(session) == {hands.bakery: hands.now}

    # 40 of the bakery's, 5 of them held, and 60 of the grocer's.
    found = hands.ahead(person)
    assert (found.available, found.suspended, found.spendable) == (95, 35, 60)
    for points, code, facts in (
        (61, "points_suspended", {"spendable": 60, "suspended": 35, "points": 61}),
        (95, "points_suspended", {"spendable": 60, "suspended": 35, "points": 95}),
        (96, "insufficient_points", {"spendable": 60, "points": 96}),
    ):
        for take in (hands.redeem, hands.authorise, partial(give, hands)):
            with pytest.raises(Refusal) as refused:
                take(person, points)
            assert (refused.value.code, dict(refused.value.facts)) == (code, facts)

    # What was promised before is captured; the bakery's lapse first and are passed over.
    hands.capture(person, held)
    hands.redeem(person, 50)
    give(hands, person, 4)
    assert attempt(partial(hands.redeem, person, 7)) == "points_suspended"
    hands.redeem(person, 6)
    found = hands.ahead(person)
    assert (found.available, found.suspended, found.spendable) == (35, 35, 0)

    assert suspend(hands, hands.bakery, wanted=False)
    assert not suspend(hands, hands.bakery, wanted=False)
    hands.redeem(person, 35)
    assert hands.view(person).available == 0


def test_none_come_into_being(hands: Hands) -> None:
    person, today = hands.wallet(), local_date(hands.now, zone=PROGRAMME_ZONE)
    claim = hands.claim()
    posted = hands.earn(person, 10, claim=claim)
    suspend(hands, hands.bakery)
    with pytest.raises(IssuerSuspended) as refused:
        hands.earn(person, 10)
    assert refused.value.facts == {"issuer_id": str(hands.bakery)}
    # A retry of what was posted before gets its answer all the same.
    again = hands.earn(person, 10, claim=claim)
    assert (again.replayed, again.sequence) == (True, posted.sequence)
    with pytest.raises(IssuerSuspended), hands.database.ledger() as connection:
        operations_members.adjust_up(
            connection,
            now=hands.now,
            claim=hands.claim(),
            member_id=person,
            issuer_id=hands.bakery,
            terms_id=hands.bakery,
            price=Decimal(950),
            points=1,
            active_from=today,
            expires_on=today + timedelta(days=9),
            approval=Approval(proposer=ANNA, approver=BEHNAM, reason="a gift"),
        )
    # In a batch it is one item's outcome, whether posted together or one by one.
    outcomes = post(
        hands,
        earning(hands, person, 7),
        earning(hands, person, 8, issuers=(hands.cinema,)),
        earning(hands, person, 1, 2, issuers=(hands.cinema, hands.bakery)),
    )
    assert [getattr(each, "code", "posted") for each in outcomes] == [
        "issuer_suspended",
        "posted",
        "issuer_suspended",
    ]
    assert hands.view(person).available == 18


def test_whoever_waits_for_the_wallet_meets_it(hands: Hands) -> None:
    person = hands.wallet()
    hands.earn(person, 30)
    with hands.locked(person):
        waiting = [
            hands.start(partial(hands.redeem, person, 10)),
            hands.start(partial(hands.authorise, person, 10)),
            hands.start(partial(hands.earn, person, 10)),
        ]
        hands.until_waiting(len(waiting))
        suspend(hands, hands.bakery)
    assert [each.result(60) for each in waiting] == [
        "points_suspended",
        "points_suspended",
        "issuer_suspended",
    ]
    assert hands.view(person).available == 30


def test_nobody_suspends_alone(hands: Hands) -> None:
    declined = agreed(hands, "points.suspend", hands.bakery, approved=False)
    of_another = agreed(hands, "points.suspend", hands.cinema)
    for proposal_id in (declined, of_another, uuid4()):
        with (
            pytest.raises(LedgerInvariantError, match="no two people agreed"),
            hands.database.unit_of_work() as session,
        ):
            suspend_issuer(session, issuer_id=hands.bakery, proposal_id=proposal_id, now=hands.now)
    suspend(hands, hands.bakery)
    with (
        pytest.raises(LedgerInvariantError, match="no two people agreed"),
        hands.database.unit_of_work() as session,
    ):
        resume_issuer(session, issuer_id=hands.bakery, proposal_id=of_another)
