"""``peyvand-merchant`` and the pages that anybody may read."""

from __future__ import annotations

import json
import re
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner, Result

from merchant_gateway.client import (
    ArgumentError,
    GatewayClient,
    ProblemError,
    Request,
    UnreachableError,
    UntrustedAnswerError,
)
from merchant_gateway.client.bodies import new_idempotency_key
from merchant_gateway.client.cli import main
from merchant_gateway.client.journal import read_journal
from merchant_gateway.signing import Ed25519SigningKey
from tests.integration.gateway.batching import earn_line
from tests.integration.gateway.house import House, utc_now
from tests.integration.webhooks.receiver import answering, receiving

_VARIABLES = (
    *("PEYVAND_GATEWAY_URL", "PEYVAND_KEY_ID", "PEYVAND_KEY_FILE"),
    *("PEYVAND_MERCHANT_PROFILES", "PEYVAND_MERCHANT_PROFILE"),
)
_APPLICATION = (
    *("apply", "--name-en", "Bahar", "--name-fa", "بهار", "--kind", "grocer"),
    *("--contact-name", "Sara", "--contact-email", "sara@bahar.example"),
    *("--contact-phone", "02188776655"),
)


@pytest.fixture
def profile(house: House, tmp_path: Path) -> Path:
    """Return a profile file for the green shop."""
    (tmp_path / "till.pem").write_text(house.green.key.to_pem(), encoding="ascii")
    file = tmp_path / "merchant.toml"
    file.write_text(
        f'[default]\nurl = "{house.url}"\nkey_id = "{house.green.key_id}"\nkey_file = "till.pem"\n',
        encoding="utf-8",
    )
    return file


