"""The home directory of an installation that runs its own services: layout, secrets, lock.

.peyvand/                 PEYVAND_HOME; only its owner reads what is in it
  installation.json       id, place of the data, a password for each role of the services
  master.key              generated once; without it sealed data is lost, so back it up
  lock                    held by whoever runs the services
  addresses.json          where the fronts of `peyvand up` answer
  data/                   PostgreSQL and Valkey (elsewhere when the services' account cannot
                          enter this directory: see ``installation.json``)
  log/  run/              logs of the services; records of running processes
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from config.services import programs
from config.services.account import Account, can_reach, give, service_account
from config.services.postgres import APPLICATION, OWNER, SUPERUSER, Postgres
from config.services.valkey import Valkey
from network.errors import PeyvandError
from network.language import gettext as _
from network.settings import MASTER_KEY_BYTES

DEFAULT_HOME = ".peyvand"
VALKEY = "valkey"
_SOCKET_ROOM = 80
"""Longest directory of sockets, so that every system's limit (103 characters) leaves the name."""

Holder = Literal["up", "command"]


class HomeError(PeyvandError):
    """The home directory cannot be used; the message says what to do."""

    code = "home_unusable"


class HomeBusyError(HomeError):
    """Another process runs the services of this home."""

    code = "home_busy"


