"""Calls that meet at the wallet's lock: exactly one outcome, no partial rows.

The numbers are those of the design's cases. The calls are started while another transaction holds
the lock and let go once all of them wait for it.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import text

from network.ledger import queries
from network.ledger.values import Posted
from tests.integration.ledger.conftest import Hands, attempt

TILLS = 16
THREADS = 50


def _codes(outcomes: list[object]) -> Counter[str]:
    return Counter(outcome if isinstance(outcome, str) else "posted" for outcome in outcomes)


def _entries(hands: Hands, member_id: UUID) -> int:
    with hands.database.reading() as session:
        query = text("SELECT count(*) FROM ledger.entry WHERE member_id = :member_id")
        return int(session.execute(query, {"member_id": member_id}).scalar_one())


def test_sixteen_tills_redeem_sevens_from_600(hands: Hands) -> None:
    member_id = hands.wallet()
    for _ in range(6):
        hands.earn(member_id, 100)

    def till() -> int:
        posted = 0
        while isinstance(attempt(partial(hands.redeem, member_id, 7)), Posted):
            posted += 1
        return posted

    outcomes = hands.meet(member_id, *[till] * TILLS)
    assert sum(outcome for outcome in outcomes if isinstance(outcome, int)) == 85
    wallet = hands.view(member_id)
    assert (wallet.available, wallet.sequence) == (5, 6 + 85)
    assert _entries(hands, member_id) == 6 + 85


def test_one_key_from_fifty_threads_posts_once(hands: Hands) -> None:
    member_id = hands.wallet()
    claim = hands.claim("the-key")
    call = partial(hands.earn, member_id, 10, claim=claim, ref="the-ref")
    outcomes = [out for out in hands.meet(member_id, *[call] * THREADS) if isinstance(out, Posted)]
    assert len(outcomes) == THREADS
    assert Counter(outcome.replayed for outcome in outcomes) == {True: 49, False: 1}
    assert {outcome.sequence for outcome in outcomes} == {1}
    assert len({str(sorted(outcome.result.items())) for outcome in outcomes}) == 1
    assert hands.view(member_id).available == 10
    assert _entries(hands, member_id) == 1


def test_one_key_for_two_members_posts_for_one(hands: Hands) -> None:
    first, second = hands.wallet(), hands.wallet()
    claim = hands.claim("the-key")
    with hands.uncommitted(first, 10, claim=claim):
        waiting = hands.start(partial(hands.earn, second, 10, claim=claim))
        hands.until_waiting(1)
    assert waiting.result(60) == "idempotency_conflict"
    assert attempt(partial(hands.earn, second, 10, claim=claim)) == "idempotency_conflict"
    assert hands.view(first).available == 10
    assert (hands.view(second).available, _entries(hands, second)) == (0, 0)


def test_a_redemption_waiting_behind_an_earn_sees_the_new_lot(hands: Hands) -> None:
    member_id = hands.wallet()
    with hands.uncommitted(member_id, 100):
        waiting = hands.start(partial(hands.redeem, member_id, 100))
        hands.until_waiting(1)
    assert isinstance(waiting.result(60), Posted)
    assert hands.view(member_id).available == 0


def test_capture_races_void(hands: Hands) -> None:
    for _ in range(5):
        member_id = hands.wallet()
        hands.earn(member_id, 100)
        hold = hands.authorise(member_id, 60).sequence
        outcomes = hands.meet(
            member_id,
            partial(hands.capture, member_id, hold),
            partial(hands.void, member_id, hold),
        )
        captured = isinstance(outcomes[0], Posted)
        assert _codes(outcomes) == {
            "posted": 1,
            "already_captured" if captured else "already_voided": 1,
        }
        wallet = hands.view(member_id)
        assert (wallet.available, wallet.held) == (40 if captured else 100, 0)
        assert _entries(hands, member_id) == 3


def test_capture_races_the_end_of_the_hold(hands: Hands) -> None:
    late = hands.now + timedelta(minutes=16)
    for _ in range(5):
        member_id = hands.wallet()
        hands.earn(member_id, 100)
        hold = hands.authorise(member_id, 60).sequence
        outcomes = hands.meet(
            member_id,
            partial(hands.capture, member_id, hold, wall=late),
            partial(hands.mature, member_id, now=hands.now, wall=late),
        )
        assert isinstance(outcomes[0], Posted)
        wallet = hands.view(member_id)
        assert (wallet.available, wallet.held) == (40, 0)
        with hands.database.reading() as session:
            view = queries.redemption(session, member_id=member_id, sequence=hold)
        assert view is not None
        assert (view.state, view.captured) == ("captured", 60)


def test_expiry_races_a_redemption(hands: Hands) -> None:
    tomorrow = hands.now + timedelta(days=1)
    for _ in range(5):
        member_id = hands.wallet()
        hands.earn(member_id, 100, days=1)
        outcomes = hands.meet(
            member_id,
            partial(hands.redeem, member_id, 100, now=hands.now),
            partial(hands.mature, member_id, now=tomorrow, wall=tomorrow),
        )
        spent = isinstance(outcomes[0], Posted)
        assert outcomes[0] == "insufficient_points" or spent
        assert (outcomes[1] is None) == spent
        assert hands.view(member_id).available == 0
        assert _entries(hands, member_id) == 2


def test_reverse_races_authorise(hands: Hands) -> None:
    for number in range(5):
        member_id = hands.wallet()
        hands.earn(member_id, 100)
        ref = f"cart-{number}"
        outcomes = hands.meet(
            member_id,
            partial(hands.authorise, member_id, 60, ref=ref),
            partial(hands.reverse, member_id, ref),
        )
        reversed_ = outcomes[1]
        assert isinstance(reversed_, Posted)
        came_first = isinstance(outcomes[0], Posted)
        assert outcomes[0] == "reference_barred" or came_first
        assert reversed_.result["state"] == ("voided" if came_first else "barred")
        wallet = hands.view(member_id)
        assert (wallet.available, wallet.held) == (100, 0)
