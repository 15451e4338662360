"""A day with one planted fault of every kind, and what becomes of it when a better record comes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, text

from config.jobs import reconcile
from network.clock import wall_now
from network.reconciliation import attempts, queries, service
from network.reconciliation.errors import DayNotOverError, EmptyRecordError
from network.reconciliation.reading import FIELDS
from network.vault import SealBrokenError, Vault
from tests.integration.reconciliation.desk import (
    DAY,
    NEXT_DAY,
    Desk,
    at,
    count,
    jsonl,
    table,
)


def play(desk: Desk) -> dict[str, Any]:
    """Post a day of a dozen sales, and return the record as the shop would keep it, by name."""
    anna, behnam = desk.wallet(), desk.wallet()
    first = desk.earn("R-1", member=anna, points=500, amount=5_000_000)
    desk.earn("R-2", member=behnam)
    desk.earn("R-3", member=behnam)
    desk.earn("R-4", member=behnam, amount=200_000, points=20)
    desk.earn("R-5", member=anna, amount=300_000, points=30)
    desk.earn("R-6", member=anna, amount=310_000, points=31)
    desk.earn("R-7", member=behnam, amount=320_000, points=32, receipt="77")
    desk.earn("R-8", member=behnam, amount=330_000, points=33, when=at(18))
    desk.redeem("S-1", member=anna, points=40)
    desk.hold("S-2", member=anna, points=50, captured=45)
    desk.hold("S-3", member=anna, points=60, captured=None)
    desk.refund("F-1", of=first, amount=1_000_000, points=100)
    desk.close()
    late = at(23, 50)
    desk.earn("R-9", member=anna, amount=340_000, points=34, when=late, now=at(1, day=NEXT_DAY))
    desk.close(days=2)
    return {each["merchant_ref"]: each for each in desk.lines()}


def test_a_record_that_says_the_same_has_one_break_for_the_late_sale(desk: Desk) -> None:
    said = play(desk)
    found = desk.send(jsonl([*said.values()]))
    assert (found.state, found.lines, found.entries) == ("done", 13, 13)
    assert (found.agreeing, found.idle_lines, found.breaks) == (12, 0, 1)
    (late,) = desk.breaks()
    assert (late.kind, late.suggestion) == ("date_differs", "accept_ours")
    assert late.ours is not None
    assert late.ours["business_date"] == NEXT_DAY.isoformat()

    # The next day's record does not have it, and need not: it was found in this one.
    following = desk.send(b"type,merchant_ref,occurred_at\r\n", day=NEXT_DAY, form="csv")
    assert (following.state, following.entries, following.breaks) == ("done", 0, 0)


def test_every_kind_of_break_is_found_once(desk: Desk) -> None:
    said = play(desk)
    said.pop("R-9")
    lines = {name: dict(line) for name, line in said.items()}
    lines["R-2"]["amount"] = 90_000
    lines["R-3"]["points"] = 11
    lines["R-4"]["member"] = lines["R-1"]["member"]
    lines["S-3"]["status"] = "done"
    lines["R-6"]["merchant_ref"] = "T-6"  # paired by time, a minute apart
    lines["R-6"]["occurred_at"] = at(10, 1).isoformat()
    lines["R-7"]["merchant_ref"] = "T-7"  # paired by its receipt, an hour apart
    lines["R-7"]["occurred_at"] = at(11).isoformat()
    del lines["R-8"]
    again = dict(lines["R-5"])
    lost = {**lines["R-5"], "merchant_ref": "L-1", "amount": 777_000, "points": 77}
    idle = {**lines["S-1"], "merchant_ref": "V-1", "points": 3, "status": "voided"}
    record = [*lines.values(), again, lost, idle]

    found = desk.send(table(record, columns=FIELDS), form="csv")
    assert (found.state, found.lines, found.idle_lines) == ("done", 14, 1)
    kinds = {
        each.kind: ((each.theirs or each.ours or {})["merchant_ref"], each.suggestion)
        for each in desk.breaks()
    }
    assert kinds == {
        "missing_here": ("L-1", "post_earn"),
        "missing_there": ("R-8", "accept_ours"),
        "duplicate": ("R-5", "accept_ours"),
        "amount_differs": ("R-2", "adjust_points"),
        "points_differ": ("R-3", "adjust_points"),
        "member_differs": ("R-4", "accept_ours"),
        "status_differs": ("S-3", "accept_ours"),
    }
    assert found.breaks == len(kinds) == len(desk.breaks())
    assert found.agreeing == 7
    with desk.owner.reading() as session:
        methods = {
            row.method: row.lines
            for row in session.execute(
                text(
                    "SELECT method, count(*) AS lines FROM network.reconciliation_match"
                    " GROUP BY method"
                )
            )
        }
    assert methods == {"reference": 9, "receipt": 1, "amount_time": 1}


def test_an_idempotency_key_goes_before_everything_else(desk: Desk) -> None:
    anna = desk.wallet()
    desk.earn("R-1", member=anna, key="key-of-the-first-sale")
    desk.close()
    (line,) = desk.lines()
    line |= {"merchant_ref": "elsewhere", "idempotency_key": "key-of-the-first-sale"}
    found = desk.send(jsonl([line]))
    assert (found.agreeing, found.breaks) == (1, 0)


def test_the_same_file_twice_is_one_record(desk: Desk) -> None:
    desk.earn("R-1", member=desk.wallet())
    desk.close()
    content = jsonl([{**desk.lines()[0], "points": 9}])
    first = desk.send(content)
    second = desk.send(content)
    assert second.reconciliation_id == first.reconciliation_id
    assert not desk.work(first.reconciliation_id)
    assert count(desk.owner, "network.reconciliation") == len(desk.breaks()) == 1


def test_a_corrected_record_closes_what_no_longer_differs(desk: Desk) -> None:
    anna = desk.wallet()
    desk.earn("R-1", member=anna)
    desk.earn("R-2", member=anna, amount=200_000, points=20)
    desk.close()
    one, two = desk.lines()
    desk.send(jsonl([{**one, "amount": 1}, {**two, "amount": 2}]))
    before = {(each.ours or {})["merchant_ref"]: each for each in desk.breaks(state="open")}
    assert before.keys() == {"R-1", "R-2"}

    corrected = desk.send(jsonl([one, {**two, "amount": 3}]), wall=at(11, day=NEXT_DAY))
    assert corrected.version == 2
    (left,) = desk.breaks(state="open")
    assert left.break_id == before["R-2"].break_id
    assert left.opened_at == before["R-2"].opened_at
    assert (left.theirs or {})["amount"] == 3
    (gone,) = desk.breaks(state="gone")
    assert gone.break_id == before["R-1"].break_id

    # And back: the break is the same one again.
    desk.send(jsonl([{**one, "amount": 1}, two]), wall=at(12, day=NEXT_DAY))
    assert [each.break_id for each in desk.breaks(state="open")] == [gone.break_id]


def test_what_comes_late_is_found_by_matching_again(desk: Desk) -> None:
    anna = desk.wallet()
    desk.earn("R-1", member=anna)
    desk.close()
    moment = at(23, 30)
    line = {**desk.lines()[0], "merchant_ref": "R-2", "occurred_at": moment.isoformat()}
    found = desk.send(jsonl([*desk.lines(), line]))
    assert [each.kind for each in desk.breaks()] == ["missing_here"]
    desk.earn("R-2", member=anna, when=moment, now=at(2, day=NEXT_DAY))

    with desk.services.database.unit_of_work() as session:
        assert service.match_again(
            session, reconciliation_id=found.reconciliation_id, wall=at(10, day=NEXT_DAY)
        )
    assert desk.work(found.reconciliation_id)
    assert {each.kind: each.state for each in desk.breaks()} == {
        "missing_here": "gone",
        "date_differs": "open",
    }


def test_a_faulty_record_is_refused_whole_and_named_line_by_line(desk: Desk) -> None:
    desk.earn("R-1", member=desk.wallet())
    desk.close()
    (good,) = desk.lines()
    content = jsonl([good, {**good, "amount": "1", "colour": 1}]) + b"{\n" + jsonl([good])
    found = desk.send(content)
    assert (found.state, found.faulty, found.breaks) == ("refused", 3, 0)
    assert [(each.line, each.field, each.code) for each in found.faults] == [
        (2, "colour", "unknown_field"),
        (2, "amount", "not_integer"),
        (3, "", "malformed_json"),
    ]
    assert desk.breaks() == []


def test_only_a_day_that_is_over_can_be_reconciled(desk: Desk) -> None:
    with pytest.raises(DayNotOverError):
        desk.send(b"{}\n")
    desk.close()
    with pytest.raises(EmptyRecordError):
        desk.send(b"")
    with pytest.raises(DayNotOverError):
        desk.send(b"{}\n", day=DAY + timedelta(days=1))


def test_a_record_whose_matching_always_fails_ends_as_failed(desk: Desk) -> None:
    said = play(desk)
    content = jsonl([*said.values()])
    broken = desk.send(content, work=False)
    after = desk.send(b"type,merchant_ref,occurred_at\r\n", day=NEXT_DAY, form="csv", work=False)
    elsewhere = replace(desk.services, vault=Vault(bytes(32)))  # its pieces do not open there

    def waiting() -> list[UUID]:
        with desk.services.database.reading() as session:
            return attempts.left_alone(session, before=wall_now() + timedelta(days=1))

    identifier = str(broken.reconciliation_id)
    assert {*waiting()} == {broken.reconciliation_id, after.reconciliation_id}
    for _ in range(attempts.MOST_ATTEMPTS):
        with pytest.raises(SealBrokenError):
            reconcile(elsewhere, reconciliation_id=identifier)
        assert waiting()[0] == after.reconciliation_id  # what was tried hides nobody
    reconcile(elsewhere, reconciliation_id=identifier)
    assert waiting() == [after.reconciliation_id]
    with desk.services.database.reading() as session:
        failed = queries.reconciliation(session, reconciliation_id=broken.reconciliation_id)
        told = session.scalars(
            text("SELECT payload ->> 'state' FROM network.outbox WHERE topic LIKE '%finished'")
        ).all()
    assert (failed.state, failed.failure, told) == ("failed", SealBrokenError.code, ["failed"])
    # The cause is gone: an operator has it matched again, or the shop sends the same once more.
    with desk.services.database.unit_of_work() as session:
        assert service.match_again(
            session, reconciliation_id=broken.reconciliation_id, wall=wall_now()
        )
    reconcile(desk.services, reconciliation_id=identifier)
    with desk.services.database.reading() as session:
        done = queries.reconciliation(session, reconciliation_id=broken.reconciliation_id)
    assert (done.state, done.failure, done.breaks) == ("done", None, 1)


def test_workers_that_end_without_a_word_are_counted(desk: Desk) -> None:
    play(desk)
    broken = desk.send(jsonl(desk.lines()), work=False)

    def begin() -> bool:
        with desk.services.database.unit_of_work() as session:
            return attempts.begin_attempt(
                session, reconciliation_id=broken.reconciliation_id, wall=wall_now()
            )

    assert [begin() for _ in range(attempts.MOST_ATTEMPTS + 1)][-2:] == [True, False]
    with desk.services.database.reading() as session:
        found = queries.reconciliation(session, reconciliation_id=broken.reconciliation_id)
    assert (found.state, found.failure) == ("failed", attempts.WORKER_LOST)
    # The same bytes are another try now.
    assert desk.send(jsonl(desk.lines())).state == "done"


def test_a_record_whose_shop_has_another_matched_waits_uncounted(desk: Desk) -> None:
    play(desk)
    sent = desk.send(jsonl(desk.lines()), work=False)
    with desk.services.database.unit_of_work() as session:
        session.execute(select(func.pg_advisory_xact_lock(service.matching_lock(desk.shop))))
        with desk.services.database.unit_of_work() as other:
            assert not attempts.begin_attempt(
                other, reconciliation_id=sent.reconciliation_id, wall=wall_now()
            )
    reconcile(desk.services, reconciliation_id=str(sent.reconciliation_id))
    with desk.services.database.reading() as session:
        found = queries.reconciliation(session, reconciliation_id=sent.reconciliation_id)
    assert found.state == "done"
