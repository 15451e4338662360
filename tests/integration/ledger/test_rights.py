"""What the application role must not be able to do, tried as an attacker would."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from network.database.connection import Database
from network.ledger import operations
from network.ledger.errors import LedgerInvariantError
from network.ledger.errors_by_code import translate
from tests.integration.ledger.conftest import Hands

INSUFFICIENT_PRIVILEGE = "42501"
TABLES = text(
    "SELECT c.relname FROM pg_class AS c WHERE c.relnamespace = 'ledger'::regnamespace "
    "AND c.relkind IN ('r', 'p')"
)
PRIVATE = text(
    "SELECT p.oid::regprocedure::text FROM pg_proc AS p "
    "WHERE p.pronamespace = 'ledger'::regnamespace "
    "AND has_function_privilege('public', p.oid, 'EXECUTE')"
)
OPEN_PATHS = text(
    "SELECT p.oid::regprocedure::text FROM pg_proc AS p "
    "WHERE p.pronamespace = 'ledger'::regnamespace AND p.prosecdef "
    "AND NOT coalesce(p.proconfig, '{}') @> ARRAY['search_path=ledger, pg_temp']"
)
CALLABLE = text(
    "SELECT p.proname FROM pg_proc AS p WHERE p.pronamespace = 'ledger'::regnamespace "
    "AND has_function_privilege(current_user, p.oid, 'EXECUTE') AND NOT p.prosecdef "
    "AND p.provolatile = 'v'"
)


def _sqlstate(connection: Connection, statement: str) -> str | None:
    with pytest.raises(DBAPIError) as caught:
        connection.execute(text(statement))
    return getattr(caught.value.orig, "sqlstate", None)


def test_the_application_cannot_write_any_table(hands: Hands) -> None:
    with hands.database.ledger() as connection:
        names = connection.execute(TABLES).scalars().all()
        assert {"wallet", "lot", "entry", "movement", "evidence", "used_code"} <= set(names)
        for name in names:
            for statement in (
                f"INSERT INTO ledger.{name} DEFAULT VALUES",
                f"DELETE FROM ledger.{name}",
                f"TRUNCATE ledger.{name}",
                f"DROP TABLE ledger.{name}",
            ):
                assert _sqlstate(connection, statement) == INSUFFICIENT_PRIVILEGE, statement


def test_the_application_cannot_read_what_requests_said(hands: Hands) -> None:
    with hands.database.ledger() as connection:
        assert _sqlstate(connection, "SELECT body FROM ledger.evidence") == INSUFFICIENT_PRIVILEGE
        connection.execute(text("SELECT member_id, key_id FROM ledger.evidence"))


def test_helpers_are_nobodys_to_call(hands: Hands) -> None:
    with hands.database.ledger() as connection:
        assert connection.execute(PRIVATE).scalars().all() == []
        assert connection.execute(CALLABLE).scalars().all() == []
        assert (
            _sqlstate(connection, "SELECT ledger.ensure_partitions('2030-01-01', '2030-01-02')")
            == INSUFFICIENT_PRIVILEGE
        )


def test_every_public_function_fixes_its_search_path(hands: Hands) -> None:
    with hands.database.ledger() as connection:
        assert connection.execute(OPEN_PATHS).scalars().all() == []


def test_a_planted_path_or_temporary_table_changes_nothing(hands: Hands) -> None:
    member_id = hands.wallet()
    with hands.database.engine.connect() as connection, connection.begin():
        connection.execute(text("CREATE TEMPORARY TABLE wallet (LIKE ledger.wallet)"))
        connection.execute(
            text(
                "INSERT INTO wallet (member_id, available, pending, held, debt, sequence, status) "
                "VALUES (:member_id, 1000, 0, 0, 0, 7, 'active')"
            ),
            {"member_id": member_id},
        )
        connection.execute(text("SET LOCAL search_path = pg_temp, ledger"))
        assert (
            operations.set_wallet_status(connection, member_id=member_id, status="spend_locked")
            == "active"
        )
    wallet = hands.view(member_id)
    assert (wallet.available, wallet.status) == (0, "spend_locked")


def test_the_application_reaches_no_other_schema(hands: Hands) -> None:
    with hands.database.ledger() as connection:
        for statement in (
            "CREATE TABLE public.mine (x int)",
            "CREATE FUNCTION ledger.mine() RETURNS int LANGUAGE sql RETURN 1",
            "CREATE TABLE ledger.mine (x int)",
            "CREATE SCHEMA mine",
            "ALTER FUNCTION ledger.open_wallet(uuid) SECURITY INVOKER",
            "SET ROLE peyvand_owner",
        ):
            assert _sqlstate(connection, statement) == INSUFFICIENT_PRIVILEGE, statement


def test_even_the_owner_cannot_change_the_books_by_accident(
    hands: Hands, owner_database: Database
) -> None:
    member_id = hands.wallet()
    hands.earn(member_id, 10)
    with owner_database.ledger() as connection:
        given_back = (
            "INSERT INTO ledger.taken_back VALUES (:m, 1, 0, :m, 1000, 10, {refunded}, {points})"
        )
        for refunded, points in ((1001, 1), (1, 11), (-1, 0), (0, -1)):
            statement = given_back.format(refunded=refunded, points=points)
            with pytest.raises(IntegrityError, match="ck_taken_back_parts"):
                connection.execute(text(statement), {"m": member_id})
        connection.execute(text(given_back.format(refunded=1000, points=10)), {"m": member_id})
        for statement in (
            "UPDATE ledger.movement SET points = points + 1",
            "DELETE FROM ledger.movement",
            "UPDATE ledger.entry SET amount = 1",
            "DELETE FROM ledger.entry",
            "DELETE FROM ledger.wallet",
            "DELETE FROM ledger.lot",
            "DELETE FROM ledger.taken_back",
            "UPDATE ledger.lot SET expires_on = expires_on + 365",
            "UPDATE ledger.lot SET price = price + 1, remaining = remaining",
            "UPDATE ledger.lot SET locked_to = NULL",
            "DELETE FROM ledger.reference",
            "DELETE FROM ledger.business_day",
        ):
            with pytest.raises(DBAPIError) as caught:
                connection.execute(text(statement))
            assert isinstance(translate(caught.value), LedgerInvariantError), statement


@pytest.mark.parametrize(
    ("columns", "sqlstate"),
    [
        ("source, target, issuer_id, -1", "23514"),
        ("source, target, issuer_id, 0", "23514"),
        ("source, 'nowhere', issuer_id, points", "22P02"),
        ("source, NULL, issuer_id, points", "23502"),
    ],
)
def test_no_row_of_the_books_can_be_out_of_balance(
    hands: Hands, owner_database: Database, columns: str, sqlstate: str
) -> None:
    hands.earn(hands.wallet(), 10)
    with owner_database.ledger() as connection:
        assert sqlstate == _sqlstate(
            connection,
            "INSERT INTO ledger.movement (member_id, sequence, line, business_date, source, target,"
            f" issuer_id, points) SELECT member_id, sequence, 99, business_date, {columns}"
            " FROM ledger.movement LIMIT 1",
        )


def test_lines_of_the_books_are_read_only(hands: Hands, owner_database: Database) -> None:
    hands.earn(hands.wallet(), 10)
    with owner_database.ledger() as connection:
        for statement in (
            "INSERT INTO ledger.posting SELECT * FROM ledger.posting",
            "UPDATE ledger.posting SET points = 1",
            "DELETE FROM ledger.posting",
        ):
            assert _sqlstate(connection, statement) == "55000", statement
