"""Refunds tried out: the same figures as the refund, and nothing left behind."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from merchant_gateway.client import ProblemError
from merchant_gateway.previews import moves_of
from network.clearing.parties import NETWORK_PARTY
from network.ledger import queries
from network.ledger.views import PostingView
from tests.integration.gateway.batching import done, refund_line
from tests.integration.gateway.house import House, Person, utc_now
from tests.integration.gateway.till import ask

TABLES = ("entry", "movement", "lot", "debt", "reference", "idempotency", "evidence", "redeposited")


def traces(house: House) -> dict[str, Any]:
    """Return how much there is of everything that a refund could leave behind."""
    with house.services.database.reading() as session:
        counted = {
            name: session.execute(text(f"SELECT count(*) FROM ledger.{name}")).scalar_one()
            for name in TABLES
        }
        counted["outbox"] = session.execute(
            text("SELECT count(*) FROM network.outbox")
        ).scalar_one()
    return counted


def wallet(house: House, person: Person) -> Any:
    with house.services.database.reading() as session:
        return queries.stored_wallet(session, member_id=person.member_id)


def refund(house: House, path: str, *, preview: bool, ref: str, **body: Any) -> Any:
    tail = "?preview=true" if preview else ""
    if path.startswith("earnings/"):
        body = {"currency": "IRR", **body}
    return ask(
        house,
        house.green,
        target=f"/v1/{path}/refunds{tail}",
        body={"merchant_ref": ref, "occurred_at": utc_now().isoformat()} | body,
        idempotency_key="try-this-refund-0001" + ref,
    )


def test_a_refund_of_a_purchase_is_shown_before_it_is_made(house: House) -> None:
    person = house.member()
    bought = house.green.client.earn(
        member={"phone": person.phone}, merchant_ref="p-1", amount=1_000_000
    ).data
    house.green.client.redeem(member=person.code(), merchant_ref="s-1", points=70)
    before, was = traces(house), wallet(house, person)
    path = f"earnings/{bought['id']}"
    tried = refund(house, path, preview=True, ref="b-1", amount=500_000)
    assert tried.status_code == 200
    assert "Idempotent-Replayed" not in tried.headers
    shown = tried.json()
    assert (shown["preview"], shown["points"], shown["debt"]) == (True, 30, 20)
    moves = {(each["account"], each["points"]) for each in shown["moves"]}
    assert moves == {("available", -30), ("debt", -20)}
    assert {each["issuer"] for each in shown["moves"]} == {"green"}
    assert "id" not in shown
    assert traces(house) == before
    assert wallet(house, person) == was
    made = refund(house, path, preview=False, ref="b-1", amount=500_000)
    assert made.status_code == 201
    assert (made.json()["points"], made.json()["debt"]) == (30, 20)
    again = refund(house, path, preview=True, ref="b-2", amount=500_001)
    assert (again.status_code, again.json()["code"]) == (422, "refund_exceeds_original")


def test_a_refund_of_a_redemption_is_shown_before_it_is_made(house: House) -> None:
    person = house.member(points=40)
    spent = house.green.client.redeem(member=person.code(), merchant_ref="s-2", points=25).data
    before, was = traces(house), wallet(house, person)
    path = f"redemptions/{spent['id']}"
    for measure in ({"points": 10}, {"amount": 10_000, "currency": "IRR"}):
        tried = refund(house, path, preview=True, ref="b-3", **measure)
        assert tried.status_code == 200
        shown = tried.json()
        assert (shown["points"], shown["worth"]["amount"]) == (10, 10_000)
        assert [(each["account"], each["points"]) for each in shown["moves"]] == [("available", 10)]
        assert shown["moves"][0]["issuer"] == "green"
        assert shown["moves"][0]["expires_on"] > shown["business_date"]
    assert traces(house) == before
    assert wallet(house, person) == was
    made = refund(house, path, preview=False, ref="b-3", points=10)
    assert made.json()["points"] == 10
    used = refund(house, path, preview=True, ref="b-3", points=1)
    assert (used.status_code, used.json()["code"]) == (409, "duplicate_reference")
    assert used.json()["facts"]["entry"] == made.json()["id"]


def test_refunds_by_amount_are_rounded_once_over_all_of_them(house: House) -> None:
    """Ten refunds of 1,100 rials give back the 11 points that paid 11,000, not ten times two."""
    person = house.member(points=40)
    spent = house.green.client.redeem(member=person.code(), merchant_ref="t-1", points=25).data
    path, named = f"redemptions/{spent['id']}", {"merchant_ref": "t-1"}
    refund(house, path, preview=False, ref="t-points", points=2)  # stands beside the amounts
    amount: dict[str, Any] = {"amount": 1100, "currency": "IRR"}
    given = []
    for number in range(5):
        tried = refund(house, path, preview=True, ref=f"t-{number}", **amount).json()
        made = refund(house, path, preview=False, ref=f"t-{number}", **amount)
        assert (made.status_code, made.json().get("points")) == (201, tried["points"]), made.text
        given.append(tried["points"])
    lines = [refund_line(person.phone, named, type="refund_redeem", **amount) for _ in range(5)]
    given += [each["points"] for each in done(house, house.green, lines)]
    assert given == [2, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    half: dict[str, Any] = {"preview": False, "amount": 500, "currency": "IRR"}
    half["occurred_at"] = utc_now().isoformat()
    one, none = (refund(house, path, ref=ref, **half) for ref in ("t-one", "t-none"))
    assert one.json()["points"] == 1
    assert (none.status_code, none.json()["points"], none.json()["worth"]["amount"]) == (201, 0, 0)
    again = refund(house, path, ref="t-none", **half)
    assert (again.content, again.headers["Idempotent-Replayed"]) == (none.content, "true")
    assert wallet(house, person).available == 15 + 2 + 11 + 1
    refund(house, path, preview=False, ref="t-rest", amount=50_000, currency="IRR")
    over = refund(house, path, preview=False, ref="t-over", amount=1, currency="IRR")
    assert over.json()["code"] == "refund_exceeds_original"
    assert wallet(house, person).available == 40


def test_a_preview_tells_nothing_of_points_of_others(house: House) -> None:
    person = house.member(points=40)  # of green
    spent = house.blue.client.redeem(member=person.code(), merchant_ref="f-1", points=25).data
    shown = house.blue.client.refund_redemption(
        spent["id"], merchant_ref="f-2", points=10, preview=True
    ).data
    assert shown["moves"] == [
        {"account": "available", "issuer": "network", "points": 10, "expires_on": None}
    ]


def test_points_of_others_are_one_sum_however_many_lots_they_are() -> None:
    mine, other, third, network = uuid4(), uuid4(), uuid4(), NETWORK_PARTY

    def posting(line: int, issuer: UUID, points: int, account: str = "available") -> PostingView:
        return PostingView(
            line=line, account=account, issuer_id=issuer, acceptor_id=None, lot_id=None,
            terms_id=None, priced_on=None, points=points,
        )  # fmt: skip

    postings = [
        posting(1, other, 3),
        posting(2, mine, 5),
        posting(3, third, 4),
        posting(4, network, 2),
        posting(5, other, 6, "pending"),
        posting(6, other, -20, "redeemed"),
    ]
    moves = moves_of(postings, {}, merchant_id=mine, code="green")
    assert [(each["account"], each["issuer"], each["points"]) for each in moves] == [
        ("available", "green", 5),
        ("available", "network", 9),
        ("pending", "network", 6),
    ]


def test_what_a_refund_is_refused_for_its_preview_is_refused_for(house: House) -> None:
    person = house.member(points=5)
    theirs = house.blue.client.earn(
        member={"phone": person.phone}, merchant_ref="t-1", amount=100_000
    ).data["id"]
    foreign = refund(house, f"earnings/{theirs}", preview=True, ref="b-4", amount=1)
    assert (foreign.status_code, foreign.json()["code"]) == (404, "unknown_original")
    wrong = ask(
        house, house.green, target=f"/v1/earnings/{theirs}/refunds?preview=perhaps", body={}
    )
    assert "#preview" in {each["pointer"] for each in wrong.json()["errors"]}


def test_the_client_previews_and_rotates(house: House) -> None:
    person = house.member(points=9)
    spent = house.green.client.redeem(member=person.code(), merchant_ref="s-5", points=4).data
    tried = house.green.client.refund_redemption(
        spent["id"], merchant_ref="b-5", points=4, preview=True
    )
    assert tried.data["preview"] is True
    assert {each["key_id"] for each in house.green.client.keys.list()} >= {house.green.key_id}
    with pytest.raises(ProblemError) as refused:
        house.green.client.keys.revoke("mk_live_" + "a" * 16)
    assert refused.value.code == "unknown_key"
