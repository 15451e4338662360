"""What ``peyvand doctor`` looks at. It changes nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import redis
from sqlalchemy import text

from config.doctor_portal import portal
from config.doctor_queue import queues, tasks
from config.doctor_work import work
from config.environment import (
    NotMigratedError,
    check_revision,
    embedded,
    load_settings,
    revision_of,
)
from config.findings import Finding, fine
from config.home import Home
from config.sandboxes.making import may_make
from config.services.account import service_account
from config.services.processes import recorded
from config.services.programs import find_programs
from network.clock import wall_now
from network.errors import PeyvandError
from network.language import gettext as _
from network.operators.audit import BACKUP_MADE, BACKUPS
from network.operators.queries import last_act
from network.sandboxes import queries as sandboxes
from network.services import Services
from network.settings import Settings

_RECENT_DAYS = 2
_OLD_BACKUP = timedelta(days=7)
_ENOUGH_BYTES = 1 << 30
_BEGAN = "SELECT opened_at FROM ledger.business_day ORDER BY business_date LIMIT 1"


def examine(environment: Mapping[str, str]) -> list[Finding]:
    """Look at everything that can be looked at and return what was found, in a helpful order."""
    findings = [_python()]
    settings: Settings | None = None
    if embedded(environment):
        findings.extend(_home(environment))
    else:
        findings.append(fine("mode", _("PostgreSQL and Valkey of your own (DATABASE_URL)")))
    try:
        settings = load_settings(environment, owner=True)
    except PeyvandError as error:
        advice = _("Start it with 'peyvand up'.") if embedded(environment) else _("Set it.")
        findings.append(Finding(check="settings", ok=False, found=error.message, advice=advice))
    if settings is not None:
        findings.append(fine("settings", _("complete")))
        findings.extend(_database(settings, own=embedded(environment)))
        findings.extend(_redis(settings, own=embedded(environment)))
    return findings


def _python() -> Finding:
    return fine("python", sys.version.split()[0])


def _home(environment: Mapping[str, str]) -> Iterator[Finding]:
    home = Home.from_environment(environment)
    yield fine("mode", _("services of its own, in %(home)s", home=home.path))
    place = home.path
    while not place.exists():
        place = place.parent
    writable = place.is_dir() and os.access(place, os.W_OK | os.X_OK)
    yield Finding(
        check="home",
        ok=writable,
        found=_("writable") if writable else _("not writable"),
        advice="" if writable else _("Set PEYVAND_HOME to a directory you may write to."),
    )
    if writable:
        free = _free_bytes(place)
        yield Finding(
            check="disk",
            ok=free >= _ENOUGH_BYTES,
            found=_("%(megabytes)s MB free", megabytes=free >> 20),
            advice="" if free >= _ENOUGH_BYTES else _("Free at least 1 GB."),
        )
    try:
        find_programs(service_account())
        yield fine("programs", _("PostgreSQL and Valkey are installed"))
    except (PeyvandError, OSError) as error:
        yield Finding(check="programs", ok=False, found=str(error), advice=_("Run 'make setup'."))
    running = recorded(home.run / "postgres.pid") is not None
    yield Finding(
        check="running",
        ok=running,
        found=_("yes") if running else _("no"),
        advice="" if running else _("Start it with 'peyvand up'."),
    )


def _database(settings: Settings, *, own: bool) -> Iterator[Finding]:
    services = Services.from_settings(settings, application_name="peyvand-doctor")
    try:
        revision = revision_of(services.database)
        yield fine("database", _("reachable"))
        check_revision(services.database)
        yield fine("migrations", _("at revision %(revision)s", revision=revision))
        yield from _inside(services, owner=settings.owner_url is not None)
    except NotMigratedError as error:
        yield Finding(
            check="migrations", ok=False, found=error.message, advice=_("Run 'peyvand migrate'.")
        )
    except PeyvandError as error:
        advice = _("Start it with 'peyvand up'.") if own else _("Look at DATABASE_URL.")
        yield Finding(check="database", ok=False, found=error.message, advice=advice)
    finally:
        services.database.dispose()


def _inside(services: Services, *, owner: bool) -> Iterator[Finding]:
    """Look at what a running installation needs inside the database."""
    with services.database.reading() as session:
        waiting = session.execute(
            text(
                "SELECT count(*) FROM network.outbox "
                "WHERE recorded_at < clock_timestamp() - interval '1 minute'"
            )
        ).scalar_one()
        behind = session.execute(
            text(
                "SELECT count(*) FROM ledger.business_day AS d "
                "LEFT JOIN network.settlement_run AS r "
                "ON r.business_date = d.business_date AND r.state <> 'aborted' "
                "WHERE r.state IS DISTINCT FROM 'done' "
                "AND d.business_date < (SELECT max(business_date) FROM ledger.business_day)"
            )
        ).scalar_one()
    yield Finding(
        check="outbox",
        ok=waiting == 0,
        found=_("%(count)s events wait for more than a minute", count=waiting),
        advice="" if waiting == 0 else _("Is the relay running? Its log says."),
    )
    yield Finding(
        check="settlement",
        ok=behind <= _RECENT_DAYS,
        found=_("%(count)s days that ended are not settled", count=behind),
        advice="" if behind <= _RECENT_DAYS else _("Run 'peyvand settle' and read what it says."),
    )
    yield from work(services)
    yield _programme(services)
    yield _backup(services)
    yield _sandboxes(services)
    yield from portal(services)
    yield fine("owner", _("known") if owner else _("not given here (only migrations need it)"))


def _programme(services: Services) -> Finding:
    """Look whether every purchase of today finds its prices: value, terms, agreements."""
    with services.database.reading() as session:
        value, active, lacking = session.execute(
            text("""
                SELECT EXISTS (SELECT FROM network.face_value WHERE effective_from <= d.day),
                       EXISTS (SELECT FROM network.merchant WHERE status = 'active'),
                       ARRAY(SELECT m.code FROM network.merchant AS m
                             WHERE m.status = 'active' AND NOT (
                                 EXISTS (SELECT FROM network.agreement AS a
                                         WHERE a.merchant_id = m.merchant_id
                                           AND a.approved_at IS NOT NULL
                                           AND a.effective_from <= d.day)
                                 AND (m.kind = 'sponsor' OR EXISTS (
                                     SELECT FROM network.earning_terms AS t
                                     WHERE t.merchant_id = m.merchant_id
                                       AND t.effective_from <= d.day)))
                             ORDER BY m.code)
                FROM (SELECT coalesce(max(business_date), current_date) AS day
                      FROM ledger.business_day) AS d
            """)
        ).one()
    if not active:
        return fine("programme", _("no merchant takes part yet"))
    if not value:
        return Finding(
            check="programme",
            ok=False,
            found=_("no face value is in force: no point can be given or taken"),
            advice=_("Two people set one: 'peyvand programme face-value', or in the console."),
        )
    if lacking:
        return Finding(
            check="programme",
            ok=False,
            found=_("without agreement or earning terms: %(codes)s", codes=", ".join(lacking)),
            advice=_(
                "Two people set them: 'peyvand merchant agreement', 'peyvand programme terms'."
            ),
        )
    return fine("programme", _("every merchant that takes part has its prices"))


def _backup(services: Services) -> Finding:
    """Say when the last backup was made, as far as the audit log knows; one is due each week."""
    with services.database.reading() as session:
        found = last_act(session, action=BACKUP_MADE, subject=BACKUPS)
        began = session.scalar(text(_BEGAN))
    if found is None:
        return Finding(
            check="backup",
            ok=began is None or wall_now() - began <= _OLD_BACKUP,
            found=_("none is known"),
            advice=_("Make one: 'peyvand backup FILE'."),
        )
    age = wall_now() - found.recorded_at
    return Finding(
        check="backup",
        ok=age <= _OLD_BACKUP,
        found=_("the last one was made at %(moment)s", moment=found.recorded_at.isoformat()),
        advice="" if age <= _OLD_BACKUP else _("Make one: 'peyvand backup FILE'."),
    )


def _sandboxes(services: Services) -> Finding:
    """Look at merchants' sandboxes: how many there are, and whether others can be made."""
    most = services.settings.most_sandboxes
    if most == 0:
        return fine("sandboxes", _("switched off (PEYVAND_SANDBOXES is 0)"))
    with services.database.reading() as session:
        counts = sandboxes.counts(session)
    able = may_make(services)
    found = _(
        "%(taken)s of at most %(most)s in use, %(spare)s ready",
        taken=counts.taken,
        most=most,
        spare=counts.spare,
    )
    advice = ""
    if able is False:
        advice = _("The owner may not make databases: ALTER ROLE … CREATEDB, as a superuser.")
    elif counts.spare == 0 and counts.taken < most:
        advice = _("Is the schedule running, with the owner's URL?")
    return Finding(check="sandboxes", ok=able is not False, found=found, advice=advice)


def _redis(settings: Settings, *, own: bool) -> Iterator[Finding]:
    client = redis.Redis.from_url(settings.redis_url, socket_connect_timeout=3)
    try:
        client.ping()
        persistent = client.config_get("appendonly").get("appendonly") == "yes"
        yield Finding(
            check="valkey",
            ok=persistent,
            found=_("reachable") if persistent else _("reachable, without persistence"),
            advice=""
            if persistent
            else _("Switch appendonly on, or queued jobs vanish in a crash."),
        )
        yield from queues(client)
        yield tasks(client)
    except redis.RedisError as error:
        advice = _("Start it with 'peyvand up'.") if own else _("Look at REDIS_URL.")
        yield Finding(check="valkey", ok=False, found=str(error), advice=advice)
    finally:
        client.close()


def _free_bytes(place: Path) -> int:
    figures = os.statvfs(place)
    return figures.f_bavail * figures.f_frsize
