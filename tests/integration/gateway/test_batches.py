"""Batches through the running gateway: every line its own result, nothing lost, nothing twice."""

from __future__ import annotations

import json
import secrets
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import text

from merchant_gateway.signing import Ed25519SigningKey
from network.clock import wall_now
from network.database.connection import Database
from network.ledger import queries
from network.ledger.figures import evidence_key
from network.members.signed_bodies import entry_evidence
from network.merchants import queries as merchants
from network.merchants.evidence import Finding, check_evidence
from network.merchants.keys import register_key
from network.reconciliation.evidence import signed_request
from tests.integration.gateway.batching import (
    PATH,
    done,
    earn_line,
    refund_line,
    results,
    send_batch,
    work,
)
from tests.integration.gateway.house import House, utc_now
from tests.integration.gateway.till import ask, purchase


def points_of(house: House, member_id: Any) -> int:
    with house.services.database.reading() as session:
        view = queries.stored_wallet(session, member_id=member_id)
    assert view is not None
    return view.available + view.pending


def test_lines_become_what_single_calls_make_of_them(house: House) -> None:
    people = [house.member() for _ in range(4)]
    bread = {"sku": "bread", "category": "produce", "quantity": 1, "amount": 50_000}
    baskets: list[dict[str, Any]] = [
        {"amount": 100_000},
        {
            "amount": 250_000,
            "lines": [
                {"category": "produce", "amount": 150_000},
                {"sku": "x", "quantity": 3, "amount": 99_999},
                {"amount": 1},
            ],
            "store": "main",
            "terminal": "till-4",
            "receipt": "۱۲",
            "channel": "online",
        },
        {"amount": 5},
        {"amount": 100_000, "lines": [bread, bread]},
    ]
    lines = [earn_line(who.phone, **basket) for who, basket in zip(people, baskets, strict=True)]
    answer = send_batch(house, house.green, lines)
    assert answer.status_code == 202
    batch = answer.json()
    assert (batch["state"], batch["lines"], batch["done"]) == ("waiting", 4, 0)
    assert answer.headers["Location"] == f"{PATH}/{batch['id']}"
    assert results_so_far(house, batch["id"]) == []
    work(house, batch["id"])
    status = ask(house, house.green, method="GET", target=f"{PATH}/{batch['id']}").json()
    assert (status["state"], status["done"], status["posted"]) == ("done", 4, 4)
    assert status["finished_at"] is not None
    found = results(house, house.green, batch["id"], limit=2)
    assert [each["line"] for each in found] == [1, 2, 3, 4]
    for who, basket, line, result in zip(people, baskets, lines, found, strict=True):
        twin = house.member()
        single = ask(house, house.green, body=purchase(twin.phone, **basket)).json()
        for name in ("points", "state", "available_on", "expires_on", "business_date", "repaid"):
            assert result[name] == single[name]
        assert (result["status"], result["merchant_ref"]) == ("posted", line["merchant_ref"])
        entry = ask(
            house, house.green, method="GET", target=f"/v1/transactions/{result['id']}"
        ).json()
        twin_entry = ask(
            house, house.green, method="GET", target=f"/v1/transactions/{single['id']}"
        ).json()
        assert entry["explanation"] == twin_entry["explanation"]
        assert points_of(house, who.member_id) == points_of(house, twin.member_id)
        if basket.get("lines") == [bread, bread]:
            assert_each_line_counts_by_itself(house, single["id"], twin.member_id)
            assert_each_line_counts_by_itself(house, result["id"], who.member_id)


def assert_each_line_counts_by_itself(house: House, earning_id: str, member_id: Any) -> None:
    """Give back the first of two lines that read the same, then try it again, then the other."""
    assert points_of(house, member_id) == 30
    codes = []
    for line in (0, 0, 1):
        back = ask(
            house,
            house.green,
            target=f"/v1/earnings/{earning_id}/refunds",
            body={
                "merchant_ref": secrets.token_hex(8),
                "lines": [{"line": line, "amount": 50_000}],
                "currency": "IRR",
            },
        )
        codes.append(back.json().get("code", back.status_code))
    assert codes == [201, "refund_exceeds_original", 201]
    assert points_of(house, member_id) == 0


