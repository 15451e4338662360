"""A merchant reconciles its day through the gateway: the guide's page, and what it leaves out."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import redis
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from config.jobs import reconcile
from config.relay import relay_once
from merchant_gateway.canonical import canonical
from merchant_gateway.client import NotFoundError, ProblemError
from merchant_gateway.client.cli import main
from merchant_gateway.client.reconciliation import Reconciliation
from network import ids
from network.clock import day_start
from network.ledger import operations
from network.merchants.happenings import Teller
from network.operators import service as operators
from network.reconciliation import disputes
from network.settings import PROGRAMME_ZONE
from tests.fixtures.fences import fences
from tests.integration.gateway.house import House, Person, utc_now
from tests.integration.gateway.player import Player
from tests.integration.gateway.till import ask, published_keys

WRITTEN_DAY = "2026-11-22"
RECORDS = "/v1/reconciliations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Yesterday:
    """A day that is over, with what the green shop sold on it."""

    day: date
    person: Person
    when: dict[str, datetime]


@pytest.fixture(scope="module")
def yesterday(house: House) -> Yesterday:
    """Sell three things at the green shop, and let the business day end."""
    day = house.today()
    person = house.member()
    when = {}
    for minute, (ref, amount) in enumerate((("G-1", 250_000), ("G-2", 150_000), ("G-3", 60_000))):
        when[ref] = max(day_start(day, zone=PROGRAMME_ZONE), utc_now() - timedelta(minutes=minute))
        house.green.client.earn(
            member={"phone": person.phone}, merchant_ref=ref, amount=amount, occurred_at=when[ref]
        )
    tomorrow = day_start(day + timedelta(days=1), zone=PROGRAMME_ZONE) + timedelta(minutes=1)
    with house.services.database.ledger() as connection:
        operations.flip_day(connection, now=tomorrow)
    return Yesterday(day=day, person=person, when=when)


def work(house: House, reconciliation_id: str) -> None:
    """Do a worker's part."""
    reconcile(house.services, reconciliation_id=str(ids.decode("rcn", reconciliation_id)))


def test_the_guide_says_what_happens(house: House, yesterday: Yesterday) -> None:
    player = Player(house=house)
    found = [block for block in fences("reconciliation") if block.words[0] == "http"]
    (record, record_answer, *rest) = found
    target, _, lines = record.text.strip().partition("\n\n")
    said = []
    for line in map(json.loads, lines.splitlines()):
        moment = yesterday.when.get(line["merchant_ref"], yesterday.when["G-1"])
        said.append(json.dumps({**line, "occurred_at": moment.isoformat()}))
    answer = ask(
        house,
        house.green,
        target=target.removeprefix("POST ").replace(WRITTEN_DAY, yesterday.day.isoformat()),
        body="\n".join(said).encode(),
        media_type="application/jsonl",
    )
    player.agree(record_answer, answer)
    work(house, answer.json()["id"])
    for call, shown in zip(rest[::2], rest[1::2], strict=True):
        player.agree(shown, player.send(call))
    assert len(rest) == 6


def test_the_network_s_word_in_a_dispute_is_signed(house: House, yesterday: Yesterday) -> None:
    client = house.green.client
    (entry,) = (
        each for each in client.transactions(since=yesterday.day) if each["merchant_ref"] == "G-3"
    )
    made = client.reconciliation.dispute(
        entry=entry["id"], reason="not_ours", words="Not in our till."
    ).data
    assert made["answer"]["said"]["merchant_ref"] == "G-3"
    jwk = next(
        each for each in published_keys(house.url) if each["kid"] == made["answer"]["key_id"]
    )
    public = base64.urlsafe_b64decode(jwk["x"] + "==")
    Ed25519PublicKey.from_public_bytes(public).verify(
        base64.b64decode(made["answer"]["signature"]), canonical(made["answer"]["said"])
    )
    with pytest.raises(ProblemError) as again:
        client.reconciliation.dispute(entry=entry["id"], reason="other", words="Once more.")
    assert again.value.code == "dispute_open"
    with pytest.raises(NotFoundError):
        house.blue.client.reconciliation.dispute(
            entry=entry["id"], reason="other", words="Somebody else's."
        )
    with pytest.raises(NotFoundError):
        house.blue.client.reconciliation.read_dispute(made["id"])
    said = client.reconciliation.say(made["id"], words="The till was off that hour.").data
    assert [each["words"] for each in said["notes"]] == ["The till was off that hour."]

    with house.services.database.unit_of_work() as session:
        judge = operators.add_operator(
            session,
            vault=house.services.vault,
            email="judge@network.example",
            name="Judge",
            role="approver",
            password="a judge keeps a long secret",
            now=utc_now(),
        ).operator.operator_id
        disputes.reject(
            session,
            dispute_id=ids.decode("dsp", made["id"]),
            words="Your till signed it.",
            by=judge,
            wall=utc_now(),
        )
    read = client.reconciliation.read_dispute(made["id"]).data
    assert (read["state"], read["decision"]) == ("rejected", "Your till signed it.")
    with pytest.raises(ProblemError) as late:
        client.reconciliation.say(made["id"], words="But…")
    assert late.value.code == "dispute_decided"


