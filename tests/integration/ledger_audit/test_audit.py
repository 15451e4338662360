"""The audit finds nothing in an honest ledger, and names what was tampered with."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from network.clearing.parties import NETWORK_PARTY
from network.database.connection import Database
from network.errors import InvariantError
from network.ledger.audit import audit, check_names, checks
from network.ledger.audit_links import NETWORK
from tests.integration.ledger_audit.conftest import Past
from tests.integration.ledger_audit.faults import FAULTS, FIRST_ENTRY, Fault
from tests.integration.ledger_audit.faults_purchases import PURCHASES
from tests.integration.ledger_audit.history import (
    FIRST,
    SPENDER,
    verify,
)


def test_an_honest_ledger_is_clean_and_every_check_looked_at_something(past: Past) -> None:
    with past.database.snapshot() as session:
        done = audit(session, verify=verify)
    assert [check.name for check in done] == check_names()
    assert [check for check in done if check.differences or check.examples] == []
    assert [check.name for check in done if check.rows == 0] == []


def test_an_audit_without_a_snapshot_is_refused(database: Database) -> None:
    with pytest.raises(InvariantError), database.reading() as session:
        audit(session)


@pytest.mark.parametrize(
    ("change", "since_the_day", "since_the_next"),
    [
        ("ledger.entry SET amount = amount + 1 WHERE {}", "entry_digests", None),
        (
            "ledger.movement SET points = points + 1 WHERE {} AND line = 1",
            "entry_digests",
            "lots_match_postings",
        ),
    ],
)
def test_since_a_day_earlier_entries_count_in_balances_only(
    past: Past, change: str, since_the_day: str, since_the_next: str | None
) -> None:
    with past.tampered("UPDATE " + change.format(FIRST_ENTRY)) as session:
        day, after = (
            {check.name: check for check in audit(session, verify=verify, since=since)}
            for since in (FIRST, FIRST + timedelta(days=1))
        )
    assert day[since_the_day].differences == 1
    assert after[since_the_day].differences == 0
    assert 0 < after[since_the_day].rows < day[since_the_day].rows
    assert since_the_next is None or after[since_the_next].differences > 0


_EARLIER_LOTS = f"""
    INSERT INTO ledger.lot
        (member_id, lot_id, issuer_id, terms_id, price, active, open, active_from, expires_on,
         made_on, granted, remaining, redeemed)
    SELECT gen_random_uuid(), 1000001, gen_random_uuid(), gen_random_uuid(), 1000, true, false,
           made_on, made_on + 365, made_on, 10, 0, 10
    FROM (SELECT DATE '{FIRST}' - 60 AS made_on FROM generate_series(1, 20000)) AS earlier
"""


def test_a_month_reads_its_own_lots_and_not_those_of_all_time(past: Past) -> None:
    read = text("""
        SELECT pg_stat_get_xact_numscans('ledger.ix_lot_made'::regclass),
               pg_stat_get_xact_numscans('ledger.pk_lot'::regclass),
               pg_stat_get_xact_tuples_returned('ledger.lot'::regclass)
    """)
    with past.tampered(
        _EARLIER_LOTS,
        "SELECT brin_summarize_new_values('ledger.ix_lot_made'::regclass)",
        "ANALYZE ledger.lot",
    ) as session:
        by_blocks, by_member, whole = session.execute(read).one()
        next(checks(session, since=FIRST))
        after = session.execute(read).one()
    assert after[0] > by_blocks
    assert (after[1], after[2]) == (by_member, whole)


@pytest.mark.parametrize("planted", [*FAULTS, *PURCHASES], ids=lambda planted: planted.check)
def test_what_was_tampered_with_is_named(past: Past, planted: Fault) -> None:
    with past.tampered(*planted.statements) as session:
        found = {check.name: check for check in audit(session, verify=verify) if check.differences}
    assert any(planted.named in example for example in found[planted.check].examples), found
    assert set(found) == {planted.check} | planted.also


_HUGE = 2**63 - 1


@pytest.mark.parametrize(
    ("change", "named", "checks_of_it"),
    [
        (
            f"ledger.movement SET points = {_HUGE} WHERE {FIRST_ENTRY}",
            (
                "ledger.movement: member_id ",
                "sequence 1, line 1, ",
                f" points {_HUGE} is too large",
            ),
            {"lots_match_postings", "wallets_match_postings", "entry_digests"},
        ),
        (
            f"ledger.wallet SET available = {_HUGE} WHERE member_id = '{SPENDER}'",
            (f"member {SPENDER}: ", str(_HUGE)),
            {"wallets_match_lots"},
        ),
        (
            f"ledger.entry SET earned = ARRAY[[0, 1000, {_HUGE}], [1, 1, 9]] WHERE {FIRST_ENTRY}",
            ("ledger.entry: member_id ", "sequence 1, ", " is too large"),
            {"entry_digests", "earned_match_postings"},
        ),
    ],
    ids=["movement", "wallet", "earned"],
)
def test_a_figure_that_no_sum_can_hold_is_named(
    past: Past, change: str, named: tuple[str, ...], checks_of_it: set[str]
) -> None:
    with past.tampered(f"UPDATE {change}") as session:
        done = audit(session, verify=verify)
    assert [check.name for check in done] == check_names()
    found = {check.name: check for check in done if check.differences}
    assert checks_of_it <= set(found), found
    examples = [example for check in found.values() for example in check.examples]
    assert any(all(part in example for part in named) for example in examples), examples


_LARGE = 99 * 10**16
_LARGE_LOTS = f"""
    INSERT INTO ledger.lot
        (member_id, lot_id, issuer_id, terms_id, price, active, active_from, expires_on, made_on,
         granted, remaining)
    SELECT '{SPENDER}', 9000000 + n, issuer_id, terms_id, price, active, active_from, expires_on,
           made_on, {_LARGE}, {_LARGE}
    FROM (SELECT * FROM ledger.lot WHERE member_id = '{SPENDER}' LIMIT 1) AS l,
         generate_series(1, 10) AS n
"""


def test_figures_that_only_together_no_sum_can_hold_are_named(past: Past) -> None:
    with past.tampered(_LARGE_LOTS) as session:
        done = audit(session, verify=verify)
    assert [check.name for check in done] == check_names()
    found = {check.name: check for check in done if check.differences}
    assert found["wallets_match_lots"].examples == tuple(
        sorted(
            f"ledger.lot: member_id {SPENDER}, lot_id {9000000 + n}, granted {_LARGE} "
            f"remaining {_LARGE} is among the largest of what is too large together"
            for n in range(1, 11)
        )
    )


def test_every_check_has_a_fault() -> None:
    assert {planted.check for planted in (*FAULTS, *PURCHASES)} == set(check_names())


def test_the_audit_knows_the_network_by_its_own_id() -> None:
    assert f"'{NETWORK_PARTY}'::uuid" == NETWORK
