"""Valkey as a child of our own, on a private socket, with persistence on."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import redis

from config.services.account import Account, give
from config.services.errors import ServiceError
from config.services.processes import last_words, spawn, stop_child, stop_recorded

_STOP_STEPS = ((signal.SIGTERM, 10.0),)
_START_SECONDS = 30.0


@dataclass(kw_only=True)
class Valkey:
    """One server: where it lies, who runs it, and the process while it runs.

    ``persistent`` writes every change to an append-only file, flushed each second: jobs and nonces
    outlive a crash. ``sockets`` is the directory of its socket.
    """

    program: Path
    data: Path
    sockets: Path
    log: Path
    record: Path
    password: str = field(repr=False)
    account: Account | None = None
    persistent: bool = True
    child: subprocess.Popen[bytes] | None = None
    name: str = "valkey"

    @property
    def socket(self) -> Path:
        """Return the path of the socket."""
        return self.sockets / "valkey.sock"

    def start(self) -> None:
        """Stop an orphan of ours, start the server and wait until it answers.

        Raises ServiceError with one sentence where it does not.
        """
        stop_recorded(self.record, steps=_STOP_STEPS)
        self.launch()

    def launch(self) -> None:
        """Start the server process and wait until it answers."""
        if not self.data.exists():
            self.data.mkdir(mode=0o700)
            give(self.data, self.account)
        since = self.log.stat().st_size if self.log.exists() else 0
        self.child = spawn(
            [str(self.program), str(self._write_configuration())],
            record=self.record,
            account=self.account,
            output=self.log,
            environment={"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath},
            at_parent_death=signal.SIGTERM,
        )
        self._await_answer(self.child, since)

    def running(self) -> bool:
        """Return whether the server process we started still runs."""
        return self.child is not None and self.child.poll() is None

    def stop(self) -> None:
        """Stop the server after it has written what it holds."""
        if self.child is not None:
            stop_child(self.child, record=self.record, steps=_STOP_STEPS)
            self.child = None

    def url(self, *, number: int = 0) -> str:
        """Return the redis URL of the database with this number."""
        path = quote(str(self.socket), safe="/")
        return f"unix://:{quote(self.password, safe='')}@{path}?db={number}"

    def _write_configuration(self) -> Path:
        """Write the configuration anew; it carries the password, so only its owner may read it."""
        path = self.data / "valkey.conf"
        lines = [
            "port 0",
            f'unixsocket "{self.socket}"',
            "unixsocketperm 700",
            f'requirepass "{self.password}"',
            f'dir "{self.data}"',
            "daemonize no",
            "databases 64",
            "maxmemory-policy noeviction",
            'save ""',
            f"appendonly {'yes' if self.persistent else 'no'}",
            "appendfsync everysec",
        ]
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        give(path, self.account)
        return path

    def _await_answer(self, child: subprocess.Popen[bytes], since: int) -> None:
        deadline = time.monotonic() + _START_SECONDS
        client = redis.Redis(unix_socket_path=str(self.socket), password=self.password)
        try:
            while True:
                try:
                    client.ping()
                except (redis.ConnectionError, redis.TimeoutError) as error:
                    if child.poll() is not None or time.monotonic() > deadline:
                        self.stop()
                        raise ServiceError(
                            f"Valkey did not start: {last_words(self.log, since=since)}"
                        ) from error
                    time.sleep(0.02)
                else:
                    return
        finally:
            client.close()
