"""Records of processes: orphans are recognised, strangers are never signalled."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from config.logging import redact
from config.services.processes import (
    await_end,
    ended,
    recorded,
    spawn,
    stop_child,
    stop_recorded,
    write_record,
)
from config.supervisor import Part, Supervisor
from tests.integration.services.helpers import PATIENCE_SECONDS, wait_for

STEPS = ((signal.SIGTERM, PATIENCE_SECONDS),)
SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


def _careless(note: Path) -> str:
    """Return a program that starts a child, notes its number and never asks what became of it."""
    return (
        "import pathlib, subprocess, sys, time\n"
        f"child = subprocess.Popen({SLEEP!r}, start_new_session=True)\n"
        f"path = pathlib.Path({str(note)!r})\n"
        "path.with_suffix('.part').write_text(str(child.pid))\n"
        "path.with_suffix('.part').rename(path)\n"
        "time.sleep(600)"
    )


def _noted(note: Path) -> int:
    wait_for(note.exists)
    return int(note.read_text(encoding="ascii"))


def test_an_orphan_is_stopped_by_its_record(tmp_path: Path) -> None:
    record = tmp_path / "sleeper.pid"
    child = spawn(SLEEP, record=record)
    process = psutil.Process(child.pid)
    assert recorded(record) == process
    assert stop_recorded(record, steps=STEPS)
    assert child.wait(timeout=PATIENCE_SECONDS) == -signal.SIGTERM
    assert ended(process)
    assert not record.exists()
    assert not stop_recorded(record, steps=STEPS)


def test_an_orphan_that_nobody_collects_is_stopped_too(tmp_path: Path) -> None:
    """As where the machine's first process collects nobody, in a container."""
    record, note = tmp_path / "orphan.pid", tmp_path / "note"
    with subprocess.Popen([sys.executable, "-c", _careless(note)]) as careless:
        orphan = psutil.Process(_noted(note))
        write_record(record, orphan.pid)
        assert stop_recorded(record, steps=STEPS)
        assert orphan.status() == psutil.STATUS_ZOMBIE
        assert recorded(record) is None
        careless.kill()


def test_a_stranger_with_the_same_number_is_left_alone(tmp_path: Path) -> None:
    record = tmp_path / "stranger.pid"
    with subprocess.Popen(SLEEP) as stranger:
        started = psutil.Process(stranger.pid).create_time()
        record.write_text(f"{stranger.pid} {started - 60}\n", encoding="ascii")
        assert recorded(record) is None
        assert not stop_recorded(record, steps=STEPS)
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.parametrize("content", ["", "x", "1", "99999999 1.0", "1 2 3"])
def test_a_record_of_nothing_is_nothing(tmp_path: Path, content: str) -> None:
    record = tmp_path / "broken.pid"
    record.write_text(content, encoding="ascii")
    assert recorded(record) is None


def test_what_a_child_started_is_stopped_with_it(tmp_path: Path) -> None:
    record, note = tmp_path / "parent.pid", tmp_path / "note"
    child = spawn([sys.executable, "-c", _careless(note)], record=record)
    grandchild = psutil.Process(_noted(note))
    stop_child(child, record=record, steps=STEPS)
    assert await_end(grandchild, patience_seconds=PATIENCE_SECONDS)


def test_a_part_that_died_is_started_again_after_a_pause(tmp_path: Path) -> None:
    part = Part(
        name="short",
        arguments=["timeit", "-n", "1", "-r", "1", "pass"],
        environment={},
        record=tmp_path / "short.pid",
    )
    supervisor = Supervisor()
    supervisor.start(part)
    pids = []
    now = time.monotonic()
    for _round in range(3):
        assert part.child is not None
        part.child.wait(timeout=PATIENCE_SECONDS)
        pids.append(part.child.pid)
        supervisor.look(now=now)  # sees the death
        supervisor.look(now=now + 0.4 * 2**_round)  # too early
        assert part.child.pid == pids[-1]
        now += 0.6 * 2**_round
        supervisor.look(now=now)  # the pause is over
    supervisor.stop()
    assert len(set(pids)) == 3


def test_the_log_masks_secrets_and_phones() -> None:
    event = {
        "event": "cannot reach postgresql://peyvand:hunter2@db/peyvand for +989121234567",
        "master_key": "abc",
        "member_token": "abc",
        "code": "insufficient_points",
        "points": 9121234567,
    }
    shown = redact(logging.getLogger(), "info", dict(event))
    assert shown["event"] == "cannot reach postgresql://[redacted]@db/peyvand for [redacted]"
    assert shown["master_key"] == shown["member_token"] == "[redacted]"
    assert shown["code"] == "insufficient_points"
    assert shown["points"] == 9121234567
