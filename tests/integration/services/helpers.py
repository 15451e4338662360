"""Running ``peyvand`` as people do, and seeing what it leaves behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import Empty, Queue
from typing import Self

import psutil

from config.services.processes import await_end

ROOT = Path(__file__).parents[3]
ANY_PORTS = tuple(
    word
    for front in ("gateway", "wallet", "console", "portal")
    for word in (f"--{front}-port", "0")
)
READY = "Everything runs."
PATIENCE_SECONDS = 200.0


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return the environment of a command in ``home``, without settings of the test's own."""
    dropped = ("PEYVAND_", "DATABASE_", "REDIS_", "LC_", "LANG")
    kept = {name: text for name, text in os.environ.items() if not name.startswith(dropped)}
    return {**kept, "PEYVAND_HOME": str(home), "PYTHONPATH": str(ROOT), **more}


def peyvand(*arguments: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "config.cli", *arguments],
        env=dict(env),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
        cwd="/",
    )


class Up:
    """A running ``peyvand up``; its printed lines are read as they come."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "config.cli", "up", *ANY_PORTS],
            env=dict(env),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd="/",
        )
        self._lines: Queue[str | None] = Queue()
        self._printed: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End it whatever happened: a test that failed leaves nothing running either."""
        self.end(signal.SIGTERM)

    def _read(self) -> None:
        if self.process.stdout is not None:
            for line in self.process.stdout:
                self._lines.put(line)
        self._lines.put(None)

    def wait_until_ready(self) -> None:
        """Wait for the line that says that everything runs."""
        while True:
            try:
                line = self._lines.get(timeout=PATIENCE_SECONDS)
            except Empty:
                line = None
            if line is None:
                raise AssertionError("peyvand up is not ready: " + "".join(self._printed)[-4000:])
            self._printed.append(line)
            if READY in line:
                return

    def family(self) -> list[psutil.Process]:
        """Return every process it started, and those they started."""
        return list(psutil.Process(self.process.pid).children(recursive=True))

    def end(self, number: signal.Signals) -> int:
        """Send a signal and wait for the end; return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(timeout=PATIENCE_SECONDS)
        self._reader.join(timeout=PATIENCE_SECONDS)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code


def still_running(processes: list[psutil.Process]) -> list[str]:
    """Return the command lines of those that have not ended when the patience is over."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    running = []
    for process in processes:
        if await_end(process, patience_seconds=deadline - time.monotonic()):
            continue
        with contextlib.suppress(psutil.NoSuchProcess):  # it ended after all
            running.append(" ".join(process.cmdline()))
    return running


def wait_for(true: Callable[[], bool]) -> None:
    """Look again and again until ``true`` holds; fail when the patience ends."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError("it did not come to pass")
        time.sleep(0.02)
