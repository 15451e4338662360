"""Keeps the processes of one installation running: starts, restarts, stops, leaves none behind."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import structlog

from config.services.processes import spawn, stop_child, stop_recorded
from network.errors import PeyvandError

STOP_STEPS = ((signal.SIGTERM, 8.0), (signal.SIGTERM, 3.0))
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
_STEADY_SECONDS = 30.0
_LOOK_SECONDS = 0.5


class Runner(Protocol):
    """Something that is started, watched and stopped: a server or a process of ours."""

    name: str

    def start(self) -> None:
        """Stop what an earlier life left behind, and start."""

    def running(self) -> bool:
        """Return whether it still runs."""

    def stop(self) -> None:
        """Stop it and wait until it is gone."""


@dataclass(kw_only=True)
class Part:
    """A Python process of ours: ``python -m …`` with this interpreter.

    ``output`` takes its log (appended); without it the log is on our own standard error.
    """

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    record: Path
    descriptors: Sequence[int] = ()
    output: Path | None = None
    child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Stop an orphan of ours and start the process."""
        stop_recorded(self.record, steps=(*STOP_STEPS, (signal.SIGKILL, 5.0)))
        self.child = spawn(
            [sys.executable, "-m", *self.arguments],
            record=self.record,
            output=self.output,
            environment={**self.environment, "PEYVAND_PART": self.name},
            directory=None,
            descriptors=self.descriptors,
        )

    def running(self) -> bool:
        """Return whether the process still runs."""
        return self.child is not None and self.child.poll() is None

    def ask_to_stop(self) -> None:
        """Tell it to stop without waiting."""
        if self.child is not None and self.running():
            self.child.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """Stop it and everything that it started."""
        if self.child is not None:
            stop_child(self.child, record=self.record, steps=STOP_STEPS)
            self.child = None


@dataclass(slots=True)
class _Watch:
    runner: Runner
    pause_seconds: float = _FIRST_PAUSE_SECONDS
    started: float = 0.0
    due: float | None = None
    deaths: int = 0


@dataclass(kw_only=True)
class Supervisor:
    """Watches runners in the order in which they were started; stops them in the opposite one."""

    watches: list[_Watch] = field(default_factory=list)

    def start(self, runner: Runner) -> None:
        """Start ``runner`` and watch it from now on; what it raises is the caller's."""
        self.watches.append(_Watch(runner, started=time.monotonic()))
        runner.start()

    def look(self, *, now: float) -> None:
        """Restart what has died: at once, then after pauses that double up to half a minute.

        ``now`` is a reading of the monotonic clock, in seconds.
        """
        log = structlog.get_logger("peyvand.supervisor")
        for watch in self.watches:
            if watch.runner.running():
                if now - watch.started > _STEADY_SECONDS:
                    watch.pause_seconds = _FIRST_PAUSE_SECONDS
                continue
            if watch.due is None:
                watch.deaths += 1
                watch.due = now + watch.pause_seconds
                watch.pause_seconds = min(watch.pause_seconds * 2, _LONGEST_PAUSE_SECONDS)
                log.warning("died, will be started again", name=watch.runner.name)
            elif now >= watch.due:
                watch.due = None
                watch.started = now
                try:
                    watch.runner.start()
                except (PeyvandError, OSError) as error:
                    log.warning("did not start", name=watch.runner.name, reason=str(error))

    def deaths(self, name: str) -> int:
        """Return how often the runner called ``name`` was seen dead."""
        return sum(watch.deaths for watch in self.watches if watch.runner.name == name)

    def stop(self) -> None:
        """Stop everything: all parts are told first, so that they end side by side."""
        for watch in self.watches:
            if isinstance(watch.runner, Part):
                watch.runner.ask_to_stop()
        for watch in reversed(self.watches):
            watch.runner.stop()
        self.watches.clear()


@contextlib.contextmanager
def stop_signals() -> Iterator[StopSignals]:
    """Catch SIGINT, SIGTERM and SIGHUP during the block instead of dying of them."""
    reader, writer = socket.socketpair()
    with reader, writer:
        reader.setblocking(False)
        writer.setblocking(False)
        signals = StopSignals(reader)
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, signals.note) for number in numbers}
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        wakeup = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        try:
            yield signals
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)


class StopSignals:
    """Whether somebody asked us to stop; waiting ends early when they do, or when a child dies."""

    def __init__(self, reader: socket.socket) -> None:
        self._reader = reader
        self.asked = False

    def note(self, *_: object) -> None:
        """Take note of a signal."""
        self.asked = True

    def wait(self, seconds: float = _LOOK_SECONDS) -> bool:
        """Wait up to ``seconds`` for any signal; return whether we were asked to stop."""
        if not self.asked:
            select.select([self._reader], [], [], seconds)
            with contextlib.suppress(BlockingIOError):
                while os.read(self._reader.fileno(), 512):
                    pass
        return self.asked
