"""The ledger's functions driven by pgbench, beside TPC-B on the same server.

What a call carries is what the gateway sends: four priced lines, the explanation as JSON text and
1.2 kB of evidence. Members are drawn at random, so wallets are rarely contended; ``earn`` spreads
over 1,000 merchants, ``earn_hot`` sends everything to one.
"""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from sqlalchemy import text

from network.clock import local_date, wall_now
from network.settings import PROGRAMME_ZONE
from tests.benchmarks.figures import Contender
from tests.benchmarks.stand import TPCB_DATABASE, Stand

MEMBERS = 10_000
MERCHANTS = 1_000
PURSE = 900_000_000_000
CLOSED_LOTS = 10_000
_FEW_MEMBERS = 50

_BASE = "@method POST " + "b" * 470
_BODY = '{"amount": 1}' + " " * 640


EXPLANATION = json.dumps(
    [
        {"rule": "base_rate", "fired": True, "points": 120, "reason": "rate", "facts": {"n": 1}},
        {"rule": "category_rate", "fired": True, "points": 30, "reason": "rate", "facts": {}},
        {"rule": "pending", "fired": False, "points": 0, "reason": "none", "facts": {"days": 0}},
        {"rule": "expiry", "fired": True, "points": 150, "reason": "date", "facts": {"days": 365}},
    ]
)

_PARTS = "{{0,800000,120},{1,400000,30},{2,200000,10},{3,100000,5}}"


def uuid_of(kind: str, number: str) -> str:
    """Return the SQL of a member's or merchant's id for a number (a pgbench variable or so)."""
    digit = {"member": "a", "merchant": "b"}[kind]
    return f"('{digit}0000000-0000-7000-8000-' || lpad(to_hex({number}::int), 12, '0'))::uuid"


# Drawn by pgbench: uuidv7() opens the system's source of randomness each time, three times a call.
_DRAWN = "\\set drawn random(1, 9000000000000000000)\n"
_REFERENCE = "lpad(:drawn::text, 36, '0')"


def _event(merchant: str) -> str:
    return (
        f"ROW({merchant}, {_REFERENCE}, now(), NULL, 'till-1', NULL, 'in_store', 1500000, "
        "1500000, 'IRR', NULL)::ledger.event_facts"
    )


_CLAIM = (
    f"ROW({{merchant}}, {_REFERENCE}, "
    "sha256('a request that was never sent before'))::ledger.claim_facts"
)
_EVIDENCE = f"ROW('mk_live_bench', '{_BASE}', '\\x{'ab' * 64}', '{_BODY}')::ledger.evidence_facts"


def earn_script(*, merchants: int) -> str:
    """Return a pgbench script of one earn with four lines at one of ``merchants`` merchants."""
    today = local_date(wall_now(), zone=PROGRAMME_ZONE)
    merchant = uuid_of("merchant", ":merchant")
    kind = (
        f"ROW({merchant}, NULL, {merchant}, NULL, 987.65, NULL, NULL, '{today}', "
        f"'{today + timedelta(days=365)}', NULL)::ledger.grant_facts"
    )
    return (
        f"\\set member random(1, {MEMBERS})\n\\set merchant random(1, {merchants})\n"
        f"{_DRAWN}SELECT * FROM ledger.earn({uuid_of('member', ':member')}, now(), "
        f"{_CLAIM.format(merchant=merchant)}, {_event(merchant)}, "
        f"NULL, replace('{EXPLANATION}', '1}}', :merchant::text || '}}')::json, {_EVIDENCE}, "
        f"NULL, {kind}, '{_PARTS}');\n"
    )


def least_script() -> str:
    """Return a pgbench script of the bare rows of an earn (``least.sql``)."""
    merchant = uuid_of("merchant", ":merchant")
    return (
        f"\\set member random(1, {MEMBERS})\n\\set merchant random(1, {MERCHANTS})\n"
        f"{_DRAWN}SELECT * FROM bench.least_earn({uuid_of('member', ':member')}, now(), "
        f"{_CLAIM.format(merchant=merchant)}, {_event(merchant)}, "
        f"replace('{EXPLANATION}', '1}}', :merchant::text || '}}')::json, {_EVIDENCE});\n"
    )


def redeem_script(*, first: int = 1, last: int = MEMBERS) -> str:
    """Return a pgbench script of one redemption of five points, captured at once, with a code.

    Members are drawn from the ``first`` to the ``last``.
    """
    merchant = uuid_of("merchant", ":merchant")
    return (
        f"\\set member random({first}, {last})\n\\set merchant random(1, {MERCHANTS})\n"
        f"{_DRAWN}SELECT * FROM ledger.redeem({uuid_of('member', ':member')}, now(), now(), "
        f"{_CLAIM.format(merchant=merchant)}, {_event(merchant)}, 5, "
        f"ROW(sha256(({_REFERENCE})::bytea), now() + interval '1 minute', 1000)"
        f"::ledger.consent_facts, {_EVIDENCE});\n"
    )


