"""How lines that campaigns may add to are cut into groups, and how many a group has."""

from __future__ import annotations

from uuid import UUID

from merchant_gateway.batches.groups import LARGEST_GROUP, SMALLEST_GROUP, Pace, groups_of
from merchant_gateway.batches.lines import Wanted
from merchant_gateway.batches.members import Named
from network.clock import wall_now


def line(number: int, person: int, kind: str = "earn") -> Wanted:
    named = Named(member_id=UUID(int=person), identifier="phone")
    return Wanted(line=number, kind=kind, member=named)


def test_a_group_has_at_most_a_thousand_members_and_none_twice() -> None:
    lines = [line(number, number % 450) for number in range(1_000)] + [line(1_000, 1, "redeem")]
    pace = Pace(lines=LARGEST_GROUP)
    groups = list(groups_of(lines, received_at=wall_now(), pace=pace))
    assert [len(each) for each in groups] == [450, 450, 100, 1]
    assert all(len({each.member for each in group}) == len(group) for group in groups)
    many = [line(number, number) for number in range(1_500)]
    groups_of_many = groups_of(many, received_at=wall_now(), pace=pace)
    assert [len(each) for each in groups_of_many] == [LARGEST_GROUP, 500]
    of_one = [each.line for group in groups for each in group if each.member == lines[1].member]
    assert of_one == [1, 451, 901, 1_000]


def test_the_next_group_is_as_long_as_a_till_may_wait() -> None:
    pace = Pace()
    lines = [line(number, number) for number in range(1_000)]
    groups = groups_of(lines, received_at=wall_now(), pace=pace)
    sizes = []
    for seconds_of_one in (0.002, 0.002, 0.5, 0.0, 0.0001, 0.0001):
        group = next(groups)
        sizes.append(len(group))
        pace.note(lines=len(group), seconds=len(group) * seconds_of_one)
    assert sizes == [200, 50, 50, SMALLEST_GROUP, 2 * SMALLEST_GROUP, 4 * SMALLEST_GROUP]
    for _ in range(9):
        pace.note(lines=pace.lines, seconds=0.0)
    assert pace.lines == LARGEST_GROUP


def test_what_was_posted_in_a_group_is_not_looked_at_again() -> None:
    lines = [line(number, number % 20) for number in range(40)] + [line(40, 50, "redeem")]
    seen = []
    for group in groups_of(lines, received_at=wall_now(), pace=Pace(lines=15)):
        for each in group:
            each.result = {"status": "posted"}
            seen.append(each.line)
    assert len(seen) == len(set(seen)) == len(lines)
