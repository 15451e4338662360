"""The plain case of a call and the steps that any case takes leave the same rows behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from network.clock import local_date
from network.database.connection import Database
from network.ledger import operations
from network.ledger.values import Consent, Evidence, Grant, Posted
from network.settings import PROGRAMME_ZONE
from tests.integration.ledger.conftest import Hands

TABLES = (
    *("wallet", "lot", "entry", "movement", "earned_part", "reference", "consumption"),
    *("idempotency", "used_code", "evidence"),
)
OWN = "{member_id,key,event_id,recorded_at,digest}"
EVIDENCE = Evidence(key_id="mk_live_1", signature_base=b"base", signature=b"s", body=b"{}")
ARGUMENTS = {
    "earn": (
        "uuid, timestamptz, ledger.claim_facts, ledger.event_facts, jsonb, json, "
        "ledger.evidence_facts, jsonb, ledger.grant_facts, bigint[]"
    ),
    "redeem": (
        "uuid, timestamptz, timestamptz, ledger.claim_facts, ledger.event_facts, bigint, "
        "ledger.consent_facts, ledger.evidence_facts"
    ),
}
Play = Callable[[Connection, UUID], Posted]


def _rows(connection: Connection, member_id: UUID) -> dict[str, Any]:
    """Return a member's rows but for what must differ: a digest covers the member, too."""
    return {
        name: connection.execute(
            text(
                f"SELECT to_jsonb(t) - CAST(:own AS text[]) AS facts FROM {table} AS t "
                "WHERE member_id = :member ORDER BY (to_jsonb(t) - CAST(:own AS text[]))::text"
            ),
            {"member": member_id, "own": OWN},
        )
        .scalars()
        .all()
        for name, table in [*((t, f"ledger.{t}") for t in TABLES), ("outbox", "network.outbox")]
    }


def _both_ways(
    hands: Hands, owner: Database, monkeypatch: pytest.MonkeyPatch, *, function: str, play: Play
) -> dict[str, Any]:
    """Play as the application, then by steps only as the owner; return the rows, which agree."""
    plain, stepped = hands.wallet(), hands.wallet()
    with owner.ledger() as connection:
        play(connection, plain)
        statement = getattr(operations, f"_{function.upper()}")
        by_steps = statement.text.replace(f"ledger.{function}(", f"ledger.{function}_by_steps(")
        monkeypatch.setattr(operations, f"_{function.upper()}", text(by_steps))
        play(connection, stepped)
        monkeypatch.undo()
        rows = _rows(connection, plain)
        assert rows == _rows(connection, stepped)
    return rows


def _without_steps(owner: Database, *, function: str, play: Play, member_id: UUID) -> Posted:
    """Play where the steps have been taken away, and roll all of it back."""
    with owner.engine.connect() as connection, connection.begin() as transaction:
        connection.execute(
            text(f"ALTER FUNCTION ledger.{function}_by_steps({ARGUMENTS[function]}) RENAME TO gone")
        )
        posted = play(connection, member_id)
        transaction.rollback()
    return posted


def _grant(hands: Hands, points: int, *, line: int = 0, base: int = 1000, **other: Any) -> Grant:
    today = local_date(hands.now, zone=PROGRAMME_ZONE)
    made = Grant(
        issuer_id=hands.bakery,
        terms_id=hands.bakery,
        price=Decimal("950.5"),
        points=points,
        base=base,
        active_from=today,
        expires_on=today + timedelta(days=90),
        line=line,
    )
    return replace(made, **other)


def _earning(hands: Hands, grants: list[Grant], ref: str = "bread-1") -> Play:
    explanation = [{"rule": "base_rate", "points": 1, "facts": {"نان": "تازه"}}]

    def play(connection: Connection, member_id: UUID) -> Posted:
        return operations.earn(
            connection,
            now=hands.now,
            claim=hands.claim(),
            member_id=member_id,
            event=replace(hands.event(hands.bakery, ref), amount=5000, base=4000),
            grants=grants,
            explanation=explanation,
            evidence=EVIDENCE,
        )

    return play


