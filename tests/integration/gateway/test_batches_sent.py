"""Batches as merchants send them: by library, on the command line, from an offline till."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from merchant_gateway import documents
from merchant_gateway.batches.work import run_batch
from merchant_gateway.client.cli import main
from network.ledger import queries
from tests.fixtures.fences import fences
from tests.fixtures.forge import ROOT
from tests.integration.gateway.batching import earn_line, written
from tests.integration.gateway.house import House
from tests.integration.gateway.player import Player
from tests.integration.gateway.till import ask

TILL = Path(documents.__path__[0]) / "offline_till.py"
_WAITING = text("SELECT batch_id FROM network.batch WHERE state <> 'done'")


@pytest.fixture(autouse=True)
def workers(house: House) -> Iterator[None]:
    """Work batches off as they come, in a thread of the test."""
    stop = Event()

    def work() -> None:
        while not stop.wait(0.02):
            with house.services.database.reading() as session:
                waiting = session.scalars(_WAITING).all()
            for batch_id in waiting:
                run_batch(house.services, batch_id=str(batch_id))

    thread = Thread(target=work)
    thread.start()
    yield
    stop.set()
    thread.join(timeout=30)


@pytest.fixture
def environment(house: House, tmp_path: Path) -> dict[str, str]:
    """Return what a program of the merchant is told."""
    (tmp_path / "till.pem").write_text(house.green.key.to_pem(), encoding="ascii")
    return {
        "PEYVAND_GATEWAY_URL": house.url,
        "PEYVAND_KEY_ID": house.green.key_id,
        "PEYVAND_KEY_FILE": str(tmp_path / "till.pem"),
    }


def available(house: House, member_id: Any) -> int:
    with house.services.database.reading() as session:
        view = queries.stored_wallet(session, member_id=member_id)
    assert view is not None
    return view.available


def test_a_file_is_sent_and_answered_line_by_line(
    house: House, environment: dict[str, str], tmp_path: Path
) -> None:
    person = house.member()
    file = tmp_path / "day.jsonl"
    lines = [earn_line(person.phone, 10_000) for _ in range(205)]
    file.write_bytes(written([*lines[:100], b"broken", *lines[100:]]) + b"\n")
    first = CliRunner().invoke(main, ["batch", str(file)], env=environment)
    assert first.exit_code == 1, first.output
    found = [json.loads(line) for line in first.stdout.splitlines()]
    assert [each["line"] for each in found] == list(range(1, 207))
    assert found[100]["problem"]["code"] == "malformed_json"
    assert "206 of 206 lines done: 205 posted, 0 known, 1 refused" in first.stderr
    again = CliRunner().invoke(main, ["batch", "--quiet", str(file)], env=environment)
    assert again.stdout == first.stdout
    assert not again.stderr
    assert available(house, person.member_id) == 205


def test_long_files_go_in_pieces(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("merchant_gateway.client.batches.MOST_LINES", 3)
    person = house.member()
    file = tmp_path / "pieces.jsonl"
    lines = [earn_line(person.phone, 10_000) for _ in range(8)]
    file.write_bytes(written(lines))
    told: list[tuple[int, int]] = []
    found = list(
        house.green.client.batches.run_file(
            file, progress=lambda progress: told.append((progress.sent, progress.done))
        )
    )
    assert [each["line"] for each in found] == list(range(1, 9))
    assert [each["merchant_ref"] for each in found] == [line["merchant_ref"] for line in lines]
    assert (3, 0) in told
    assert told[-1] == (8, 8)
    assert available(house, person.member_id) == 8


def test_a_till_sells_without_a_network_and_sends_later(
    house: House, environment: dict[str, str], tmp_path: Path
) -> None:
    person = house.member()
    queue = tmp_path / "queue.jsonl"
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"

    def till(*arguments: str, **changes: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, str(TILL), *arguments],
            env={
                **os.environ,
                **environment,
                "PYTHONPATH": str(ROOT),
                "TILL_QUEUE": str(queue),
                **changes,
            },
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    (reference,) = till("sell", person.phone, "250000", PEYVAND_GATEWAY_URL=nowhere)
    with queue.open("a", encoding="utf-8") as file:
        file.write('{"type": "earn", "cut o')
    till("sell", person.phone, "50000", PEYVAND_GATEWAY_URL=nowhere)
    saved = queue.read_bytes()
    assert available(house, person.member_id) == 0
    results = [json.loads(line) for line in till("send")]
    assert [each["status"] for each in results] == ["posted", "posted"]
    assert results[0]["merchant_ref"] == reference
    assert queue.read_bytes() == b""
    queue.write_bytes(saved)  # as if the power had failed before the queue was written
    assert [json.loads(line)["id"] for line in till("send")] == [each["id"] for each in results]
    assert available(house, person.member_id) == 30
    last = [json.loads(line) for line in till("sell", person.phone, "10000")[1:]]
    assert [each["status"] for each in last] == ["posted"]


def test_the_page_about_batches_says_what_happens(house: House) -> None:
    player = Player(house=house)
    call, answer = fences("batches")
    head, _, body = call.text.strip().partition("\n\n")
    lines = [player.real(json.loads(line)) for line in body.splitlines()]
    sent = ask(
        house,
        house.green,
        target=head.split()[1],
        body=written(lines),
        media_type="application/jsonl",
        idempotency_key=head.split()[-1],
    )
    player.agree(answer, sent)
    found = list(house.green.client.batches.results(sent.json()["id"]))
    assert [each["status"] for each in found] == ["posted", "refused", "posted"]
    assert (found[0]["points"], found[2]["points"]) == (25, 5)
