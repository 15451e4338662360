"""The audit of money finds nothing in an honest house, and names what was tampered with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import pytest

from network.clearing import lines
from network.clearing import queries as clearing
from network.clearing.parties import NETWORK_PARTY
from network.ledger.audit_pass import run_pass
from network.money import audit
from tests.fixtures.cluster import Cluster
from tests.integration.settlement.audited import ANNA, BEHNAM, House, audited_house
from tests.integration.settlement.coalition import (
    BAKER,
    CINEMA,
    DAY,
    GROCER,
    NEXT_DAY,
    TERMS,
    THIRD_DAY,
)


@pytest.fixture(scope="module")
def house(cluster: Cluster) -> Iterator[House]:
    """Yield a house that has lived three days; no test leaves anything in it."""
    with audited_house(cluster) as made:
        yield made


def test_an_honest_house_is_clean_and_every_check_looked_at_something(house: House) -> None:
    with house.database.snapshot() as session:
        checks = list(audit.checks(session))
    assert [check.name for check in checks] == audit.check_names()
    assert [check for check in checks if check.differences or check.examples] == []
    assert [check.name for check in checks if check.rows == 0] == []


def test_the_network_s_own_lines_stay_in_the_database(house: House) -> None:
    """It pays out of the pool, and has no statement that its lines could stand on."""
    with house.database.reading() as session:
        window = clearing.window_of(session, business_date=DAY)
        assert window is not None
        payers = {each.fact.payer_id for each in clearing.obligations(session, window=window)}
        found = {each.merchant_id for each in lines.all_statement_lines(session, window=window)}
    assert NETWORK_PARTY in payers
    assert found == {BAKER, GROCER, CINEMA}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What was changed, which check must name it and how."""

    check: str
    statement: str
    named: str


def fault(check: str, statement: str, *, named: object = "") -> Fault:
    return Fault(check=check, statement=statement, named=str(named))


def _of(kind: str, account: str = "") -> str:
    """Return the condition on the postings of entries of a kind."""
    found = (
        f"money_entry_id IN (SELECT money_entry_id FROM network.money_entry WHERE kind = '{kind}')"
    )
    return f"{found} AND account = '{account}'" if account else found


def _loss(*, agreed: dict[UUID, int], posted: dict[UUID, int]) -> str:
    """Return statements that lay a loss of the cinema on others than two people agreed on."""
    shares = json.dumps({str(who): part for who, part in agreed.items()})
    lines = {CINEMA: sum(posted.values())} | {who: -part for who, part in posted.items()}
    values = ", ".join(
        f"('{UUID(int=2)}', {line}, 'settlement', '{who}', 'loss', 'IRR', {amount})"
        for line, (who, amount) in enumerate(lines.items(), start=1)
    )
    return (
        "INSERT INTO network.proposal (proposal_id, kind, subject_id, terms, reason, proposed_by,"
        f" proposed_at, decided_by, decided_at, approved) VALUES ('{UUID(int=1)}', 'default.pay',"
        f" '{CINEMA}', jsonb_build_object('step', 'acceptors', 'amount', {sum(agreed.values())},"
        f" 'currency', 'IRR', 'shares', CAST('{shares}' AS jsonb)), 'x', '{ANNA}', now(),"
        f" '{BEHNAM}', now(), true);"
        "INSERT INTO network.money_entry (money_entry_id, kind, business_date, proposal_id)"
        f" VALUES ('{UUID(int=2)}', 'loss', '{THIRD_DAY}', '{UUID(int=1)}');"
        "INSERT INTO network.money_posting (money_entry_id, line, account, party_id, reason,"
        f" currency, amount) VALUES {values}"
    )


_ONE = "payment_id = (SELECT payment_id FROM network.payment WHERE {} LIMIT 1)"
_WINDOW = f"(SELECT window_id FROM network.settlement_window WHERE first_day = '{NEXT_DAY}')"

