"""Which process should take the next client."""

from __future__ import annotations

import os

from config.serving.shares import LONE, Board


def test_who_has_more_than_another_leaves_the_next_client_to_it() -> None:
    board = Board()
    one = board.share([])
    two = board.share([one])
    one.tell(0)
    assert not one.above_others()  # the other does not listen yet
    two.tell(0)
    assert not one.above_others()
    one.tell(1)
    assert one.above_others()
    assert not two.above_others()
    two.leave()
    assert not one.above_others()


def test_with_many_connections_an_eighth_more_is_nothing() -> None:
    board = Board()
    one = board.share([])
    two = board.share([one])
    two.tell(40)
    one.tell(45)
    assert not one.above_others()
    one.tell(46)
    assert one.above_others()


def test_a_place_is_given_again_and_without_one_nobody_yields() -> None:
    board = Board()
    shares = [board.share([])]
    while shares[-1].place is not None:
        shares.append(board.share(shares))
    assert len({each.place for each in shares}) == len(shares)
    shares[-1].tell(9)
    assert not shares[-1].above_others()
    assert not LONE.above_others()
    gone = shares.pop(3)
    assert board.share(shares).place == gone.place


def test_other_processes_see_it() -> None:
    board = Board()
    one = board.share([])
    two = board.share([one])
    one.tell(1)
    if not (child := os.fork()):
        two.tell(0)
        os._exit(0)
    os.waitpid(child, 0)
    assert one.above_others()
