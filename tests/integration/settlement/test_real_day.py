"""A night after real operations of the ledger, and through the command line."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner, Result

from config.cli.main import group
from network.clearing import runs
from network.clock import wall_now
from network.ids import decode, uuid7
from network.ledger import operations, queries
from network.operators.audit import every_row
from network.services import Services
from network.settings import Settings
from settlement.lease import Lease
from settlement.night import Night
from tests.conftest import MASTER_KEY
from tests.integration.settlement.coalition import (
    BAKER,
    DAY,
    GROCER,
    NEXT_DAY,
    THIRD_DAY,
    Coalition,
    member,
)
from tests.integration.settlement.pictures import documents, run_row, settle
from tests.integration.settlement.till import Till


def test_a_night_activates_and_expires_in_the_new_day(
    services: Services, coalition: Coalition, till: Till
) -> None:
    far = DAY + timedelta(days=300)
    till.earn(30, by=member(1), issuer=BAKER, active=NEXT_DAY, expires=far)
    till.earn(8, by=member(2), issuer=BAKER, active=DAY, expires=NEXT_DAY)
    till.earn(5, by=member(3), issuer=GROCER, active=DAY, expires=far)
    coalition.programme.move(coalition.at(NEXT_DAY, hour=1))
    settle(services, DAY)
    with services.database.reading() as session:
        one = queries.stored_wallet(session, member_id=member(1))
        two = queries.stored_wallet(session, member_id=member(2))
        three = queries.stored_wallet(session, member_id=member(3))
        kinds = {
            (each.kind, each.business_date)
            for number in (1, 2, 3)
            for each in queries.entries(session, member_id=member(number), before=None, limit=10)
        }
    assert one is not None
    assert two is not None
    assert three is not None
    assert (one.available, one.pending) == (30, 0)
    assert (two.available, three.available) == (0, 5)
    assert {each for each in kinds if each[0] != "issuance"} == {
        ("activation", NEXT_DAY),
        ("expiry", NEXT_DAY),
    }


def play(coalition: Coalition, till: Till) -> None:
    """Redeem seven points of the baker at the grocer, and return two on the day after."""
    till.earn(20, by=member(1), issuer=BAKER, active=DAY, expires=DAY + timedelta(days=300))
    redeemed = till.redeem(7, by=member(1), acceptor=GROCER)
    coalition.programme.move(coalition.at(NEXT_DAY))
    settle_from = till.coalition.at(NEXT_DAY)
    with till.database.ledger() as connection:
        operations.flip_day(connection, now=settle_from)
    till.refund(2, by=member(1), acceptor=GROCER, original=redeemed.sequence)
    coalition.programme.move(coalition.at(THIRD_DAY))


def peyvand(settings: Settings, *arguments: str) -> Result:
    """Run the command line on the test's database."""
    return CliRunner().invoke(
        group,
        list(arguments),
        env={
            "DATABASE_URL": settings.database_url,
            "REDIS_URL": settings.redis_url,
            "PEYVAND_MASTER_KEY": base64.b64encode(MASTER_KEY).decode(),
        },
    )


