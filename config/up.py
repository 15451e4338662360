"""``peyvand up``: the whole installation as one process tree."""

from __future__ import annotations

import contextlib
import errno
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import redis

from config.environment import check_revision, embedded, load_settings, revision_of
from config.health import healthy
from config.home import Home
from config.preparation import prepare_database, prepare_installation
from config.queues import QUEUES
from config.supervisor import Part, StopSignals, Supervisor, stop_signals
from network.clock import local_date, wall_now
from network.database.connection import Database
from network.errors import PeyvandError
from network.language import gettext as _
from network.services import Services
from network.settings import PROGRAMME_ZONE, Settings

FRONTS: Mapping[str, int] = {"gateway": 2, "wallet": 1, "console": 1, "portal": 1}
"""The fronts, with the number of processes each has."""

OWNER_URLS = ("DATABASE_OWNER_URL", "SANDBOX_DATABASE_OWNER_URL")
"""Whose logins may change the tables or make databases: for the schedule alone."""

_READY_SECONDS = 180.0
_DEATHS_BEFORE_READY = 3
_COMMAND_PATIENCE_SECONDS = 10.0


class PortTakenError(PeyvandError):
    """Something else listens where a front should."""

    code = "port_taken"


class RedisUnavailableError(PeyvandError):
    """The server of REDIS_URL does not answer."""

    code = "redis_unavailable"