def results_so_far(house: House, batch_id: str) -> list[Any]:
    page = ask(house, house.green, method="GET", target=f"{PATH}/{batch_id}/items").json()
    assert page["next_cursor"] is not None
    items: list[Any] = page["items"]
    return items


def test_bad_lines_are_named_and_good_ones_go_through(house: House) -> None:
    person, other = house.member(), house.member()
    old = (utc_now() - timedelta(days=31)).isoformat()
    lines: list[tuple[dict[str, Any] | bytes, str | None, str | None]] = [
        (earn_line(person.phone), None, None),
        (b"{not json", "malformed_json", None),
        (b"", "malformed_json", None),
        (b"[1]", "malformed_json", None),
        (b"\xff{}", "malformed_json", None),
        (earn_line(person.phone, type=...), "invalid_request", "/type"),
        (earn_line(person.phone, type="spend"), "invalid_request", "/type"),
        (earn_line(person.phone, amount=0), "invalid_request", "/amount"),
        (earn_line(person.phone, amount=1.5), "invalid_request", "/amount"),
        (earn_line(person.phone, extra=1), "invalid_request", "/extra"),
        (earn_line(person.phone, merchant_ref=...), "invalid_request", "/merchant_ref"),
        (earn_line(person.phone, lines=[{"amount": 1}]), "lines_do_not_sum", "/lines"),
        (earn_line(person.phone, store="moon"), "invalid_request", "/store"),
        (earn_line(person.phone, occurred_at=old), "invalid_request", "/occurred_at"),
        (b'{"type": "earn", "type": "earn"}', "invalid_request", "/type"),
        (earn_line("0912"), "invalid_phone", "/member/phone"),
        (earn_line("09990000000"), "unknown_member", "/member/phone"),
        (earn_line(person.phone, member={"card": "1"}), "invalid_card", "/member/card"),
        (earn_line(person.phone, member={"token": "x"}), "token_invalid", "/member/token"),
        (earn_line(person.phone, member={"code": "A" * 32}), "invalid_code", "/member/code"),
        (earn_line(other.phone, member={"card": other.card}), None, None),
    ]
    found = done(house, house.green, [line for line, _, _ in lines])
    assert len(found) == len(lines)
    for (_, code, pointer), result in zip(lines, found, strict=True):
        if code is None:
            assert result["status"] == "posted"
            continue
        assert (result["status"], result["problem"]["code"]) == ("refused", code)
        if pointer is not None:
            assert pointer in [each["pointer"] for each in result["problem"]["errors"]]
    assert points_of(house, person.member_id) == points_of(house, other.member_id) == 10


def test_sent_again_nothing_is_done_twice(house: House) -> None:
    person = house.member()
    lines = [earn_line(person.phone, 10_000 * number) for number in range(1, 4)]
    first = send_batch(house, house.green, lines, idempotency_key="k" * 20)
    again = send_batch(house, house.green, lines, idempotency_key="k" * 20)
    assert first.json() == again.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    conflict = send_batch(house, house.green, lines[:2], idempotency_key="k" * 20)
    assert (conflict.status_code, conflict.json()["code"]) == (422, "idempotency_conflict")
    work(house, first.json()["id"])
    work(house, first.json()["id"])
    assert points_of(house, person.member_id) == 6
    posted = results(house, house.green, first.json()["id"])
    changed = {**lines[2], "amount": 50_000}
    known = done(house, house.green, [*lines[:2], changed])
    assert [each["status"] for each in known] == ["known", "known", "refused"]
    assert [each["id"] for each in known[:2]] == [each["id"] for each in posted[:2]]
    assert [each["points"] for each in known[:2]] == [1, 2]
    assert known[2]["problem"]["code"] == "duplicate_reference"
    assert known[2]["problem"]["facts"]["entry"] == posted[2]["id"]
    single = purchase(person.phone)
    ask(house, house.green, body=single)
    assert done(house, house.green, [{"type": "earn", **single}])[0]["status"] == "known"
    assert points_of(house, person.member_id) == 16