def prepare(stand: Stand) -> None:
    """Open the first day and give every member a purse that no run can empty."""
    today = local_date(wall_now(), zone=PROGRAMME_ZONE)
    with stand.services.database.ledger() as connection:
        connection.execute(text("SELECT ledger.open_first_day(:today)"), {"today": today})
        connection.execute(
            text(
                f"SELECT count(ledger.open_wallet({uuid_of('member', 'g')})) "
                f"FROM generate_series(1, {MEMBERS}) AS g"
            )
        )
        connection.execute(
            text(
                f"""SELECT count(ledger.earn({uuid_of("member", "g")}, now(), NULL,
                ROW({uuid_of("merchant", "1")}, 'purse-' || g, now(), NULL, NULL, NULL,
                    'in_store', 1, 1, 'IRR', NULL)::ledger.event_facts,
                jsonb_build_array(jsonb_build_object('issuer_id', {uuid_of("merchant", "1")},
                    'terms_id', {uuid_of("merchant", "1")}, 'price', 1000,
                    'points', CAST(:purse AS bigint), 'base', 1,
                    'active_from', CAST(:today AS date),
                    'expires_on', CAST(:today AS date) + 90, 'line', 0)), '[]', NULL))
                FROM generate_series(1, {MEMBERS}) AS g"""
            ),
            {"purse": PURSE, "today": today},
        )
    stand.touch_buffers()
    stand.make_tpcb()
    with stand.postgres.connect(database="peyvand") as connection:
        connection.execute((Path(__file__).parent / "least.sql").read_bytes())
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def give_closed_lots(stand: Stand) -> None:
    """Give the first fifty members 10,000 lots each that are used up, numbered as if long ago."""
    merchant = uuid_of("merchant", "1 + n % 1000")
    with stand.postgres.connect(database="peyvand") as connection:
        connection.execute(
            f"""INSERT INTO ledger.lot
                (member_id, lot_id, issuer_id, terms_id, price, active, open, active_from,
                 expires_on, made_on, granted, remaining, redeemed)
            SELECT {uuid_of("member", "m")}, -1000000 * n::bigint, {merchant}, {merchant}, 1000,
                   true, false, current_date - 300, current_date + 1 + n % 300, current_date - 300,
                   50, 0, 50
            FROM generate_series(1, {CLOSED_LOTS}) AS n, generate_series(1, {_FEW_MEMBERS}) AS m
            """.encode()
        )
        connection.execute("VACUUM ANALYZE ledger.lot")


def closed_lots_contenders(stand: Stand, *, seconds: int) -> list[Contender]:
    """Return redemptions of fifty members with 10,000 closed lots each, and of fifty without."""
    return [
        Contender(
            name="sql_redeem_few",
            unit="calls/s",
            take=lambda: stand.run_pgbench(
                script=redeem_script(first=_FEW_MEMBERS + 1, last=2 * _FEW_MEMBERS),
                seconds=seconds,
            ),
            note="fifty members with a lot each",
        ),
        Contender(
            name="sql_redeem_10k_lots",
            unit="calls/s",
            take=lambda: stand.run_pgbench(
                script=redeem_script(first=1, last=_FEW_MEMBERS), seconds=seconds
            ),
            ratio_to="sql_redeem_few",
            aim=0.83,
            note="fifty members with 10,000 closed lots each beside it",
        ),
    ]


def contenders(stand: Stand, *, seconds: int) -> list[Contender]:
    """Return TPC-B and the functions, each measured for ``seconds`` a round.

    TPC-B is run as ``pgbench`` runs it where nobody asks for anything else, by the simple protocol,
    which is how its published rates come about; beside it by prepared statements, as the functions.
    """

    def take_tpcb(protocol: str) -> float:
        return stand.run_pgbench(
            script=None,
            seconds=seconds,
            database=TPCB_DATABASE,
            role="postgres",
            protocol=protocol,
        )

    return [
        Contender(
            name="tpcb",
            unit="tx/s",
            take=lambda: take_tpcb("simple"),
            note="as pgbench runs it, scale 10",
        ),
        Contender(
            name="tpcb_prepared",
            unit="tx/s",
            take=lambda: take_tpcb("prepared"),
            ratio_to="tpcb",
            note="the same by prepared statements",
        ),
        Contender(
            name="sql_earn",
            unit="calls/s",
            take=lambda: stand.run_pgbench(
                script=earn_script(merchants=MERCHANTS), seconds=seconds
            ),
            ratio_to="tpcb",
            beside="tpcb_prepared",
            aim=1.25,
            note="four lines, evidence and outbox included",
        ),
        Contender(
            name="sql_earn_least",
            unit="calls/s",
            take=lambda: stand.run_pgbench(script=least_script(), seconds=seconds),
            ratio_to="tpcb",
            beside="tpcb_prepared",
            note="the bare rows of an earn in one statement: what the functions could come to",
        ),
        Contender(
            name="sql_earn_hot",
            unit="calls/s",
            take=lambda: stand.run_pgbench(script=earn_script(merchants=1), seconds=seconds),
            ratio_to="sql_earn",
            aim=0.9,
            note="all at one merchant",
        ),
        Contender(
            name="sql_redeem",
            unit="calls/s",
            take=lambda: stand.run_pgbench(script=redeem_script(), seconds=seconds),
            ratio_to="tpcb",
            beside="tpcb_prepared",
            aim=0.95,
            note="by code, captured at once",
        ),
    ]
