"""PostgreSQL as a child of our own, on a private socket, with a password for each role."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from config.services.account import Account, give
from config.services.errors import ServiceError
from config.services.processes import last_words, spawn, stop_child, stop_recorded

SUPERUSER = "postgres"
OWNER = "peyvand_owner"
APPLICATION = "peyvand"
APPLICATION_GROUP = "peyvand_app"
DATABASE = "peyvand"
PORT = 5432  # names the socket file; nothing listens on the network

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "jit": "off",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # What fails in a statement may be personal data: the log says what went wrong, never with what.
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "idle_in_transaction_session_timeout": "5min",
}

FAST_UNSAFE_SETTINGS: Mapping[str, str] = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "128MB",
    "autovacuum_naptime": "10min",
    "max_connections": "300",  # crowds of several workers' tests at once
    "scram_iterations": "1",  # of passwords set from here on; thousands of connections prove theirs
}
"""For a throwaway cluster of tests only: it loses data when the machine stops."""

_STOP_STEPS = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 10.0))
_START_SECONDS = 60.0


@dataclass(kw_only=True)
class Postgres:
    """One cluster: where it lies, who runs it, and the process while it runs.

    ``passwords`` has one for each of SUPERUSER, OWNER and APPLICATION. Directories are made as
    needed; ``sockets`` must be short (a socket's path has at most 103 characters everywhere).
    """

    programs: Path
    data: Path
    sockets: Path
    log: Path
    record: Path
    passwords: Mapping[str, str] = field(repr=False)
    account: Account | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    child: subprocess.Popen[bytes] | None = None
    name: str = "postgres"

    def start(self) -> None:
        """Stop an orphan of ours, make the cluster if there is none, start it, ensure the roles.

        Raises ServiceError with one sentence where any of it fails.
        """
        stop_recorded(self.record, steps=_STOP_STEPS)
        if not (self.data / "PG_VERSION").exists():
            self._make_cluster()
        self.launch()
        try:
            self.ensure_roles()
        except BaseException:
            self.stop()
            raise

    def launch(self) -> None:
        """Start the server process of a cluster that exists and wait until it answers."""
        since = self.log.stat().st_size if self.log.exists() else 0
        options = {
            **SETTINGS,
            **self.settings,
            "unix_socket_directories": str(self.sockets),
            "port": str(PORT),
        }
        arguments = [str(self.programs / "postgres"), "-D", str(self.data)]
        for name, value in options.items():
            arguments += ["-c", f"{name}={value}"]
        self.child = spawn(
            arguments,
            record=self.record,
            account=self.account,
            output=self.log,
            environment={"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath},
            at_parent_death=signal.SIGINT,
        )
        self._await_answer(self.child, since)

    def running(self) -> bool:
        """Return whether the server process we started still runs."""
        return self.child is not None and self.child.poll() is None

    def stop(self) -> None:
        """Stop the server, letting no session finish but losing nothing that was committed."""
        if self.child is not None:
            stop_child(self.child, record=self.record, steps=_STOP_STEPS)
            self.child = None

    def url(self, role: str, *, database: str = DATABASE) -> str:
        """Return the SQLAlchemy URL by which ``role`` reaches ``database``."""
        return (
            f"postgresql+psycopg://{role}:{quote(self.passwords[role], safe='')}@/{database}"
            f"?host={quote(str(self.sockets), safe='/')}&port={PORT}"
        )

    def connect(self, *, database: str = "postgres") -> psycopg.Connection:
        """Return an autocommit connection of the superuser."""
        return psycopg.connect(
            host=str(self.sockets),
            port=PORT,
            user=SUPERUSER,
            password=self.passwords[SUPERUSER],
            dbname=database,
            autocommit=True,
            connect_timeout=5,
        )

    def ensure_roles(self) -> None:
        """Make the roles and the database that are missing: safe to repeat after any interruption.

        The owner may make the application's group itself in a database elsewhere; here the group
        exists already, so that the application can be put into it.
        """
        with self.connect() as connection:
            known = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
            wanted = {
                APPLICATION_GROUP: sql.SQL("NOLOGIN"),
                OWNER: sql.SQL("LOGIN CREATEROLE CREATEDB PASSWORD {}"),
                APPLICATION: sql.SQL("LOGIN PASSWORD {} IN ROLE ")
                + sql.Identifier(APPLICATION_GROUP),
            }
            for role, options in wanted.items():
                if role not in known:
                    password = sql.Literal(self.passwords.get(role, ""))
                    statement = sql.SQL("CREATE ROLE {} ").format(sql.Identifier(role))
                    connection.execute(statement + sql.SQL(options.as_string()).format(password))
            # Merchants' sandboxes are databases; clusters of before have an owner who made none.
            connection.execute(sql.SQL("ALTER ROLE {} CREATEDB").format(sql.Identifier(OWNER)))
            found = connection.execute(
                "SELECT FROM pg_database WHERE datname = %s", [DATABASE]
            ).fetchone()
            if found is None:
                self.create_database(connection, DATABASE)

    @staticmethod
    def create_database(connection: psycopg.Connection, name: str) -> None:
        """Make an empty database that belongs to the owner and that only our roles may enter."""
        database, owner = sql.Identifier(name), sql.Identifier(OWNER)
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, owner))
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
        connection.execute(
            sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}").format(
                database, sql.Identifier(APPLICATION_GROUP)
            )
        )

    def _make_cluster(self) -> None:
        """Run initdb into a directory beside, so that an interrupted one leaves no half cluster."""
        building = self.data.with_name(f".{self.data.name}.new")
        password_file = self.data.with_name(f".{self.data.name}.{secrets.token_hex(4)}")
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(mode=0o700)
        give(building, self.account)
        try:
            password_file.touch(mode=0o600)
            password_file.write_text(self.passwords[SUPERUSER] + "\n", encoding="ascii")
            give(password_file, self.account)
            made = subprocess.run(  # noqa: S603 - a program of our own
                [
                    *(str(self.programs / "initdb"), "--pgdata", str(building)),
                    *("--username", SUPERUSER, "--pwfile", str(password_file)),
                    *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"),
                    *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                ],
                user=None if self.account is None else self.account.uid,
                group=None if self.account is None else self.account.gid,
                extra_groups=None if self.account is None else [],
                env={"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath},
                cwd="/",
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
            )
        finally:
            password_file.unlink(missing_ok=True)
        if made.returncode != 0:
            words = " / ".join(made.stderr.strip().splitlines()[-2:])
            raise ServiceError(f"initdb failed: {words}")
        building.rename(self.data)

    def _await_answer(self, child: subprocess.Popen[bytes], since: int) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                self.connect().close()
            except psycopg.OperationalError as error:
                if child.poll() is not None:
                    self.stop()
                    raise ServiceError(
                        f"PostgreSQL did not start: {last_words(self.log, since=since)}"
                    ) from error
                if "authentication failed" in str(error) or time.monotonic() > deadline:
                    self.stop()
                    raise ServiceError(
                        f"PostgreSQL started but does not let us in: {str(error).strip()}"
                    ) from error
                time.sleep(0.02)
            else:
                return
