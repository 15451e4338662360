"""The public door through the real server, and the way from it to a live call."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import redis
import requests
from click.testing import CliRunner, Result
from sqlalchemy import create_engine, text

from config.cli.main import group
from merchant_gateway.errors import InvalidRequestError
from merchant_gateway.signing import Ed25519SigningKey, HmacKey
from merchant_gateway.terms import Terms
from network.merchants import applications, queries
from network.merchants.access_epoch import announce
from network.merchants.errors import MerchantStateError
from network.operators.audit import verify
from tests.fixtures.cluster import Cluster
from tests.integration.gateway import house as houses
from tests.integration.gateway.house import House, utc_now
from tests.integration.gateway.till import ask, purchase

GOOD = {
    "name_fa": "نان بهار",
    "name_en": "Bahar Bakery",
    "kind": "grocer",
    "contact_name": "Sara Amini",
    "contact_email": "sara@bahar.example",
    "contact_phone": "02188776655",
}
PING: dict[str, Any] = {"method": "GET", "target": "/v1/ping"}


@pytest.fixture(autouse=True)
def another_day(cluster: Cluster, gateway_database: str) -> Iterator[None]:
    """Let what other tests sent be of the day before: everything comes from one address."""
    engine = create_engine(cluster.url("peyvand_owner", database=gateway_database))
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE network.merchant_application SET applied_at = now() - interval '2 days'")
        )
    yield
    engine.dispose()


def apply(house: House, body: Any = GOOD, **headers: str) -> requests.Response:
    """Send an application as JSON; ``...`` takes a field out."""
    if isinstance(body, dict):
        body = json.dumps({name: value for name, value in body.items() if value is not ...})
    return requests.post(
        f"{house.url}/applications",
        data=body.encode() if isinstance(body, str) else body,
        headers={"Content-Type": "application/json", **headers},
        timeout=20,
    )


def run(house: House, redis_url: str, *arguments: str) -> Result:
    """Run ``peyvand merchant`` as an operator on the same installation would."""
    environment = houses.environment_of(house.services)
    return CliRunner().invoke(
        group, ["merchant", *arguments], env=environment, catch_exceptions=False
    )


def test_from_the_form_to_a_live_purchase(house: House, redis_url: str) -> None:
    key = Ed25519SigningKey.generate()
    answer = apply(house, GOOD | {"public_key": key.verifying_key().to_pem()})
    assert answer.status_code == 201, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    given = answer.json()
    assert "secret" not in given["key"]
    how: dict[str, Any] = {"key": key, "key_id": given["key"]["key_id"]}
    pinged = ask(house, house.green, **PING, **how).json()
    assert (pinged["merchant_status"], pinged["environment"]) == ("applied", "test")
    other = ask(house, house.green, **PING, **how | {"key": Ed25519SigningKey.generate()}).json()
    assert other["code"] == "signature_invalid"
    assert other["signature_base"].startswith('"@method": GET\n"@authority": 127.0.0.1')
    assert other["see"].endswith("/docs/guide/signing#when-it-is-refused")
    with pytest.raises(MerchantStateError):
        run(house, redis_url, "key", "add", pinged["merchant"], "--environment", "live")
    waiting = json.loads(run(house, redis_url, "applications", "--json").output)
    assert given["id"] in {each["id"] for each in waiting}
    assert "sara@bahar.example" not in json.dumps(waiting)
    shown = run(house, redis_url, "applications", given["id"]).output
    assert "sara@bahar.example" in shown
    approved = run(house, redis_url, "approve", given["id"], "--code", "bahar")
    assert approved.exit_code == 0
    assert ask(house, house.green, **PING, **how).json()["merchant_status"] == "approved"
    live = json.loads(
        run(house, redis_url, "key", "add", "bahar", "--environment", "live", "--json").output
    )
    secret = HmacKey(bytes.fromhex(live["secret"].removeprefix("hmac:")))
    own: dict[str, Any] = {"key": secret, "key_id": live["key_id"]}
    assert ask(house, house.green, **PING, **own).json()["merchant_status"] == "active"
    person = house.member()
    refused = ask(house, house.green, body=purchase(person.phone, store=...), **own)
    assert refused.json()["code"] in {"no_agreement", "no_earning_terms"}
    with house.services.database.reading() as session:
        assert verify(session).intact


def test_a_live_key_waits_for_the_test_call(house: House, redis_url: str) -> None:
    added = run(house, redis_url, "add", "quiet", "--name-fa", "آرام", "--name-en", "Quiet")
    assert added.exit_code == 0
    made = run(house, redis_url, "key", "add", "quiet", "--environment", "test", "--json")
    secret = json.loads(made.output)
    with pytest.raises(Exception, match="signed nothing"):
        run(house, redis_url, "key", "add", "quiet", "--environment", "live")
    key = HmacKey(bytes.fromhex(secret["secret"].removeprefix("hmac:")))
    pinged = ask(house, house.green, **PING, key=key, key_id=secret["key_id"])
    assert pinged.status_code == 200
    live = run(house, redis_url, "key", "add", "quiet", "--environment", "live")
    assert live.exit_code == 0
    assert json.loads(run(house, redis_url, "show", "quiet", "--json").output)["status"] == "active"


def test_the_command_line_revokes_and_suspends_at_once(house: House, redis_url: str) -> None:
    run(house, redis_url, "add", "swift", "--name-fa", "تندرو", "--name-en", "Swift")
    made = json.loads(
        run(house, redis_url, "key", "add", "swift", "--environment", "test", "--json").output
    )
    key = HmacKey(bytes.fromhex(made["secret"].removeprefix("hmac:")))
    how: dict[str, Any] = {"key": key, "key_id": made["key_id"]}
    for _ in range(6):
        assert ask(house, house.green, **PING, **how).status_code == 200
    run(house, redis_url, "suspend", "swift", "--reason", "a test")
    for _ in range(6):
        assert ask(house, house.green, **PING, **how).json()["code"] == "merchant_suspended"
    run(house, redis_url, "resume", "swift")
    assert ask(house, house.green, **PING, **how).status_code == 200
    run(house, redis_url, "key", "revoke", "swift", made["key_id"])
    for _ in range(6):
        assert ask(house, house.green, **PING, **how).json()["code"] == "key_revoked"
    listed = json.loads(run(house, redis_url, "key", "list", "swift", "--json").output)
    assert [each["state"] for each in listed] == ["revoked"]


def test_stores_and_tills_by_command(house: House, redis_url: str) -> None:
    names = ["--name-fa", "دوم", "--name-en", "Second"]
    assert run(house, redis_url, "store", "add", "green", "second", *names).exit_code == 0
    assert (
        run(
            house, redis_url, "terminal", "add", "green", "second", "T-1", "--name", "One"
        ).exit_code
        == 0
    )
    person = house.member()
    good = purchase(person.phone, store="second", terminal="T-1")
    assert ask(house, house.green, body=good).status_code == 201
    other = ask(house, house.green, body=purchase(person.phone, store="second", terminal="T-2"))
    assert other.json()["errors"][0] | {"detail": ""} == {
        "pointer": "/terminal", "code": "unknown_terminal", "detail": "",
    }  # fmt: skip
    free = purchase(person.phone, store="main", terminal="whatever")
    assert ask(house, house.green, body=free).status_code == 201
    run(house, redis_url, "terminal", "close", "green", "second", "T-1")
    run(house, redis_url, "store", "rename", "green", "second", *names[:3], "Third")
    run(house, redis_url, "store", "close", "green", "second")
    with house.services.database.reading() as session:
        store = queries.store_by_code(session, merchant_id=house.green.merchant_id, code="second")
        assert store is not None
        assert (store.name_en, store.closed_at is not None) == ("Third", True)
        tills = queries.terminals(session, store_id=store.store_id)
        assert [each.closed_at is not None for each in tills] == [True]
    with pytest.raises(InvalidRequestError, match="closed_store"):
        Terms(house.services).store(merchant_id=house.green.merchant_id, code="second")


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"name_fa": ...}, "/name_fa", "missing"),
        ({"name_en": "x" * 121}, "/name_en", "too_long"),
        ({"name_en": "a\u202eb"}, "/name_en", "control_character"),
        ({"kind": "bank"}, "/kind", "not_one_of"),
        ({"contact_email": "nobody"}, "/contact_email", "wrong_form"),
        ({"contact_phone": "call me"}, "/contact_phone", "wrong_form"),
        ({"website": "javascript:alert(1)"}, "/website", "wrong_form"),
        ({"website": 'https://a.example/"><script>'}, "/website", None),
        ({"message": "x" * 1001}, "/message", "too_long"),
        ({"public_key": "AAAA"}, "/public_key", "weak_or_no_key"),
        ({"public_key": "AQ" + "A" * 41}, "/public_key", "weak_or_no_key"),
        ({"public_key": "-----BEGIN PRIVATE KEY-----"}, "/public_key", "weak_or_no_key"),
        ({"code": "bostan"}, "/code", "unknown_field"),
        ({"status": "active"}, "/status", "unknown_field"),
        ({"contact_name": 7}, "/contact_name", "not_text"),
    ],
)
def test_what_is_wrong_is_named(
    house: House, changes: dict[str, Any], pointer: str, code: str | None
) -> None:
    refused = apply(house, GOOD | changes)
    if code is None:  # odd, but an address; the console shows it as text
        assert refused.status_code == 201
        return
    assert refused.status_code == 422
    assert [(each["pointer"], each["code"]) for each in refused.json()["errors"]] == [
        (pointer, code)
    ]


def test_bodies_that_are_no_application(house: House) -> None:
    for body, code in (
        (b"[]", "malformed_json"),
        (b'{"name_fa": "a", "name_fa": "b"}', "invalid_request"),
        (b"\xff", "malformed_json"),
        (b"{" + b" " * 20_000, "body_too_large"),
    ):
        assert apply(house, body).json()["code"] == code
    assert apply(house, GOOD, **{"Content-Type": "text/plain"}).status_code == 415
    assert requests.get(f"{house.url}/applications", timeout=20).status_code == 405


def test_five_a_day_from_one_address_and_nothing_more_is_told(house: House) -> None:
    answers = [apply(house, GOOD | {"name_en": f"Shop {number}"}) for number in range(6)]
    assert [each.status_code for each in answers] == [201] * 5 + [429]
    assert answers[0].headers["RateLimit-Policy"].startswith('"application";q=5;w=86400,')
    refused = answers[-1]
    assert refused.json()["code"] == "rate_limited"
    assert int(refused.headers["Retry-After"]) > 0
    ids = {each.json()["key"]["key_id"] for each in answers[:5]}
    assert len(ids) == 5
    # A name that the network has already is taken like any other.
    with house.services.database.reading() as session:
        every = applications.applications(session)
        paged: list[applications.ApplicationView] = []
        place: applications.Place | None = None
        while page := applications.applications(session, after=place, limit=2):
            paged += page
            place = applications.place_of(page[-1])
        named = applications.applications(session, words="sHoP 0")
        none = applications.applications(session, words="100%_")
    states = {each.name_en: each.state for each in every}
    assert states["Shop 0"] == "waiting"
    assert paged == every
    assert [each.name_en for each in named] == ["Shop 0"]
    assert none == []
    # Those that wait come first.
    assert [each.state == "waiting" for each in every] == sorted(
        (each.state == "waiting" for each in every), reverse=True
    )


def test_who_works_in_the_browser_gets_no_key_and_is_told_what_comes(house: House) -> None:
    way = {"way": "browser"}
    answer = apply(house, GOOD | way).json()
    assert set(answer) == {"id", "state", "way"}
    refused = apply(house, GOOD | way | {"public_key": "A" * 43}).json()
    assert refused["errors"][0]["pointer"] == "/public_key"
    asked = requests.post(f"{house.url}/apply?lang=en", data=GOOD, timeout=20)
    assert (asked.status_code, "Choose one of the two" in asked.text) == (422, True)
    page = requests.post(f"{house.url}/apply?lang=en", data=GOOD | way, timeout=20)
    assert page.status_code == 201
    assert "invitation code" in page.text
    assert f"{house.services.settings.portal_url}/welcome" in page.text
    assert not re.search(r"mk_test_|hmac:|Shared secret", page.text)
    with house.services.database.reading() as session:
        found = applications.applications(session, limit=1)[0]
        assert (found.way, queries.keys(session, merchant_id=found.merchant_id)) == ("browser", [])
    for number in range(4):
        late = requests.post(
            f"{house.url}/apply?lang=en",
            data=GOOD | way | {"name_en": f"Late {number}"},
            timeout=20,
        )
    assert (late.status_code, "Too many applications" in late.text) == (429, True)
    assert "Late 3" in late.text  # what was typed stands


def test_who_was_declined_is_refused_with_the_next_call(house: House, redis_url: str) -> None:
    given = apply(house).json()
    key = HmacKey(bytes.fromhex(given["key"]["secret"]))
    how: dict[str, Any] = {"key": key, "key_id": given["key"]["key_id"]}
    assert ask(house, house.green, **PING, **how).status_code == 200
    run(house, redis_url, "decline", given["id"], "--reason", "No such shop")
    for _ in range(6):
        assert ask(house, house.green, **PING, **how).json()["code"] == "key_revoked"
    shown = run(house, redis_url, "applications", given["id"]).output
    assert "sara@bahar.example" not in shown
    with pytest.raises(Exception, match="decided"):
        run(house, redis_url, "approve", given["id"], "--code", "late")


def test_a_form_that_another_site_sends_is_refused(house: House) -> None:
    for origin, status in (("https://evil.example", 400), (house.url, 422)):
        answer = requests.post(
            f"{house.url}/apply", data={"name_fa": "x"}, headers={"Origin": origin}, timeout=20
        )
        assert answer.status_code == status, origin
    page = requests.get(f"{house.url}/apply?lang=fa", timeout=20)
    assert 'dir="rtl"' in page.text
    assert "form-action 'self'" in page.headers["Content-Security-Policy"]
    echoed = requests.post(
        f"{house.url}/apply", data={"name_fa": "<script>alert(1)</script>"}, timeout=20
    )
    assert "<script>" not in echoed.text


def test_an_applicants_code_is_not_to_be_had(house: House, redis_url: str) -> None:
    given = apply(house).json()
    for code in ("green", "Not a slug", "applicant-mine", ""):
        with pytest.raises(Exception, match=r"taken|acceptable|known by"):
            run(house, redis_url, "approve", given["id"], "--code", code)
    assert run(house, redis_url, "approve", given["id"], "--code", "own-name").exit_code == 0
    with redis.Redis.from_url(redis_url) as client:
        announce(client)
    with house.services.database.reading() as session:
        view = queries.merchant(session, code="own-name")
    assert (view.status, view.joined_at <= utc_now()) == ("approved", True)
