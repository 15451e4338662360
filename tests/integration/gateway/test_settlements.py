"""Settlements through the gateway, after a real night in a simulated installation."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import pytest
import requests
from click.testing import CliRunner
from requests import Response
from sqlalchemy import text

from config.cli.verify import verify
from merchant_gateway.client import GatewayClient, NotFoundError, ProblemError
from merchant_gateway.client.canonical import canonical
from merchant_gateway.client.cli import main
from network.clearing.checking import check_code
from network.clock import wall_now
from network.ids import decode, encode
from network.proofs import tokens
from network.services import Services
from network.signing.service import rotate_keys
from tests.fixtures.fences import fences
from tests.integration.gateway.house import House
from tests.integration.gateway.settled import settled_house, trade
from tests.integration.gateway.till import believe, headers_of, published_keys, send


@pytest.fixture(scope="module")
def journals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder where both shops keep their journals."""
    return tmp_path_factory.mktemp("journals")


@pytest.fixture(scope="module")
def house(gateway_services: Services, gateway_owner_url: str, journals: Path) -> Iterator[House]:
    """Yield a simulated coalition with a settled day that both shops have journals of."""
    with settled_house(
        gateway_services, owner_url=gateway_owner_url, journals=journals, besides=trade
    ) as house:
        yield house


@pytest.fixture(scope="module")
def window(house: House) -> str:
    """Return the public id of the window that was settled."""
    return str(next(iter(house.blue.client.settlements()))["window"]["id"])


def test_the_acceptor_receives_and_the_issuer_pays(house: House) -> None:
    blue = list(house.blue.client.settlements())
    green = list(house.green.client.settlements())
    assert len(blue) == len(green) == 1
    # 27 points of the other shop at 1,000 rials, less the 2 % that the acceptor's agreement takes.
    assert blue[0]["totals"]["receivable"] - blue[0]["totals"]["payable"] > 0
    assert green[0]["totals"]["net"] == -27_000 - 100  # and 2 % on what it took itself
    assert blue[0]["totals"]["net"] == 27_000 - 540
    assert blue[0]["seal"]["signature"]


def test_a_settlement_its_lines_and_its_statement_agree(house: House) -> None:
    found = next(iter(house.blue.client.settlements()))
    window = found["window"]["id"]
    assert house.blue.client.settlement(window).data == found
    lines = list(house.blue.client.settlement_lines(window, page=1))
    statement = house.blue.client.statement(window).data
    assert statement["lines"] == lines
    assert statement["totals"] == found["totals"]
    assert statement["environment"] == "live"
    assert len(lines) == found["totals"]["lines"]
    assert sum(line["amount"] for line in lines) == found["totals"]["net"]
    entry = house.blue.client.transaction(lines[0]["entry"]).data
    assert entry["merchant_ref"] == lines[0]["merchant_ref"]


def test_a_dispute_tells_each_side_its_own_lines(house: House, window: str) -> None:
    entries = {
        each["merchant_ref"]: each["entry"] for each in house.blue.client.settlement_lines(window)
    }
    said = {}
    for code, shop in house.shops.items():
        answer = shop.client.reconciliation.dispute(
            entry=entries["spent"], reason="other", words="Please look."
        )
        said[code] = answer.data["answer"]["said"]
    assert (said["blue"]["merchant_ref"], said["blue"]["points"]) == ("spent", 30)
    assert said["blue"]["lines"] == [
        {"kind": "redemption", "direction": "receivable", "points": 30, "price": "980"}
    ]
    assert said["green"].keys() == {"statement", "entry", "business_date", "points", "lines"}
    assert said["green"]["points"] == 30
    issued = next(
        each for each in house.green.client.transactions() if each["merchant_ref"] == "first"
    )
    with pytest.raises(NotFoundError) as hidden:
        house.blue.client.reconciliation.dispute(
            entry=issued["id"], reason="other", words="Somebody else's."
        )
    assert hidden.value.code == "unknown_line"


