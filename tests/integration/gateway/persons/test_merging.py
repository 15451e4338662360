"""Two members who are one person: two operators merge them, and tills find who remains."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest

from merchant_gateway.client.errors import ProblemError
from network.clock import wall_now
from network.ids import encode
from network.ledger import queries as ledger
from network.ledger import shared_wallets
from network.ledger.audit import audit
from network.members import leaving, queries, service
from network.members.errors import UnknownMemberError
from network.members.freezing import FreezeError, freeze
from network.members.phones import normalise_phone
from network.messaging.queries import latest
from network.operators import audit_decisions
from network.pools import service as pools
from network.services import Services
from tests.integration.gateway.house import House, Person
from tests.integration.settlement.office import Office, open_office


@pytest.fixture(scope="module")
def office(house: House) -> Iterator[Office]:
    """Yield two operators in front of the console of the same installation."""
    with open_office(house.services) as made:
        yield made


KEY = "the-lost-answer-of-tea"


def page_of(member_id: UUID) -> str:
    return f"/members/{encode('mem', member_id)}"


def points_of(services: Services, member_id: UUID) -> int:
    with services.database.reading() as session:
        wallet = ledger.stored_wallet(session, member_id=member_id)
    assert wallet is not None
    return int(wallet.available + wallet.pending)


def merge(office: Office, goes: Person, remains: Person) -> str:
    """Have one operator propose on the page of who remains, and another approve there."""
    page = page_of(remains.member_id)
    look = office.clerk.fill(page, f"{page}/merge", who=goes.phone)
    proposed = look.send(
        f"{page}/merge/propose", goes=encode("mem", goes.member_id), reason="One passport"
    )
    assert "Proposed. It is done once another person has approved it." in proposed.text
    assert "A colleague has to approve it" in proposed.text
    own = proposed.answer.text.partition('action="/proposals/')[2].partition("/decline")[0]
    assert office.clerk.post(f"/proposals/{own}/approve", {}).status == 403
    return office.approve(page).text


def test_two_people_merge_and_old_phone_and_card_find_who_remains(
    house: House, office: Office
) -> None:
    services, till = house.services, house.green.client
    goes, remains = house.member(points=120), house.member(points=30)
    bread = till.earn(member={"phone": goes.phone}, merchant_ref="bread", amount=50_000).data
    known = till.lookup(member={"phone": remains.phone}).data["member"]
    code = goes.code()
    spent = till.redeem(member=code, merchant_ref="tea", points=5, idempotency_key=KEY)
    with services.database.unit_of_work() as session:
        opened = service.start_session(
            session, services.vault, member_id=goes.member_id, wall=wall_now(), device=None
        )
    page = page_of(remains.member_id)
    look = office.clerk.fill(page, f"{page}/merge", who=goes.card)
    assert "120 points go along; together then 150 points" in look.text
    assert "Approved, and done." in merge(office, goes, remains)
    log = office.head.get("/audit").text
    assert "Proposed to merge two members" in log
    assert "Merged two members" in log
    gone = office.head.get(page_of(goes.member_id)).text
    assert "The points are in another wallet now" in gone
    assert "Lock this member's spending" not in gone
    assert points_of(services, goes.member_id) == 0
    assert points_of(services, remains.member_id) == 150
    for named in ({"phone": goes.phone}, {"card": goes.card}):
        assert till.lookup(member=named).data["member"] == known
    # What came before stands under its own id, and is answered by the same call.
    back = till.refund_earning(bread["id"], merchant_ref="back", amount=50_000).data
    assert (back["points"], back["debt"]) == (0, 5)
    again = till.redeem(member=code, merchant_ref="tea", points=5, idempotency_key=KEY)
    assert again.data["id"] == spent.data["id"]
    for member in (code, goes.code()):
        with pytest.raises(ProblemError) as refused:
            till.redeem(member=member, merchant_ref="jam", points=5)
        assert refused.value.code in {"code_expired", "code_used"}
    till.earn(member={"card": goes.card}, merchant_ref="later", amount=70_000)
    assert points_of(services, remains.member_id) == 157
    told = {}
    with services.database.reading() as session:
        assert queries.by_session(session, token=opened.token, now=wall_now()) is None
        cards = {each.card_number for each in queries.cards(session, member_id=remains.member_id)}
        assert cards == {goes.card, remains.card}
        told = {
            each.recipient: each.body
            for each in latest(session, services.vault)
            if each.kind == "merged"
        }
    assert set(told) == {normalise_phone(each.phone) for each in (goes, remains)}
    with services.database.snapshot() as session:
        checks = {each.name: each for each in audit_decisions.checks(session)}
        assert checks["two_people_behind_merges"].rows == 1
        assert checks["two_people_behind_merges"].differences == 0
        assert [each for each in audit(session) if each.differences] == []


def test_the_old_phone_signs_in_as_who_remains_and_both_are_forgotten_together(
    house: House, office: Office
) -> None:
    services = house.services
    first, second, third = (house.member(points=each) for each in (10, 20, 40))
    merge(office, first, second)
    merge(office, second, third)
    with services.database.unit_of_work() as session:
        wall = wall_now()
        service.request_code(
            session,
            services.vault,
            phone=first.phone,
            address=None,
            locale="fa",
            domain="example.org",
            wall=wall,
        )
        (sent, *_earlier) = [
            each
            for each in latest(session, services.vault)
            if each.recipient == normalise_phone(first.phone)
        ]
        entered = service.confirm_code(
            session,
            services.vault,
            phone=first.phone,
            code=sent.body.rpartition("#")[2],
            wall=wall,
            now=wall,
            locale="fa",
        )
        assert isinstance(entered, service.SignedIn)
        assert (entered.member_id, entered.joined) == (third.member_id, False)
    assert points_of(services, third.member_id) == 70
    with pytest.raises(FreezeError), services.database.unit_of_work() as session:
        freeze(session, member_id=first.member_id, reason="x", by=first.member_id, now=wall_now())
    with services.database.unit_of_work() as session:
        left = leaving.erase(session, member_id=third.member_id, now=wall_now(), wall=wall_now())
    assert left.points == 70
    with services.database.reading() as session:
        for each in (first, second, third):
            with pytest.raises(UnknownMemberError):
                queries.member(session, services.vault, member_id=each.member_id)


def test_what_is_held_shared_frozen_or_gone_is_refused_in_words(
    house: House, office: Office
) -> None:
    services = house.services
    plain, holding, sharing, frozen, gone = (house.member(points=9) for _ in range(5))
    house.green.client.redeem(
        member=holding.code(), merchant_ref="held", points=3, capture="manual"
    )
    with services.database.unit_of_work() as session:
        pools.make(
            session, member_id=sharing.member_id, kind="family", now=wall_now(), wall=wall_now()
        )
        leaving.erase(session, member_id=gone.member_id, now=wall_now(), wall=wall_now())
    where = page_of(frozen.member_id)
    office.clerk.fill(where, f"{where}/freeze", reason="stolen")
    page = page_of(plain.member_id)

    def said(who: str) -> str:
        return office.clerk.fill(page, f"{page}/merge", who=who).text

    assert "That is the same member" in said(plain.phone)
    assert "Nobody is found" in said(gone.phone)
    assert "One of them shares a wallet" in said(sharing.phone)
    assert "The network has locked the spending of one of them" in said(frozen.phone)
    look = office.clerk.fill(page, f"{page}/merge", who=holding.phone)
    assert "Merchants hold points of who would go" in look.text
    sent = look.send(
        f"{page}/merge/propose", goes=encode("mem", holding.member_id), reason="One passport"
    )
    assert "Merchants hold points of who would go" in sent.text
    # The other way round nothing is in the way, until something is.
    ready = look.send(
        f"{page}/merge/propose", goes=encode("mem", plain.member_id), reason="One passport"
    )
    assert "Proposed." in ready.text
    house.green.client.redeem(member=plain.code(), merchant_ref="late", points=3, capture="manual")
    assert "Merchants hold points of who would go" in office.approve(page).text
    assert points_of(services, holding.member_id) + points_of(services, plain.member_id) == 12
    with services.database.reading() as session:
        assert shared_wallets.person(session, member_id=plain.member_id) == plain.member_id
