"""Batches: an outcome per row, one entry per key, and the books that single calls would write."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from hashlib import sha256
from uuid import UUID, uuid4

from sqlalchemy import text

from network.clock import local_date
from network.ledger import operations, queries
from network.ledger.batch_arguments import BatchEarning
from network.ledger.errors import (
    DuplicateReference,
    IdempotencyConflict,
    Refusal,
    UnknownWallet,
    WalletClosed,
)
from network.ledger.operations_batch import earn_batch, expire_due
from network.ledger.values import Claim, Grant, Posted
from network.settings import PROGRAMME_ZONE
from tests.integration.ledger.conftest import Hands


def earning(
    hands: Hands,
    member_id: UUID,
    *points: int,
    key: str | None = None,
    ref: str | None = None,
    starts: int = 0,
    issuers: tuple[UUID, ...] = (),
) -> BatchEarning:
    today = local_date(hands.now, zone=PROGRAMME_ZONE)
    return BatchEarning(
        member_id=member_id,
        claim=Claim(
            client_id=hands.bakery,
            key=key or str(uuid4()),
            fingerprint=sha256(repr(points).encode()).digest(),
        ),
        event=hands.event(hands.bakery, ref),
        grants=[
            Grant(
                issuer_id=issuers[line] if issuers else hands.bakery,
                terms_id=hands.bakery,
                price=Decimal("950.5"),
                points=count,
                base=10 * count,
                active_from=today + timedelta(days=starts),
                expires_on=today + timedelta(days=90),
                line=line,
            )
            for line, count in enumerate(points)
        ],
        explanation=[{"rule": "base", "fired": True}],
    )


def of_one_line(one: BatchEarning) -> BatchEarning:
    """Return a purchase whose grants are all of line 0, as where several pay for one line."""
    base = one.grants[0].base
    return replace(one, grants=[replace(each, line=0, base=base) for each in one.grants])


def post(hands: Hands, *earnings: BatchEarning) -> list[Posted | Refusal]:
    with hands.database.ledger() as connection:
        return earn_batch(connection, now=hands.now, earnings=earnings)


def single(hands: Hands, one: BatchEarning) -> Posted:
    assert one.claim is not None
    assert isinstance(one.explanation, list)
    with hands.database.ledger() as connection:
        return operations.earn(
            connection,
            now=hands.now,
            claim=one.claim,
            member_id=one.member_id,
            event=one.event,
            grants=one.grants,
            explanation=one.explanation,
            evidence=None,
        )


def books(hands: Hands, member_id: UUID) -> object:
    """Return what a wallet's entries, lots and earned rows say, without its ids."""
    with hands.database.reading() as session:
        entries = queries.entries(session, member_id=member_id, limit=100)
        lots = queries.lots(session, member_id=member_id, open_only=False)
        earned = session.execute(
            text(
                "SELECT sequence, part, line, issuer_id, lot_id, base, points "
                "FROM ledger.earned_part WHERE member_id = :m ORDER BY sequence, part"
            ),
            {"m": member_id},
        ).all()
        wallet = queries.stored_wallet(session, member_id=member_id)
        wrong = session.execute(
            text("""
                SELECT count(*) FROM ledger.entry AS e WHERE member_id = :m AND digest <>
                ledger.stored_digest(e, (SELECT string_agg(ledger.movement_form(line, source,
                    target, issuer_id, acceptor_id, lot_id, target_lot_id, terms_id, priced_on,
                    points), '' ORDER BY line) FROM ledger.movement AS p
                    WHERE p.member_id = e.member_id AND p.sequence = e.sequence))
            """),
            {"m": member_id},
        ).scalar_one()
    assert wrong == 0
    assert wallet is not None
    return (
        [
            (e.sequence, e.kind, e.actor, e.explanation, e.amount, e.base, e.postings)
            for e in entries
        ],
        [(lot.lot_id, lot.price, lot.active, lot.active_from, lot.granted) for lot in lots],
        earned,
        (wallet.available, wallet.pending, wallet.debt, wallet.sequence, wallet.due_on),
    )


