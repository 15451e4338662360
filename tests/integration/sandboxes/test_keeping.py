"""What the owner does for sandboxes: spares made ahead, brought up to date, dropped, bounded."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from config.doctor import examine
from config.sandboxes import making
from network.clock import wall_now
from network.database.connection import Database
from network.database.migrate import schema_digest
from network.ids import EntryIds
from network.merchants.service import register_merchant
from network.sandboxes import queries, service
from network.sandboxes.opening import sandbox_services
from network.services import Services
from network.settings import Settings
from network.vault import Vault
from tests.conftest import MASTER_KEY
from tests.fixtures.cluster import Cluster
from tests.integration.sandboxes.stand import Stand, standing

MOST = 3


@pytest.fixture(scope="module")
def stand(cluster: Cluster, redis_url: str, vault: Vault) -> Iterator[Stand]:
    """Yield the owner of an installation that may have three sandboxes."""
    with cluster.fresh_database() as name:
        settings = Settings(
            database_url=cluster.url("peyvand", database=name),
            redis_url=redis_url,
            master_key=MASTER_KEY,
            most_sandboxes=MOST,
        )
        database = Database(settings.database_url, pool_size=2, application_name="test")
        services = Services(
            settings=settings, database=database, vault=vault, entry_ids=EntryIds(vault)
        )
        owner_url = cluster.url("peyvand_owner", database=name)
        with standing(services, cluster, owner_url=owner_url) as stand:
            yield stand
        database.dispose()


@pytest.fixture(autouse=True)
def nobody(stand: Stand) -> Iterator[None]:
    """Leave sandboxes to nobody."""
    yield
    change(stand, "discarded_at = now()", "taken_at IS NOT NULL")
    stand.keep()


def change(stand: Stand, what: str, where: str, **values: Any) -> None:
    """Change rows of the table behind everybody's back."""
    with stand.services.database.unit_of_work() as session:
        session.execute(text(f"UPDATE network.sandbox SET {what} WHERE {where}"), values)


def counts(stand: Stand) -> tuple[int, int, int]:
    """Return how many are taken, spare and discarded."""
    with stand.services.database.reading() as session:
        found = queries.counts(session)
    return found.taken, found.spare, found.discarded


def taken(stand: Stand, *, status: str = "active", now: datetime | None = None) -> UUID | None:
    """Have a new merchant take a sandbox; return its id, ``None`` where there was no spare."""
    moment = now or wall_now()
    with stand.services.database.unit_of_work() as session:
        merchant_id = register_merchant(
            session,
            code=f"m-{secrets.token_hex(6)}",
            name_fa="نان",
            name_en="Bread",
            kind="grocer",
            status=status,
            now=moment,
        )
        view = service.take(
            session, merchant_id=merchant_id, schema_digest=schema_digest(), now=moment
        )
        if view is None:
            return None
        again = service.take(
            session, merchant_id=merchant_id, schema_digest=schema_digest(), now=moment
        )
        assert again == view
        service.note_furnished(session, sandbox_id=view.sandbox_id, now=moment)
    return view.sandbox_id


def test_spares_are_made_ahead_up_to_the_bound(stand: Stand) -> None:
    assert counts(stand) == (0, making.SPARES, 0)
    assert not stand.keep()
    for expected in ((1, 2), (2, 1), (3, 0)):
        assert taken(stand) is not None
        stand.keep()
        assert counts(stand)[:2] == expected
    assert taken(stand) is None
    assert counts(stand) == (3, 0, 0)


def test_who_rested_makes_room_and_applicants_go_first(stand: Stand) -> None:
    now = wall_now()
    rested = taken(stand, now=now - timedelta(days=8))
    applicant = taken(stand, status="applied", now=now - timedelta(hours=2))
    stand.keep()
    fresh = taken(stand)
    assert None not in {rested, applicant, fresh}
    stand.keep()  # discards the applicant's
    stand.keep()  # drops it, and makes a spare
    assert _left(stand) == {rested, fresh}
    assert counts(stand) == (2, 1, 0)


