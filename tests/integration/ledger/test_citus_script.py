"""The script that distributes the ledger, on a plain PostgreSQL that only pretends to be Citus.

What Citus does with its own functions cannot be shown here; that everything else in the script is
right can: it runs, it runs again, and the ledger works with the swapped keys.
"""

from __future__ import annotations

import re

import pytest
from sqlalchemy import text

from config import citus
from network.database.connection import Database
from network.events.service import publish
from network.ledger.errors import DuplicateReference, IdempotencyConflict
from tests.integration.ledger.conftest import Hands

PRETENCE = """
CREATE SCHEMA pretence;
CREATE TABLE pretence.pg_dist_partition (logicalrelid regclass, said text);
CREATE TABLE pretence.functions (signature regprocedure, member text);
CREATE FUNCTION pretence.create_reference_table(t regclass) RETURNS void LANGUAGE sql
BEGIN ATOMIC INSERT INTO pretence.pg_dist_partition VALUES (t, 'reference'); END;
CREATE FUNCTION pretence.create_distributed_table(t regclass, c text, colocate_with text)
RETURNS void LANGUAGE sql
BEGIN ATOMIC INSERT INTO pretence.pg_dist_partition VALUES (t, c || colocate_with); END;
CREATE FUNCTION pretence.create_distributed_function(
    f regprocedure, c text DEFAULT NULL, colocate_with text DEFAULT NULL)
RETURNS void LANGUAGE sql BEGIN ATOMIC INSERT INTO pretence.functions VALUES (f, c); END;
CREATE FUNCTION pretence.run_command_on_workers(c text) RETURNS void LANGUAGE sql AS '';
"""


@pytest.fixture
def pretended(owner_url: str, owner_database: Database) -> str:
    """Return the owner's URL of a database with stand-ins for Citus's functions."""
    with owner_database.unit_of_work() as session:
        session.connection().exec_driver_sql(PRETENCE)
    return f"{owner_url}&options=-csearch_path%3Dpretence,public"


def run(url: str, capsys: pytest.CaptureFixture[str], *options: str) -> list[str]:
    """Run the script and return the first words of its statements."""
    citus.main([url.replace("+psycopg", ""), *options])
    return [
        re.split(r"[\s(]", statement.removeprefix("SELECT "))[0]
        for statement in capsys.readouterr().out.split(";\n\n")
        if statement.strip()
    ]


def test_what_is_done_is_not_done_again(pretended: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = run(pretended, capsys)
    assert run(pretended, capsys, "--apply") == shown
    assert shown.count("create_distributed_table") == 20
    assert shown.count("create_reference_table") == 6
    assert {"DROP", "ALTER", "CREATE", "REVOKE", "run_command_on_workers"} <= set(shown)
    again = run(pretended, capsys, "--apply")
    assert set(again) == {"create_distributed_function", "REVOKE", "run_command_on_workers"}


def test_operations_of_one_member_go_to_its_node_and_others_do_not(
    pretended: str, owner_database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    run(pretended, capsys, "--apply")
    with owner_database.reading() as session:
        placed = {
            signature.split("(")[0].removeprefix("ledger."): member
            for signature, member in session.execute(
                text("SELECT signature::text, member FROM pretence.functions")
            )
        }
    assert {"earn", "redeem", "capture", "refund_earn", "set_wallet_status"} <= {
        name for name, member in placed.items() if member == "p_member"
    }
    assert {placed[name] for name in citus.TWO_MEMBERS} == {None}
    assert placed["begin_operation"] is None
    assert placed["flip_day"] is None


def test_the_ledger_works_with_the_swapped_keys(
    pretended: str, hands: Hands, capsys: pytest.CaptureFixture[str]
) -> None:
    run(pretended, capsys, "--apply")
    member_id = hands.wallet()
    claim = hands.claim("one key")
    first = hands.earn(member_id, 10, claim=claim, ref="a")
    again = hands.earn(member_id, 10, claim=claim, ref="a")
    assert (first.sequence, first.replayed, again.replayed) == (again.sequence, False, True)
    with pytest.raises(IdempotencyConflict):
        hands.earn(member_id, 10, claim=hands.claim("one key", asked="else"), ref="b")
    with pytest.raises(DuplicateReference):
        hands.earn(member_id, 10, ref="a")
    hands.redeem(member_id, 4)
    assert hands.earn(hands.wallet(), 10, claim=claim).replayed is False  # the price of shards
    with hands.database.unit_of_work() as session:
        publish(session, topic="messaging.message", payload={})


def test_no_function_looks_a_key_up_without_its_member(
    pretended: str, owner_database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    run(pretended, capsys, "--apply")
    with owner_database.reading() as session:
        functions = session.execute(
            text(
                "SELECT proname, prosrc || pg_get_functiondef(oid) AS source FROM pg_proc"
                " WHERE pronamespace = 'ledger'::regnamespace AND prokind = 'f'"
            )
        ).all()
    looking = {
        name: re.findall(r"JOIN ledger\.idempotency (?:AS )?(\w)\b", source)
        + re.findall(r"FROM ledger\.idempotency (?:AS )?(k)\b", source)
        for name, source in functions
    }
    sources = {row.proname: row.source for row in functions}
    found = {name: aliases for name, aliases in looking.items() if aliases}
    assert found
    for name, aliases in found.items():
        assert all(f"{alias}.member_id = " in sources[name] for alias in aliases), name
    assert not [name for name in sources if re.search(r"CONFLICT \(client_id", sources[name])]