def _pending(hands: Hands) -> date:
    return local_date(hands.now, zone=PROGRAMME_ZONE) + timedelta(days=3)


PURCHASES: dict[str, Callable[[Hands], list[Grant]]] = {
    "one line and a rest that earned nothing": lambda h: [_grant(h, 7)],
    "lines, one of no points": lambda h: [
        _grant(h, points, line=line, base=1000) for line, points in enumerate((5, 0, 9, 1))
    ],
    "pending": lambda h: [_grant(h, 12, base=4000, active_from=_pending(h))],
}


@pytest.mark.parametrize("name", PURCHASES)
def test_a_plain_purchase_leaves_what_the_steps_leave(
    hands: Hands, owner_database: Database, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    play = _earning(hands, PURCHASES[name](hands))
    rows = _both_ways(hands, owner_database, monkeypatch, function="earn", play=play)
    assert len(rows["entry"]) == len(rows["lot"]) == len(rows["evidence"]) == 1
    assert rows["earned_part"]
    _without_steps(owner_database, function="earn", play=play, member_id=hands.wallet())


@pytest.mark.parametrize(
    "change",
    [{"line": 0, "base": 1000}, {"line": 1, "expires_on": date(2099, 1, 1)}, {"line": 5}],
    ids=["two funders of a line", "two lots", "a line left out"],
)
def test_what_is_not_plain_goes_by_steps(
    hands: Hands, owner_database: Database, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    play = _earning(hands, [_grant(hands, 3), _grant(hands, 4, **change)])
    rows = _both_ways(hands, owner_database, monkeypatch, function="earn", play=play)
    assert rows["wallet"][0]["available"] == 7
    with pytest.raises(Exception, match="earn_by_steps"):
        _without_steps(owner_database, function="earn", play=play, member_id=hands.wallet())


def test_a_call_from_before_the_flip_leaves_the_wallet_as_the_steps_do(
    hands: Hands, owner_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The open day is ahead of the call's own: found after the wallet was credited."""
    earlier = replace(hands, now=hands.now - timedelta(days=1))
    grants = [_grant(hands, 8)]
    rows = _both_ways(
        hands, owner_database, monkeypatch, function="earn", play=_earning(earlier, grants)
    )
    assert (rows["wallet"][0]["available"], rows["wallet"][0]["sequence"]) == (8, 1)
    with pytest.raises(Exception, match="earn_by_steps"):
        _without_steps(
            owner_database,
            function="earn",
            play=_earning(earlier, grants),
            member_id=hands.wallet(),
        )


def _spending(hands: Hands, points: int) -> Play:
    consent = Consent(
        digest=b"a code", expires_at=hands.now + timedelta(minutes=1), limit=1_000_000
    )

    def play(connection: Connection, member_id: UUID) -> Posted:
        today = [_grant(hands, 20), _grant(hands, 30, line=1, locked_to=hands.bakery)]
        for number, grant in enumerate(today):
            _earning(hands, [grant], f"bread-{number}")(connection, member_id)
        return operations.redeem(
            connection,
            now=hands.now,
            wall=hands.now,
            claim=hands.claim(),
            member_id=member_id,
            event=hands.event(hands.bakery, "coffee-1"),
            points=points,
            consent=consent,
            evidence=EVIDENCE,
        )

    return play


@pytest.mark.parametrize(
    ("points", "slices"), [(30, [[2000001, 30]]), (31, [[1000001, 1], [2000001, 30]])]
)
def test_a_redemption_leaves_what_the_steps_leave(
    hands: Hands,
    owner_database: Database,
    monkeypatch: pytest.MonkeyPatch,
    points: int,
    slices: list[list[int]],
) -> None:
    play = _spending(hands, points)
    rows = _both_ways(hands, owner_database, monkeypatch, function="redeem", play=play)
    taken = sorted([row["lot_id"], row["points"]] for row in rows["consumption"])
    assert taken == slices
    assert rows["wallet"][0]["available"] == 50 - points
    if len(slices) == 1:
        _without_steps(owner_database, function="redeem", play=play, member_id=hands.wallet())