def test_one_key_is_one_request_whatever_its_path(house: House) -> None:
    person, shop = house.member(), house.green
    lines = json.dumps(earn_line(person.phone)).encode()
    batch: dict[str, Any] = {
        "target": "/v1/earnings/batches",
        "body": lines,
        "media_type": "application/jsonl",
    }
    endpoint = {"target": "/v1/webhook-endpoints", "body": {"url": "https://shop.example/keys"}}
    single = {"target": "/v1/earnings", "body": purchase(person.phone)}
    for number, (first, second) in enumerate(permutations((batch, endpoint, single), 2)):
        key = f"one-key-for-all-{secrets.token_hex(4)}-{number}"
        made = ask(house, shop, **{**first, "idempotency_key": key})
        assert made.ok, made.text
        other = ask(house, shop, **{**second, "idempotency_key": key})
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_conflict")
        again = ask(house, shop, **{**first, "idempotency_key": key})
        assert again.headers["Idempotent-Replayed"] == "true"
        single["body"] = purchase(person.phone)
        if first is endpoint:
            shop.client.endpoints.delete(made.json()["id"])


def test_a_members_lines_are_posted_in_their_order(house: House) -> None:
    person, other = house.member(), house.member()
    bought = earn_line(person.phone, 500_000)
    refunded = refund_line(person.phone, bought, amount=200_000)
    too_much = refund_line(person.phone, bought, amount=400_000)
    later = earn_line(person.phone, 70_000)
    lines = [
        refund_line(person.phone, bought, amount=1),
        bought,
        refunded,
        earn_line(other.phone, 30_000),
        too_much,
        later,
    ]
    found = done(house, house.green, lines)
    assert [each["status"] for each in found] == [
        *("refused", "posted", "posted", "posted", "refused", "posted")
    ]
    assert found[0]["problem"]["code"] == "unknown_original"
    assert found[4]["problem"]["code"] == "refund_exceeds_original"
    assert (found[2]["points"], found[2]["debt"]) == (20, 0)
    assert points_of(house, person.member_id) == 50 - 20 + 7
    again = done(house, house.green, [bought, refunded, later])
    assert [each["status"] for each in again] == ["known"] * 3
    assert [each["id"] for each in again] == [found[place]["id"] for place in (1, 2, 5)]


def test_a_code_spends_if_it_was_valid_when_the_batch_came(house: House) -> None:
    person = house.member(points=100)
    common: dict[str, Any] = {"type": "redeem", "amount": ..., "currency": ...}
    fresh = earn_line(person.phone, **{**common, "member": person.code(), "points": 30})
    by_phone = earn_line(person.phone, **{**common, "points": 5})
    stale = earn_line(
        person.phone,
        **{**common, "member": person.code(ago=timedelta(minutes=10)), "points": 5},
    )
    found = done(house, house.green, [fresh, by_phone, stale])
    assert [each["status"] for each in found] == ["posted", "refused", "refused"]
    assert found[1]["problem"]["code"] == "consent_required"
    assert found[2]["problem"]["code"] == "code_expired"
    assert points_of(house, person.member_id) == 70
    back = {
        "type": "refund_redeem",
        "member": {"phone": person.phone},
        "merchant_ref": "back",
        "original_ref": fresh["merchant_ref"],
        "points": 10,
        "occurred_at": utc_now().isoformat(),
    }
    assert done(house, house.green, [back])[0]["status"] == "posted"
    assert points_of(house, person.member_id) == 80


