"""Batches of earnings on one connection, and the night's expiry: by sets and wallet by wallet."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from functools import partial
from itertools import count
from uuid import UUID, uuid4

from sqlalchemy import text

from network.clock import local_date, wall_now
from network.ledger import operations
from network.ledger.batch_arguments import EARN_BATCH, BatchEarning, batch_parameters
from network.ledger.operations_batch import LARGEST_BATCH, expire_due
from network.ledger.values import Event, Grant
from network.settings import PROGRAMME_ZONE
from tests.benchmarks.figures import Contender
from tests.benchmarks.sql import MEMBERS, MERCHANTS
from tests.benchmarks.stand import Stand

_LINES = ((120, 800_000), (30, 400_000), (10, 200_000), (5, 100_000))
_EXPLANATION = [
    {"rule": "base_rate", "fired": True, "points": 120, "reason": "rate", "facts": {"n": 1}},
    {"rule": "category_rate", "fired": True, "points": 30, "reason": "rate", "facts": {}},
    {"rule": "pending", "fired": False, "points": 0, "reason": "none", "facts": {"days": 0}},
    {"rule": "expiry", "fired": True, "points": 150, "reason": "date", "facts": {"days": 365}},
]
_NIGHT_MEMBERS = 3_000
_WARM_UP = 6
"""Calls after which a connection's plans are made for good."""
_DUE_LOTS = text("""
    SELECT count(ledger.earn(w.member_id, CAST(:now AS timestamptz), NULL,
        ROW(w.member_id, :ref, now(), NULL, NULL, NULL, 'in_store', 1, 1,
            'IRR', NULL)::ledger.event_facts,
        jsonb_build_array(jsonb_build_object('issuer_id', w.member_id, 'terms_id', w.member_id,
            'price', 1000, 'points', 50, 'base', 1, 'active_from', CAST(:today AS date),
            'expires_on', CAST(:today AS date) + 1, 'line', 0)), '[]', NULL))
    FROM ledger.wallet AS w WHERE w.member_id = ANY (CAST(:members AS uuid[]))
""")


def _member(number: int) -> UUID:
    return UUID(f"a0000000-0000-7000-8000-{number:012x}")


def _batches(seconds: int) -> Iterator[list[BatchEarning]]:
    """Yield batches of 1,000 purchases of four lines and one lot, no member twice in one."""
    dice = random.Random(seconds)  # noqa: S311 - the same mixture each time
    today = local_date(wall_now(), zone=PROGRAMME_ZONE)
    while True:
        merchant = UUID(f"b0000000-0000-7000-8000-{dice.randint(1, MERCHANTS):012x}")
        now = wall_now()
        grants = [
            Grant(
                issuer_id=merchant,
                terms_id=merchant,
                price=Decimal("987.65"),
                points=points,
                base=base,
                active_from=today,
                expires_on=today + timedelta(days=365),
                line=line,
            )
            for line, (points, base) in enumerate(_LINES)
        ]
        yield [
            BatchEarning(
                member_id=_member(number),
                claim=None,
                event=Event(
                    merchant_id=merchant,
                    merchant_ref=str(uuid4()),
                    effective_at=now,
                    terminal="till-1",
                    amount=1_500_000,
                    base=1_500_000,
                    currency="IRR",
                ),
                grants=grants,
                explanation=_EXPLANATION,
            )
            for number in dice.sample(range(1, MEMBERS + 1), LARGEST_BATCH)
        ]


def _earn_batches(stand: Stand, seconds: int) -> float:
    """Post prepared batches one after the other on one connection; return earnings a second."""
    batches = _batches(seconds)
    spent, posted = 0.0, 0
    with stand.services.database.ledger() as connection:
        for number in count():
            values = {"now": wall_now()} | batch_parameters(next(batches))
            began = time.perf_counter()
            outcomes = connection.execute(EARN_BATCH, values).all()
            if number >= _WARM_UP:
                spent += time.perf_counter() - began
                posted += sum(outcome.outcome == "posted" for outcome in outcomes)
            if spent >= seconds:
                break
    return posted / spent


def _mature(stand: Stand, *, together: bool) -> float:
    """Give wallets of their own a lot that lapses, then expire it; return wallets a second."""
    today = local_date(wall_now(), zone=PROGRAMME_ZONE)
    members = [uuid4() for _ in range(_NIGHT_MEMBERS if together else _NIGHT_MEMBERS // 10)]
    night = wall_now() + timedelta(days=1)
    with stand.services.database.ledger() as connection:
        for member in members:
            operations.open_wallet(connection, member_id=member)
        connection.execute(
            _DUE_LOTS, {"now": wall_now(), "today": today, "ref": str(uuid4()), "members": members}
        )
        began = time.perf_counter()
        if together:
            while expire_due(connection, now=night, limit=LARGEST_BATCH):
                pass
        else:
            for member in members:
                operations.mature(connection, now=night, wall=night, member_id=member)
        return len(members) / (time.perf_counter() - began)


def contenders(stand: Stand, *, seconds: int) -> list[Contender]:
    """Return the batches on one connection, to be measured after ``sql.prepare``."""
    return [
        Contender(
            name="sql_earn_batch",
            unit="earns/s",
            take=partial(_earn_batches, stand, seconds),
            ratio_to="sql_earn",
            aim=2.7,
            note="1,000 purchases of four lines and one lot a call, as the gateway sends them",
        ),
        Contender(
            name="sql_mature",
            unit="wallets/s",
            once=True,
            take=partial(_mature, stand, together=False),
            note="one wallet a call, one connection",
        ),
        Contender(
            name="sql_expire_due",
            unit="wallets/s",
            once=True,
            take=partial(_mature, stand, together=True),
            ratio_to="sql_mature",
            note="1,000 wallets a call, one connection",
        ),
    ]
