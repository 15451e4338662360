"""How many attempts an endpoint may have under way."""

from __future__ import annotations

from uuid import UUID

from config.webhooks.rooms import FIRST, MOST, Rooms

GOOD, BAD = UUID(int=1), UUID(int=2)


def test_room_grows_with_success_and_shrinks_to_one_with_failure() -> None:
    rooms = Rooms()
    assert rooms.free() == {}
    for _ in range(FIRST):
        rooms.take(GOOD)
    assert rooms.free() == {GOOD: 0}
    assert not rooms.any_free
    for _ in range(FIRST):
        rooms.give_back(GOOD, delivered=True)
    assert rooms.free() == {GOOD: 2 * FIRST}
    for _ in range(3 * MOST):
        rooms.take(GOOD)
        rooms.give_back(GOOD, delivered=True)
    assert rooms.free() == {GOOD: MOST}
    rooms.take(GOOD)
    assert rooms.give_back(GOOD, delivered=False)
    assert rooms.free() == {GOOD: 1}


def test_one_endpoint_is_judged_apart_from_another() -> None:
    rooms = Rooms()
    for endpoint in (GOOD, BAD):
        for _ in range(FIRST):
            rooms.take(endpoint)
    assert not rooms.give_back(BAD, delivered=False)
    for _ in range(FIRST // 2 - 1):
        assert not rooms.give_back(GOOD, delivered=True) or rooms.free()[GOOD]
    rooms.give_back(GOOD, delivered=True)
    assert rooms.free()[GOOD] > 0
    assert rooms.free()[BAD] == 0
