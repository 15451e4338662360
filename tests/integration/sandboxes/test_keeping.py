"""What the owner does for sandboxes: spares made ahead, brought up to date, dropped, bounded."""

from __future__ import annotations

import base64
import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from config.doctor import examine
from config.sandboxes import making
from network.clock import wall_now
from network.database.migrate import schema_digest
from network.merchants.service import register_merchant
from network.sandboxes import queries, service
from network.sandboxes.opening import sandbox_services
from network.sandboxes.queries import SandboxView
from network.services import Services
from tests.conftest import MASTER_KEY
from tests.fixtures.cluster import Cluster
from tests.integration.sandboxes.stand import Stand, standing

MOST = 3


def written(services: Services, *, begun_at: datetime | None = None) -> UUID:
    """Write a spare down that no database was made for, or one that is only begun."""
    digest, now = schema_digest(), wall_now()
    with services.database.unit_of_work() as session:
        made = service.begin(session, schema_digest=digest, now=begun_at or now)
        if begun_at is None:
            service.finish(session, sandbox_id=made, schema_digest=digest, now=now)
    return made


def taken(
    services: Services, *, status: str = "active", now: datetime | None = None
) -> SandboxView | None:
    """Have a new merchant take a sandbox; return it, ``None`` where there was no spare."""
    digest, moment = schema_digest(), now or wall_now()
    with services.database.unit_of_work() as session:
        merchant_id = register_merchant(
            session,
            code=f"m-{secrets.token_hex(6)}",
            name_fa="نان",
            name_en="Bread",
            kind="grocer",
            status=status,
            now=moment,
        )
        view = service.take(session, merchant_id=merchant_id, schema_digest=digest, now=moment)
        if view is None:
            return None
        again = service.take(session, merchant_id=merchant_id, schema_digest=digest, now=moment)
        assert again == view
        return service.note_furnished(session, sandbox_id=view.sandbox_id, keys=[], now=moment)


def known(services: Services) -> set[UUID]:
    """Return the sandboxes that are written down as made."""
    with services.database.reading() as session:
        return {each.sandbox_id for each in queries.made(session)}


def databases(services: Services) -> set[str]:
    """Return the names of the databases that there are."""
    with services.database.reading() as session:
        return set(session.scalars(text("SELECT datname FROM pg_database")))


def test_spares_are_made_up_to_the_bound_and_follow_time_and_schema(
    services: Services, cluster: Cluster
) -> None:
    bounded = replace(services, settings=replace(services.settings, most_sandboxes=MOST))
    with standing(bounded, cluster, owner_url=services.settings.owner_url or "") as stand:
        assert len(known(services)) == making.SPARES
        assert not stand.keep()
        unused = taken(services, now=wall_now() - timedelta(days=31))
        assert unused is not None
        _change(services, "schema_digest = decode(repeat('00', 32), 'hex')", "taken_at IS NULL")
        assert taken(services) is None  # the spare lacks migrations
        old = known(services)
        inside = sandbox_services(services, unused, application_name="test")
        with inside.database.ledger() as connection:
            connection.execute(text("SELECT 1"))
            stand.keep()  # drops the unused one under its user's feet, discards the old spare
        inside.database.dispose()
        assert unused.database_name not in databases(services)
        stand.keep()
        assert not known(services) & old
        _hold_the_bound(stand)


def _hold_the_bound(stand: Stand) -> None:
    services = stand.services
    views = []
    for spares in (2, 1, 0):
        view = taken(services)
        assert view is not None
        views.append(view)
        stand.keep()
        with services.database.reading() as session:
            assert queries.counts(session).spare == spares
    assert taken(services) is None
    _change(services, "schema_digest = decode(repeat('00', 32), 'hex')", "true")
    while stand.keep():
        pass
    with services.database.reading() as session:
        found = queries.taken(session)
    assert {each.sandbox_id for each in found} == {each.sandbox_id for each in views}
    assert {each.schema_digest for each in found} == {schema_digest()}


def test_who_rested_makes_room_and_applicants_go_first(services: Services) -> None:
    now = wall_now()
    for _ in range(3):
        written(services)
    rested = taken(services, now=now - timedelta(days=8))
    applicant = taken(services, status="applied", now=now - timedelta(hours=2))
    fresh = taken(services)
    assert rested is not None
    assert applicant is not None
    assert fresh is not None
    left = [{rested.sandbox_id, fresh.sandbox_id}, {fresh.sandbox_id}, {fresh.sandbox_id}]
    for expected in left:
        with services.database.unit_of_work() as session:
            service.make_room(session, now=now)
        assert known(services) == expected


def test_what_has_no_database_is_forgotten(services: Services) -> None:
    """As after a restore, and after a process that ended in the middle of making one."""
    written(services)
    begun = written(services, begun_at=wall_now() - timedelta(hours=1))
    under_way = written(services, begun_at=wall_now())
    assert making.forget_missing(services) == 1
    assert known(services) == set()
    maker = making.Maker(services=services, url=services.settings.owner_url or "", now=wall_now())
    assert maker.drop()
    maker.close()
    with services.database.reading() as session:
        left = set(session.scalars(text("SELECT sandbox_id FROM network.sandbox")))
    assert begun not in left
    assert left == {under_way}


def test_one_worker_has_a_sandbox_at_a_time_and_a_later_mark_stays(services: Services) -> None:
    written(services)
    view, database, now = taken(services), services.database, wall_now()
    assert view is not None
    with database.unit_of_work() as session:
        service.note_use(session, sandbox_id=view.sandbox_id, now=now, due_at=now)
    with database.unit_of_work() as session:
        assert queries.any_due(session, now=now)
        leased = service.lease_due(session, now=now)
    assert leased is not None
    assert leased.due_at is not None
    with database.unit_of_work() as session:
        assert service.lease_due(session, now=now) is None
        service.note_use(session, sandbox_id=view.sandbox_id, now=now, due_at=now)
        service.end_lease(
            session, sandbox_id=view.sandbox_id, leased_until=leased.due_at, next_at=None
        )
        assert service.lease_due(session, now=now) is not None


def test_without_the_owner_none_is_made_and_the_doctor_says_what_there_is(
    services: Services,
) -> None:
    settings = services.settings
    blind = replace(services, settings=replace(settings, owner_url=None))
    assert not making.keep(blind, now=wall_now())
    assert making.may_make(blind) is None
    assert making.may_make(services) is True
    environment = {
        "DATABASE_URL": settings.database_url,
        "DATABASE_OWNER_URL": settings.owner_url or "",
        "REDIS_URL": settings.redis_url,
        "PEYVAND_MASTER_KEY": base64.b64encode(MASTER_KEY).decode(),
        "PEYVAND_SANDBOXES": str(MOST),
    }
    written(services)
    found = {each.check: each for each in examine(environment)}
    assert found["sandboxes"].ok
    assert found["sandboxes"].found == "0 of at most 3 in use, 1 ready"
    off = {each.check: each for each in examine(environment | {"PEYVAND_SANDBOXES": "0"})}
    assert "switched off" in off["sandboxes"].found


def _change(services: Services, what: str, where: str) -> None:
    """Change rows of the table behind everybody's back."""
    with services.database.unit_of_work() as session:
        session.execute(text(f"UPDATE network.sandbox SET {what} WHERE {where}"))