def test_a_batch_writes_what_single_calls_write(hands: Hands) -> None:
    funders = (hands.bakery, hands.cinema)

    def purchases(member_id: UUID) -> list[BatchEarning]:
        return [
            earning(hands, member_id, 10, 20, 30, 40),
            earning(hands, member_id, 5, starts=3),
            earning(hands, member_id, 7, 8, issuers=funders),
            earning(hands, member_id),
            earning(hands, member_id, 100),
            earning(hands, member_id, 9, 0, 1),
            of_one_line(earning(hands, member_id, 3, 4)),
        ]

    together, apart = hands.wallet(), hands.wallet()
    # The plain ones come first in a batch; the others follow in their order.
    outcomes = post(hands, *purchases(together))
    order = [0, 1, 4, 5, 2, 3, 6]
    asked = purchases(apart)
    for place in order:
        posted = single(hands, asked[place])
        found = outcomes[place]
        assert isinstance(found, Posted)
        assert (found.sequence, found.result) == (posted.sequence, posted.result)
    assert books(hands, together) == books(hands, apart)
    # Two grants of one line: both give their points, and what was paid for the line counts once.
    with hands.database.reading() as session:
        parts = session.execute(
            text(
                "SELECT line, base, points FROM ledger.earned_part "
                "WHERE member_id = :m AND sequence = 7 ORDER BY part"
            ),
            {"m": together},
        ).all()
    assert [tuple(each) for each in parts] == [(0, 30, 3), (0, 30, 4), (-1, 970, 0)]


def test_each_row_has_its_own_outcome(hands: Hands) -> None:
    member_id, closed, late = hands.wallet(), hands.wallet(), hands.wallet()
    with hands.database.ledger() as connection:
        operations.set_wallet_status(connection, member_id=closed, status="closed")
    before = single(hands, earning(hands, member_id, 5, key="known", ref="known"))
    hands.earn(late, 50, days=1)
    outcomes = post(
        hands,
        earning(hands, member_id, 10, key="twice"),
        earning(hands, member_id, 10, key="twice"),
        earning(hands, member_id, 11, key="twice"),
        earning(hands, closed, 10, key="twice"),
        earning(hands, member_id, 5, key="known", ref="known"),
        earning(hands, member_id, 5, ref="known"),
        earning(hands, closed, 10),
        earning(hands, uuid4(), 10),
        earning(hands, member_id, 20, ref="same"),
        earning(hands, member_id, 20, ref="same"),
        earning(hands, late, 30),
    )
    kinds = [type(o) if isinstance(o, Refusal) else o.replayed for o in outcomes]
    assert kinds == [
        *(False, True, IdempotencyConflict, IdempotencyConflict, True, DuplicateReference),
        *(WalletClosed, UnknownWallet, False, DuplicateReference, False),
    ]
    replay = outcomes[4]
    assert isinstance(replay, Posted)
    assert replay.sequence == before.sequence
    assert hands.view(member_id).available == 5 + 10 + 20
    again = post(hands, earning(hands, member_id, 10, key="twice"), earning(hands, late, 1))
    assert [o.replayed for o in again if isinstance(o, Posted)] == [True, False]


def test_without_keys_references_keep_a_batch_from_being_posted_twice(hands: Hands) -> None:
    members = [hands.wallet() for _ in range(3)]
    asked = [
        replace(earning(hands, member, 10, 4, 0, ref=f"{member}"), claim=None)
        for member in (*members, members[0])
    ]
    outcomes = post(hands, *asked)
    assert [isinstance(o, Posted) for o in outcomes] == [True, True, True, False]
    again = post(hands, *asked, replace(earning(hands, members[1], 5), claim=None))
    assert [type(o) for o in again] == [DuplicateReference] * 4 + [Posted]
    refused = again[0]
    assert isinstance(refused, Refusal)
    assert refused.facts == {"merchant_ref": f"{members[0]}", "sequence": 1}
    assert [hands.view(member).available for member in members] == [14, 19, 14]


def test_a_batch_sent_again_without_keys_is_known_in_a_wallet_that_closed(hands: Hands) -> None:
    member_id = hands.wallet()
    first = replace(earning(hands, member_id, 5, ref="R-1"), claim=None)
    another = replace(earning(hands, member_id, 7, ref="R-2"), claim=None)
    (posted,) = post(hands, first)
    assert isinstance(posted, Posted)
    with hands.database.ledger() as connection:
        operations.set_wallet_status(connection, member_id=member_id, status="closed")
    known, closed, keyed = post(hands, first, another, earning(hands, member_id, 5, ref="R-1"))
    assert isinstance(known, DuplicateReference)
    assert known.facts["sequence"] == posted.sequence
    assert isinstance(closed, WalletClosed)
    assert isinstance(keyed, WalletClosed)