def _run(profile: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--profiles", str(profile), *arguments])


def test_a_day_at_the_till(house: House, profile: Path) -> None:
    person = house.member()
    assert house.green.key_id in _run(profile, "ping").output
    earned = _run(
        profile, "earn", "--phone", person.phone, "--ref", "c-1", "--amount", "500000",
        "--line", "s:produce:1:100000", "--line", "::2:400000",
    )  # fmt: skip
    assert earned.exit_code == 0, earned.output
    assert re.search(r"^points +70$", earned.output, re.MULTILINE)
    quoted = _run(profile, "--json", "quote", "--amount", "500000")
    assert json.loads(quoted.output)["points"] == 50
    found = _run(profile, "--json", "lookup", "--card", person.card)
    assert json.loads(found.output)["name"] == "M••• K•••"
    code = person.code()["code"]
    held = _run(
        profile, "--json", "redeem", "--code", code, "--ref", "c-2", "--points", "20",
        "--capture", "manual",
    )  # fmt: skip
    redemption = json.loads(held.output)["id"]
    assert _run(profile, "capture", redemption, "--points", "15").exit_code == 0
    back = _run(profile, "refund", "redeem", redemption, "--ref", "c-3", "--points", "5")
    assert back.exit_code == 0
    entry = next(line for line in earned.output.splitlines() if line.startswith("id ")).split()[-1]
    taken = _run(profile, "--json", "refund", "earn", entry, "--ref", "c-4", "--amount", "10000")
    assert json.loads(taken.output)["points"] == 1
    for number, undo in enumerate(
        (("void",), ("reverse", "--phone", person.phone, "--ref", "u-1"))
    ):
        code = person.code()["code"]
        kept = _run(
            profile, "--json", "redeem", "--code", code, "--ref", f"u-{number}", "--points", "5",
            "--capture", "manual", "--hold-minutes", "5",
        )  # fmt: skip
        waiting = json.loads(kept.output)["id"]
        gone = _run(profile, "--json", *undo, *((waiting,) if undo == ("void",) else ()))
        assert json.loads(gone.output)["state"] == "voided", gone.output
        status = json.loads(_run(profile, "--json", "redemption", waiting).output)
        assert status["state"] == "voided"
    listed = _run(profile, "transactions", "--limit", "200")
    assert "c-1" in listed.output
    assert "issuance" in listed.output
    assert _run(profile, "transactions", entry).exit_code == 0
    assert _run(profile, "redemption", redemption).exit_code == 0
    assert _run(profile, "--json", "statement").output.strip() == "[]"


def test_a_call_is_repeated_with_its_key_across_runs(house: House, profile: Path) -> None:
    person = house.member()
    arguments = [
        "earn", "--phone", person.phone, "--ref", "c-9", "--amount", "10000",
        "--key", new_idempotency_key(), "--occurred-at", utc_now().isoformat(),
    ]  # fmt: skip
    first, second = _run(profile, *arguments), _run(profile, *arguments)
    assert first.exit_code == second.exit_code == 0
    assert "stored answer" not in first.output
    assert "stored answer" in second.output


def test_another_salt_or_none_is_the_same_call(house: House, profile: Path, tmp_path: Path) -> None:
    journal, phone = tmp_path / "journal", house.member().phone
    arguments = [
        "--journal", str(journal), "earn", "--phone", phone, "--ref", "salt", "--amount", "10000",
        "--key", new_idempotency_key(), "--occurred-at", utc_now().isoformat(),
    ]  # fmt: skip
    said = [_run(profile, "--no-salt", *arguments), _run(profile, *arguments)]
    assert [each.exit_code for each in said] == [0, 0]
    assert ["stored answer" in each.output for each in said] == [False, True]
    plain, salted = (json.loads(each.body)["member"] for each in read_journal(journal))
    assert (plain, list(salted)) == ({"phone": phone}, ["salt", "phone"])
    # Lines of a batch, whose keys are drawn from the lines without their salts.
    line, shop = earn_line(phone), house.green
    with closing(GatewayClient(url=house.url, key_id=shop.key_id, key=shop.key, salt=False)) as old:
        sent = [each.batches.send([line]) for each in (old, shop.client)]
    assert [each.replayed for each in sent] == [False, True]
    assert sent[0].data["id"] == sent[1].data["id"]
    again = [line | {"member": {"phone": phone, "salt": "one-drawn-by-hand"}}]
    assert shop.client.batches.send(again, idempotency_key=sent[0].idempotency_key).replayed


def test_refusals_name_the_field_in_the_readers_language(house: House, profile: Path) -> None:
    refused = _run(
        profile, "--language", "fa", "earn", "--phone", "09129999999", "--ref", "x", "--amount", "0"
    )  # fmt: skip
    assert refused.exit_code == 1
    assert "/amount: باید بزرگ‌تر از صفر باشد." in refused.output
    as_json = _run(profile, "--json", "redemption", "red_x")
    assert json.loads(as_json.output)["code"] == "unknown_id"


def test_wrong_use_says_what_to_do(house: House, profile: Path, tmp_path: Path) -> None:
    nothing = CliRunner().invoke(
        main, ["--profiles", str(tmp_path / "none.toml"), "ping"], env={"PEYVAND_KEY_ID": ""}
    )
    assert nothing.exit_code == 2
    assert "none.toml" in nothing.output
    unsaid = CliRunner().invoke(main, ["ping"], env=dict.fromkeys(_VARIABLES, ""))
    assert "peyvand-merchant apply" in unsaid.output
    unasked = _run(profile, "redeem", "--phone", "09121234567", "--ref", "no", "--points", "5")
    assert unasked.exit_code == 1
    assert "consent_required" in unasked.output
    two = _run(profile, "lookup", "--card", "1", "--phone", "2")
    assert two.exit_code == 2
    line = _run(profile, "quote", "--amount", "1", "--line", "milk")
    assert "SKU:CATEGORY:QUANTITY:AMOUNT" in line.output
    (tmp_path / "bad.pem").write_text("nonsense", encoding="ascii")
    bad = _run(profile, "--key-file", str(tmp_path / "bad.pem"), "ping")
    assert bad.exit_code == 2
    assert "holds no key" in bad.output


def test_a_refusal_shows_its_facts_and_what_helps(profile: Path) -> None:
    refused = _run(profile, "webhook", "add", "http://127.0.0.1:8900/")
    assert refused.exit_code == 1
    assert "reason: " in refused.output
    assert "PEYVAND_WEBHOOK_LOOPBACK=1" in refused.output


def test_nobody_there_and_the_same_request_sent_again(
    house: House, profile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEYVAND_MERCHANT_PROFILES", str(profile))
    person = house.member()
    arguments = ("earn", "--phone", person.phone, "--ref", "lost", "--amount", "10000")
    lost = _run(profile, "--url", "http://127.0.0.1:1", "--attempts", "1", *arguments)
    assert lost.exit_code == 3
    asked = re.search(r"peyvand-merchant resend (\S+)", lost.output)
    assert asked is not None
    file = Path(asked[1])
    assert file.stat().st_mode & 0o777 == 0o600
    kept = file.read_text()
    done = _run(profile, "resend", str(file))
    assert (done.exit_code, file.exists()) == (0, False), done.output
    file.write_text(kept)
    assert "stored answer" in _run(profile, "resend", str(file)).output
    # The same command with the same key asks for the same as well: it says no time of its own.
    again = _run(profile, *arguments, "--key", file.stem)
    assert "stored answer" in again.output
    # It stays while a refusal says nothing of an earlier attempt, and goes once one does.
    file.write_text(kept)
    stranger = Ed25519SigningKey.generate()
    (profile.parent / "till.pem").write_text(stranger.to_pem(), encoding="ascii")
    doubtful = _run(profile, "resend", str(file))
    assert (doubtful.exit_code, file.exists()) == (1, True)
    assert str(file) in doubtful.output
    (profile.parent / "till.pem").write_text(house.green.key.to_pem(), encoding="ascii")
    request = Request.from_json(kept)
    other = replace(request, body=request.body.replace(b"10000", b"20000"))
    file.write_text(other.to_json())
    refused = _run(profile, "resend", str(file))
    assert (refused.exit_code, file.exists()) == (1, True), refused.output
    file.write_text(replace(request, path="/v1/elsewhere").to_json())
    refused = _run(profile, "resend", str(file))
    assert (refused.exit_code, file.exists()) == (1, True), refused.output
    stranger_there = request.body.replace(person.phone.encode(), b"09999999999")
    fresh = replace(request, body=stranger_there, idempotency_key=new_idempotency_key())
    file.write_text(fresh.to_json())
    refused = _run(profile, "resend", str(file))
    assert (refused.exit_code, file.exists()) == (1, False), refused.output
    file.write_text("{}")
    assert _run(profile, "resend", str(file)).exit_code == 2


def test_an_error_sends_its_request_again(house: House) -> None:
    person = house.member()
    away = GatewayClient(
        url="http://127.0.0.1:1", key_id=house.green.key_id, key=house.green.key, attempts=1
    )
    with pytest.raises(UnreachableError) as lost:
        away.earn(member={"phone": person.phone}, merchant_ref="again", amount=10_000)
    with pytest.raises(UnreachableError):
        lost.value.retry()
    away.close()
    request = lost.value.request
    assert request is not None
    assert request.idempotency_key == lost.value.idempotency_key
    kept = Request.from_json(request.to_json())
    first, second = (house.green.client.resend(kept) for _ in range(2))
    assert (first.replayed, second.replayed) == (False, True)
    assert first.data == second.data
    with pytest.raises(ProblemError) as refused:
        house.green.client.redemption("red_x")
    with pytest.raises(ProblemError):
        refused.value.retry()


@pytest.mark.parametrize(
    ("argument", "value"),
    [("url", "127.0.0.1:8800"), ("url", "https://"), ("key", "till.pem"), ("key_id", "")],
)
def test_a_client_says_which_argument_is_wrong(house: House, argument: str, value: str) -> None:
    good: dict[str, Any] = {"url": house.url, "key_id": "mk_test_x", "key": house.green.key}
    with pytest.raises(ArgumentError, match=f"^{argument}: ") as wrong:
        GatewayClient(**good | {argument: value})
    assert wrong.value.argument == argument


def test_something_else_at_the_address_is_no_gateway(profile: Path, tmp_path: Path) -> None:
    with receiving(answering(404)) as other:
        found = _run(profile, "--url", other.url, "ping")
        assert (found.exit_code, "This is not a gateway" in found.output) == (3, True)
        assert "may have been done" not in found.output
        applied = CliRunner().invoke(
            main, ["--profiles", str(tmp_path / "new.toml"), "--url", other.url, *_APPLICATION]
        )
    assert (applied.exit_code, "This is not a gateway" in applied.output) == (3, True)
    bare = CliRunner().invoke(
        main, ["--profiles", str(tmp_path / "new.toml"), "--url", "gateway", *_APPLICATION]
    )
    assert (bare.exit_code, "url: 'gateway'" in bare.output) == (2, True)
    assert not (tmp_path / "default.pem").exists()


def test_an_answer_of_another_network_is_not_believed(house: House) -> None:
    stranger = Ed25519SigningKey.generate().verifying_key().to_jwk(key_id="other")
    client = GatewayClient(
        url=house.url, key_id=house.green.key_id, key=house.green.key, pinned_keys=[stranger]
    )
    with pytest.raises(UntrustedAnswerError):
        client.ping()
    client.close()


def test_the_public_pages(house: House) -> None:
    for language, words in (("en", "Merchant gateway"), ("fa", "درگاه پذیرندگان")):
        page = requests.get(f"{house.url}/docs", headers={"Accept-Language": language}, timeout=20)
        assert page.status_code == 200
        assert words in page.text
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert "://" not in re.sub(re.escape(house.url), "", page.text)
        assert 'id="insufficient_points"' in page.text
        assert "%(" not in page.text
    assert requests.get(f"{house.url}/docs.css", timeout=20).ok
    document = requests.get(f"{house.url}/openapi.json", timeout=20).json()
    assert document["servers"] == [{"url": house.url}]
    keys = requests.get(f"{house.url}/.well-known/peyvand-keys.json", timeout=20)
    assert {each["purpose"] for each in keys.json()["keys"]} == {"answers", "tokens", "seals"}
    assert keys.headers["Signature"]
    assert not any("d" in each for each in keys.json()["keys"])