def test_a_file_from_the_command_line(
    house: House, yesterday: Yesterday, tmp_path: Path, redis_url: str
) -> None:
    shop = house.green
    lines = ["type,merchant_ref,occurred_at,amount,points,card"]
    for ref, amount in (("G-1", 250_000), ("G-2", 150_000), ("G-3", 60_000)):
        moment = yesterday.when[ref].isoformat()
        lines.append(f"earn,{ref},{moment},{amount},{amount // 10_000},{yesterday.person.card}")
    file = tmp_path / "day.csv"
    file.write_text("\r\n".join(lines) + "\r\n", encoding="utf-8")

    def worker(_seconds: float) -> None:
        work(house, next(Reconciliation(shop.client._transport).records())["id"])

    impatient = Reconciliation(shop.client._transport, sleep=worker)
    found = impatient.run_file(file, business_date=yesterday.day)
    assert (found["state"], found["lines"], found["entries"]) == ("done", 3, 3)
    assert (found["agreeing"], found["breaks"]) == (3, 0)

    (tmp_path / "key.pem").write_text(shop.key.to_pem(), encoding="ascii")
    command = [
        *("--url", house.url, "--key-id", shop.key_id, "--key-file", str(tmp_path / "key.pem")),
        *("reconcile", str(file), "--date", yesterday.day.isoformat()),
    ]
    ran = CliRunner().invoke(main, command)
    assert ran.exit_code == 0, ran.output
    assert "agreeing" in ran.output
    listed = CliRunner().invoke(main, [*command[:6], "disputes"])
    assert "not_ours" in listed.output
    read = CliRunner().invoke(main, [*command[:6], "disputes", listed.output.split()[-1]])
    assert (read.exit_code, "The network says:" in read.output) == (0, True), read.output
    said = [*command[:6], "disputes", listed.output.split()[-1], "--say", "The roll says so."]
    noted = CliRunner().invoke(main, said)
    assert (noted.exit_code, "merchant: The roll says so." in noted.output) == (0, True)
    file.write_text(lines[0] + "\r\n", encoding="utf-8")
    missing = impatient.run_file(file, business_date=yesterday.day)
    assert missing["breaks"] == 3
    assert CliRunner().invoke(main, command).exit_code == 1
    records = CliRunner().invoke(main, [*command[:6], "--json", "reconciliations"])
    newest = json.loads(records.output)[0]
    assert newest["breaks"] == 3
    one = CliRunner().invoke(main, [*command[:6], "--json", "reconciliations", newest["id"]])
    assert json.loads(one.output) == newest
    asked = [*command[:6], "--json", "reconciliations", newest["id"], "--breaks"]
    assert len(json.loads(CliRunner().invoke(main, asked).output)) == 3
    gone = CliRunner().invoke(main, [*asked, "--state", "resolved"])
    assert json.loads(gone.output) == []
    assert CliRunner().invoke(main, [*command[:6], "reconciliations", "--breaks"]).exit_code == 2

    teller = Teller(vault=house.services.vault, entry_ids=house.services.entry_ids)
    with redis.Redis.from_url(redis_url) as connection:
        while relay_once(house.services.database, connection, teller=teller):
            pass
    told = [each["type"] for each in _events(house)]
    assert told.count("reconciliation.finished") >= 2
    assert "dispute.decided" in told


def _events(house: House) -> list[dict[str, str]]:
    found = ask(house, house.green, method="GET", target="/v1/events?limit=200").json()["items"]
    return list(found)


@pytest.mark.parametrize(
    ("query", "body", "media_type", "status", "code"),
    [
        ("", b"{}\n", "application/jsonl", 422, "invalid_request"),
        ("?business_date=today", b"{}\n", "text/csv", 422, "invalid_request"),
        ("?business_date=2099-01-01", b"{}\n", "text/csv", 422, "day_not_over"),
        ("?business_date=2026-01-01", b"{}\n", "application/json", 415, "unsupported_media_type"),
    ],
)
def test_what_is_not_taken_is_refused(
    house: House,
    yesterday: Yesterday,
    query: str,
    body: bytes,
    media_type: str,
    status: int,
    code: str,
) -> None:
    answer = ask(house, house.green, target=RECORDS + query, body=body, media_type=media_type)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_records_of_others_are_not_shown(house: House, yesterday: Yesterday) -> None:
    own = ask(house, house.green, method="GET", target=RECORDS).json()["items"]
    assert own
    for path in (f"{RECORDS}/{own[0]['id']}", f"{RECORDS}/{own[0]['id']}/breaks"):
        answer = ask(house, house.blue, method="GET", target=path)
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_reconciliation")
