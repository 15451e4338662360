"""An old month leaves the hot tables: when it may, how it goes, and that the audit follows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from config.services.postgres import SUPERUSER
from network.database.connection import Database
from network.ledger import operations
from network.ledger.archive import ArchiveBusyError, ArchiveRefusedError, archive_month
from network.ledger.audit import audit
from network.ledger.errors import WalletBusyError
from network.ledger.values import Posted
from tests.fixtures.cluster import Cluster
from tests.integration.ledger_audit.conftest import Past
from tests.integration.ledger_audit.history import BAKERY, DEBTOR, SPENDER, verify
from tests.integration.ledger_audit.test_rebuild import MONTH, NEXT, START, everything, play

OLD = START.replace(day=1)
NAMES = [f"{table}_{OLD:%Y_%m}" for table in ("entry", "movement")]
REFUND_DAYS = 20
_SETTLED = text("""
    INSERT INTO network.settlement_run
        (run_id, business_date, run_key, version, state, step, claim, started_by)
    SELECT uuidv7(), business_date, 'key ' || business_date, 1, 'done', 'publish', uuidv7(), 'test'
    FROM ledger.business_day WHERE business_date < :until ON CONFLICT DO NOTHING
""")
_FIRST_ENTRY = f"member_id = '{DEBTOR}' AND sequence = 1"
_ARCHIVED = text(
    "SELECT count(*) FROM pg_inherits WHERE inhparent = 'ledger_archive.entry'::regclass"
)
_OLD_REDEMPTION = text("""
    SELECT member_id, sequence, acceptor_id, sum(refunded) OVER () AS given_back
    FROM ledger.consumption
    WHERE business_date < :month ORDER BY refunded + 2 < points DESC, member_id, sequence LIMIT 1