def test_a_code_spends_however_long_its_batch_waits_for_a_worker(
    house: House, gateway_owner_url: str
) -> None:
    """In an installation whose clock is nobody's to choose: the ledger is told what time it is."""
    person = house.member(points=100)
    hour = timedelta(hours=1)
    of_points: dict[str, Any] = {"type": "redeem", "amount": ..., "currency": ...}
    spent = earn_line(person.phone, **{**of_points, "member": person.code(ago=hour), "points": 30})
    bought = earn_line(person.phone, 50_000)
    batch = send_batch(house, house.green, [spent, bought]).json()["id"]
    owner = Database(gateway_owner_url, pool_size=1)
    with owner.unit_of_work() as session:
        session.execute(text("UPDATE network.installation SET artificial_clock = false"))
        session.execute(
            text("UPDATE network.batch SET received_at = received_at - :hour"), {"hour": hour}
        )
    try:
        work(house, batch)
    finally:
        with owner.unit_of_work() as session:
            session.execute(text("UPDATE network.installation SET artificial_clock = true"))
        owner.dispose()
    found = results(house, house.green, batch)
    assert [each["status"] for each in found] == ["posted", "posted"], found


def test_every_entry_leads_to_the_signed_request(house: House) -> None:
    person = house.member()
    bought = earn_line(person.phone, 50_000)
    lines: list[Any] = [b"broken", bought, refund_line(person.phone, bought, amount=10_000)]
    found = done(house, house.green, lines)
    services = house.services
    for place in (1, 2):
        key = services.entry_ids.decode(
            found[place]["id"], prefix=found[place]["id"].partition("_")[0]
        )
        with services.database.reading() as session:
            kept = entry_evidence(
                session, services.vault, member_id=key.member_id, sequence=key.sequence
            )
            assert kept is not None
            view = merchants.key(session, key_id=kept.key_id)
            entry = queries.entry(session, member_id=key.member_id, sequence=key.sequence)
            assert entry is not None
            assert kept.key_id == evidence_key(
                session,
                member_id=key.member_id,
                sequence=key.sequence,
                business_date=entry.business_date,
            )
        with services.database.unit_of_work() as session:
            shown = signed_request(
                session,
                services.vault,
                entry=entry,
                public_id=found[place]["id"],
                reveal=False,
                actor="system",
                wall=utc_now(),
            )
        assert shown is not None
        assert (shown.line, shown.masked, shown.size) == (place + 1, True, len(kept.body))
        assert shown.body is not None
        assert lines[place]["merchant_ref"] in shown.body
        assert person.phone not in shown.body
        assert kept.line == place + 1
        assert lines[place]["merchant_ref"].encode() in kept.body.split(b"\n")[place]
        finding = check_evidence(
            services.vault, evidence=kept, key=view, merchant_id=house.green.merchant_id
        )
        assert finding == Finding.SIGNED
    with (
        pytest.raises(Exception, match="permission denied"),
        services.database.reading() as session,
    ):
        session.execute(text("SELECT body FROM network.batch_request"))


def test_problems_are_told_in_the_readers_language(house: House) -> None:
    answer = send_batch(house, house.green, [earn_line("09990000000", amount=0)])
    work(house, answer.json()["id"])
    problem = results(house, house.green, answer.json()["id"], language="fa")[0]["problem"]
    assert not problem["title"].isascii()
    assert not problem["errors"][0]["detail"].isascii()


def test_a_key_opens_no_more_in_a_batch_than_by_itself(house: House) -> None:
    person, key = house.member(), Ed25519SigningKey.generate()
    with house.services.database.unit_of_work() as session:
        registered = register_key(
            session,
            house.services.vault,
            merchant_id=house.green.merchant_id,
            environment="live",
            public_key=key.verifying_key().to_raw(),
            scopes=["earnings"],
            now=wall_now(),
        )
    bought = earn_line(person.phone, 50_000)
    lines = [bought, refund_line(person.phone, bought, amount=10_000)]
    found = done(house, house.green, lines, key=key, key_id=registered.key_id)
    assert [each["status"] for each in found] == ["posted", "refused"]
    assert found[1]["problem"]["code"] == "insufficient_scope"
    assert found[1]["problem"]["facts"] == {"scope": "refunds"}
