"""The stand on which things are measured: a PostgreSQL and a Valkey of their own, durable."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from config.preparation import prepare_database
from config.services.account import give, service_account
from config.services.postgres import APPLICATION, DATABASE, OWNER, PORT, SUPERUSER, Postgres
from config.services.programs import find_programs
from config.services.valkey import Valkey
from network.clock import local_date, wall_now
from network.services import Services
from network.settings import PROGRAMME_ZONE, Settings

TPCB_DATABASE = "tpcb"
TPCB_SCALE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """Running services, an installation on them, and pgbench out of the same wheel."""

    postgres: Postgres
    valkey: Valkey
    services: Services
    pgbench: Path
    directory: Path

    def run_pgbench(
        self,
        *,
        script: str | None,
        seconds: int,
        clients: int = 8,
        database: str = DATABASE,
        role: str = APPLICATION,
        variables: Mapping[str, int] | None = None,
        protocol: str = "prepared",
    ) -> float:
        """Run a script (None: TPC-B); return transactions a second."""
        command = [str(self.pgbench), "--no-vacuum", f"--protocol={protocol}"]
        command += ["--client", str(clients), "--jobs", "2", "--time", str(seconds)]
        for name, value in (variables or {}).items():
            command += ["--define", f"{name}={value}"]
        if script is not None:
            path = self.directory / "script.sql"
            path.write_text(script, encoding="utf-8")
            command += ["--file", str(path)]
        command += ["--host", str(self.postgres.sockets), "--port", str(PORT)]
        command += ["--username", role, database]
        return _rate(self._run(command, role=role))

    def make_tpcb(self) -> None:
        """Make and vacuum pgbench's own tables, in a database of their own."""
        with self.postgres.connect() as connection:
            connection.execute(f"CREATE DATABASE {TPCB_DATABASE}".encode())
        command = [str(self.pgbench), "--initialize", "--quiet", "--scale", str(TPCB_SCALE)]
        command += ["--host", str(self.postgres.sockets), "--port", str(PORT)]
        self._run([*command, "--username", SUPERUSER, TPCB_DATABASE], role=SUPERUSER)

    def touch_buffers(self) -> None:
        """Write to each shared buffer once, as a server that runs for an hour has.

        Linux clears a page of shared memory when it is first touched; on a new server that is a
        twentieth of the processor of whoever writes most.
        """
        with self.postgres.connect() as connection:
            connection.execute(
                "CREATE UNLOGGED TABLE touched (n bigint, filling text STORAGE PLAIN)"
            )
            connection.execute(
                "INSERT INTO touched SELECT n, repeat('x', 7000) FROM generate_series(1, "
                "(SELECT setting::bigint FROM pg_settings WHERE name = 'shared_buffers')) AS n"
            )
            connection.execute("DROP TABLE touched")

    def _run(self, command: list[str], *, role: str) -> str:
        done = subprocess.run(
            command,
            env={"PGPASSWORD": self.postgres.passwords[role], "PATH": os.defpath},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0 or "aborted" in done.stderr:
            raise RuntimeError(f"pgbench failed: {done.stderr.strip()[-800:]}")
        return done.stdout


def _rate(output: str) -> float:
    for line in output.splitlines():
        if line.startswith("tps = "):
            return float(line.split()[2])
    raise RuntimeError(f"pgbench printed no rate: {output[-400:]}")


@contextmanager
def open_stand(*, settings: Mapping[str, str] | None = None) -> Iterator[Stand]:
    """Start the services in a directory of their own, and remove all of it at the end.

    ``settings`` are PostgreSQL's, beyond those of an installation.
    """
    account = service_account()
    programs = find_programs(account)
    directory = Path(tempfile.mkdtemp(prefix="peyvand-bench-"))
    directory.chmod(0o711)
    base = directory / "s"
    base.mkdir(mode=0o700)
    give(base, account)
    passwords = {role: secrets.token_hex(16) for role in (SUPERUSER, OWNER, APPLICATION, "valkey")}
    postgres = Postgres(
        programs=programs.postgres,
        data=base / "postgres",
        sockets=base,
        log=directory / "postgres.log",
        record=directory / "postgres.pid",
        passwords=passwords,
        account=account,
        settings={"shared_buffers": "1GB", "max_wal_size": "8GB", **(settings or {})},
    )
    valkey = Valkey(
        program=programs.valkey_server,
        data=base / "valkey",
        sockets=base,
        log=directory / "valkey.log",
        record=directory / "valkey.pid",
        password=passwords["valkey"],
        account=account,
        persistent=True,
    )
    try:
        postgres.start()
        valkey.start()
        today = local_date(wall_now(), zone=PROGRAMME_ZONE)
        prepare_database(postgres.url(OWNER), today=today)
        with postgres.connect(database=DATABASE) as connection:
            connection.execute("UPDATE network.installation SET artificial_clock = true")
        services = Services.from_settings(
            Settings(
                database_url=postgres.url(APPLICATION),
                owner_url=postgres.url(OWNER),
                redis_url=valkey.url(),
                master_key=secrets.token_bytes(32),
            ),
            application_name="bench",
        )
        yield Stand(
            postgres=postgres,
            valkey=valkey,
            services=services,
            pgbench=programs.postgres / "pgbench",
            directory=directory,
        )
        services.database.dispose()
    finally:
        valkey.stop()
        postgres.stop()
        shutil.rmtree(directory, ignore_errors=True)
