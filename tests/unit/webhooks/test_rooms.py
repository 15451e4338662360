"""How many attempts an endpoint may have under way."""

from __future__ import annotations

from uuid import UUID

from config.webhooks.rooms import FIRST, MOST, QUICK_SECONDS, Rooms

GOOD, BAD = UUID(int=1), UUID(int=2)
OWNER, OTHER = UUID(int=3), UUID(int=4)


def test_room_grows_with_success_and_shrinks_to_one_with_failure() -> None:
    rooms = Rooms()
    assert rooms.free() == {}
    for _ in range(FIRST):
        rooms.take(GOOD, merchant_id=OWNER)
    assert rooms.free() == {GOOD: 0}
    assert not rooms.any_free
    for _ in range(FIRST):
        rooms.give_back(GOOD, delivered=True, seconds=0.1)
    assert rooms.free() == {GOOD: 2 * FIRST}
    for _ in range(3 * MOST):
        rooms.take(GOOD, merchant_id=OWNER)
        rooms.give_back(GOOD, delivered=True, seconds=0.1)
    assert rooms.free() == {GOOD: MOST}
    rooms.take(GOOD, merchant_id=OWNER)
    assert rooms.give_back(GOOD, delivered=False, seconds=0.1)
    assert rooms.free() == {GOOD: 1}


def test_one_endpoint_is_judged_apart_from_another() -> None:
    rooms = Rooms()
    for endpoint in (GOOD, BAD):
        for _ in range(FIRST):
            rooms.take(endpoint, merchant_id=OWNER)
    assert not rooms.give_back(BAD, delivered=False, seconds=0.1)
    for _ in range(FIRST // 2 - 1):
        assert not rooms.give_back(GOOD, delivered=True, seconds=0.1) or rooms.free()[GOOD]
    rooms.give_back(GOOD, delivered=True, seconds=0.1)
    assert rooms.free()[GOOD] > 0
    assert rooms.free()[BAD] == 0


def test_slow_answers_win_no_room() -> None:
    rooms = Rooms()
    for _ in range(3 * FIRST):
        rooms.take(GOOD, merchant_id=OWNER)
        rooms.give_back(GOOD, delivered=True, seconds=QUICK_SECONDS)
    assert rooms.free() == {GOOD: FIRST}


def test_a_merchants_endpoints_share_its_room() -> None:
    rooms = Rooms(each_merchant=64)
    mine = [UUID(int=number) for number in range(10, 20)]
    for endpoint in mine:
        for _ in range(2 * MOST):
            rooms.take(endpoint, merchant_id=OWNER)
            rooms.give_back(endpoint, delivered=True, seconds=0.1)
    taken = 0
    while begun := {each: room for each, room in rooms.free().items() if room}:
        for endpoint, room in begun.items():
            for _ in range(room):
                rooms.take(endpoint, merchant_id=OWNER)
        taken += sum(begun.values())
    assert 64 - len(mine) < taken <= 64
    rooms.take(GOOD, merchant_id=OTHER)
    rooms.give_back(GOOD, delivered=True, seconds=0.1)
    assert rooms.free()[GOOD] == FIRST + 1
