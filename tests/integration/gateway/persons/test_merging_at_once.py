"""Two operators' decisions over the same people at the same moment: each whole, in some order."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from network.clock import wall_now
from network.errors import PeyvandError
from network.ledger import queries as ledger
from network.ledger import shared_wallets
from network.ledger.audit import audit
from network.members import merging
from network.members.freezing import FreezeError, freeze, freeze_of
from network.members.merging import MergeError
from network.members.models import Member
from network.operators import audit_decisions, proposals
from network.services import Services
from tests.fixtures.locks import await_waiters
from tests.integration.gateway.house import House
from tests.integration.ledger_audit.history import add_operator

Work = Callable[[], None]


@pytest.fixture(scope="module")
def people(house: House) -> tuple[UUID, UUID]:
    """Return two operators, who decide over everybody here."""
    found = uuid4(), uuid4()
    with house.services.database.unit_of_work() as session:
        for operator in found:
            add_operator(session, operator, at=wall_now())
    return found


def merge(services: Services, people: tuple[UUID, UUID], goes: UUID, into: UUID) -> Work:
    """Propose a merge; return what approves it."""
    wall = wall_now()
    with services.database.unit_of_work() as session:
        asked = merging.propose(
            session, member_id=goes, into=into, reason="One", by=people[0], now=wall, wall=wall
        )

    def approve() -> None:
        with services.database.unit_of_work() as session:
            agreed = proposals.decide(
                session, proposal_id=asked.proposal_id, approved=True, by=people[1], now=wall
            )
            merging.carry_out(session, proposal=agreed, wall=wall)

    return approve


def lock(services: Services, by: UUID, member_id: UUID) -> Work:
    """Return what freezes a member."""

    def act() -> None:
        with services.database.unit_of_work() as session:
            freeze(session, member_id=member_id, reason="stolen", by=by, now=wall_now())

    return act


def meet(services: Services, members: list[UUID], *works: Work) -> list[PeyvandError | None]:
    """Let all of them wait for the same people, then go; return what each was refused with."""

    def outcome(work: Work) -> PeyvandError | None:
        try:
            work()
        except (MergeError, FreezeError) as error:
            return error
        return None

    with ThreadPoolExecutor(len(works)) as pool:
        with services.database.unit_of_work() as session:
            held = select(Member.member_id).where(Member.member_id.in_(members))
            session.execute(held.order_by(Member.member_id).with_for_update())
            running = [pool.submit(outcome, work) for work in works]
            await_waiters(services.database, count=len(works))
        return [each.result(60) for each in running]


def points(services: Services, member_id: UUID) -> int:
    with services.database.reading() as session:
        wallet = ledger.stored_wallet(session, member_id=member_id)
    assert wallet is not None
    return int(wallet.available + wallet.pending)


def person(services: Services, member_id: UUID) -> UUID:
    with services.database.reading() as session:
        return shared_wallets.person(session, member_id=member_id)


def test_merges_of_the_same_people_happen_in_some_order_or_not_at_all(
    house: House, people: tuple[UUID, UUID]
) -> None:
    services = house.services

    def three() -> list[UUID]:
        return [house.member(points=count).member_id for count in (10, 20, 40)]

    # Into each other: one goes, the other finds that the first is no longer there.
    here, there, _ = three()
    said = meet(
        services,
        [here, there],
        merge(services, people, here, there),
        merge(services, people, there, here),
    )
    (refused,) = [each for each in said if each is not None]
    assert isinstance(refused, MergeError)
    assert refused.reason == "merged"
    remains = person(services, here)
    assert (remains, points(services, remains)) == (person(services, there), 30)

    # Two into a third: both.
    first, second, third = three()
    assert meet(
        services,
        [first, second, third],
        merge(services, people, first, third),
        merge(services, people, second, third),
    ) == [None, None]
    assert points(services, third) == 70
    assert {person(services, each) for each in (first, second)} == {third}

    # One after another along a chain: whole, or the second link alone.
    first, second, third = three()
    into_gone, onwards = meet(
        services,
        [first, second, third],
        merge(services, people, first, second),
        merge(services, people, second, third),
    )
    assert onwards is None
    assert person(services, second) == third
    if into_gone is None:
        assert (person(services, first), points(services, third)) == (third, 70)
    else:
        assert isinstance(into_gone, MergeError)
        assert into_gone.reason == "merged"
        assert (points(services, first), points(services, third)) == (10, 60)

    with services.database.snapshot() as session:
        assert [each for each in audit(session) if each.differences] == []
        decided = {each.name: each for each in audit_decisions.checks(session)}
    assert decided["two_people_behind_merges"].differences == 0


@pytest.mark.parametrize("frozen", ["goes", "remains"])
def test_a_merge_beside_a_freeze_lets_no_frozen_points_go(
    house: House, people: tuple[UUID, UUID], frozen: str
) -> None:
    services = house.services
    goes, remains = (house.member(points=count).member_id for count in (10, 20))
    victim = goes if frozen == "goes" else remains
    merged, locked = meet(
        services,
        [goes, remains],
        merge(services, people, goes, remains),
        lock(services, people[0], victim),
    )
    with services.database.reading() as session:
        freezes = {each: freeze_of(session, member_id=each) for each in (goes, remains)}
    if isinstance(merged, MergeError):
        assert (merged.reason, locked) == ("frozen", None)
        assert freezes[victim] is not None
        assert person(services, goes) == goes
    else:
        assert person(services, goes) == remains
        if frozen == "goes":
            assert isinstance(locked, FreezeError)
            assert locked.reason == "merged"
            assert freezes == {goes: None, remains: None}
        else:
            assert locked is None
            assert None not in freezes.values()
    stored = points(services, remains)
    assert stored + points(services, goes) == 30
