"""A volume that is full: a small file system of its own, filled by the ledger's own writing.

Mounting one needs root. Without it the same story is played with a limit on the size of the
server's files instead, and the run says so: no volume is filled then, but writes fail in the same
places. ``PEYVAND_SOAK_ROUNDS`` says how often the volume is filled (``make soak``).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.faults.conftest import Victim, serving
from tests.faults.load import Load, endow, opened, prove, strike

ROUNDS = max(1, int(os.environ.get("PEYVAND_SOAK_ROUNDS", "0")) // 20)
LARGE_BYTES = 2 * 1024**3
ROOM_BYTES = 24 * 1024**2
LARGEST_FILE_BYTES = 16 * 1024**2
WEIGHT_BYTES = 200_000


@dataclass(kw_only=True)
class Volume:
    """Where the server writes, and how to let it run out of room and have some again."""

    directory: Path
    mounted: bool
    said: str = field(init=False)

    def __post_init__(self) -> None:
        self.said = "No space left on device" if self.mounted else "File too large"

    def fill(self, victim: Victim) -> None:
        """Leave the server little room from now on."""
        if self.mounted:
            self._resize(shutil.disk_usage(self.directory).used + ROOM_BYTES)
        else:
            victim.postgres.stop()
            victim.restart(largest=LARGEST_FILE_BYTES)

    def give_room(self) -> None:
        """Let the next start of the server find room."""
        if self.mounted:
            self._resize(LARGE_BYTES)

    def _resize(self, size: int) -> None:
        _run("mount", "-o", f"remount,size={size // 1024}k", str(self.directory))


@contextmanager
def small_volume() -> Iterator[Volume]:
    """Mount a file system in memory whose size can be changed, where we may."""
    directory = Path(tempfile.mkdtemp(prefix="pv-volume-"))
    options = f"size={LARGE_BYTES // 1024}k,mode=0711"
    mounted = os.geteuid() == 0 and _run(
        "mount", "-t", "tmpfs", "-o", options, "tmpfs", str(directory), check=False
    )
    try:
        yield Volume(directory=directory, mounted=mounted)
    finally:
        if mounted:
            _run("umount", str(directory))
        shutil.rmtree(directory, ignore_errors=True)


def _run(*command: str, check: bool = True) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, check=check, capture_output=True).returncode == 0


@pytest.fixture
def say(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Return a way to tell whoever runs the tests, in the midst of them."""

    def tell(sentence: str) -> None:
        reporter = request.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:  # a worker beside others has none
            reporter.write_line(f"\n{request.node.name}: {sentence}")

    return tell


def test_a_full_volume_loses_nothing_and_keeps_nothing_by_halves(
    say: Callable[[str], None], record_property: Callable[[str, object], None]
) -> None:
    with small_volume() as volume, serving(volume.directory) as victim:
        record_property("volume", "mounted" if volume.mounted else "a limit on files")
        if not volume.mounted:
            say("no volume can be mounted here (not root): a limit on the size of files instead")
        name = victim.fresh_database()
        loads: list[Load] = []
        with opened(victim, name) as database:
            endow(database)
        for number in range(ROUNDS):
            volume.fill(victim)
            with opened(victim, name) as database:
                loads.append(Load(database, seed=number + 1))
                strike(loads[-1], _nothing, weight=WEIGHT_BYTES)
            assert victim.said(volume.said)
            volume.give_room()
            victim.kill()
            victim.restart()
        with opened(victim, name) as database:
            prove(database, loads)
        assert victim.differences(name) == []


def _nothing() -> None:
    """Deal no blow: the volume runs full by itself."""
