"""PostgreSQL's own pg_dump and pg_restore: where they are, and how far they have come."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO

from psycopg.conninfo import make_conninfo
from sqlalchemy.engine import make_url

from config.services.errors import ServiceMissingError
from config.services.programs import find_programs
from network.language import gettext as _

Progress = Callable[[str], None]
"""Called with the name of each table when its rows begin to move."""

_TABLE = re.compile(
    r'^pg_(?:dump|restore): (?:dumping contents of|processing data for) table "(.+)"'
)
_WORDS_KEPT = 3


@dataclass(kw_only=True)
class Running:
    """A program under way: its ends, and the last it said that was no progress."""

    process: subprocess.Popen[bytes]
    said: deque[str] = field(default_factory=lambda: deque(maxlen=_WORDS_KEPT))

    @property
    def stdin(self) -> IO[bytes]:
        """Return where the program reads."""
        return _there(self.process.stdin)

    @property
    def stdout(self) -> IO[bytes]:
        """Return where the program writes."""
        return _there(self.process.stdout)

    def words(self) -> str:
        """Return its last words in one line."""
        return " / ".join(self.said)


def find_tool(name: str) -> str:
    """Return the path of one of PostgreSQL's programs: the wheel's, else the machine's own."""
    try:
        own = find_programs(None).postgres / name
    except ServiceMissingError:
        own = None
    if own is not None and os.access(own, os.X_OK):
        return str(own)
    found = shutil.which(name)
    if found is None:
        raise ServiceMissingError(
            _("PostgreSQL's program %(name)s was not found: put it on the PATH.", name=name)
        )
    return found


@contextmanager
def running(
    name: str, *arguments: str, url: str, progress: Progress, writes: bool
) -> Iterator[Running]:
    """Run a program of PostgreSQL on the database of ``url``, telling each table it comes to.

    ``writes``: its output is read from it, else its input is written to it. The password travels
    in the environment, never on the command line. A block that raises ends the program.
    """
    target, password = connection_string(url)
    process = subprocess.Popen(  # noqa: S603 - a program of PostgreSQL, no shell
        [find_tool(name), "--verbose", "--no-password", *arguments, "--dbname", target],
        stdin=subprocess.DEVNULL if writes else subprocess.PIPE,
        stdout=subprocess.PIPE if writes else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=_environment(os.environ, password),
    )
    found = Running(process=process)
    listener = threading.Thread(target=_listen, args=(found, progress), daemon=True)
    listener.start()
    try:
        yield found
    except BaseException:
        process.kill()
        raise
    finally:
        for end in (process.stdin, process.stdout):
            if end is not None:
                _close(end)
        process.wait()
        listener.join()
        if process.stderr is not None:
            process.stderr.close()


def connection_string(url: str) -> tuple[str, str | None]:
    """Return libpq's way to the database of a SQLAlchemy URL, and the password apart from it."""
    found = make_url(url)
    facts = {
        "host": found.host,
        "port": found.port,
        "user": found.username,
        "dbname": found.database,
        **{name: str(value) for name, value in found.query.items()},
    }
    return make_conninfo("", **{k: v for k, v in facts.items() if v is not None}), found.password


def _environment(environment: Mapping[str, str], password: str | None) -> dict[str, str]:
    kept = {name: text for name, text in environment.items() if not name.startswith("PG")}
    return {**kept, "LC_ALL": "C", **({} if password is None else {"PGPASSWORD": password})}


def _listen(found: Running, progress: Progress) -> None:
    for raw in found.process.stderr or ():
        line = raw.decode(errors="replace").strip()
        table = _TABLE.match(line)
        if table is not None:
            progress(table[1])
        elif "error" in line.lower() or "fatal" in line.lower() or "detail" in line.lower():
            found.said.append(line)


def _close(end: IO[bytes]) -> None:
    # It may have ended before it had read everything; its exit code says so.
    with suppress(BrokenPipeError):
        end.close()


def _there(end: IO[bytes] | None) -> IO[bytes]:
    if end is None:
        raise TypeError("this end of the program is not connected")
    return end
