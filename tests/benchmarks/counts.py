"""``python -m tests.benchmarks.counts``: what the interpreter does for a signed earn, counted.

Operations of its virtual machine and calls, with warm caches: they do not depend on what else the
machine does, so two versions can be compared while it is busy. Times are in ``stages``.
"""

from __future__ import annotations

import gc
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks import http, sql
from tests.benchmarks.stages import application_of, call, environ_of
from tests.benchmarks.stand import Stand, open_stand

WARM_UP = 200
COUNTED = 40
MOST_SHOWN = 45
_HERE = str(Path(__file__).parents[2])


def _opcodes(work: Any) -> Counter[str]:
    """Return how many operations each function took while ``work`` ran in this thread."""
    found: Counter[str] = Counter()

    def trace(frame: Any, event: str, _argument: object) -> Any:
        if event == "call":
            frame.f_trace_opcodes = True
            frame.f_trace_lines = False
        elif event == "opcode":
            code = frame.f_code
            found[f"{code.co_filename.removeprefix(_HERE)}:{code.co_qualname}"] += 1
        return trace

    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(None)
    return found


def _calls(work: Any) -> Counter[str]:
    """Return how many functions were called while ``work`` ran, Python's and C's."""
    found: Counter[str] = Counter()

    def profile(_frame: Any, event: str, _argument: object) -> None:
        found[event] += 1

    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(None)
    return found


def count(stand: Stand, scene: http.Scene) -> tuple[Counter[str], Counter[str]]:
    """Return the operations by function and the calls, of COUNTED signed earns each.

    Calls that read something anew, which comes twice a second, are left out: the cheapest half
    stands for all.
    """
    application = application_of(stand)
    requests = http.earn_requests(scene, port=1, how_many=WARM_UP + 4 * COUNTED)
    environs = [environ_of(each) for each in requests]
    for each in environs[:WARM_UP]:
        call(application, each)
    gc.disable()
    try:
        rest = iter(environs[WARM_UP:])
        operations = [_opcodes(lambda: call(application, next(rest))) for _ in range(2 * COUNTED)]
        calls = [_calls(lambda: call(application, next(rest))) for _ in range(2 * COUNTED)]
    finally:
        gc.enable()
    return _cheapest(operations), _cheapest(calls)


def _cheapest(counted: list[Counter[str]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for each in sorted(counted, key=Counter.total)[:COUNTED]:
        found.update(each)
    return found


def main() -> None:
    """Count and print."""
    with open_stand() as stand:
        sql.prepare(stand)
        scene = http.set_scene(stand)
        operations, calls = count(stand, scene)
    made = Table(title="A signed earn, in the interpreter", title_justify="left")
    made.add_column("what")
    made.add_column("each", justify="right")
    made.add_row("operations", f"{operations.total() / COUNTED:,.0f}")
    made.add_row("calls of Python", f"{calls['call'] / COUNTED:,.0f}")
    made.add_row("calls of C", f"{calls['c_call'] / COUNTED:,.0f}")
    for name, number in operations.most_common(MOST_SHOWN):
        made.add_row(name, f"{number / COUNTED:,.0f}")
    Console(width=160).print(made)


if __name__ == "__main__":
    main()