class StoppedError(PeyvandError):
    """We were asked to stop before everything ran."""

    code = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Where the fronts listen; port 0 lets the system choose.

    ``background_log`` takes the log of workers, relay and schedule, where a person reads ours.
    """

    host: str = "127.0.0.1"
    ports: Mapping[str, int]
    background_log: Path | None = None


def up(
    options: Options,
    environment: Mapping[str, str],
    *,
    announce: Callable[[Mapping[str, str]], None],
) -> None:
    """Run the installation until SIGINT, SIGTERM or SIGHUP.

    ``announce`` is called once, with the address of each front, when all of them answer. Raises
    PeyvandError with one sentence where the installation cannot start; nothing is left running.
    """
    with (
        contextlib.suppress(StoppedError),
        stop_signals() as signals,
        running(options, environment, signals=signals) as (supervisor, addresses),
    ):
        announce(addresses)
        while not signals.wait():
            supervisor.look(now=time.monotonic())


@contextlib.contextmanager
def running(
    options: Options,
    environment: Mapping[str, str],
    *,
    signals: StopSignals,
    before_fronts: Callable[[Settings], None] | None = None,
) -> Iterator[tuple[Supervisor, Mapping[str, str]]]:
    """Run the installation during the block; yield its supervisor and the fronts' addresses.

    ``before_fronts`` is called once with the owner's settings, when the database is migrated and
    before anything reads it.
    """
    home = Home.from_environment(environment)
    with contextlib.ExitStack() as stack:
        patience = _COMMAND_PATIENCE_SECONDS if home.held_by()[0] == "command" else 0.0
        stack.enter_context(home.lock("up", patience_seconds=patience))
        installation = home.prepare()
        listeners = {
            name: stack.enter_context(_listen(options.host, options.ports[name])) for name in FRONTS
        }
        addresses = {
            name: f"http://{_shown(options.host)}:{listener.getsockname()[1]}"
            for name, listener in listeners.items()
        }
        supervisor = Supervisor()
        stack.callback(supervisor.stop)
        if embedded(environment):
            home.make_places(installation)
            for server in home.servers(installation, environment):
                supervisor.start(server)
            home.write_addresses(
                {f"PEYVAND_{name.upper()}_URL": url for name, url in addresses.items()}
            )
        settings = load_settings(environment, owner=True)
        _prepare(settings, before_fronts)
        _stop_if_asked(signals)
        log = options.background_log
        for part in parts(home, environment, addresses, listeners, background_log=log):
            supervisor.start(part)
        _await_fronts(listeners, supervisor, signals)
        yield supervisor, addresses


def _prepare(settings: Settings, before_fronts: Callable[[Settings], None] | None) -> None:
    """Migrate where we may, make keys and partitions; refuse services that do not answer."""
    client = redis.Redis.from_url(settings.redis_url, socket_connect_timeout=5)
    try:
        client.ping()
    except redis.RedisError as error:
        raise RedisUnavailableError(
            _("Valkey cannot be reached with REDIS_URL: %(reason)s", reason=error)
        ) from error
    finally:
        client.close()
    services = Services.from_settings(settings, application_name="peyvand-up")
    try:
        wall = wall_now()
        if settings.owner_url is not None:
            _check_reachable(settings.owner_url)
            prepare_database(settings.owner_url, today=local_date(wall, zone=PROGRAMME_ZONE))
        check_revision(services.database)
        if before_fronts is not None:
            before_fronts(settings)
        prepare_installation(services, wall=wall)
    finally:
        services.database.dispose()


def _check_reachable(owner_url: str) -> None:
    database = Database(owner_url, pool_size=1, application_name="peyvand-up")
    try:
        revision_of(database)
    finally:
        database.dispose()


def parts(
    home: Home,
    environment: Mapping[str, str],
    addresses: Mapping[str, str],
    listeners: Mapping[str, socket.socket],
    *,
    background_log: Path | None,
) -> Iterator[Part]:
    """Yield every process of an installation, not started: workers, relay, schedule, fronts."""
    urls = {f"PEYVAND_{name.upper()}_URL": url for name, url in addresses.items()}
    common = {**urls, **environment, "PEYVAND_HOME": str(home.path)}
    owners = {name: common.pop(name) for name in OWNER_URLS if name in common}
    for queue in QUEUES:
        yield Part(
            name=f"worker-{queue}",
            arguments=["config.parts", "worker", queue],
            environment=common,
            record=home.run / f"worker-{queue}.pid",
            output=background_log,
        )
    for name in ("relay", "schedule"):
        yield Part(
            name=name,
            arguments=["config.parts", name],
            environment=common | owners if name == "schedule" else common,
            record=home.run / f"{name}.pid",
            output=background_log,
        )
    for name, workers in FRONTS.items():
        descriptor = listeners[name].fileno()
        yield Part(
            name=name,
            arguments=[
                *("gunicorn", "--config", "python:config.gunicorn", "--name", f"peyvand-{name}"),
                *("--workers", str(workers), "--bind", f"fd://{descriptor}"),
                f"config.wsgi:{name}()",
            ],
            environment=common,
            record=home.run / f"{name}.pid",
            descriptors=[descriptor],
        )


@contextlib.contextmanager
def _listen(host: str, port: int) -> Iterator[socket.socket]:
    """Bind before anything starts: a taken port is known at once, and survives restarts."""
    try:
        family, kind, protocol, _name, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen(1024)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTakenError(
                _(
                    "Port %(port)s on %(host)s is taken: stop what listens there, "
                    "or choose another with an option of 'peyvand up'.",
                    port=port,
                    host=host,
                )
            ) from error
        raise PortTakenError(
            _(
                "Cannot listen on %(host)s port %(port)s: %(reason)s",
                host=host,
                port=port,
                reason=error.strerror or error,
            )
        ) from error
    with listener:
        yield listener


def _await_fronts(
    listeners: Mapping[str, socket.socket], supervisor: Supervisor, signals: StopSignals
) -> None:
    """Wait until every front answers; restart meanwhile what dies, but not for ever."""
    deadline = time.monotonic() + _READY_SECONDS
    for name, listener in listeners.items():
        while not _answers(listener):
            given_up = supervisor.deaths(name) >= _DEATHS_BEFORE_READY
            if given_up or time.monotonic() > deadline:
                raise PeyvandError(
                    _("The %(name)s does not answer; its log lines above say why.", name=name)
                )
            supervisor.look(now=time.monotonic())
            signals.wait(0.1)
            _stop_if_asked(signals)


def _answers(listener: socket.socket) -> bool:
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - asked, not bound
    return healthy(port, host=host)


def _stop_if_asked(signals: StopSignals) -> None:
    if signals.asked:
        raise StoppedError


def _shown(host: str) -> str:
    """Return the host as a person types it into a browser."""
    if host in {"0.0.0.0", "::", ""}:  # noqa: S104 - compared, not bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
