"""An operator locks a member's spending at once; the member can't undo it, and a colleague can."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from config.preparation import prepare_installation
from network.clock import wall_now
from network.ids import encode
from network.ledger import queries as ledger
from network.members import freezing
from network.members import service as members
from network.members.errors import MemberFrozenError
from network.services import Services
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