FAULTS = (
    fault(
        "money_entries_balance",
        "UPDATE network.money_posting SET amount = amount + 1 WHERE account = 'vat'",
        named="is off by 1 IRR",
    ),
    fault(
        "positions_sum_to_zero",
        "UPDATE network.net_position SET net = net + 1, receivable = receivable + 1"
        " WHERE account = 'pool'",
        named=f"window of {DAY} is off by 1 IRR",
    ),
    fault(
        "positions_from_obligations",
        "UPDATE network.obligation SET amount = amount + 1 WHERE kind = 'vat'",
        named=f"window of {DAY}, account vat",
    ),
    fault(
        "positions_in_money_ledger",
        f"DELETE FROM network.money_posting WHERE {_of('netting', 'margin')}",
        named=f"window of {DAY}, account margin",
    ),
    fault(
        "obligations_in_windows",
        f"UPDATE network.obligation SET window_id = '{UUID(int=3)}' WHERE kind = 'vat'",
        named=" stands in no window",
    ),
    fault(
        "obligations_named_by_facts",
        "UPDATE network.obligation SET issuer_id = acceptor_id WHERE kind = 'vat'",
        named=" should be ",
    ),
    fault(
        "obligations_priced",
        "UPDATE network.obligation SET amount = amount + 2 WHERE kind = 'vat'",
        named=" × ",
    ),
    fault(
        "obligations_taxed",
        "UPDATE network.obligation SET vat_rate = vat_rate / 2 WHERE kind = 'vat'",
        named=" × 0.05",
    ),
    # The price is still their product, or nothing seems to be a tax; both would change statements.
    fault(
        "obligations_taxed",
        "UPDATE network.obligation SET taxed = taxed * 2, vat_rate = vat_rate / 2"
        " WHERE kind = 'vat'",
        named="the rate not the agreed 0.1",
    ),
    fault(
        "obligations_taxed",
        "UPDATE network.obligation SET taxed = 0, vat_rate = 0 WHERE kind = 'vat'",
        named="(vat): 0.0000000000 × 0.0000000000 is not ",
    ),
    fault(
        "obligations_taxed",
        "UPDATE network.obligation SET taxed = 1 WHERE kind = 'margin'",
        named="(margin): 1.0000000000 × 0.0000000000 is not ",
    ),
    fault(
        "obligations_taxed",
        "UPDATE network.obligation SET vat_rate = 0.1 WHERE kind = 'redemption'",
        named="(redemption): 0.0000000000 × 0.1000000000 is not ",
    ),
    fault(
        "postings_in_one_window",
        "UPDATE network.obligation SET postings = postings + 1 WHERE kind = 'issuance'",
        named=f"window of {DAY}: ",
    ),
    fault(
        "pool_covers_points",
        "UPDATE ledger.lot SET remaining = remaining + 1, granted = granted + 1"
        f" WHERE terms_id = '{TERMS[CINEMA]}' AND open",
        named=f"terms {TERMS[CINEMA]}",
    ),
    fault(
        "pool_in_money_ledger",
        "UPDATE network.pool_balance SET amount = amount + 1",
        named="IRR: the pool is",
    ),
    fault(
        "openings_are_closings",
        "UPDATE network.statement SET opening = opening + 1, closing = closing + 1",
        named=f"window of {DAY}: opens with 1",
    ),
    # A closed day that no window has, and one whose window was aborted without another attempt.
    fault(
        "days_in_one_window",
        f"DELETE FROM network.settlement_window WHERE first_day = '{NEXT_DAY}'",
        named=f"{NEXT_DAY} stands in 0 windows: none",
    ),
    fault(
        "days_in_one_window",
        "UPDATE network.settlement_window SET state = 'aborted', settled_at = NULL"
        f" WHERE first_day = '{NEXT_DAY}'",
        named=f"{NEXT_DAY} stands in 0 windows: none",
    ),
    fault(
        "days_in_one_window",
        "UPDATE network.settlement_window SET state = 'closed', settled_at = NULL"
        f" WHERE first_day = '{NEXT_DAY}'",
        named=f"{NEXT_DAY} stands in 1 windows: closed",
    ),
    fault(
        "days_in_one_window",
        "ALTER TABLE network.settlement_window DROP CONSTRAINT ex_settlement_window_period;"
        f"UPDATE network.settlement_window SET end_day = end_day + 1 WHERE first_day = '{DAY}'",
        named=f"{NEXT_DAY} stands in 2 windows: settled, settled",
    ),
    fault(
        "closings_in_money_ledger",
        # Openings follow closings and every sum of the statement holds: only the ledger knows.
        f"UPDATE network.statement SET closing = closing + 7, returned = returned + 7"
        f" WHERE merchant_id = '{CINEMA}' AND window_id = (SELECT window_id FROM"
        f" network.settlement_window WHERE first_day = '{THIRD_DAY}')",
        named=f"merchant {CINEMA}, window of {THIRD_DAY}: ",
    ),
    fault(
        "closings_in_money_ledger",
        f"UPDATE network.money_entry SET business_date = '{NEXT_DAY}' WHERE kind = 'correction'",
        named=f"merchant {BAKER}, window of {NEXT_DAY}: ",
    ),
    fault(
        "money_stands_on_statements",
        f"DELETE FROM network.statement WHERE window_id = {_WINDOW}",
        named=f"window of {NEXT_DAY}: ",
    ),
    fault(
        "clearing_is_underway",
        "UPDATE network.payment SET state = 'released' WHERE state = 'cancelled'",
        named="(released): 0 in clearing",
    ),
    fault(
        "clearing_is_underway",
        "UPDATE network.money_entry SET payment_id = gen_random_uuid() WHERE kind = 'instruction'"
        " AND " + _ONE.format("state = 'settled'"),
        named="(no payment): ",
    ),
    fault(
        "bank_is_what_was_booked",
        "UPDATE network.payment SET state = 'returned' WHERE state = 'settled'",
        named="(returned): the bank's account has ",
    ),
    fault(
        "two_people_behind_money",
        "ALTER TABLE network.correction DROP CONSTRAINT ck_correction_two_people;"
        "UPDATE network.correction SET decided_by = proposed_by",
        named="(correction of ",
    ),
    fault(
        "two_people_behind_money",
        "UPDATE network.correction SET amount = amount - 1",
        named=f"settlement {BAKER} -41 IRR; moved: margin {NETWORK_PARTY} 40 IRR",
    ),
    *(
        fault(
            "two_people_behind_money",
            "ALTER TABLE network.proposal DROP CONSTRAINT ck_proposal_two_people;"
            f"UPDATE network.proposal SET decided_by = proposed_by WHERE kind = '{kind}'",
            named=f"({entry} of ",
        )
        for kind, entry in (
            ("cover.move", "draw"),
            ("cover.move", "cover"),
            ("payment.cancel", "cancellation"),
            ("bank.returns", "return"),
            ("bank.returns", "settlement"),
        )
    ),
    fault(
        "two_people_behind_money",
        f"UPDATE network.money_posting SET amount = amount * 2 WHERE {_of('draw')}",
        named=f"settlement {CINEMA} 500 IRR; moved: deposit {CINEMA} -1000 IRR",
    ),
    # The right figure the wrong way, on the wrong account, or on another merchant's.
    *(
        fault(
            "two_people_behind_money",
            f"UPDATE network.money_posting SET {change} WHERE {_of(kind, account)}",
            named=f"({kind} of ",
        )
        for kind, account, change in (
            ("correction", "", "amount = -amount"),
            ("cover", "", "amount = -amount"),
            ("cancellation", "", "amount = -amount"),
            ("draw", "", f"party_id = '{GROCER}'"),
            ("draw", "settlement", f"party_id = '{GROCER}'"),
            ("cover", "deposit", "account = 'reserve'"),
        )
    ),
    fault(
        "two_people_behind_money",
        _loss(agreed={BAKER: 60, GROCER: 40}, posted={BAKER: 100}),
        named=f"settlement {BAKER} -60 IRR, settlement {GROCER} -40 IRR, settlement {CINEMA} 100",
    ),
    fault(
        "one_entry_per_proposal",
        "INSERT INTO network.money_entry (money_entry_id, kind, business_date, proposal_id)"
        " SELECT gen_random_uuid(), kind, business_date, proposal_id FROM network.money_entry"
        " WHERE kind = 'draw'",
        named="(cover.move): 2 entries",
    ),
    fault(
        "one_entry_per_proposal",
        "DELETE FROM network.money_entry WHERE kind = 'cancellation'",
        named="(payment.cancel): 0 entries",
    ),
    fault(
        "two_people_behind_money",
        "UPDATE network.money_entry SET proposal_id = NULL WHERE kind = 'settlement'",
        named="(settlement of ",
    ),
    fault(
        "two_people_behind_releases",
        "UPDATE network.payment_release SET approved_by = NULL, approved_at = NULL",
        named="left on less than two people's word",
    ),
    fault(
        "recovered_was_borne",
        f"UPDATE network.money_posting SET amount = -amount WHERE {_of('draw')}",
        named=f"deposit of {CINEMA} got 500 more back than it paid for {CINEMA}",
    ),
    fault(
        "two_people_behind_suspensions",
        f"UPDATE network.merchant SET issuing = 'open' WHERE merchant_id = '{CINEMA}'",
        named=f"points of {CINEMA} are suspended: two people agreed: t, it gives none: f",
    ),
    fault(
        "two_people_behind_suspensions",
        "UPDATE ledger.suspended_issuer SET proposal_id = gen_random_uuid()",
        named="two people agreed: f",
    ),
    fault(
        "directs_in_money_ledger",
        "UPDATE network.direct_payment SET amount = amount + 1",
        named="(prepared of ",
    ),
    fault(
        "directs_in_money_ledger",
        "UPDATE network.direct_payment SET state = 'failed'",
        named="(failed of ",
    ),
    fault(
        "two_people_behind_directs",
        "UPDATE network.direct_payment SET state = 'confirmed';"
        "INSERT INTO network.direct_receipt (direct_receipt_id, direct_payment_id, arrived,"
        " said_by, said_at, signature_base, signature, body)"
        " SELECT gen_random_uuid(), direct_payment_id, false, 'x', now(), '', '', ''"
        " FROM network.direct_payment",
        named="is confirmed on less than two people's word",
    ),
    fault(
        "two_people_behind_directs",
        "UPDATE network.direct_payment SET state = 'confirmed'",
        named="is confirmed on less than two people's word",
    ),
    fault(
        "outstanding_matches_lots",
        "UPDATE network.outstanding SET points = points + 1",
        named=f"issuer {CINEMA}, terms {TERMS[CINEMA]}: ",
    ),
    fault(
        "money_kept_matches_postings",
        "UPDATE network.money_kept SET amount = amount + 1",
        named=f"deposit of {CINEMA}: ",
    ),
    fault(
        "day_figures_match_wallets",
        "UPDATE network.day_figures SET held = held + 1",
        named="held: days come to 3, wallets hold 0",
    ),
)


@pytest.mark.parametrize("planted", FAULTS, ids=lambda planted: planted.check)
def test_what_was_tampered_with_is_named(house: House, planted: Fault) -> None:
    (part,) = (each for each in audit.PASSES if planted.check in {rule.name for rule in each.rules})
    with house.tampered(*planted.statement.split(";")) as session:
        found = {check.name: check for check in run_pass(session, part)}
    assert any(planted.named in example for example in found[planted.check].examples), found


def test_every_check_has_a_fault() -> None:
    assert {planted.check for planted in FAULTS} == set(audit.check_names())