def test_one_event_tells_of_a_batch(hands: Hands) -> None:
    members = [hands.wallet() for _ in range(3)]
    post(hands, *(earning(hands, member, 10 + place) for place, member in enumerate(members)))
    with hands.database.reading() as session:
        found = session.execute(
            text("SELECT payload FROM network.outbox WHERE topic = 'ledger.issuances'")
        ).scalar_one()
    told = zip(*(found[name].strip("{}").split(",") for name in found), strict=True)
    assert list(found) == ["points", "members", "sequences"]
    assert sorted(told, key=lambda each: each[0]) == [
        (str(10 + place), str(member), "1") for place, member in enumerate(members)
    ]


def test_words_arrive_as_they_were_written(hands: Hands) -> None:
    member_id = hands.wallet()
    awkward = 'a"b\\c,{NULL}  é\u200cپ\n\t'
    one = earning(hands, member_id, 5, ref=awkward)
    post(hands, replace(one, event=replace(one.event, terminal="NULL", receipt="")))
    with hands.database.reading() as session:
        row = session.execute(
            text("SELECT merchant_ref, terminal, receipt FROM ledger.entry WHERE member_id = :m"),
            {"m": member_id},
        ).one()
    assert tuple(row) == (awkward, "NULL", "")


def test_a_batch_repays_debts_and_matures_first(hands: Hands) -> None:
    owing, plain = hands.wallet(), hands.wallet()
    first = hands.earn(owing, 100)
    hands.redeem(owing, 100)
    with hands.database.ledger() as connection:
        operations.refund_earn(
            connection,
            now=hands.now,
            claim=hands.claim(),
            member_id=owing,
            original=first.sequence,
            event=hands.event(hands.bakery),
            amount=300,
            lines=None,
            evidence=None,
        )
    post(hands, earning(hands, owing, 50), earning(hands, plain, 50))
    assert (hands.view(owing).available, hands.view(owing).debt) == (20, 0)
    assert hands.view(plain).available == 50


def test_batches_over_the_same_wallets_meet_without_deadlock(hands: Hands) -> None:
    members = [hands.wallet() for _ in range(40)]
    forward = [earning(hands, member, 1) for member in members]
    backward = [earning(hands, member, 2) for member in reversed(members)]
    outcomes = hands.meet(
        max(members),
        *(partial(post, hands, *batch) for batch in (forward, backward, forward, backward)),
    )
    assert all(isinstance(outcome, list) for outcome in outcomes)
    assert {hands.view(member).available for member in members} == {3}
    assert {hands.view(member).sequence for member in members} == {2}


def test_a_batch_brings_no_wallet_past_its_limit(hands: Hands) -> None:
    member_id = hands.wallet()

    def large(count: int) -> list[BatchEarning]:
        each = [earning(hands, member_id, 10**15) for _ in range(count)]
        return [replace(one, grants=[replace(one.grants[0], base=1000)]) for one in each]

    assert all(isinstance(out, Posted) for out in post(hands, *large(890)))
    outcomes = post(hands, *large(120))
    assert all(isinstance(out, Posted) for out in outcomes[:110])
    assert {out.code for out in outcomes[110:] if isinstance(out, Refusal)} == {
        "points_out_of_range"
    }
    assert hands.view(member_id).available == 10**18


def test_expiry_by_batches_writes_what_single_nights_write(hands: Hands) -> None:
    night = hands.now + timedelta(days=3)
    single_members = [hands.wallet() for _ in range(2)]
    batch_members = [hands.wallet() for _ in range(2)]
    for member_id in (*single_members, *batch_members):
        post(hands, earning(hands, member_id, 40, 2, starts=2))
        hands.earn(member_id, 10, days=1)
        hands.earn(member_id, 20, days=3)
        hands.earn(member_id, 30)
        hands.authorise(member_id, 5, ref="r")
    for owing in (single_members[1], batch_members[1]):
        first = hands.earn(owing, 60, days=90)
        hands.redeem(owing, 110)
        with hands.database.ledger() as connection:
            operations.refund_earn(
                connection,
                now=hands.now,
                claim=hands.claim(),
                member_id=owing,
                original=first.sequence,
                event=hands.event(hands.bakery),
                amount=1000,
                lines=None,
                evidence=None,
            )
        assert hands.view(owing).debt == 13
    for member_id in single_members:
        hands.mature(member_id, now=night, wall=hands.now)
    with hands.database.ledger() as connection:
        assert expire_due(connection, now=night, limit=1) == 1
        assert expire_due(connection, now=night, limit=1000) == 1
        assert expire_due(connection, now=night, limit=1000) == 0
    for one, other in zip(single_members, batch_members, strict=True):
        assert books(hands, one) == books(hands, other)