""")
_GIVEN_BACK = text("SELECT sum(refunded) FROM ledger.consumption WHERE business_date < :month")
Archive = Callable[..., list[str]]


@pytest.fixture
def old(cluster: Cluster) -> Iterator[Past]:
    """Yield a ledger over two month ends, every night of it settled."""
    with cluster.fresh_database() as name:
        database = Database(cluster.url("peyvand", database=name))
        owner = Database(cluster.url("peyvand_owner", database=name), pool_size=1)
        try:
            book = play(database, owner)
            with owner.unit_of_work() as session:
                session.execute(_SETTLED, {"until": NEXT})
            yield Past(
                database=database,
                book=book,
                superuser_url=cluster.url(SUPERUSER, database=name),
            )
        finally:
            database.dispose()
            owner.dispose()


@pytest.fixture
def archive(old: Past) -> Archive:
    def move(month: date = OLD, *, refund_days: int = REFUND_DAYS) -> list[str]:
        return archive_month(old.superuser_url, month=month, refund_days=refund_days)

    return move


def run(past: Past, *statements: str) -> None:
    engine = create_engine(past.superuser_url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
    finally:
        engine.dispose()


def looked_at(past: Past) -> dict[str, int]:
    """Return how many rows each check looked at; fail where one found a difference."""
    with past.database.snapshot() as session:
        found = everything(session)
    assert [check for check in found.values() if check.differences] == []
    return {name: check.rows for name, check in found.items()}


def test_an_archived_month_is_out_of_the_way_and_still_audited(old: Past, archive: Archive) -> None:
    before = looked_at(old)
    assert archive() == NAMES
    assert archive() == []
    assert looked_at(old) == before
    with old.database.reading() as session:
        hot, cold = session.execute(
            text(
                "SELECT (SELECT min(business_date) FROM ledger.movement),"
                " (SELECT max(business_date) FROM ledger_archive.movement)"
            )
        ).one()
    assert cold < MONTH <= hot
    old.book.earn(SPENDER, BAKERY, 25)
    old.book.redeem(SPENDER, BAKERY, 5)
    assert looked_at(old)["movement_points"] == before["movement_points"] + 2


def test_nobody_writes_what_is_archived(old: Past, archive: Archive) -> None:
    archive()
    for table in ("entry", "movement"):
        for statement in (
            f"UPDATE ledger_archive.{table} SET sequence = 1",
            f"DELETE FROM ledger_archive.{table}",
            f"INSERT INTO ledger_archive.{table} SELECT * FROM ledger_archive.{table}",
        ):
            with pytest.raises(DBAPIError, match="append-only"):
                run(old, statement)
            with pytest.raises(DBAPIError, match="permission denied"), old.database.ledger() as c:
                c.execute(text(statement))


@pytest.mark.parametrize(
    ("check", "statement"),
    [
        ("entry_digests", "UPDATE ledger_archive.entry SET amount = amount + 1"),
        ("lots_match_postings", "UPDATE ledger_archive.movement SET points = 2 * points"),
        ("earned_match_postings", "UPDATE ledger_archive.entry SET earned[1][3] = 1"),
        ("seals", "DELETE FROM ledger_archive.entry"),
    ],
)
def test_what_is_tampered_with_in_the_archive_is_named(
    old: Past, archive: Archive, check: str, statement: str
) -> None:
    archive()
    with old.tampered(f"{statement} WHERE {_FIRST_ENTRY}") as session:
        found = {each.name: each for each in audit(session, verify=verify)}
    words = str(START) if check == "seals" else f"member {DEBTOR}, "
    assert any(words in example for example in found[check].examples), found[check]


@pytest.mark.parametrize(
    ("reason", "month", "refund_days", "before"),
    [
        ("no_such_month", date(2001, 1, 1), REFUND_DAYS, ()),
        ("not_over", NEXT, REFUND_DAYS, ()),
        ("refundable", OLD, 60, ()),
        (
            "not_settled",
            OLD,
            REFUND_DAYS,
            (f"DELETE FROM network.settlement_run WHERE business_date = '{START}'",),
        ),
        (
            "not_sealed",
            OLD,
            REFUND_DAYS,
            (
                "ALTER TABLE ledger.seal DISABLE TRIGGER append_only",
                f"DELETE FROM ledger.seal WHERE business_date = '{START}'",
            ),
        ),
        (
            "no_month_end",
            OLD,
            REFUND_DAYS,
            (
                "ALTER TABLE ledger.month_end DISABLE TRIGGER append_only",
                f"DELETE FROM ledger.month_end WHERE month = '{MONTH}'",
            ),
        ),
        (
            "shared_wallets",
            OLD,
            REFUND_DAYS,
            (
                "ALTER TABLE ledger.entry DISABLE TRIGGER append_only",
                f"UPDATE ledger.entry SET kind = 'join' WHERE {_FIRST_ENTRY}",
                f"UPDATE ledger.wallet SET moved_to = '{SPENDER}' WHERE member_id = '{DEBTOR}'",
            ),
        ),
    ],
)
def test_a_month_that_may_not_go_stays(
    old: Past, archive: Archive, reason: str, month: date, refund_days: int, before: tuple[str, ...]
) -> None:
    run(old, *before)
    with pytest.raises(ArchiveRefusedError) as caught:
        archive(month, refund_days=refund_days)
    assert caught.value.reason == reason
    with old.database.reading() as session:
        kept = session.execute(_ARCHIVED).scalar_one()
    assert kept == 0


def test_a_move_that_was_interrupted_is_finished(old: Past, archive: Archive) -> None:
    """A redemption can be refunded before and after, and is never taken for one that never was."""
    book = old.book
    with old.database.reading() as session:
        paid = session.execute(_OLD_REDEMPTION, {"month": MONTH}).one()

    def refund() -> Posted:
        return book.do(
            operations.refund_redeem,
            paid.member_id,
            paid.acceptor_id,
            original=paid.sequence,
            points=1,
            grace_days=30,
        )

    refund()
    before = looked_at(old)
    run(
        old,
        f"ALTER TABLE ledger.entry DETACH PARTITION ledger.{NAMES[0]} CONCURRENTLY",
        f"ALTER TABLE ledger.movement DETACH PARTITION ledger.{NAMES[1]} CONCURRENTLY",
    )
    with pytest.raises(WalletBusyError):
        refund()
    assert archive() == NAMES
    assert looked_at(old) == before
    refund()
    assert looked_at(old)["redeposits_match_postings"] == before["redeposits_match_postings"]
    with old.database.reading() as session:
        given_back = session.execute(_GIVEN_BACK, {"month": MONTH}).scalar_one()
    assert given_back == paid.given_back + 2


def test_an_audit_under_way_is_not_disturbed(old: Past, archive: Archive) -> None:
    with old.database.snapshot() as session:
        everything(session)
        with pytest.raises(ArchiveBusyError):
            archive()
    assert archive() == NAMES


def test_the_archive_is_shaped_like_the_ledger(old: Past) -> None:
    with old.database.reading() as session:
        rows = session.execute(
            text(
                "SELECT n.nspname, c.relname, a.attname, a.atttypid, a.attnotnull"
                " FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid"
                " JOIN pg_namespace AS n ON n.oid = c.relnamespace"
                " WHERE c.relkind = 'p' AND a.attnum > 0 AND NOT a.attisdropped"
                " AND n.nspname IN ('ledger', 'ledger_archive')"
                " AND c.relname IN ('entry', 'movement', 'earned') ORDER BY c.relname, a.attnum"
            )
        ).all()
    shapes = {
        schema: [tuple(row)[1:] for row in rows if row.nspname == schema]
        for schema in ("ledger", "ledger_archive")
    }
    assert shapes["ledger"] == shapes["ledger_archive"] != []
