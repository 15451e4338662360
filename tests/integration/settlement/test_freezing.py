"""An operator locks a member's spending at once; the member can't undo it, and a colleague can."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from config.preparation import prepare_installation
from network.clock import wall_now
from network.ids import encode
from network.ledger import operations_members, shared_wallets
from network.ledger import queries as ledger
from network.ledger.values import Claim
from network.members import freezing, leaving, queries
from network.members import service as members
from network.members.errors import MemberFrozenError
from network.members.queries import MemberView
from network.operators.audit import await_turn
from network.operators.service import add_operator
from network.pools import acts
from network.pools import service as pools
from network.services import Services
from tests.fixtures.locks import PATIENCE_SECONDS, await_waiters
from tests.integration.portal.desk import PASSWORD
from tests.integration.settlement.office import open_office


def status(session: Session, member_id: UUID) -> str:
    wallet = ledger.stored_wallet(session, member_id=member_id)
    assert wallet is not None
    return str(wallet.status)


@pytest.mark.parametrize("before", ["active", "spend_locked"])
def test_a_frozen_member_stays_locked_until_a_colleague_lets_go(
    services: Services, before: str
) -> None:
    database = services.database
    prepare_installation(services, wall=wall_now())
    with database.unit_of_work() as session:
        member = members.enrol(
            session,
            services.vault,
            phone="+989123456789",
            name="Sara",
            consents={"membership"},
            locale="fa",
            now=wall_now(),
        )
        members.set_spend_lock(session, member_id=member, locked=before == "spend_locked")
    page = f"/members/{encode('mem', member)}"
    with open_office(services) as office:
        assert "Say why" in office.clerk.fill(page, f"{page}/freeze", reason=" ").text
        frozen = office.clerk.fill(page, f"{page}/freeze", reason="The phone was stolen")
        assert "The phone was stolen" in frozen.text
        assert "A colleague lets go" in frozen.text
        with pytest.raises(MemberFrozenError), database.unit_of_work() as session:
            members.set_spend_lock(session, member_id=member, locked=False)
        with database.unit_of_work() as session:
            assert status(session, member) == "spend_locked"
            found = freezing.freeze_of(session, member_id=member)
            assert found is not None
            for act, reason in ((freezing.freeze, "frozen"), (freezing.let_go, "same_person")):
                with pytest.raises(freezing.FreezeError) as refused:
                    act(
                        session,
                        member_id=member,
                        reason="again",
                        by=found.frozen_by,
                        now=wall_now(),
                    )
                assert refused.value.reason == reason
        let_go = office.head.fill(page, f"{page}/let-go", reason="It was found")
        assert "The member decides again." in let_go.text
        log = office.head.get("/audit").text
        assert "Locked a member's spending" in log
        assert "Let a member spend again" in log
        with database.unit_of_work() as session:
            assert status(session, member) == before
            members.set_spend_lock(session, member_id=member, locked=False)
            assert status(session, member) == "active"
            pools.make(session, member_id=member, kind="family", now=wall_now(), wall=wall_now())
        assert "the others in it can still spend them" in office.clerk.get(page).text
        assert "The points are in a shared wallet" in (
            office.clerk.fill(page, f"{page}/freeze", reason="Stolen again").text
        )


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Members and two operators of one installation."""

    services: Services
    clerk: UUID
    head: UUID

    def enrol(self, phone: str) -> MemberView:
        with self.services.database.unit_of_work() as session:
            member = members.enrol(
                session,
                self.services.vault,
                phone=phone,
                name="Sara",
                consents={"membership"},
                locale="fa",
                now=wall_now(),
            )
            return queries.member(session, self.services.vault, member_id=member)

    def freeze(self, person: MemberView) -> None:
        with self.services.database.unit_of_work() as session:
            freezing.freeze(
                session, member_id=person.member_id, reason="theft", by=self.clerk, now=wall_now()
            )

    def let_go(self, member_id: UUID) -> None:
        with self.services.database.unit_of_work() as session:
            freezing.let_go(
                session, member_id=member_id, reason="found", by=self.head, now=wall_now()
            )

    def close(self, person: MemberView) -> None:
        with self.services.database.unit_of_work() as session:
            leaving.erase(session, member_id=person.member_id, now=wall_now(), wall=wall_now())

    def refused(self, act: Callable[[Session], object]) -> None:
        with pytest.raises(MemberFrozenError), self.services.database.unit_of_work() as session:
            act(session)


@pytest.fixture
def stage(services: Services) -> Stage:
    """Prepare an installation with two operators."""
    prepare_installation(services, wall=wall_now())
    with services.database.unit_of_work() as session:
        clerk, head = (
            add_operator(
                session,
                vault=services.vault,
                now=wall_now(),
                email=f"{role}@example.org",
                name=role,
                role=role,
                password=PASSWORD,
            ).operator.operator_id
            for role in ("operator", "approver")
        )
    return Stage(services=services, clerk=clerk, head=head)


