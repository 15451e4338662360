"""Every door of the gateway follows a member into a shared wallet, and out of it again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest

from merchant_gateway.client.bodies import new_idempotency_key
from merchant_gateway.client.errors import ProblemError
from network.clock import wall_now
from network.events.queries import Event
from network.ids import shared_wallet_id
from network.ledger import operations, operations_members, queries, shared_wallets
from network.ledger.evidence import read_evidence
from network.ledger.values import Claim
from network.ledger.views import EntryView, StoredWallet
from network.members.signed_bodies import entry_evidence
from network.merchants.happenings import Teller
from network.notices import service as notices
from network.spend_requests.errors import FewerPointsError
from tests.integration.gateway.batching import done, earn_line, refund_line
from tests.integration.gateway.house import House, Person
from tests.integration.gateway.persons import consenting as consent
from tests.integration.gateway.persons.messages import newest_code
from tests.integration.gateway.test_campaigns import end, run


@dataclass(kw_only=True)
class Family:
    """A shared wallet with two people, who brought 100 and 50 points."""

    house: House
    wallet_id: UUID
    mina: Person
    reza: Person

    def join(self, person: Person) -> None:
        self._post(operations_members.join_pool, person)

    def leave(self, person: Person, points: int = 0) -> None:
        self._post(operations_members.leave_pool, person, points=points)

    def limit(self, person: Person, limit: int | None) -> None:
        with self.house.services.database.unit_of_work() as session:
            shared_wallets.limit_person(
                session, member_id=person.member_id, pool_id=self.wallet_id, limit=limit
            )

    def wallet(self) -> StoredWallet:
        with self.house.services.database.reading() as session:
            found = queries.stored_wallet(session, member_id=self.wallet_id)
        assert found is not None
        return found

    def entries(self) -> list[EntryView]:
        with self.house.services.database.reading() as session:
            return queries.entries(session, member_id=self.wallet_id, limit=50)

    def _post(self, operation: Callable[..., Any], person: Person, **facts: Any) -> None:
        now = wall_now()
        claim = Claim(client_id=person.member_id, key=str(uuid4()), fingerprint=b"f" * 32)
        with self.house.services.database.ledger() as connection:
            operation(
                connection,
                now=now,
                wall=now,
                claim=claim,
                member_id=person.member_id,
                pool=self.wallet_id,
                **facts,
            )


@pytest.fixture
def family(house: House) -> Family:
    wallet_id = shared_wallet_id()
    with house.services.database.ledger() as connection:
        operations.open_wallet(connection, member_id=wallet_id)
    made = Family(
        house=house,
        wallet_id=wallet_id,
        mina=house.member(points=100),
        reza=house.member(points=50),
    )
    made.join(made.mina)
    made.join(made.reza)
    return made


def refused(call: Callable[[], object]) -> ProblemError:
    with pytest.raises(ProblemError) as caught:
        call()
    return caught.value


def test_every_identifier_earns_in_the_shared_wallet_and_the_entry_says_who(
    family: Family,
) -> None:
    till, mina = family.house.green.client, family.mina
    token = till.lookup(member={"card": mina.card}).data["token"]
    for number, member in enumerate(
        ({"phone": mina.phone}, {"card": mina.card}, {"token": token}, mina.code(limit=0))
    ):
        earned = till.earn(member=member, merchant_ref=f"e-{number}", amount=100_000)
        shown = till.transaction(earned.data["id"]).data
        assert shown["member"] == till.lookup(member={"phone": mina.phone}).data["member"]
    assert family.wallet().available == 150 + 4 * 10
    made = [entry for entry in family.entries() if entry.kind == "issuance"]
    assert {entry.person_id for entry in made} == {mina.member_id}


def test_a_code_and_a_token_of_before_the_join_work_after_it_and_a_used_one_does_not(
    house: House,
) -> None:
    person = house.member(points=100)
    till = house.green.client
    token = till.lookup(member={"phone": person.phone}).data["token"]
    used, fresh = person.code(), person.code()
    key = new_idempotency_key()
    first = till.redeem(member=used, merchant_ref="r-1", points=10, idempotency_key=key)
    wallet_id = shared_wallet_id()
    with house.services.database.ledger() as connection:
        operations.open_wallet(connection, member_id=wallet_id)
    family = Family(house=house, wallet_id=wallet_id, mina=person, reza=person)
    family.join(person)
    again = till.redeem(member=used, merchant_ref="r-1", points=10, idempotency_key=key)
    assert (again.replayed, again.data) == (True, first.data)
    assert refused(lambda: till.redeem(member=used, merchant_ref="r-2", points=5)).code == (
        "code_used"
    )
    assert till.redeem(member=fresh, merchant_ref="r-3", points=5).data["points"] == 5
    assert till.earn(member={"token": token}, merchant_ref="e-9", amount=50_000).data["points"] == 5
    error = refused(lambda: till.redeem(member=person.code(), merchant_ref="r-1", points=5))
    assert (error.code, error.facts["entry"]) == ("duplicate_reference", first.data["id"])
    family.leave(person, 40)
    assert refused(lambda: till.redeem(member=fresh, merchant_ref="r-4", points=5)).code == (
        "code_used"
    )
    assert till.redeem(member=person.code(), merchant_ref="r-5", points=40).data["points"] == 40


def test_lookup_shows_a_shared_wallet_as_far_as_it_is_the_persons(family: Family) -> None:
    till, reza = family.house.green.client, family.reza
    assert till.lookup(member=reza.code()).data["can_redeem"] is True
    reza.lock()
    assert till.lookup(member=reza.code()).data["can_redeem"] is False
    error = refused(lambda: till.redeem(member=reza.code(), merchant_ref="l-1", points=1))
    assert error.code == "spend_locked"
    # His lock is his alone.
    assert till.redeem(member=family.mina.code(), merchant_ref="l-2", points=1).data["points"] == 1


def test_the_owners_limit_bounds_one_person_and_what_is_refunded_comes_back(
    family: Family,
) -> None:
    till, reza = family.house.green.client, family.reza
    family.limit(reza, 30)
    paid = till.redeem(member=reza.code(), merchant_ref="p-1", points=20)
    error = refused(lambda: till.redeem(member=reza.code(), merchant_ref="p-2", points=11))
    assert (error.code, error.facts) == ("person_limit", {"left": 10, "points": 11})
    preview = till.refund_redemption(paid.data["id"], merchant_ref="p-3", points=5, preview=True)
    assert preview.data["points"] == 5
    till.refund_redemption(paid.data["id"], merchant_ref="p-3", points=5)
    assert till.redeem(member=reza.code(), merchant_ref="p-4", points=15).data["points"] == 15
    assert till.redeem(member=family.mina.code(), merchant_ref="p-5", points=100).status == 201


def test_a_hold_is_captured_and_what_is_reversed_comes_back_after_the_person_has_left(
    family: Family,
) -> None:
    till, mina = family.house.green.client, family.mina
    held = till.redeem(member=mina.code(), merchant_ref="h-1", points=40, capture="manual")
    paid = till.redeem(member=mina.code(), merchant_ref="h-2", points=10)
    family.leave(mina, 20)
    assert till.capture(held.data["id"], points=30).data["points"] == 30
    undone = till.reverse(member={"phone": mina.phone}, merchant_ref="h-2")
    assert undone.data["state"] == "refunded"
    assert till.refund_redemption(held.data["id"], merchant_ref="h-3", points=1).status == 201
    assert family.wallet().available == 150 - 20 - 40 + 10 + 1
    error = refused(lambda: till.refund_redemption(paid.data["id"], merchant_ref="h-4", points=1))
    assert error.code == "refund_exceeds_original"
    told = [entry for entry in family.entries() if entry.merchant_id is not None]
    assert {entry.person_id for entry in told} == {mina.member_id}


def test_webhooks_and_text_messages_tell_who_spent(family: Family) -> None:
    services, mina = family.house.services, family.mina
    till = family.house.green.client
    own = till.lookup(member={"phone": mina.phone}).data["member"]
    paid = till.redeem(member=mina.code(), merchant_ref="w-1", points=7)
    till.refund_redemption(paid.data["id"], merchant_ref="w-2", points=7)
    made = [entry for entry in family.entries() if entry.merchant_id is not None]
    events = [
        Event(
            event_id=1,
            topic=f"ledger.{entry.kind}",
            member_id=entry.member_id,
            merchant_id=entry.merchant_id,
            payload={"sequence": entry.sequence, "points": 7},
            recorded_at=entry.recorded_at,
        )
        for entry in made
    ]
    with services.database.reading() as session:
        teller = Teller(vault=services.vault, entry_ids=services.entry_ids)
        told = teller.happenings(session, events=events)
    assert {each.type for each in told} == {"redemption.captured", "redemption.refunded"}
    assert {each.data["member"] for each in told} == {own}
    with services.database.unit_of_work() as session:
        sent = [
            notices.announce_redemption(
                session,
                services.vault,
                member_id=family.wallet_id,
                sequence=made[-1].sequence,
                points=7,
                merchant_id=family.house.green.merchant_id,
                wallet_url="https://wallet.example",
                now=wall_now(),
                wall=wall_now(),
            )
            for _ in range(2)  # a job may run twice
        ]
    assert sent[0] == sent[1]
    assert len(sent[0]) == 1


def test_a_batch_follows_each_line_and_finds_what_it_refunds(family: Family) -> None:
    house, mina = family.house, family.mina
    before = earn_line(mina.phone, 200_000)
    lines = [before, earn_line(family.reza.phone, 100_000), earn_line(mina.phone, 300_000)]
    stranger = house.member()
    lines.append(earn_line(stranger.phone, 50_000))
    first = done(house, house.green, lines)
    assert [each["status"] for each in first] == ["posted"] * 4
    assert family.wallet().available == 150 + 20 + 10 + 30
    again = done(house, house.green, [*lines, refund_line(mina.phone, before, amount=100_000)])
    assert [each["status"] for each in again] == ["known"] * 4 + ["posted"]
    family.leave(mina)
    last = done(house, house.green, [before, refund_line(mina.phone, before, amount=100_000)])
    assert [each["status"] for each in last] == ["known", "posted"]
    assert family.wallet().available == 150 + 10 + 30


def test_a_cap_is_each_persons_own(family: Family) -> None:
    campaign_id = run(family.house, "each", "15", person_cap=20)
    till = family.house.green.client
    for person, bonus in ((family.mina, 15), (family.reza, 15), (family.mina, 5)):
        earned = till.earn(
            member={"phone": person.phone}, merchant_ref=str(uuid4()), amount=400_000
        )
        assert earned.data["points"] == 40 + bonus
    family.leave(family.mina)
    quoted = till.quote(member={"phone": family.mina.phone}, amount=400_000)
    assert quoted.data["points"] == 40
    end(family.house, campaign_id)


def test_a_person_who_is_asked_agrees_for_the_shared_wallet_within_their_limit(
    family: Family,
) -> None:
    house, reza, key = family.house, family.reza, new_idempotency_key()
    family.limit(reza, 40)
    asked = consent.ask(house, reza, "s-1", idempotency_key=key)
    assert (asked.status, family.wallet().held) == (202, 0)
    consent.answer(house, reza, asked.data["id"], "yes")
    taken = consent.ask(house, reza, "s-1", idempotency_key=key)
    assert (taken.status, taken.data["points"], family.wallet().available) == (201, 30, 120)
    (spent,) = [entry for entry in family.entries() if entry.kind == "redemption"]
    assert spent.person_id == reza.member_id

    beyond = consent.ask(house, reza, "s-2", points=11).data["id"]
    with pytest.raises(FewerPointsError):  # ten are left of the limit
        consent.answer(house, reza, beyond, "yes")
    typed = {"points": 11, "consent_code": newest_code(house, reza.phone)}
    assert refused(lambda: consent.ask(house, reza, "s-2", **typed)).code == "person_limit"
    consent.answer(house, reza, beyond, "no")

    consent.ask(house, reza, "s-3", points=10)
    typed = {"points": 10, "consent_code": newest_code(house, reza.phone)}
    assert consent.ask(house, reza, "s-3", **typed).data["state"] == "captured"
    assert family.wallet().available == 110


def test_the_evidence_of_a_shared_wallet_opens_with_the_persons_key(family: Family) -> None:
    house, mina = family.house, family.mina
    house.green.client.earn(
        member={"phone": mina.phone}, merchant_ref="shared-bread", amount=100_000
    )
    entry = next(each for each in family.entries() if each.merchant_ref == "shared-bread")
    where: dict[str, Any] = {"member_id": family.wallet_id, "sequence": entry.sequence}
    with house.services.database.reading() as session:
        stored = read_evidence(session, **where)
        found = entry_evidence(session, house.services.vault, **where)
    assert stored is not None
    assert found is not None
    assert mina.phone.encode() not in stored.body
    assert mina.phone.encode() in found.body
