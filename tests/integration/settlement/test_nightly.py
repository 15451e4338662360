"""The night on a real database: figures worked out by hand, reruns, stops, order of days."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from network.clearing import queries
from network.clearing.parties import clearing_id
from network.clearing.runs import InputChangedError
from network.database.connection import Database
from network.services import Services
from settlement import nightly
from settlement.controls import ControlTotalsError
from settlement.night import STEPS, Report
from settlement.nightly import (
    DayNotOverError,
    EarlierDayError,
    UnknownDayError,
    run_night,
)
from tests.integration.settlement.coalition import (
    BAKER,
    CINEMA,
    DAY,
    GROCER,
    NEXT_DAY,
    TERMS,
    THIRD_DAY,
    Coalition,
    member,
)
from tests.integration.settlement.pictures import documents, facts, run_row, settle


@pytest.fixture
def played(coalition: Coalition) -> Coalition:
    """Return the coalition on the third day, after two days of redemptions."""
    coalition.play_two_days()
    coalition.programme.move(coalition.at(THIRD_DAY))
    return coalition


def owed(services: Services, day_offset: int) -> dict[tuple[str, str, str], tuple[int, int]]:
    with services.database.reading() as session:
        window = queries.window_of(session, business_date=DAY + timedelta(days=day_offset))
        assert window is not None
        return {
            (each.issuer.code, each.acceptor.code, each.fact.kind): (
                each.fact.points,
                each.fact.amount,
            )
            for each in queries.obligations(session, window=window)
        }


def nets(services: Services, day_offset: int) -> dict[str, tuple[int, int, int, int]]:
    with services.database.reading() as session:
        window = queries.window_of(session, business_date=DAY + timedelta(days=day_offset))
        assert window is not None
        return {
            each.party.code: (each.payable, each.receivable, each.fees, each.net)
            for each in queries.positions(session, window=window)
        }


def test_a_day_worked_out_by_hand(services: Services, played: Coalition) -> None:
    result = settle(services, DAY)
    assert not result.replayed
    assert result.control_totals["agree"]
    assert owed(services, 0) == {
        # q of the grocer 1000 × (1 − 0.0205) = 979.5; 7 × 979.5 = 6856.5, to even 6856.
        ("baker", "grocer", "redemption"): (7, 6856),
        ("baker", "grocer", "margin"): (7, 217),  # 7 × (1010.5 − 979.5)
        ("grocer", "baker", "redemption"): (10, 9900),  # 10 × 1000 × 0.99
        ("grocer", "baker", "margin"): (10, 100),
        ("grocer", "grocer", "redemption"): (2, 1959),
        ("grocer", "grocer", "margin"): (2, 41),
    }
    assert nets(services, 0) == {
        "baker": (6856, 9900, 217, 9900 - 6856 - 217),
        "grocer": (9900 + 1959, 6856 + 1959, 141, 8815 - 11859 - 141),
        "network": (0, 358, 0, 358),
    }
    assert sum(each[3] for each in nets(services, 0).values()) == 0


def test_refunds_keep_their_price_and_a_new_face_value_takes_hold(
    services: Services, played: Coalition
) -> None:
    result = settle(services, NEXT_DAY)
    assert result.earlier == (DAY,)
    assert owed(services, 1) == {
        # One point back at the price of the first day: −979.5, to even −980.
        ("baker", "grocer", "redeposit"): (-1, -980),
        ("baker", "grocer", "margin_return"): (-1, -31),
        # Face value 1100: q = 1077.45, two points 2154.9; the margin 2 × −66.95 = −133.9.
        ("baker", "grocer", "redemption"): (2, 2155),
        ("baker", "grocer", "margin"): (2, -134),
    }
    assert nets(services, 1) == {
        "baker": (1175, 0, -165, -1010),
        "grocer": (0, 1175, 0, 1175),
        "network": (0, -165, 0, -165),
    }
    with services.database.reading() as session:
        window = queries.window_of(session, business_date=NEXT_DAY)
        assert window is not None
        totals = {
            each.merchant.code: each.totals for each in queries.statements(session, window=window)
        }
        mine = queries.windows_for(session, merchant_id=BAKER)
        earlier = queries.windows_for(session, merchant_id=BAKER, cursor=NEXT_DAY)
    assert (totals["baker"].opening, totals["baker"].closing) == (2827, 2827 - 1010)
    assert (totals["grocer"].opening, totals["grocer"].closing) == (-3185, -3185 + 1175)
    assert [each.window.first_day for each in mine] == [NEXT_DAY, DAY]
    assert mine[0].totals.opening == mine[1].totals.closing
    assert earlier == mine[1:]
    assert "cinema" not in totals  # neither lines nor a balance


def test_windows_matrix_and_lines_read_back(services: Services, played: Coalition) -> None:
    result = settle(services, DAY)
    with services.database.reading() as session:
        assert [(each.first_day, each.state) for each in queries.windows(session)] == [
            (NEXT_DAY, "open"),
            (DAY, "settled"),
        ]
        window = queries.window(session, window_id=result.window_id)
        assert window is not None
        cells = {
            (each.issuer.code, each.acceptor.code): (each.points, each.amount)
            for each in queries.matrix(session, window=window)
        }
        found = next(
            each
            for each in queries.obligations(session, window=window)
            if (each.issuer.party_id, each.fact.kind) == (BAKER, "redemption")
        )
        assert queries.obligation(session, obligation_id=found.fact.obligation_id) == found
        behind = queries.obligation_lines(session, obligation_id=found.fact.obligation_id)
        run = queries.run(session, business_date=DAY)
        assert queries.latest_runs(session) == [run]
    assert cells == {
        ("baker", "grocer"): (7, 6856),
        ("grocer", "baker"): (10, 9900),
        ("grocer", "grocer"): (2, 1959),
    }
    assert found.fact.price == Decimal("979.5")
    assert found.fact.terms_id == TERMS[BAKER]
    assert found.fact.acceptor_terms_id == TERMS[GROCER]
    assert [(each.member_id, each.share) for each in behind] == [
        (member(1), 2938),
        (member(2), 3918),
    ]
    assert run is not None
    assert (run.state, run.step, run.started_by) == ("done", "done", "test")


def test_statements_carry_their_digest_and_the_day_seal(
    services: Services, played: Coalition
) -> None:
    settle(services, DAY)
    found = documents(services, DAY)
    assert set(found) == {"baker", "grocer"}
    document = json.loads(found["grocer"][0])
    form = json.dumps(
        {name: document[name] for name in ("lines", "reserve", "totals") if name in document},
        ensure_ascii=False,
        sort_keys=True,
        separators=(",", ":"),
    )
    assert document["digest"] == f"sha-256:{sha256(form.encode()).hexdigest()}"
    assert sum(line["amount"] for line in document["lines"]) == document["totals"]["net"] == -3185
    assert {line["counterparty"] for line in document["lines"]} == {"network", "grocer"}
    with services.database.reading() as session:
        sealed = queries.seal_of(session, business_date=DAY)
    assert sealed is not None
    assert document["seal"]["head"] == sealed.head.hex()
    assert b"'=SUM(A1)" in found["grocer"][1]


def test_a_rerun_gives_the_same_bytes(services: Services, played: Coalition) -> None:
    first = settle(services, NEXT_DAY)
    before = (facts(services.database), documents(services, DAY), documents(services, NEXT_DAY))
    again = settle(services, NEXT_DAY)
    assert again.replayed
    assert settle(services, DAY).replayed
    assert (again.run_id, again.control_totals) == (first.run_id, first.control_totals)
    after = (facts(services.database), documents(services, DAY), documents(services, NEXT_DAY))
    assert after == before


def test_two_runners_at_once_settle_once(services: Services, played: Coalition) -> None:
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _n: settle(services, NEXT_DAY), range(4)))
    assert sum(not each.replayed for each in results) == 1
    assert len({each.run_id for each in results}) == 1
    found = facts(services.database)
    assert len(found["settlement_run"]) == 2
    assert len(found["obligation"]) == 6 + 4
    assert len(found["statement"]) == 4


def test_progress_names_every_step_in_order(services: Services, played: Coalition) -> None:
    seen: list[Report] = []
    run_night(services, business_date=DAY, started_by="test", progress=seen.append)
    steps = list(dict.fromkeys(each.step for each in seen))
    assert steps == [*STEPS, "done"]
    assert all(each.business_date == DAY and each.done <= each.total for each in seen)


def test_an_empty_day_settles(services: Services, coalition: Coalition) -> None:
    coalition.programme.move(coalition.at(NEXT_DAY))
    result = run_night(services, started_by="test")
    assert result.business_date == DAY
    assert (result.obligations, result.statements) == (0, 0)
    assert nets(services, 0) == {"network": (0, 0, 0, 0)}
    assert result.control_totals["agree"]


def test_a_balance_is_carried_through_a_day_without_lines(
    services: Services, played: Coalition
) -> None:
    played.programme.move(played.at(THIRD_DAY + timedelta(days=1)))
    settle(services, THIRD_DAY)
    with services.database.reading() as session:
        window = queries.window_of(session, business_date=THIRD_DAY)
        assert window is not None
        baker = queries.statement(session, merchant_id=BAKER, window_id=window.window_id)
        assert queries.statement(session, merchant_id=CINEMA, window_id=window.window_id) is None
    assert baker is not None
    assert (baker.totals.opening, baker.totals.net, baker.totals.closing) == (1817, 0, 1817)
    assert baker.totals.lines == 0


def test_days_that_are_not_there_are_refused(services: Services, coalition: Coalition) -> None:
    with pytest.raises(DayNotOverError):
        settle(services, DAY)
    with pytest.raises(UnknownDayError):
        settle(services, DAY - timedelta(days=1))
    assert facts(services.database)["settlement_run"] == []


def plant(owner: Database, statement: str, **values: object) -> None:
    """Do as a superuser what neither application nor triggers allow."""
    with owner.unit_of_work() as session:
        session.execute(text("ALTER TABLE network.obligation DISABLE TRIGGER append_only"))
        session.execute(text(statement), values)
        session.execute(text("ALTER TABLE network.obligation ENABLE TRIGGER append_only"))


def test_a_planted_obligation_stops_the_run_and_the_days_after_it(
    services: Services, played: Coalition, owner_database: Database
) -> None:
    with owner_database.unit_of_work() as session:
        session.execute(
            text("""
                INSERT INTO network.settlement_window (window_id, first_day, end_day, state)
                VALUES (:id, :day, :end, 'open')
            """),
            {"id": _window_of_day(), "day": DAY, "end": NEXT_DAY},
        )
    plant(
        owner_database,
        """
        INSERT INTO network.obligation
            (obligation_id, window_id, payer_id, payer_account, payee_id, payee_account, issuer_id,
             acceptor_id, kind, terms_id, acceptor_terms_id, priced_on, points, postings, price,
             amount, currency)
        VALUES ('00000000-0000-7000-8000-00000000dead', :window, :baker, 'settlement', :cinema,
                'settlement', :baker, :cinema, 'redemption', :terms, :terms,
                ARRAY[CAST(:day AS date)], 5, 1, 1000, 5000, 'IRR')
        """,
        window=_window_of_day(),
        baker=BAKER,
        cinema=CINEMA,
        terms=TERMS[BAKER],
        day=DAY,
    )
    with pytest.raises(ControlTotalsError) as stopped:
        settle(services, DAY)
    wrong = {check.name for check in stopped.value.checks if not check.agrees}
    assert {"points_in_obligations", "obligations_recomputed", "details_add_up"} <= wrong
    row = run_row(services.database, DAY)
    assert (row["state"], row["error_code"]) == ("stopped", "settlement_totals_differ")
    assert not row["control_totals"]["agree"]
    assert facts(services.database)["statement"] == []
    with pytest.raises(EarlierDayError, match=f"{NEXT_DAY} waits for {DAY}"):
        settle(services, NEXT_DAY)
    assert run_row(services.database, NEXT_DAY) == {}

    plant(
        owner_database,
        "DELETE FROM network.obligation WHERE obligation_id = :id",
        id="00000000-0000-7000-8000-00000000dead",
    )
    assert settle(services, NEXT_DAY).earlier == (DAY,)
    assert run_row(services.database, DAY)["state"] == "done"


def test_a_settled_day_whose_postings_change_is_refused(
    services: Services, played: Coalition
) -> None:
    settle(services, DAY)
    before = facts(services.database)
    played.taken(1, by=member(9), issuer=CINEMA, acceptor=BAKER, on=DAY)
    with pytest.raises(InputChangedError):
        settle(services, DAY)
    assert facts(services.database) == before


def test_a_missing_price_fails_the_run_and_says_so(
    services: Services, played: Coalition, owner_database: Database
) -> None:
    with owner_database.unit_of_work() as session:
        session.execute(text("ALTER TABLE network.face_value DISABLE TRIGGER USER"))
        session.execute(text("DELETE FROM network.face_value"))
        session.execute(text("ALTER TABLE network.face_value ENABLE TRIGGER USER"))
    with pytest.raises(Exception, match="no face value"):
        settle(services, DAY)
    row = run_row(services.database, DAY)
    assert (row["state"], row["error_code"]) == ("failed", "settlement_price_missing")


def test_an_error_of_the_database_is_stored_and_never_hidden(
    services: Services,
    played: Coalition,
    owner_database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(nightly, "_STORE_AFTER_SECONDS", (0.0, 0.0))
    with owner_database.unit_of_work() as session:
        session.execute(text("REVOKE INSERT ON network.obligation FROM peyvand_app"))
    with pytest.raises(ProgrammingError, match="permission denied"):
        settle(services, DAY)
    row = run_row(services.database, DAY)
    assert (row["state"], row["error_code"]) == ("failed", "internal")
    assert row["error"].endswith(", SQLSTATE 42501")
    # Where that can't be stored either, the night's own error is still the one that is raised.
    with owner_database.unit_of_work() as session:
        session.execute(
            text(
                "ALTER TABLE network.settlement_run ADD CONSTRAINT ck_settlement_run_unsaid "
                "CHECK (state <> 'failed') NOT VALID"
            )
        )
    with pytest.raises(ProgrammingError, match="permission denied"):
        settle(services, DAY)
    assert run_row(services.database, DAY)["state"] == "running"


@pytest.mark.parametrize("table", ["obligation", "net_position", "statement"])
@pytest.mark.parametrize("change", ["DELETE FROM", "TRUNCATE"])
def test_what_a_window_found_never_changes(
    services: Services, played: Coalition, owner_database: Database, table: str, change: str
) -> None:
    settle(services, DAY)
    along = " CASCADE" if change == "TRUNCATE" else ""
    for database in (services.database, owner_database):
        with (
            pytest.raises(Exception, match=r"permission denied|never changed|cannot truncate"),
            database.unit_of_work() as session,
        ):
            session.execute(text(f"{change} network.{table}{along}"))


def _window_of_day() -> str:
    return str(clearing_id("window", DAY, NEXT_DAY))
