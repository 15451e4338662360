"""Which core a front's process runs on."""

from __future__ import annotations

import os
from collections import Counter
from types import SimpleNamespace

from config.gunicorn import cores, post_fork, pre_fork


def _another(server: SimpleNamespace) -> SimpleNamespace:
    """Have a server choose the core of one more process."""
    worker = SimpleNamespace()
    pre_fork(server, worker)
    server.WORKERS[id(worker)] = worker
    return worker


def test_cores_have_equally_many_processes_whoever_dies() -> None:
    """A process that ends leaves its core to the one that takes its place."""
    server = SimpleNamespace(WORKERS={})
    first, *_others = (_another(server) for _ in range(2 * len(cores())))
    assert Counter(each.core for each in server.WORKERS.values()) == dict.fromkeys(cores(), 2)
    del server.WORKERS[id(first)]
    assert _another(server).core == first.core


def test_a_process_stays_on_its_core_where_all_cores_have_one() -> None:
    """With fewer processes than cores the kernel chooses."""
    allowed = cores()
    worker = SimpleNamespace(core=max(allowed))
    try:
        post_fork(SimpleNamespace(num_workers=len(allowed) - 1), worker)
        assert os.sched_getaffinity(0) == allowed
        post_fork(SimpleNamespace(num_workers=len(allowed)), worker)
        assert os.sched_getaffinity(0) == {worker.core}
    finally:
        os.sched_setaffinity(0, allowed)