def test_what_nobody_used_for_a_month_is_dropped_though_somebody_is_connected(
    stand: Stand,
) -> None:
    unused = taken(stand, now=wall_now() - timedelta(days=31))
    with stand.services.database.reading() as session:
        view = queries.taken(session)[0]
    assert view.sandbox_id == unused
    inside = sandbox_services(stand.services, view, application_name="test")
    with inside.database.ledger() as connection:
        connection.execute(text("SELECT 1"))
        stand.keep()
    inside.database.dispose()
    assert _left(stand) == set()
    with stand.services.database.reading() as session:
        names = session.scalars(text("SELECT datname FROM pg_database")).all()
    assert view.database_name not in names


def test_sandboxes_follow_the_schema_and_spares_are_made_anew(stand: Stand) -> None:
    mine = taken(stand)
    with stand.services.database.reading() as session:
        spares = set(session.scalars(text("SELECT sandbox_id FROM network.sandbox")).all())
    change(stand, "schema_digest = :old", "true", old=bytes(32))
    assert taken(stand) is None
    stand.keep()
    stand.keep()
    with stand.services.database.reading() as session:
        rows = session.execute(text("SELECT sandbox_id, schema_digest FROM network.sandbox")).all()
    assert {bytes(row.schema_digest) for row in rows} == {schema_digest()}
    assert {row.sandbox_id for row in rows} & spares == {mine}


def test_what_was_begun_and_never_finished_is_dropped(stand: Stand) -> None:
    with stand.services.database.unit_of_work() as session:
        begun = service.begin(
            session, schema_digest=schema_digest(), now=wall_now() - timedelta(hours=1)
        )
    assert stand.keep()
    with stand.services.database.reading() as session:
        left = session.scalars(text("SELECT sandbox_id FROM network.sandbox")).all()
    assert begun not in left


def test_after_a_restore_sandboxes_without_a_database_are_forgotten(
    stand: Stand, cluster: Cluster
) -> None:
    mine = taken(stand)
    with stand.services.database.reading() as session:
        spares = [each for each in queries.made(session) if each.merchant_id is None]
    with cluster.administrator() as connection:
        connection.execute(f'DROP DATABASE "{spares[0].database_name}"'.encode())
    today = wall_now().date()
    assert making.keep_quietly(stand.services, now=wall_now(), checked=None) == today
    with stand.services.database.reading() as session:
        left = {each.sandbox_id for each in queries.made(session)}
    assert mine in left
    assert spares[0].sandbox_id not in left
    assert making.forget_missing(stand.services) == 0


def test_one_worker_has_a_sandbox_at_a_time_and_a_later_mark_stays(stand: Stand) -> None:
    sandbox_id = taken(stand)
    assert sandbox_id is not None
    database, now = stand.services.database, wall_now()
    with database.unit_of_work() as session:
        service.note_use(session, sandbox_id=sandbox_id, now=now, due_at=now)
    with database.unit_of_work() as session:
        assert queries.any_due(session, now=now)
        leased = service.lease_due(session, now=now)
    assert leased is not None
    assert leased.due_at is not None
    with database.unit_of_work() as session:
        assert service.lease_due(session, now=now) is None
        service.note_use(session, sandbox_id=sandbox_id, now=now, due_at=now)
        service.end_lease(session, sandbox_id=sandbox_id, leased_until=leased.due_at, next_at=None)
        assert service.lease_due(session, now=now) is not None


def test_without_the_owner_none_is_made_and_the_doctor_says_what_there_is(
    stand: Stand, cluster: Cluster
) -> None:
    settings = stand.services.settings
    blind = replace(stand.services, settings=replace(settings, owner_url=None))
    assert not making.keep(blind, now=wall_now())
    assert making.may_make(blind) is None
    assert making.may_make(stand.services) is True
    environment = {
        "DATABASE_URL": settings.database_url,
        "DATABASE_OWNER_URL": settings.owner_url or "",
        "REDIS_URL": settings.redis_url,
        "PEYVAND_MASTER_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "PEYVAND_SANDBOXES": str(MOST),
    }
    found = {each.check: each for each in examine(environment)}
    assert found["sandboxes"].ok
    assert found["sandboxes"].found == "0 of at most 3 in use, 2 ready"
    off = {each.check: each for each in examine(environment | {"PEYVAND_SANDBOXES": "0"})}
    assert "switched off" in off["sandboxes"].found


def _left(stand: Stand) -> set[UUID | None]:
    with stand.services.database.reading() as session:
        return {each.sandbox_id for each in queries.taken(session)}
