"""The life of an earning and of a redemption, over HTTP, with every refund and replay."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Literal

import pytest

from merchant_gateway.client import (
    Answer,
    AuthenticationError,
    ConflictError,
    ForbiddenError,
    GatewayClient,
    InvalidRequestError,
    NotFoundError,
)
from merchant_gateway.client.bodies import new_idempotency_key
from merchant_gateway.signing import Ed25519SigningKey
from network.ledger import searching
from network.merchants import queries as merchants
from tests.integration.gateway.house import House, utc_now


def test_ping_tells_whose_key_it_is(house: House) -> None:
    data = house.green.client.ping().data
    assert data["merchant"] == "green"
    assert data["key_id"] == house.green.key_id
    assert data["environment"] == "live"
    with house.services.database.reading() as session:
        key = merchants.key(session, key_id=house.green.key_id)
    assert key is not None
    assert key.last_used_on == house.today()


def test_a_purchase_earns_by_base_and_category_rates_with_reasons(house: House) -> None:
    person = house.member()
    lines: list[dict[str, str | int]] = [
        {"sku": "1", "category": "produce", "quantity": 2, "amount": 55_000},
        {"sku": "2", "category": "bakery", "quantity": 1, "amount": 45_000},
    ]
    quoted = house.green.client.quote(amount=100_000, lines=lines).data
    earned = house.green.client.earn(
        member={"phone": person.phone},
        merchant_ref="p-1",
        amount=100_000,
        lines=lines,
        store="main",
        terminal="7",
        receipt="19",
        channel="online",
    )
    # 55,000 × 3 ÷ 10,000 = 16.5 → 16; 45,000 ÷ 10,000 = 4.5 → 4: floor, once per line.
    assert earned.data["points"] == quoted["points"] == 20
    assert earned.data["state"] == "available"
    assert earned.status == 201
    assert earned.data["available_on"] == house.today().isoformat()
    assert earned.data["explanation"] == quoted["explanation"]
    assert all(step["fa"] and step["en"] for step in earned.data["explanation"])
    assert "balance" not in earned.data


def test_the_balance_is_told_only_where_the_member_shows_the_code(house: House) -> None:
    person = house.member()
    answer = house.green.client.earn(
        member=person.code(limit=0), merchant_ref="b-1", amount=120_000
    )
    assert answer.data["balance"] == {"available": 12, "pending": 0, "held": 0, "debt": 0}


def test_pending_points_wait(house: House) -> None:
    person = house.member()
    data = house.blue.client.earn(
        member={"card": person.card}, merchant_ref="w-1", amount=1_000_000
    ).data
    assert data["state"] == "pending"
    assert data["available_on"] == (house.today() + timedelta(days=7)).isoformat()


def test_the_same_key_and_request_get_the_same_bytes(house: House) -> None:
    person = house.member()
    when = utc_now()
    key = new_idempotency_key()
    answers = [
        house.green.client.earn(
            member={"phone": person.phone},
            merchant_ref="same",
            amount=250_000,
            occurred_at=when,
            idempotency_key=key,
        )
        for _ in range(3)
    ]
    assert [answer.replayed for answer in answers] == [False, True, True]
    assert len({answer.content for answer in answers}) == 1
    assert {answer.status for answer in answers} == {201}


def test_the_same_key_for_another_request_is_a_conflict(house: House) -> None:
    person = house.member()
    key = new_idempotency_key()
    member = {"phone": person.phone}
    house.green.client.earn(member=member, merchant_ref="k", amount=10_000, idempotency_key=key)
    with pytest.raises(InvalidRequestError) as caught:
        house.green.client.earn(member=member, merchant_ref="k", amount=20_000, idempotency_key=key)
    assert caught.value.code == "idempotency_conflict"
    assert caught.value.status == 422


def test_one_reference_earns_once(house: House) -> None:
    person = house.member()
    member = {"phone": person.phone}
    first = house.green.client.earn(member=member, merchant_ref="once", amount=10_000).data
    with pytest.raises(ConflictError) as caught:
        house.green.client.earn(member=member, merchant_ref="once", amount=10_000)
    assert caught.value.code == "duplicate_reference"
    assert caught.value.facts == {"merchant_ref": "once", "entry": first["id"]}
    assert first["id"] in str(caught.value)


def test_a_redemption_at_once_and_its_replay_with_a_used_code(house: House) -> None:
    person = house.member(points=100)
    member = person.code()
    when = utc_now()
    key = new_idempotency_key()
    first, second = (
        house.blue.client.redeem(
            member=member,
            merchant_ref="r-1",
            amount=29_500,
            occurred_at=when,
            idempotency_key=key,
        )
        for _ in range(2)
    )
    assert first.data["points"] == 30  # 29,500 ÷ 1,000, rounded up
    assert first.data["worth"] == {"amount": 30_000, "currency": "IRR"}
    assert first.data["state"] == "captured"
    assert first.data["balance"]["available"] == 70
    assert second.replayed
    assert second.content == first.content
    with pytest.raises(InvalidRequestError) as caught:
        house.blue.client.redeem(member=member, merchant_ref="r-2", points=1)
    assert caught.value.code == "code_used"


def test_a_hold_is_captured_in_part_and_refunded(house: House) -> None:
    person = house.member(points=100)
    held = house.green.client.redeem(
        member=person.code(), merchant_ref="h-1", points=60, capture="manual"
    ).data
    assert held["state"] == "authorised"
    assert held["expires_at"] > utc_now().isoformat()
    taken = house.green.client.capture(held["id"], points=45).data
    assert (taken["points"], taken["released"]) == (45, 15)
    # A capture that names no reference is found by its authorisation's.
    with house.services.database.reading() as session:
        found = searching.by_reference(
            session,
            merchant_id=house.green.merchant_id,
            merchant_ref="h-1",
            first=date.fromisoformat(taken["business_date"]),
            last=date.fromisoformat(taken["business_date"]),
            limit=9,
        )
    assert [each.kind for each in found] == ["authorisation", "capture"]
    assert {each.merchant_ref for each in found} == {"h-1"}
    with pytest.raises(ConflictError) as again:
        house.green.client.capture(held["id"])
    assert again.value.code == "already_captured"
    back = house.green.client.refund_redemption(held["id"], merchant_ref="h-1-back", amount=9_100)
    assert back.data["points"] == 10
    status = house.green.client.redemption(held["id"]).data
    assert (status["state"], status["captured"], status["refunded"]) == ("captured", 45, 10)
    with pytest.raises(InvalidRequestError) as over:
        house.green.client.refund_redemption(held["id"], merchant_ref="h-1-more", points=36)
    assert over.value.code == "refund_exceeds_original"


def test_a_hold_lasts_a_quarter_of_an_hour_or_as_long_as_it_says(house: House) -> None:
    person = house.member(points=100)
    for minutes, asked in ((15, None), (1, 1), (60, 60)):
        before = utc_now()
        held = house.green.client.redeem(
            member=person.code(),
            merchant_ref=f"m-{minutes}",
            points=5,
            capture="manual",
            hold_minutes=asked,
        ).data
        until = datetime.fromisoformat(held["expires_at"]) - timedelta(minutes=minutes)
        assert before <= until <= utc_now()
    refused: list[tuple[int, Literal["auto", "manual"], str]] = [
        (61, "manual", "too_large"),
        (5, "auto", "only_with"),
    ]
    for asked, capture, problem in refused:
        with pytest.raises(InvalidRequestError) as caught:
            house.green.client.redeem(
                member=person.code(),
                merchant_ref="m-no",
                points=5,
                capture=capture,
                hold_minutes=asked,
            )
        assert [(each["pointer"], each["code"]) for each in caught.value.errors] == [
            ("/hold_minutes", problem)
        ]


def test_a_void_frees_the_reference(house: House) -> None:
    person = house.member(points=50)
    held = house.green.client.redeem(
        member=person.code(), merchant_ref="v-1", points=50, capture="manual"
    ).data
    assert house.green.client.void(held["id"]).data["state"] == "voided"
    with pytest.raises(ConflictError) as caught:
        house.green.client.capture(held["id"])
    assert caught.value.code == "already_voided"
    again = house.green.client.redeem(member=person.code(), merchant_ref="v-1", points=50).data
    assert again["state"] == "captured"


def test_a_reversal_undoes_what_came_and_bars_what_did_not(house: House) -> None:
    person = house.member(points=40)
    named = {"phone": person.phone}
    house.green.client.redeem(member=person.code(), merchant_ref="x-1", points=40)
    undone = house.green.client.reverse(member=named, merchant_ref="x-1").data
    assert undone["state"] == "refunded"
    assert house.green.client.reverse(member=named, merchant_ref="x-2").data["state"] == "barred"
    with pytest.raises(ConflictError) as caught:
        house.green.client.redeem(member=person.code(), merchant_ref="x-2", points=40)
    assert caught.value.code == "reference_barred"


def test_refunds_of_a_purchase_by_amount_and_by_lines(house: House) -> None:
    person = house.member()
    member = {"phone": person.phone}
    bought = house.green.client.earn(member=member, merchant_ref="f-1", amount=300_000).data
    by_amount = house.green.client.refund_earning(
        bought["id"], merchant_ref="f-1-a", amount=105_000
    )
    assert (by_amount.data["points"], by_amount.data["debt"]) == (10, 0)
    lines: list[dict[str, str | int]] = [
        {"category": "produce", "amount": 100_000},
        {"amount": 50_000},
    ]
    bought = house.green.client.earn(
        member=member, merchant_ref="f-2", amount=150_000, lines=lines
    ).data
    by_lines = house.green.client.refund_earning(
        bought["id"], merchant_ref="f-2-a", lines=[{"line": 0, "amount": 50_000}]
    )
    assert by_lines.data["points"] == 15
    with pytest.raises(InvalidRequestError) as caught:
        house.green.client.refund_earning(
            bought["id"], merchant_ref="f-2-b", lines=[{"line": 1, "amount": 50_001}]
        )
    assert caught.value.code == "refund_exceeds_original"


def test_points_that_are_spent_become_a_debt_that_the_next_purchase_repays(house: House) -> None:
    person = house.member()
    member = {"phone": person.phone}
    bought = house.green.client.earn(member=member, merchant_ref="d-1", amount=500_000).data
    house.blue.client.redeem(member=person.code(), merchant_ref="d-2", points=40)
    refunded = house.green.client.refund_earning(bought["id"], merchant_ref="d-3", amount=500_000)
    assert (refunded.data["points"], refunded.data["debt"]) == (10, 40)
    repaid = house.green.client.earn(member=member, merchant_ref="d-4", amount=450_000).data
    assert repaid["repaid"] == 40


def test_only_the_code_spends(house: House) -> None:
    person = house.member(points=10)
    token = house.green.client.lookup(member=person.code()).data["token"]
    for member in ({"phone": person.phone}, {"card": person.card}, {"token": token}):
        with pytest.raises(ForbiddenError) as caught:
            house.green.client.redeem(member=member, merchant_ref="s-1", points=1)
        assert caught.value.code == "consent_required"


def test_a_token_earns_at_its_merchant_only(house: House) -> None:
    person = house.member()
    before = utc_now().replace(microsecond=0)
    found = house.green.client.lookup(member={"card": person.card}).data
    issued = datetime.fromisoformat(found["expires_at"]) - timedelta(minutes=15)
    assert before <= issued <= utc_now()
    assert found["name"] == "M••• K•••"
    assert found["can_redeem"] is False
    member = {"token": found["token"]}
    earned = house.green.client.earn(member=member, merchant_ref="t-1", amount=10_000)
    assert earned.data["points"] == 1
    with pytest.raises(InvalidRequestError) as caught:
        house.blue.client.earn(member=member, merchant_ref="t-1", amount=10_000)
    assert caught.value.code == "token_invalid"
    elsewhere = house.blue.client.lookup(member={"card": person.card}).data
    assert elsewhere["member"] != found["member"]


def test_a_code_that_ran_out_earns_nothing_new_but_replays(house: House) -> None:
    person = house.member()
    old = person.code(ago=timedelta(minutes=10))
    with pytest.raises(InvalidRequestError) as caught:
        house.green.client.earn(member=old, merchant_ref="o-1", amount=10_000)
    assert caught.value.code == "code_expired"
    with pytest.raises(InvalidRequestError) as spent:
        house.green.client.redeem(member=old, merchant_ref="o-2", points=1)
    assert spent.value.code in {"code_expired", "insufficient_points"}


def test_locked_empty_and_limited_wallets(house: House) -> None:
    person = house.member(points=20)
    for refused, member, points in (
        ("insufficient_points", person.code(), 21),
        ("code_limit", person.code(limit=5), 6),
    ):
        with pytest.raises(InvalidRequestError) as caught:
            house.green.client.redeem(member=member, merchant_ref="l-1", points=points)
        assert caught.value.code == refused
    person.lock()
    with pytest.raises(InvalidRequestError) as locked:
        house.green.client.redeem(member=person.code(), merchant_ref="l-1", points=1)
    assert locked.value.code == "spend_locked"
    earned = house.green.client.earn(
        member={"phone": person.phone}, merchant_ref="l-2", amount=10_000
    )
    assert earned.data["points"] == 1


def test_another_merchants_entries_are_not_there(house: House) -> None:
    person = house.member(points=10)
    bought = house.green.client.earn(
        member={"phone": person.phone}, merchant_ref="mine", amount=10_000
    ).data
    held = house.green.client.redeem(
        member=person.code(), merchant_ref="mine", points=5, capture="manual"
    ).data
    calls: tuple[Callable[[], Answer], ...] = (
        lambda: house.blue.client.refund_earning(bought["id"], merchant_ref="m", amount=1),
        lambda: house.blue.client.capture(held["id"]),
        lambda: house.blue.client.void(held["id"]),
        lambda: house.blue.client.redemption(held["id"]),
        lambda: house.blue.client.transaction(bought["id"]),
        lambda: house.blue.client.refund_redemption(held["id"], merchant_ref="m", points=1),
    )
    for call in calls:
        with pytest.raises(NotFoundError):
            call()


def test_the_merchants_list_pages_and_explains(house: House) -> None:
    person = house.member()
    before = len(list(house.blue.client.transactions(page=2)))
    ids = [
        house.blue.client.earn(
            member={"phone": person.phone}, merchant_ref=f"page-{number}", amount=20_000
        ).data["id"]
        for number in range(5)
    ]
    rows = list(house.blue.client.transactions(page=2))
    assert len(rows) == before + 5
    assert set(ids) <= {row["id"] for row in rows}
    one = house.blue.client.transaction(ids[0]).data
    assert one["kind"] == "issuance"
    assert one["points"] == 2
    assert one["explanation"][0]["en"]
    tomorrow = house.today() + timedelta(days=1)
    assert list(house.blue.client.transactions(since=tomorrow)) == []


def test_settlements_are_empty_before_the_first_night(house: House) -> None:
    assert list(house.green.client.settlements()) == []
    with pytest.raises(NotFoundError):
        house.green.client.settlement("win_" + "a" * 26)


def test_unknown_members_and_keys(house: House) -> None:
    with pytest.raises(NotFoundError) as caught:
        house.green.client.earn(member={"phone": "09350000000"}, merchant_ref="u", amount=1)
    assert caught.value.code == "unknown_member"
    assert caught.value.errors[0]["pointer"] == "/member/phone"
    stranger = GatewayClient(
        url=house.url, key_id=house.green.key_id, key=Ed25519SigningKey.generate(), attempts=1
    )
    with pytest.raises(AuthenticationError) as refused:
        stranger.ping()
    assert refused.value.code == "signature_invalid"
    stranger.close()