def test_the_frozen_take_nothing_out_by_shared_wallets(stage: Stage) -> None:
    vault, database, now = stage.services.vault, stage.services.database, wall_now()
    owner, mate, guest = (stage.enrol(f"+98912345678{end}") for end in (1, 2, 3))
    facts: dict[str, Any] = {"now": now, "wall": now}
    with database.unit_of_work() as session:
        pools.make(session, member_id=owner.member_id, kind="family", **facts)
        waiting = [
            pools.invite(session, vault, inviter=owner, phone=each.phone, wall=now)
            for each in (mate, guest)
        ]
        pools.join(session, vault, person=mate, invitation_id=waiting[0], **facts)
    who: dict[str, Any] = {"owner_id": owner.member_id, "person_id": mate.member_id}
    stage.freeze(guest)
    stage.refused(lambda s: pools.make(s, member_id=guest.member_id, kind="family", **facts))
    stage.refused(lambda s: pools.join(s, vault, person=guest, invitation_id=waiting[1], **facts))
    join = acts.Act(kind="join", subject=str(waiting[1]))
    ask: dict[str, Any] = {"address": None, "domain": "localhost", "wall": now}
    stage.refused(lambda s: acts.ask(s, vault, act=join, by=guest, **ask))
    stage.freeze(mate)
    part = acts.Act(kind="part", subject=str(mate.member_id), points=1)
    stage.refused(lambda s: acts.ask(s, vault, act=part, by=owner, **ask))
    stage.refused(lambda s: pools.part(s, **who, points=0, **facts))
    stage.refused(lambda s: pools.leave(s, person_id=mate.member_id, **facts))
    stage.refused(lambda s: pools.ask_to_leave(s, person_id=mate.member_id, points=1, wall=now))
    stage.let_go(mate.member_id)
    stage.freeze(owner)
    stage.refused(lambda s: pools.part(s, **who, points=0, **facts))
    stage.refused(lambda s: pools.limit(s, **who, most=None, wall=now))
    stage.refused(lambda s: pools.invite(s, vault, inviter=owner, phone=guest.phone, wall=now))
    stage.refused(lambda s: pools.end(s, owner_id=owner.member_id, **facts))
    with database.reading() as session:
        shared = shared_wallets.home(session, member_id=owner.member_id)
        assert [each.locked for each in shared_wallets.stays(session, pool_id=shared)] == [
            True,
            False,
        ]


def test_freezing_and_joining_come_one_after_the_other(stage: Stage) -> None:
    person, database = stage.enrol("+989123456781"), stage.services.database
    with ThreadPoolExecutor(1) as beside:
        with database.unit_of_work() as session:
            freezing.hold_free(session, people=[person.member_id])
            frozen = beside.submit(stage.freeze, person)
            await_waiters(database)
            pools.make(
                session, member_id=person.member_id, kind="family", now=wall_now(), wall=wall_now()
            )
            assert not frozen.done()
        frozen.result(PATIENCE_SECONDS)
    with database.reading() as session:
        own = shared_wallets.stay(session, member_id=person.member_id)
    assert own is not None
    assert own.locked


def test_the_frozen_close_no_account_and_a_closed_one_is_let_go(stage: Stage) -> None:
    person, database = stage.enrol("+989123456781"), stage.services.database
    stage.freeze(person)
    with pytest.raises(MemberFrozenError):
        stage.close(person)
    claim = Claim(client_id=stage.clerk, key="close", fingerprint=bytes(32))
    with database.unit_of_work() as session:  # as accounts were closed before that was refused
        operations_members.close_account(
            session, now=wall_now(), wall=wall_now(), claim=claim, member_id=person.member_id
        )
    stage.let_go(person.member_id)
    with database.reading() as session:
        assert freezing.freeze_of(session, member_id=person.member_id) is None
        assert status(session, person.member_id) == "closed"
    with pytest.raises(freezing.FreezeError) as refused:
        stage.freeze(person)
    assert refused.value.reason == "closed"


def test_whoever_waits_for_the_audit_log_holds_no_wallet(stage: Stage) -> None:
    person, database = stage.enrol("+989123456781"), stage.services.database
    let_go = partial(stage.let_go, person.member_id)
    with ThreadPoolExecutor(1) as beside:
        for act in (partial(stage.freeze, person), let_go, partial(stage.close, person)):
            with database.unit_of_work() as session:
                await_turn(session)
                done = beside.submit(act)
                await_waiters(database)
                with database.rehearsal() as other:
                    other.execute(text("SET LOCAL lock_timeout = '1s'"))
                    shared_wallets.set_spend_lock(other, member_id=person.member_id, locked=True)
            done.result(PATIENCE_SECONDS)


def test_a_wish_to_lock_outlives_the_freeze_and_the_merged_are_frozen_too(stage: Stage) -> None:
    person, gone = stage.enrol("+989123456781"), stage.enrol("+989123456782")
    claim = Claim(client_id=stage.clerk, key="merge", fingerprint=bytes(32))
    with stage.services.database.unit_of_work() as session:
        operations_members.merge(
            session,
            now=wall_now(),
            wall=wall_now(),
            claim=claim,
            member_id=gone.member_id,
            into=person.member_id,
            actor="system",
        )
    stage.freeze(person)
    stage.refused(lambda s: members.set_spend_lock(s, member_id=gone.member_id, locked=False))
    with stage.services.database.unit_of_work() as session:
        assert freezing.freeze_of(session, member_id=gone.member_id) is not None
        members.set_spend_lock(session, member_id=person.member_id, locked=True)
    stage.let_go(gone.member_id)
    with stage.services.database.reading() as session:
        assert freezing.freeze_of(session, member_id=person.member_id) is None
        assert status(session, person.member_id) == "spend_locked"
