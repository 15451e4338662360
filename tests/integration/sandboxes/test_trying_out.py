"""What a merchant's engineer tries out in a sandbox, through the real server."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest
import requests
from click.testing import CliRunner
from sqlalchemy import text

from merchant_gateway.client import (
    GatewayClient,
    InvalidRequestError,
    NotFoundError,
    RateLimitedError,
)
from merchant_gateway.client.bodies import new_idempotency_key
from merchant_gateway.client.cli import main
from merchant_gateway.schemas.answers import SANDBOX
from network.clearing.checking import check_code
from network.clearing.parties import NETWORK_PARTY
from network.clearing.signed_statements import TYP, check_statement
from network.clock import wall_now
from network.database.installation import move_clock
from network.proofs import tokens
from network.proofs.errors import ProofBrokenError
from network.sandboxes import time
from network.sandboxes.furnishing import partner_of
from network.signing.queries import TEST, active_key, published_keys
from tests.integration.gateway.house import House
from tests.integration.sandboxes.conftest import Tills
from tests.integration.sandboxes.feasts import feasts, feasts_of
from tests.integration.sandboxes.stand import Stand, reference, with_test_key
from tests.integration.webhooks.receiver import answering, receiving


@pytest.fixture(scope="module", autouse=True)
def fresh(house: House, stand: Stand) -> None:
    """Begin with empty sandboxes, whatever other modules did."""
    for shop in house.shops.values():
        stand.fresh(shop.merchant_id)


def test_a_member_earns_and_spends_and_the_night_settles(tills: Tills, house: House) -> None:
    green = tills.green
    person = green.sandbox.member().data
    assert person["phone"] == "09990000001"
    assert person["balance"]["available"] == 1_000
    lines: list[dict[str, str | int]] = [{"category": "produce", "quantity": 1, "amount": 100_000}]
    earned = green.earn(
        member={"card": person["card"]},
        merchant_ref=reference(),
        amount=100_000,
        lines=lines,
        store="main",
    )
    assert earned.data["points"] == 30  # the green shop's own terms: 3 per 10,000 on produce
    spent = green.redeem(member={"code": person["code"]}, merchant_ref=reference(), points=200)
    assert (spent.data["state"], spent.data["balance"]["available"]) == ("captured", 830)
    elsewhere = green.sandbox.spend_at_partner(person["id"], points=830)
    assert elsewhere.data["balance"]["available"] == 0
    settled = green.sandbox.settle().data
    assert settled["business_date"] == house.today().isoformat()
    totals = green.settlement(settled["settlement"]).data["totals"]
    # It gets 980 for each of the partner's 200 points, and pays 1,000 for each of its own 30, of
    # which the partner gets 980 and the network 20.
    assert (totals["receivable"], totals["payable"], totals["fees"]) == (196_000, 29_400, 600)
    taken = [each["points"] for each in green.settlement_lines(settled["settlement"])]
    assert sorted(taken) == [30, 30, 200]
    window = settled["settlement"]
    assert green.statement(window).data["environment"] == "test"
    assert b"environment,test," in green.statement(window, form="csv").content
    # Of the partner's sale of 830 points the shop may know its own 30, in a dispute too.
    line = next(
        each
        for each in green.settlement_lines(settled["settlement"])
        if each["direction"] == "payable"
    )
    with pytest.raises(NotFoundError):
        green.transaction(line["entry"])
    said = green.reconciliation.dispute(
        entry=line["entry"], reason="points", words="Twenty, by our count.", points=20
    ).data["answer"]["said"]
    assert said == {
        "statement": "peyvand dispute answer, version 2",
        "entry": line["entry"],
        "business_date": settled["business_date"],
        "points": 30,
        "lines": [
            {"kind": kind, "direction": direction, "points": 30, "price": price}
            for kind, direction, price in (
                ("margin", "fee", "20"),
                ("redemption", "payable", "980"),
            )
        ],
    }
    # Sealed and signed by the sandbox alone: nothing of it holds as the network's word.
    statement = green.statement(settled["settlement"]).data
    own = green.sandbox.read().data["keys"]
    live = requests.get(f"{house.url}/.well-known/peyvand-keys.json", timeout=20).json()["keys"]
    assert {each["environment"] for each in own} == {"test"}
    assert not {each["kid"] for each in own} & {each["kid"] for each in live}
    assert check_statement(statement, keys=own)
    with pytest.raises(ProofBrokenError):
        check_statement(statement, keys=live)


def test_a_paper_is_verified_by_the_sandbox_s_own_keys_alone(
    tills: Tills, house: House, tmp_path: Path
) -> None:
    green = tills.green
    window = _settled(green)
    file, own, live = (tmp_path / name for name in ("statement.json", "own.json", "live.json"))
    file.write_bytes(green.statement(window).content)
    own.write_text(json.dumps(green.sandbox.read().data))
    live.write_bytes(requests.get(f"{house.url}/.well-known/peyvand-keys.json", timeout=20).content)

    def verdict(*options: str) -> int:
        return CliRunner().invoke(main, ["verify", str(file), *options]).exit_code

    assert verdict("--keys", str(own), "--test") == 0
    assert verdict("--keys", str(own)) == 1, "what is made up is no word of the network"
    assert verdict("--keys", str(live), "--test") == 1
    assert verdict("--network", house.url) == 1
    file.write_text(file.read_text().replace('"closing":', '"closing":1', 1))
    assert verdict("--keys", str(own), "--test") == 1


def test_the_page_shows_a_sandbox_s_paper_as_a_test_and_to_nobody_as_a_live_one(
    tills: Tills, house: House
) -> None:
    green = tills.green
    window = _settled(green)
    digest = green.statement(window).data["digest"]
    code = check_code(bytes.fromhex(digest.removeprefix("sha-256:")))

    def page(**query: str) -> requests.Response:
        return requests.get(f"{house.url}/verify", params={"lang": "en", **query}, timeout=30)

    shown = page(code=code, test="green")
    assert (shown.status_code, digest in shown.text) == (200, True)
    assert "<title>TEST · " in shown.text
    assert "nothing in it is real" in shown.text
    assert "Published by the network" not in shown.text
    assert "peyvand-keys.json" not in shown.text
    # Its own name opens it, nothing else; each refusal reads the same.
    refused = [page(code=code), page(code=code, test="blue"), page(code=code, test="nobody")]
    assert [each.status_code for each in refused] == [404] * 3
    assert not any("sha-256:" in each.text for each in refused)
    assert refused[1].text.replace("blue", "nobody") == refused[2].text


def test_a_file_that_a_sandbox_signed_is_judged_as_a_test(tills: Tills, house: House) -> None:
    green = tills.green
    statement = green.statement(_settled(green))

    def verdict(content: bytes) -> str:
        files = {"file": ("paper", content)}
        return requests.post(
            f"{house.url}/verify", params={"lang": "en"}, files=files, timeout=30
        ).text

    for content in (statement.content, statement.data["signed"].encode()):
        told = verdict(content)
        assert "A sandbox&#39;s paper, not money" in told
        assert "nothing in it is real" in told
        assert "It holds" not in told
        assert all(each["kid"] not in told for each in _live_keys(house))
    changed = statement.content.replace(b'"closing":', b'"closing":1', 1)
    assert "It does not hold" in verdict(changed)


def test_a_file_that_two_sandboxes_signed_holds_by_neither(
    tills: Tills, house: House, stand: Stand
) -> None:
    """Each signature is good by its own keys; a file has one signer or none."""
    document = tills.green.statement(_settled(tills.green)).data
    own = tills.green.sandbox.read().data["keys"]
    said, _key_id = tokens.open_token(document["signed"], typ=TYP, keys=own)
    tills.blue.sandbox.read()
    with stand.inside(house.blue.merchant_id) as inside, inside.database.reading() as session:
        key = active_key(session, vault=inside.vault, purpose="seals")
        theirs = published_keys(session, environment=TEST)
    signed = tokens.sign(said, key=key, typ=TYP)
    assert tokens.open_token(signed, typ=TYP, keys=theirs)[0] == said
    for told, holds in ((document, True), ({**document, "signed": signed}, False)):
        page = requests.post(
            f"{house.url}/verify",
            params={"lang": "en"},
            files={"file": ("paper", json.dumps(told).encode())},
            timeout=30,
        ).text
        assert ("A sandbox&#39;s paper, not money" in page) is holds
        assert ("It does not hold" in page) is not holds


def _live_keys(house: House) -> list[dict[str, str]]:
    found: list[dict[str, str]] = requests.get(
        f"{house.url}/.well-known/peyvand-keys.json", timeout=20
    ).json()["keys"]
    return found


def test_codes_are_fresh_and_spend_up_to_their_limit(tills: Tills) -> None:
    person = tills.green.sandbox.member(name="Mina Karimi", points=50).data
    codes = [tills.green.sandbox.code(person["id"], limit=20).data for _ in range(2)]
    assert codes[0]["code"] != codes[1]["code"]
    with pytest.raises(InvalidRequestError) as refused:
        tills.green.redeem(member={"code": codes[0]["code"]}, merchant_ref=reference(), points=21)
    assert refused.value.code == "code_limit"
    tills.green.redeem(member={"code": codes[1]["code"]}, merchant_ref=reference(), points=20)
    now = tills.green.sandbox.read_member(person["id"]).data
    assert now == {
        "id": person["id"],
        "phone": person["phone"],
        "card": person["card"],
        "balance": {"available": 30, "pending": 0, "held": 0, "debt": 0},
    }
    found = tills.green.lookup(member={"phone": person["phone"]}).data
    assert (found["member"], found["name"]) == (person["id"], "M••• K•••")


def test_time_moves_in_one_sandbox_alone(tills: Tills, house: House, stand: Stand) -> None:
    blue, green = tills.blue, tills.green
    before = green.sandbox.read().data["programme_time"]
    person = blue.sandbox.member(points=0).data
    earned = blue.earn(
        member={"phone": person["phone"]}, merchant_ref=reference(), amount=500_000
    ).data
    assert earned["state"] == "pending"  # the blue shop's points wait for a week
    moved = blue.sandbox.move_clock(days=7).data
    assert moved["business_date"] == (house.today() + timedelta(days=7)).isoformat()
    balance = blue.sandbox.read_member(person["id"]).data["balance"]
    assert (balance["available"], balance["pending"]) == (50, 0)
    assert blue.sandbox.read().data["business_date"] == moved["business_date"]
    assert green.sandbox.read().data["programme_time"][:10] == before[:10]
    with stand.inside(house.blue.merchant_id) as inside:
        with inside.database.unit_of_work() as session:
            move_clock(session, to=wall_now() + timedelta(days=12), wall=wall_now())
        # A call closes so many days and no more; the next one goes on with them.
        assert [time.catch_up(inside.database, most_days=3) for _ in range(2)] == [False, True]
    blue.sandbox.move_clock(days=360)
    balance = blue.sandbox.read_member(person["id"]).data["balance"]
    assert balance["available"] == 0  # the points lapsed
    later = blue.sandbox.read().data
    dated = blue.earn(member={"phone": person["phone"]}, merchant_ref=reference(), amount=10_000)
    assert dated.data["business_date"] == later["business_date"]
    with pytest.raises(InvalidRequestError, match=later["programme_time"][:10]):
        blue.earn(
            member={"phone": person["phone"]},
            merchant_ref=reference(),
            amount=10_000,
            occurred_at=wall_now(),
        )
    with (
        stand.inside(house.blue.merchant_id) as inside,
        inside.database.unit_of_work() as session,
        pytest.raises(time.ClockTooFarError),
    ):
        time.move_on(session, by=time.FURTHEST, wall=wall_now())


def test_a_repeated_call_does_not_end_another_day(tills: Tills, stand: Stand) -> None:
    green = tills.green
    key = new_idempotency_key()
    first = green.sandbox.settle(idempotency_key=key)
    again = green.sandbox.settle(idempotency_key=key)
    assert (first.replayed, again.replayed) == (False, True)
    assert first.data == again.data
    assert first.data["settlement"] is not None or first.data["remaining"] == 0
    key = new_idempotency_key()
    moved = [green.sandbox.move_clock(days=2, idempotency_key=key).data for _ in range(2)]
    assert moved[0] == moved[1]
    assert green.sandbox.read().data["business_date"] == moved[0]["business_date"]


def test_the_worker_delivers_webhooks_and_works_batches_off(
    tills: Tills, house: House, stand: Stand
) -> None:
    green = tills.green
    person = green.sandbox.member(points=0).data
    stand.tend()  # who has no endpoint yet is told nothing of before
    before = _live_events(house)
    with receiving(answering(204)) as receiver:
        made = green.endpoints.create(receiver.url)
        line = {
            "type": "earn",
            "member": {"phone": person["phone"]},
            "merchant_ref": reference(),
            "amount": 70_000,
            "currency": "IRR",
            "occurred_at": green.sandbox.read().data["programme_time"],
        }
        sent = green.batches.send([line])
        stand.tend()
        assert green.batches.status(sent.data["id"]).data["posted"] == 1
        stand.tend()
        receiver.wait_for(1)
        events = [each.event for each in receiver.requests]
        green.endpoints.delete(made.data["id"])
    assert [each["type"] for each in events] == ["earning.created"]
    assert events[0]["data"]["merchant_ref"] == line["merchant_ref"]
    assert events[0]["data"]["member"] == person["id"]
    assert _live_events(house) == before


def test_a_reset_begins_again_with_today_s_campaigns(
    tills: Tills, house: House, stand: Stand
) -> None:
    blue = tills.blue
    person = blue.sandbox.member().data
    _opened_ago(house, "1 minute")
    stand.keep()
    with feasts(house) as live:
        blue.sandbox.reset()
        assert blue.sandbox.read().data["business_date"] == house.today().isoformat()
    with stand.inside(house.blue.merchant_id) as inside:
        copied = feasts_of(inside, house)
        with inside.database.reading() as session:
            partner = partner_of(session).merchant_id
    assert [replace(each, funders=()) for each in copied] == [
        replace(each, funders=()) for each in live
    ]
    # The other shop pays a share live; here the partner does, and nobody is named.
    shares = {(each.party_id, each.share) for each in copied[0].funders}
    assert shares == {(partner, 6_000), (NETWORK_PARTY, 4_000)}
    golden = blue.sandbox.member(tier="sandbox-gold", points=0).data
    assert golden["phone"] == "09990000001"
    assert blue.quote(amount=500_000).data["points"] == 50 + 15
    named = blue.quote(amount=500_000, member={"phone": golden["phone"]}).data
    assert named["points"] == 50 + 50 + 15
    earned = blue.earn(member={"phone": golden["phone"]}, merchant_ref=reference(), amount=500_000)
    assert earned.data["points"] == 50 + 50 + 15
    with pytest.raises(InvalidRequestError) as unknown:
        blue.sandbox.member(tier="platinum")
    assert unknown.value.errors[0]["code"] == "unknown_tier"
    with pytest.raises(NotFoundError):
        blue.sandbox.read_member(person["id"])
    _opened_ago(house, "0 seconds")
    hasty = with_test_key(house, house.blue, attempts=1)
    with pytest.raises(RateLimitedError):
        hasty.sandbox.reset()
    hasty.close()


def test_answers_are_as_documented(tills: Tills) -> None:
    sandbox = tills.green.sandbox
    person = sandbox.member()
    shown = {
        "Sandbox": sandbox.read(),
        "SandboxMember": person,
        "SandboxMemberNow": sandbox.read_member(person.data["id"]),
        "SandboxCode": sandbox.code(person.data["id"]),
        "SandboxVisit": sandbox.spend_at_partner(person.data["id"], points=1),
        "SandboxClock": sandbox.move_clock(days=1),
        "SandboxSettlement": sandbox.settle(),
    }
    for name, answer in shown.items():
        jsonschema.validate(answer.data, SANDBOX[name])
    assert {*shown, "SandboxReset"} == set(SANDBOX)


def _settled(till: GatewayClient) -> str:
    """Settle a day on which something was owed; return its window."""
    person = till.sandbox.member(points=10).data
    till.redeem(member={"code": person["code"]}, merchant_ref=reference(), points=10)
    window: str = till.sandbox.settle().data["settlement"]
    return window


def _live_events(house: House) -> int:
    with house.services.database.reading() as session:
        found: int = session.execute(
            text("SELECT count(*) FROM network.merchant_event")
        ).scalar_one()
    return found


def _opened_ago(house: House, ago: str) -> None:
    """Have the blue shop's sandbox be opened a while ago, however long this test takes."""
    with house.services.database.unit_of_work() as session:
        session.execute(
            text(
                "UPDATE network.sandbox SET taken_at = now() - CAST(:ago AS interval) "
                "WHERE merchant_id = :id AND discarded_at IS NULL"
            ),
            {"id": house.blue.merchant_id, "ago": ago},
        )
