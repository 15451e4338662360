"""Programme time that goes back: what was posted and what has lapsed stays so."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from network.clock import local_date
from network.ledger import operations, queries
from network.ledger.audit import audit
from network.ledger.day import close_day
from network.ledger.errors import InsufficientPoints
from network.settings import PROGRAMME_ZONE
from tests.integration.ledger.conftest import Hands

BARE = {"merchants_exist", "terms_exist"}
"""The hands' merchants are ids and no more; the audit rightly misses them."""


def test_a_clock_that_goes_back_neither_revives_nor_backdates(hands: Hands) -> None:
    member_id = hands.wallet()
    hands.earn(member_id, 100, days=2)
    hands.earn(member_id, 30, days=90)
    first = local_date(hands.now, zone=PROGRAMME_ZONE)
    ahead = hands.now + timedelta(days=3)
    while close_day(hands.database, now=ahead) is not None:
        pass

    with hands.database.ledger() as connection:
        operations.mature(connection, now=ahead, wall=ahead, member_id=member_id)
        # Back before the days were closed: no day flips back, and none flips again.
        assert operations.flip_day(connection, now=hands.now) is None
        assert operations.mature(connection, now=hands.now, wall=ahead, member_id=member_id) is None
    back = hands.earn(member_id, 5, days=90, now=hands.now)
    assert back.business_date == first + timedelta(days=3)
    assert back.result["balance"]["available"] == 35
    with pytest.raises(InsufficientPoints):
        hands.redeem(member_id, 36)
    hands.redeem(member_id, 35)

    with hands.database.snapshot() as session:
        view = queries.stored_wallet(session, member_id=member_id)
        days = session.execute(
            text("SELECT business_date, sequence FROM ledger.entry WHERE member_id = :m"),
            {"m": member_id},
        ).all()
        strange = {check.name for check in audit(session) if check.differences}
    assert view is not None
    assert (view.available, view.sequence) == (0, len(days))
    assert [day for day, _ in sorted(days, key=lambda row: row.sequence)] == sorted(
        day for day, _ in days
    )
    assert strange <= BARE
