"""Matching, over lines and entries that collide as much as they can."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from network.database.connection import Database
from network.reconciliation import comparing, pairing, sides
from network.reconciliation.matching import TOLERANCE, Timed, pair_by_time
from network.reconciliation.reading import Line
from tests.integration.reconciliation.desk import DAY, at

REFS = st.sampled_from(["a", "b", "c", "d"])
MINUTES = st.integers(min_value=0, max_value=40)
AMOUNTS = st.sampled_from([100, 200])
STATUSES = st.sampled_from(["done", "done", "done", "voided"])
MEMBERS = st.sampled_from([UUID(int=1), UUID(int=2)])
RECEIPTS = st.sampled_from([None, "1", "2"])


class Sale(NamedTuple):
    """What either side may say of a sale."""

    ref: str
    minute: int
    amount: int
    status: str
    member: UUID | None
    receipt: str | None
    late: bool = False


THEIRS = st.builds(
    Sale, REFS, MINUTES, AMOUNTS, STATUSES, st.none() | MEMBERS, RECEIPTS, st.just(value=False)
)
OURS = st.builds(Sale, REFS, MINUTES, AMOUNTS, STATUSES, MEMBERS, RECEIPTS, st.booleans())

_OUR_TABLE = text("""
    CREATE TEMP TABLE our_entry (
        place bigint, member_id uuid, sequence bigint, type text COLLATE "C",
        merchant_ref text COLLATE "C", business_date date, effective_at timestamptz, amount bigint,
        points bigint, status text, store text COLLATE "C", terminal text COLLATE "C",
        receipt text COLLATE "C", claimed boolean,
        person_id uuid GENERATED ALWAYS AS (member_id) STORED
    ) ON COMMIT DROP
""")
_OUR_ROW = text("""
    INSERT INTO our_entry VALUES (:place, :member, :place, 'earn', :ref, :day, :at, :amount, 1,
                                  :status, NULL, :terminal, :receipt, false)
""")


def moment(minute: int) -> datetime:
    return at(10) + timedelta(minutes=minute)


def come_to(
    session: Session, theirs: Sequence[Sale], ours: Sequence[Sale]
) -> tuple[list[tuple[int, int]], list[Any], comparing.Counts]:
    """Match two sides; return the pairs, the breaks, and the counts."""
    lines = [
        Line(
            line=number,
            type="earn",
            merchant_ref=each.ref,
            idempotency_key=None,
            occurred_at=moment(each.minute),
            amount=each.amount,
            points=None,
            status=each.status,
            member_id=each.member,
            card=None,
            store=None,
            terminal=each.receipt and "T",
            receipt=each.receipt,
        )
        for number, each in enumerate(theirs, 1)
    ]
    assert sides.bring_theirs(session, found=lines)[:2] == (len(theirs), 0)
    session.execute(_OUR_TABLE)
    for place, each in enumerate(ours, 1):
        session.execute(
            _OUR_ROW,
            {
                "place": place,
                "member": each.member,
                "ref": each.ref,
                "day": DAY + timedelta(days=each.late),
                "at": moment(each.minute),
                "amount": each.amount,
                "status": each.status,
                "terminal": each.receipt and "T",
                "receipt": each.receipt,
            },
        )
    pairing.match(session, merchant_id=UUID(int=9))
    counts = comparing.compare(session, day=DAY)
    pairs = [tuple(row) for row in session.execute(text("SELECT line, place FROM pair"))]
    found = session.execute(text("SELECT line, sequence, kinds, subject FROM found")).all()
    return pairs, list(found), counts


@pytest.fixture(scope="module")
def quiet(cluster: Any) -> Any:
    """Yield a database that no test writes to."""
    with cluster.fresh_database() as name:
        database = Database(cluster.url("peyvand", database=name), application_name="test")
        yield database
        database.dispose()


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(theirs=st.lists(THEIRS, max_size=9), ours=st.lists(OURS, max_size=9), order=st.randoms())
def test_every_line_and_every_entry_is_accounted_for_once(
    quiet: Database, theirs: list[Sale], ours: list[Sale], order: Random
) -> None:
    with quiet.rehearsal() as session:
        pairs, breaks, counts = come_to(session, theirs, ours)
    lines, places = [line for line, _ in pairs], [place for _, place in pairs]
    assert len(set(lines)) == len(lines)
    assert len(set(places)) == len(places)

    # Each line agrees, moved nothing, or stands in one break; so does each entry of the day.
    broken = [each.line for each in breaks if each.line is not None]
    assert len(set(broken)) == len(broken)
    assert counts.agreeing + counts.idle_lines + len(broken) == len(theirs)
    entries = [each.sequence for each in breaks if each.sequence is not None]
    assert len(set(entries)) == len(entries)
    assert counts.agreeing + len(entries) == counts.entries
    of_the_day = {
        place for place, each in enumerate(ours, 1) if each.status == "done" and not each.late
    }
    assert of_the_day <= set(places) | set(entries)
    assert len({each.subject for each in breaks}) == len(breaks) == counts.breaks

    # Another order of the same lines comes to the same.
    shuffled = theirs.copy()
    order.shuffle(shuffled)
    with quiet.rehearsal() as session:
        again_pairs, again, again_counts = come_to(session, shuffled, ours)
    said = sorted((repr(theirs[line - 1]), place) for line, place in pairs)
    assert sorted((repr(shuffled[line - 1]), place) for line, place in again_pairs) == said
    assert sorted((each.subject, each.kinds) for each in again) == sorted(
        (each.subject, each.kinds) for each in breaks
    )
    assert again_counts == counts


TIMED = st.lists(
    st.tuples(st.sampled_from([("earn", 1), ("earn", 2)]), st.integers(0, 60)), max_size=7
)


@settings(max_examples=200)
@given(theirs=TIMED, ours=TIMED)
def test_no_pairing_by_time_has_more_pairs(
    theirs: list[tuple[tuple[str, int], int]], ours: list[tuple[tuple[str, int], int]]
) -> None:
    def timed(side: list[tuple[tuple[str, int], int]]) -> list[Timed]:
        return [
            Timed(number=number, group=group, at=moment(minute))
            for number, (group, minute) in enumerate(sorted(side))
        ]

    left, right = timed(theirs), timed(ours)
    pairs = list(pair_by_time(left, right))
    assert len({one for one, _ in pairs}) == len({other for _, other in pairs}) == len(pairs)
    near = {
        one.number: {
            other.number
            for other in right
            if other.group == one.group and abs(other.at - one.at) <= TOLERANCE
        }
        for one in left
    }
    assert all(other in near[one] for one, other in pairs)
    assert len(pairs) == most_pairs(near)


def most_pairs(near: dict[int, set[int]]) -> int:
    """Return the size of a maximum matching, by augmenting paths."""
    taken: dict[int, int] = {}

    def place(one: int, seen: set[int]) -> bool:
        for other in near[one] - seen:
            seen.add(other)
            if other not in taken or place(taken[other], seen):
                taken[other] = one
                return True
        return False

    return sum(place(one, set()) for one in near)