class HomeEmptyError(HomeError):
    """Nothing has been started in this home yet."""

    code = "home_empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What ``installation.json`` holds. ``data`` is ``None`` when the data lies in the home."""

    id: str
    data: str | None
    passwords: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Home:
    """One home directory, by its absolute path."""

    path: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Home:
        """Return the home that PEYVAND_HOME names (default: ``.peyvand`` where we stand)."""
        return cls(Path(environment.get("PEYVAND_HOME") or DEFAULT_HOME).absolute())

    @property
    def log(self) -> Path:
        """Return the directory of the services' logs."""
        return self.path / "log"

    @property
    def background_log(self) -> Path:
        """Return where the demo's workers, relay and schedule write their log."""
        return self.log / "background.log"

    @property
    def run(self) -> Path:
        """Return the directory of the records of running processes."""
        return self.path / "run"

    def exists(self) -> bool:
        """Return whether an installation was made here."""
        return (self.path / "installation.json").is_file()

    def prepare(self) -> Installation:
        """Make what is missing, once; raise HomeError where the directory does not let us.

        Call it with the lock held: two makers would make two sets of secrets.
        """
        try:
            for directory in (self.log, self.run):
                directory.mkdir(mode=0o700, exist_ok=True)
            self.keep_master_key(base64.b64encode(secrets.token_bytes(MASTER_KEY_BYTES)).decode())
            if not self.exists():
                made = {
                    "id": secrets.token_hex(8),
                    "data": None,
                    "passwords": {
                        role: secrets.token_hex(24)
                        for role in (SUPERUSER, OWNER, APPLICATION, VALKEY)
                    },
                }
                if not can_reach(self.path, service_account(), test="-x"):
                    made["data"] = str(programs.SHARED_STATE / str(made["id"]))
                _write_secret(self.path / "installation.json", json.dumps(made, indent=1) + "\n")
            return self.installation()
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def installation(self) -> Installation:
        """Read ``installation.json``; raise HomeEmptyError where nothing was started yet."""
        try:
            found = json.loads((self.path / "installation.json").read_text(encoding="utf-8"))
            return Installation(id=found["id"], data=found["data"], passwords=found["passwords"])
        except FileNotFoundError as error:
            raise HomeEmptyError(
                _(
                    "There is no installation in %(home)s yet: start one with 'peyvand up', "
                    "or set PEYVAND_HOME or DATABASE_URL.",
                    home=self.path,
                )
            ) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise HomeError(
                _(
                    "%(file)s cannot be read: %(reason)s",
                    file=self.path / "installation.json",
                    reason=error,
                )
            ) from error

    def master_key(self) -> str:
        """Return the master key in base64, as PEYVAND_MASTER_KEY would carry it."""
        path = self.path / "master.key"
        try:
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                raise HomeError(
                    _("%(file)s can be read by others: set its mode to 0600.", file=path)
                )
            return path.read_text(encoding="ascii").strip()
        except OSError as error:
            raise HomeError(
                _("%(file)s cannot be read: %(reason)s", file=path, reason=error.strerror or error)
            ) from error

    def keep_master_key(self, key: str) -> None:
        """Write a master key down where there is none yet; one that is there stays."""
        if not (self.path / "master.key").exists():
            _write_secret(self.path / "master.key", key + "\n")

    def addresses(self) -> dict[str, str]:
        """Return where the fronts answer, by the names of the environment's variables."""
        try:
            found = json.loads((self.path / "addresses.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return {str(name): str(url) for name, url in found.items()}

    def write_addresses(self, addresses: Mapping[str, str]) -> None:
        """Write where the fronts answer."""
        _write_secret(self.path / "addresses.json", json.dumps(dict(addresses), indent=1) + "\n")

    @contextmanager
    def lock(self, holder: Holder, *, patience_seconds: float = 0.0) -> Iterator[None]:
        """Hold the home; raise HomeBusyError when somebody else does after the patience."""
        try:
            self.path.mkdir(mode=0o711, parents=True, exist_ok=True)
            file = (self.path / "lock").open("a+", encoding="utf-8")
        except OSError as error:
            raise _unwritable(self.path, error) from error
        with file:
            deadline = time.monotonic() + patience_seconds
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError as error:
                    if time.monotonic() >= deadline:
                        raise HomeBusyError(
                            _(
                                "Another Peyvand (process %(process)s) is running in %(home)s.",
                                process=self.held_by()[1] or "?",
                                home=self.path,
                            )
                        ) from error
                    time.sleep(0.1)
            file.seek(0)
            file.truncate()
            file.write(f"{holder} {os.getpid()}\n")
            file.flush()
            yield

    def held_by(self) -> tuple[str, str]:
        """Return what kind of process holds (or last held) the lock, and its process id."""
        try:
            kind, _space, process = (self.path / "lock").read_text("utf-8").strip().partition(" ")
        except OSError:
            return "", ""
        return kind, process

    def postgres(self, installation: Installation) -> Postgres:
        """Return the home's PostgreSQL, not started."""
        account = service_account()
        return Postgres(
            programs=programs.find_programs(account).postgres,
            data=self.data(installation) / "postgres",
            sockets=self.sockets(installation),
            log=self.log / "postgres.log",
            record=self.run / "postgres.pid",
            passwords=installation.passwords,
            account=account,
        )

    def valkey(self, installation: Installation) -> Valkey:
        """Return the home's Valkey, not started."""
        account = service_account()
        return Valkey(
            program=programs.find_programs(account).valkey_server,
            data=self.data(installation) / "valkey",
            sockets=self.sockets(installation),
            log=self.log / "valkey.log",
            record=self.run / "valkey.pid",
            password=installation.passwords[VALKEY],
            account=account,
        )

    def servers(
        self, installation: Installation, environment: Mapping[str, str]
    ) -> list[Postgres | Valkey]:
        """Return the servers to run here, not started: no Valkey where REDIS_URL names one."""
        servers: list[Postgres | Valkey] = [self.postgres(installation)]
        if not environment.get("REDIS_URL"):
            servers.append(self.valkey(installation))
        return servers

    def make_places(self, installation: Installation) -> None:
        """Make the directories of data and sockets for the account that runs the services."""
        account = service_account()
        try:
            for directory in (self.data(installation), self.sockets(installation)):
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                _refuse_strangers(directory, account)
                give(directory, account)
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def data(self, installation: Installation) -> Path:
        """Return the directory of the services' data."""
        return Path(installation.data) if installation.data else self.path / "data"

    def sockets(self, installation: Installation) -> Path:
        """Return the directory of the sockets: with the data, or under a shorter path."""
        beside = self.data(installation) / "sockets"
        if len(os.fsencode(beside)) <= _SOCKET_ROOM:
            return beside
        return Path(tempfile.gettempdir()) / f"peyvand-{installation.id}"


def _write_secret(path: Path, content: str) -> None:
    """Write a file that only we may read, whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _refuse_strangers(directory: Path, account: Account | None) -> None:
    """Refuse a directory that somebody else made where ours should be (below /tmp anybody may)."""
    found = directory.lstat()
    ours = {os.geteuid()} | ({account.uid} if account else set())
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in ours:
        raise HomeError(_("%(directory)s belongs to somebody else.", directory=directory))


def _unwritable(path: Path, error: OSError) -> HomeError:
    return HomeError(
        _(
            "The home directory %(home)s cannot be written: %(reason)s. "
            "Set PEYVAND_HOME to another.",
            home=path,
            reason=error.strerror or error,
        )
    )