def test_digest_code_and_seal_by_hand_as_the_guide_says(
    house: House,
    window: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    content = house.blue.client.statement(window).content
    (tmp_path / "statement.json").write_bytes(content)
    (tmp_path / "keys.json").write_text(json.dumps({"keys": published_keys(house.url)}))
    monkeypatch.chdir(tmp_path)
    (shown,) = (each for each in fences("reconciliation") if each.words == ("python", "seal"))
    exec(shown.text, {})  # noqa: S102 - the page is ours, and running it is the test
    digest = json.loads(content)["digest"].removeprefix("sha-256:")
    assert capsys.readouterr().out == f"{check_code(bytes.fromhex(digest))}\n"
    (tmp_path / "statement.json").write_bytes(content.replace(b"redemption", b"redemptioN", 1))
    with pytest.raises(AssertionError):
        exec(shown.text, {})  # noqa: S102 - the same


def test_the_statement_as_csv(house: House, window: str) -> None:
    answer = house.blue.client.statement(window, form="csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    totals = {row["record"]: row["amount"] for row in rows if row["record"] != "line"}
    statement = house.blue.client.statement(window).data
    assert int(totals["net"]) == statement["totals"]["net"]


def test_the_statement_on_paper_in_both_languages(house: House, window: str) -> None:
    target = f"/v1/settlements/{window}/statement"
    found = {}
    for language in ("fa-IR, en;q=0.5", "en"):
        first = _read(house, target, "application/pdf", language=language)
        assert first.content.startswith(b"%PDF-")
        assert first.headers["Content-Type"] == "application/pdf"
        assert first.headers["Vary"] == "Accept, Accept-Language"
        again = _read(house, target, "application/pdf", language=language)
        assert again.content == first.content  # and with it Content-Digest and signature
        assert again.headers["ETag"] == first.headers["ETag"]
        found[first.headers["Content-Language"]] = first
    assert set(found) == {"fa", "en"}
    assert found["fa"].headers["ETag"] != found["en"].headers["ETag"]
    assert found["fa"].content != found["en"].content


def test_both_shops_replay_the_night_and_agree(house: House, window: str, journals: Path) -> None:
    for shop in house.shops.values():
        found = shop.client.replay(window, journal=journals / shop.code)
        assert found.findings == [], shop.code
        assert found.agrees
        assert found.digest == shop.client.settlement(window).data["digest"]
        assert found.entries >= 4


def test_a_journal_that_lacks_or_forges_a_line_does_not_agree(
    house: House, window: str, journals: Path, tmp_path: Path
) -> None:
    lines = [line for line in (journals / "blue").read_text().splitlines() if line]
    spent = next(place for place, line in enumerate(lines) if "/v1/redemptions" in line)
    lacking = tmp_path / "lacking"
    lacking.write_text("\n".join(line for place, line in enumerate(lines) if place != spent) + "\n")
    codes = {each.code for each in house.blue.client.replay(window, journal=lacking).findings}
    assert codes == {"not_in_journal", "line_differs"}
    forged = tmp_path / "forged"
    lines[spent] = lines[spent].replace(":30,", ":20,")
    forged.write_text("\n".join(lines) + "\n")
    codes = {each.code for each in house.blue.client.replay(window, journal=forged).findings}
    assert "answer_not_signed" in codes


def test_replay_from_a_terminal(house: House, journals: Path, tmp_path: Path) -> None:
    key_file = tmp_path / "blue.key"
    key_file.write_text(house.blue.key.to_pem())
    options = ["--url", house.url, "--key-id", house.blue.key_id, "--key-file", str(key_file)]
    run = CliRunner().invoke
    agreed = run(main, [*options, "--journal", str(journals / "blue"), "replay"])
    assert (agreed.exit_code, "agree" in agreed.output) == (0, True), agreed.output
    empty = tmp_path / "empty"
    empty.touch()
    differs = run(main, [*options, "--json", "--journal", str(empty), "replay"])
    assert differs.exit_code == 1
    assert json.loads(differs.output)["agrees"] is False
    assert run(main, [*options, "replay"]).exit_code == 2
    settled = json.loads(differs.output)["settlement"]
    totals = json.loads(run(main, [*options, "--json", "settlement", settled]).output)
    assert totals["window"]["id"] == settled
    lines = json.loads(run(main, [*options, "--json", "settlement", settled, "--lines"]).output)
    assert lines == list(house.blue.client.settlement_lines(settled))
    assert lines[0]["entry"] in run(main, [*options, "settlement", settled, "--lines"]).output
    paper = run(main, [*options, "statement", "--pdf", json.loads(differs.output)["settlement"]])
    assert paper.stdout_bytes.startswith(b"%PDF-")


def test_anybody_checks_a_statement_with_published_keys_alone(
    house: House, window: str, tmp_path: Path
) -> None:
    file, keys = tmp_path / "statement.json", tmp_path / "keys.json"
    file.write_bytes(house.blue.client.statement(window).content)
    with house.services.database.unit_of_work() as session:
        vault = house.services.vault
        rotate_keys(
            session, vault, now=wall_now(), announced=timedelta(0), purposes=["seals"]
        )  # what was signed before holds by the key of then
    keys.write_text(json.dumps({"keys": published_keys(house.url)}))
    offline = ["verify", str(file), "--keys", str(keys), "--json"]

    def ours(*arguments: str) -> int:
        return CliRunner().invoke(main, list(arguments)).exit_code

    def theirs() -> int:
        return CliRunner().invoke(verify, [str(file), "--keys", str(keys)]).exit_code

    told = json.loads(CliRunner().invoke(main, offline).output)
    assert (told["holds"], told["environment"], told["merchant"]) == (True, "live", "blue")
    assert (theirs(), ours("verify", str(file), "--network", house.url)) == (0, 0)
    page = requests.post(
        f"{house.url}/verify?lang=en", files={"file": file.read_bytes()}, timeout=30
    )
    assert all(part in page.text for part in ("It holds", told["key"], "Net, rials"))
    assert ours(*offline, "--test") == 1, "live keys make nothing of a sandbox hold"
    # Consistent in itself, sealed by the network, and not what the network said.
    whole = house.blue.client.statement(window).data
    whole["totals"]["closing"] += 1
    form = canonical({"lines": whole["lines"], "totals": whole["totals"]})
    whole["digest"] = f"sha-256:{sha256(form).hexdigest()}"
    file.write_text(json.dumps(whole))
    assert (theirs(), ours(*offline)) == (1, 1)
    # What the network said to the other shop is not said to this one.
    other = house.green.client.statement(window).data
    file.write_text(json.dumps({**other, "merchant": "blue"}))
    assert (theirs(), ours(*offline)) == (1, 1)


def test_anybody_checks_a_paper_by_its_code(house: House) -> None:
    found = next(iter(house.blue.client.settlements()))
    code = check_code(bytes.fromhex(found["digest"].removeprefix("sha-256:")))
    typed = code.lower().replace("-", " ").replace("0", "o")
    page = requests.get(f"{house.url}/verify", params={"code": typed, "lang": "en"}, timeout=30)
    assert page.status_code == 200
    assert found["digest"] in page.text
    assert f"{found['totals']['net']:,}" in page.text
    assert "spent" not in page.text  # no line, no reference
    for wrong, status in ((code[:-1], 422), (code[::-1], 404), ("'--", 422), ("", 200)):
        page = requests.get(f"{house.url}/verify", params={"code": wrong}, timeout=30)
        assert page.status_code == status, wrong
        assert "sha-256:" not in page.text


def test_anybody_reads_the_nights_figure_of_outstanding_points(house: House) -> None:
    answer = requests.get(f"{house.url}/.well-known/peyvand-points.json", timeout=30)
    believe(house, answer, None)
    night = answer.json()["nights"][0]
    said, _ = tokens.open_token(
        night.pop("signed"), typ=tokens.NIGHT, keys=published_keys(house.url)
    )
    assert said == night
    with house.services.database.reading() as session:
        moved = session.execute(
            text("SELECT sum(available + pending + held) FROM network.day_figures")
        )
        assert night["points"] == moved.scalar_one()


def test_the_statement_in_a_form_that_there_is_not(house: House, window: str) -> None:
    target = f"/v1/settlements/{window}/statement"
    headers, _ = headers_of(house, house.blue, method="GET", target=target)
    response = send(house, method="GET", target=target, headers={**headers, "Accept": "text/html"})
    assert (response.status_code, response.json()["code"]) == (406, "not_acceptable")


def test_programme_time_is_told_and_judges_when_things_happened(house: House) -> None:
    told = house.green.client.ping().data
    ahead = datetime.fromisoformat(told["programme_time"]) - datetime.fromisoformat(
        told["server_time"]
    )
    assert ahead > timedelta(minutes=30)
    person = house.member()
    with pytest.raises(ProblemError) as caught:
        house.green.client.earn(
            member={"phone": person.phone},
            merchant_ref="too-early",
            amount=10_000,
            occurred_at=wall_now() + timedelta(days=3),
        )
    assert caught.value.errors[0]["code"] == "in_the_future"


def test_another_merchants_window_is_its_own_view(house: House) -> None:
    blue = next(iter(house.blue.client.settlements()))
    green = house.green.client.settlement(blue["window"]["id"]).data
    assert green["merchant"] == "green"
    with pytest.raises(NotFoundError):
        house.green.client.settlement("win_" + "a" * 26)
    assert "blue" not in json.dumps(house.green.client.statement(blue["window"]["id"]).data)


def test_a_document_that_has_not_changed_is_not_sent_again(house: House) -> None:
    first = next(house.blue.client.settlements())
    base = f"/v1/settlements/{first['window']['id']}"
    tags = set()
    for target, accept in (
        (base, "application/json"),
        (f"{base}/lines", "application/json"),
        (f"{base}/statement", "application/json"),
        (f"{base}/statement", "text/csv"),
        (f"{base}/statement", "application/pdf"),
    ):
        whole = _read(house, target, accept)
        tag = whole.headers["ETag"]
        tags.add(tag)
        assert whole.status_code == 200
        for asked in (tag, f'"other", {tag}', f"W/{tag}", "*"):
            same = _read(house, target, accept, asked=asked)
            assert (same.status_code, same.content) == (304, b""), asked
            assert same.headers["ETag"] == tag
        assert _read(house, target, accept, asked='"other"').content == whole.content
    assert len(tags) == 5  # a strong validator belongs to one form of one document


def _read(
    house: House, target: str, accept: str, *, asked: str | None = None, language: str = "en"
) -> Response:
    headers, signed = headers_of(house, house.blue, method="GET", target=target)
    headers |= {"Accept": accept, "Accept-Language": language}
    if asked is not None:
        headers["If-None-Match"] = asked
    response = send(house, method="GET", target=target, headers=headers)
    believe(house, response, signed.binding)
    return response


def test_merchants_see_what_they_pay_each_other_and_the_payee_says_what_arrived(
    house: House,
) -> None:
    """This house pays through the network, so the payment is a row that was let out."""
    green, blue = house.green.client, house.blue.client
    window = next(blue.settlements())["window"]
    payment_id = uuid4()
    with house.services.database.unit_of_work() as session:
        session.execute(
            text("""
                INSERT INTO network.direct_payment
                    (direct_payment_id, window_id, payer_id, payee_id, currency, amount, iban,
                     holder, reference, state)
                VALUES (:id, :window, :payer, :payee, 'IRR', 19800, 'IR190540000000100324200001',
                        'Blue', 'PVDIRECT1', 'prepared')
            """),
            {
                "id": payment_id,
                "window": decode("win", window["id"]),
                "payer": house.green.merchant_id,
                "payee": house.blue.merchant_id,
            },
        )
    assert list(green.direct_payments.list()) == []
    with house.services.database.unit_of_work() as session:
        session.execute(text("UPDATE network.direct_payment SET state = 'released'"))
    (paid,), (got,) = green.direct_payments.list(), blue.direct_payments.list(page=1)
    assert (paid["side"], got["side"]) == ("payer", "payee")
    assert (paid["partner"]["code"], got["partner"]["code"]) == ("blue", "green")
    for each in (paid, got):
        assert (each["id"], each["settlement"]) == (encode("dpy", payment_id), window["id"])
        assert (each["amount"], each["iban"]) == (19_800, "IR190540000000100324200001")
        assert (each["state"], each["receipt"]) == ("released", None)

    def refused(client: GatewayClient, name: str = paid["id"], *, arrived: bool = True) -> str:
        with pytest.raises(ProblemError) as error:
            client.direct_payments.say(name, arrived=arrived)
        return str(error.value.code)

    assert refused(green) == "not_the_payee"
    assert refused(blue, encode("dpy", uuid4())) == "unknown_direct_payment"
    assert refused(blue, "dpy_x") == "unknown_id"
    late = blue.direct_payments.say(paid["id"], arrived=False, idempotency_key="k" * 16)
    assert (late.status, late.data["state"]) == (201, "released")
    assert late.data["receipt"]["outcome"] == "missing"
    again = blue.direct_payments.say(paid["id"], arrived=False, idempotency_key="k" * 16)
    assert again.replayed
    assert blue.direct_payments.say(paid["id"], arrived=True).data["state"] == "confirmed"
    assert refused(blue, arrived=False) == "direct_payment_confirmed"
    assert (
        blue.direct_payments.say(paid["id"], arrived=True).data["receipt"]["outcome"] == "arrived"
    )
    seen = green.direct_payments.read(paid["id"]).data
    assert (seen["state"], seen["receipt"]["outcome"]) == ("confirmed", "arrived")
    with house.services.database.reading() as session:
        kept = session.execute(
            text("SELECT arrived, said_by, body FROM network.direct_receipt ORDER BY said_at")
        ).all()
    # Saying the same once more is kept no second time; each word has its signed request.
    assert [(each.arrived, each.said_by) for each in kept] == [
        (False, house.blue.key_id),
        (True, house.blue.key_id),
    ]
    assert [json.loads(bytes(each.body)) for each in kept] == [
        {"outcome": "missing"},
        {"outcome": "arrived"},
    ]
