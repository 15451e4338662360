"""The system account under which the services run when Peyvand is started by root.

PostgreSQL refuses to run as root, rightly. Started by anybody else, the services run as that
user and no account is needed.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from config.services.errors import ServiceError

ACCOUNT_NAME = "peyvand"
_SHELL = "/bin/sh"


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the operating system without rights of its own."""

    name: str
    uid: int
    gid: int


def service_account() -> Account | None:
    """Return the account for the services, making it if need be; ``None`` when not root."""
    if os.geteuid() != 0:
        return None
    account = _lookup(ACCOUNT_NAME)
    if account is None:
        _create()
        account = _lookup(ACCOUNT_NAME) or _lookup("nobody")
    if account is None:
        raise ServiceError(
            "PostgreSQL does not run as root and the system user 'peyvand' could not be made; "
            "make it, or start Peyvand as an ordinary user"
        )
    return account


def give(path: Path, account: Account | None) -> None:
    """Make ``account`` the owner of ``path``; nothing to do when there is none."""
    if account is not None:
        os.chown(path, account.uid, account.gid)


def can_reach(path: Path, account: Account | None, *, test: str = "-r") -> bool:
    """Return whether ``account`` gets at ``path`` (``test`` is a flag of test(1): -r, -x, -w)."""
    if account is None:
        return True
    answer = subprocess.run(  # noqa: S603 - a fixed command, no shell text from outside
        [_SHELL, "-c", f'test {test} "$1"', "sh", str(path)],
        user=account.uid,
        group=account.gid,
        extra_groups=[],
        cwd="/",
        check=False,
        capture_output=True,
    )
    return answer.returncode == 0


def _lookup(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _create() -> None:
    places = os.pathsep.join(filter(None, [os.environ.get("PATH"), "/usr/sbin", "/sbin"]))
    useradd = shutil.which("useradd", path=places)
    if useradd is None:
        return
    subprocess.run(  # noqa: S603 - a fixed command
        [
            *(useradd, "--system", "--user-group", "--no-create-home"),
            *("--shell", "/bin/false", ACCOUNT_NAME),
        ],
        check=False,
        capture_output=True,
    )
