"""Starting, recognising and stopping processes of our own.

A record (process id and start time) is written for each, so that what a killed parent left behind
is recognised at the next start and nothing else is ever signalled.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from config.services.account import Account
from config.services.errors import ServiceError

_SAME_START_SECONDS = 2.0
_LOOK_SECONDS = 0.02
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def spawn(
    arguments: Sequence[str],
    *,
    record: Path,
    account: Account | None = None,
    output: Path | None = None,
    environment: Mapping[str, str] | None = None,
    at_parent_death: signal.Signals | None = signal.SIGTERM,
    directory: str | None = "/",
    descriptors: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own and write its record.

    ``output`` takes what it prints (appended); without it the child shares ours. Where the kernel
    can (Linux), ``at_parent_death`` is sent to it should this thread's process die; call it from
    the main thread, for it is the thread's end that counts.
    """
    with contextlib.ExitStack() as stack:
        sink = stack.enter_context(output.open("ab")) if output is not None else None
        child = subprocess.Popen(  # noqa: S603 - programs of our own
            list(arguments),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT if sink is not None else None,
            env=None if environment is None else dict(environment),
            cwd=directory,
            start_new_session=True,
            pass_fds=tuple(descriptors),
            user=None if account is None else account.uid,
            group=None if account is None else account.gid,
            extra_groups=None if account is None else [],
            preexec_fn=_die_with_parent(at_parent_death),  # noqa: PLW1509 - one prctl call, no locks
        )
    write_record(record, child.pid)
    return child


def write_record(record: Path, pid: int) -> None:
    """Write which process ``record`` stands for."""
    try:
        started = psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return
    record.write_text(f"{pid} {started}\n", encoding="ascii")


def recorded(record: Path) -> psutil.Process | None:
    """Return the living process that ``record`` stands for, if there is one."""
    try:
        pid, started = record.read_text(encoding="ascii").split()
        process = psutil.Process(int(pid))
        same = abs(process.create_time() - float(started)) < _SAME_START_SECONDS
    except (OSError, ValueError, psutil.NoSuchProcess):
        return None
    return process if same and not ended(process) else None


def ended(process: psutil.Process) -> bool:
    """Return whether a process has ended.

    One that its parent has not collected yet (a zombie) has: it holds no memory, file or port. An
    orphan's new parent is the machine's first process, which in a container may never collect it.
    """
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def await_end(process: psutil.Process, *, patience_seconds: float) -> bool:
    """Wait for the end of a process, ours or not; return whether it came within the patience."""
    deadline = time.monotonic() + patience_seconds
    while not ended(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_SECONDS)
    return True


def stop_recorded(record: Path, *, steps: Sequence[tuple[signal.Signals, float]]) -> bool:
    """Stop what a killed parent left behind under ``record``; return whether there was anything."""
    process = recorded(record)
    if process is not None:
        family = _family(process)
        for step, patience_seconds in steps:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(step)
            if await_end(process, patience_seconds=patience_seconds):
                break
        else:
            raise ServiceError(f"process {process.pid}, left over from before, does not stop")
        _kill(family)
    record.unlink(missing_ok=True)
    return process is not None


def stop_child(
    child: subprocess.Popen[bytes], *, record: Path, steps: Sequence[tuple[signal.Signals, float]]
) -> None:
    """Stop a child: each signal in turn with the seconds it is given, then SIGKILL.

    What the child itself started and left running is killed at the end.
    """
    family: list[psutil.Process] = []
    if child.poll() is None:
        with contextlib.suppress(psutil.NoSuchProcess):
            family = _family(psutil.Process(child.pid))
    for step, patience_seconds in (*steps, (signal.SIGKILL, 10.0)):
        if child.poll() is None:
            child.send_signal(step)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=patience_seconds)
            break
    _kill(family)
    record.unlink(missing_ok=True)


def last_words(log: Path, *, since: int = 0, lines: int = 3) -> str:
    """Return the last lines of ``log`` written after byte ``since``, for an error's sentence."""
    try:
        with log.open("rb") as file:
            file.seek(since)
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return " / ".join(line.strip() for line in text.splitlines()[-lines:] if line.strip())


def _family(process: psutil.Process) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return list(process.children(recursive=True))
    return []


def _kill(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()  # psutil looks at the start time: never a stranger


def _die_with_parent(sent: signal.Signals | None) -> Callable[[], None] | None:
    if _LIBC is None or sent is None:
        return None
    parent = os.getpid()
    prctl = _LIBC.prctl

    def arrange() -> None:
        prctl(_PR_SET_PDEATHSIG, int(sent))
        if os.getppid() != parent:  # it died between the fork and the line above
            os._exit(1)

    return arrange