def printed(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_commands_answer_for_each_day(
    settings: Settings, services: Services, coalition: Coalition, till: Till, tmp_path: Path
) -> None:
    play(coalition, till)
    early = peyvand(settings, "positions", "--date", DAY.isoformat(), "--json")
    assert early.exit_code == 1
    assert f"{DAY} is not settled" in early.stderr

    outcome = printed(peyvand(settings, "settle", "--json"))
    assert (outcome["business_date"], outcome["earlier"]) == (
        NEXT_DAY.isoformat(),
        [DAY.isoformat()],
    )
    assert outcome["control_totals"]["agree"]
    found = printed(peyvand(settings, "obligations", "--date", DAY.isoformat(), "--json"))
    assert all(decode("obl", row.pop("id")) for row in found)
    assert found == [
        {
            "issuer": "baker",
            "acceptor": payee,
            "points": 7,
            "amount": amount,
            "currency": "IRR",
            "kind": kind,
            "payer": "baker",
            "payee": payee,
            "issued_by": "baker",
            "taken_by": "grocer",
            "price": price,
            "terms_version": 1,
            "acceptor_terms_version": 1,
            "postings": 1,
        }
        for payee, amount, kind, price in (
            ("network", 217, "margin", "31"),
            ("grocer", 6856, "redemption", "979.5"),
        )
    ]
    exported = peyvand(
        settings,
        *("statements", "--date", DAY.isoformat(), "--to", str(tmp_path), "--json"),
        *("--pdf", "fa", "--pdf", "en", "--processes", "1"),
    )
    assert exported.stderr.splitlines()[-1] == "2 of 2 statements"
    written = printed(exported)
    served = documents(services, DAY)
    assert {each["merchant"] for each in written} == set(served)
    for each in written:
        found = tuple((tmp_path / name).read_bytes() for name in each["files"])
        assert found[:2] == served[each["merchant"]]
        assert [content[:5] for content in found[2:]] == [b"%PDF-", b"%PDF-"]
        assert [name.rpartition("IRR")[2] for name in each["files"][2:]] == [".fa.pdf", ".en.pdf"]
    assert len(list(tmp_path.iterdir())) == 4 * len(written)
    rows = printed(peyvand(settings, "positions", "--date", NEXT_DAY.isoformat(), "--json"))
    # Two points back at the first day's prices: −2 × 979.5 and −2 × 31.
    assert rows == [
        {
            "merchant": merchant,
            "payable": payable,
            "receivable": receivable,
            "fees": fees,
            "net": net,
            "currency": "IRR",
            "vat": 0,
            "party": merchant,
            "account": "margin" if merchant == "network" else "settlement",
        }
        for merchant, payable, receivable, fees, net in (
            ("baker", -1959, 0, -62, 2021),
            ("grocer", 0, -1959, 0, -1959),
            ("network", 0, -62, 0, -62),
        )
    ]


def test_the_commands_speak_to_people(
    settings: Settings, services: Services, coalition: Coalition, till: Till
) -> None:
    play(coalition, till)
    said = peyvand(settings, "settle", "--date", DAY.isoformat())
    assert said.exit_code == 0
    assert "Control totals" in said.stdout
    assert f"{DAY} is settled." in said.stdout
    again = peyvand(settings, "settle", "--date", DAY.isoformat())
    assert "was settled before" in again.stdout
    for command in ("positions", "obligations"):
        table = peyvand(settings, command, "--date", DAY.isoformat())
        assert table.exit_code == 0
        assert "6,856" in table.stdout
        assert "grocer" in table.stdout
    future = peyvand(settings, "settle", "--date", (THIRD_DAY + timedelta(days=9)).isoformat())
    assert future.exit_code == 1
    assert "has not ended yet" in future.stderr
    with services.database.reading() as session:
        acts = [
            (each.action, each.facts.get("business_date"), each.facts.get("replayed"))
            for each in every_row(session)
            if each.subject == "night"
        ]
    asked, settled = "night.asked", "night.settled"
    day, late = DAY.isoformat(), (THIRD_DAY + timedelta(days=9)).isoformat()
    assert acts == [
        *((asked, day, None), (settled, day, False), (asked, day, None), (settled, day, True)),
        *((asked, late, None), ("night.refused", late, None)),
    ]


def test_a_runner_that_lost_its_run_writes_nothing(
    services: Services, coalition: Coalition
) -> None:
    coalition.programme.move(coalition.at(NEXT_DAY))
    slow, quick = uuid7(), uuid7()

    def claim(token: UUID, *, stale_after: timedelta) -> UUID | None:
        with services.database.unit_of_work() as session:
            run = runs.claim(
                session,
                run_id=UUID(int=5),
                business_date=DAY,
                run_key=f"peyvand:{DAY}:v1",
                version=1,
                token=token,
                started_by="test",
                stale_after=stale_after,
            )
        return None if run is None else run.run_id

    held = claim(slow, stale_after=timedelta(hours=1))
    assert held is not None
    assert claim(quick, stale_after=timedelta(hours=1)) is None
    assert claim(quick, stale_after=timedelta(0)) == held
    night = Night(
        services=services,
        business_date=DAY,
        window_id=UUID(int=6),
        run_id=held,
        token=slow,
        now=coalition.programme.now(),
        wall=wall_now(),
        lease=Lease(services.database, run_id=held, token=slow, stale_after=timedelta(seconds=10)),
        progress=lambda _report: None,
    )
    with pytest.raises(runs.ClaimLostError), night.writing("publish"):
        pytest.fail("the block of a lost run was entered")
    assert run_row(services.database, DAY)["step"] == "close"
