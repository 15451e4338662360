"""What a purchase's lines were paid, which its refunds are measured by, whatever a caller says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from network.ledger import operations
from network.ledger.errors import LedgerInvariantError, RefundExceedsOriginal
from tests.integration.ledger.conftest import Hands
from tests.integration.ledger.test_batches import earning, post

_EARN = text("""
    SELECT ledger.earn(
        :member, :now, ROW(:shop, gen_random_uuid(), '')::ledger.claim_facts,
        ROW(:shop, gen_random_uuid(), :now, NULL, NULL, NULL, NULL, :amount, :base, 'IRR', NULL
        )::ledger.event_facts,
        CAST(:grants AS jsonb), '[]', NULL, NULL,
        ROW(:shop, NULL, :shop, NULL, 1, NULL, NULL, '2020-01-01', '2090-01-01', NULL
        )::ledger.grant_facts,
        CAST(:parts AS bigint[]))
""")


def _grants(hands: Hands, *lines: dict[str, Any]) -> str:
    of_all = {
        "issuer_id": str(hands.bakery),
        "terms_id": str(hands.bakery),
        "price": 1,
        "points": 10,
        "active_from": "2020-01-01",
        "expires_on": "2090-01-01",
    }
    return json.dumps([of_all | line for line in lines])


def _earn(hands: Hands, member_id: object, **said: Any) -> None:
    values = {"member": member_id, "now": hands.now, "shop": hands.bakery}
    values |= {"amount": 1000, "base": None, "grants": None, "parts": None}
    with hands.database.ledger() as connection:
        connection.execute(_EARN, values | said)


NO_PARTS: tuple[list[dict[str, Any]] | str, ...] = (
    [{"line": 0}],
    [{"base": 1000}],
    [{"line": -1, "base": 1000}],
    [{"line": 0, "base": -1}],
    [{"line": 0, "base": 1001}],
    [{"line": 0, "base": 600}, {"line": 1, "base": 401}],
    [{"line": 0, "base": 0}, {"line": 0, "base": 1000}],
    "{{0,NULL,10}}",
    "{{NULL,1000,10}}",
    "{{0,1001,10}}",
    "{{0,600,10},{1,401,10}}",
)


def test_lines_that_are_no_part_of_the_purchase_earn_nothing(hands: Hands) -> None:
    member_id = hands.wallet()
    before = hands.view(member_id)
    for lines in NO_PARTS:
        said = {"parts": lines} if isinstance(lines, str) else {"grants": _grants(hands, *lines)}
        for event in ({"amount": 1000}, {"amount": 5000, "base": 1000}):
            with pytest.raises(DBAPIError) as caught:
                _earn(hands, member_id, **said | event)
            assert getattr(caught.value.orig, "sqlstate", None) == "PV003", lines
    with pytest.raises(LedgerInvariantError, match="lines of 1010 in a purchase of 1000"):
        post(hands, earning(hands, member_id, 50, 51))
    assert hands.view(member_id) == before


def test_what_a_refund_takes_back_is_measured_by_the_whole_purchase(hands: Hands) -> None:
    member_id = hands.wallet()
    _earn(hands, member_id, grants=_grants(hands, {"line": 0, "base": 600}))

    def refund(amount: int) -> None:
        with hands.database.ledger() as connection:
            operations.refund_earn(
                connection,
                now=hands.now,
                claim=hands.claim(),
                member_id=member_id,
                original=1,
                event=hands.event(hands.bakery),
                amount=amount,
                lines=None,
                evidence=None,
            )

    with pytest.raises(RefundExceedsOriginal):
        refund(1001)
    refund(500)
    assert hands.view(member_id).available == 5
    refund(500)
    assert hands.view(member_id).available == 0
    with hands.database.reading() as session:
        told = session.scalars(
            text("SELECT amount FROM ledger.entry WHERE member_id = :m AND sequence > 1"),
            {"m": member_id},
        ).all()
    assert told == [500, 500]


_REFUND = text("""
    SELECT ledger.refund_earn(
        :member, :now, ROW(:shop, gen_random_uuid(), '')::ledger.claim_facts, :original,
        ROW(:shop, gen_random_uuid(), :now, NULL, NULL, NULL, NULL, NULL, NULL, 'IRR', NULL
        )::ledger.event_facts,
        :amount, CAST(:lines AS jsonb), NULL)
""")


def test_a_refund_is_by_amount_or_by_lines_whoever_asks(hands: Hands) -> None:
    member_id = hands.wallet()
    bought = hands.earn(member_id, 100)
    before = hands.view(member_id)
    said = {"member": member_id, "now": hands.now, "shop": hands.bakery}
    for amount, lines in ((500, '[{"line": 0, "amount": 500}]'), (None, None)):
        with pytest.raises(DBAPIError, match="exactly one") as caught, hands.database.ledger() as c:
            c.execute(
                _REFUND, said | {"original": bought.sequence, "amount": amount, "lines": lines}
            )
        assert getattr(caught.value.orig, "sqlstate", None) == "PV003"
    assert hands.view(member_id) == before
