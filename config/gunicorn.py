"""Gunicorn's settings for every front; the command line adds name, address and workers."""

from __future__ import annotations

import gc
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from config.logging import log_configuration
from config.serving.shares import Board
from config.wsgi import load

# Without epoll (macOS, for whoever develops there) gunicorn's own threads do.
worker_class = "config.serving.worker.PatientWorker" if sys.platform == "linux" else "gthread"
threads = 4
timeout = 30
graceful_timeout = 5
keepalive = 15
max_requests = 0
limit_request_line = 8190
limit_request_fields = 60
limit_request_field_size = 8190
forwarded_allow_ips = "*" if int(os.environ.get("PEYVAND_TRUSTED_PROXIES") or 0) else "127.0.0.1"
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a heartbeat file
control_socket_disable = True
accesslog = None
logger_class = "config.front_log.FrontLog"
errorlog = "-"
logconfig_dict = log_configuration(os.environ.get("PEYVAND_PART", "front"), environment=os.environ)
BOARD = Board()


def on_starting(server: Any) -> None:
    """Load the front's code once, before its processes are forked: each then starts at once."""
    load(server.app.app_uri)
    gc.freeze()


def pre_fork(server: Any, worker: Any) -> None:
    """Choose a new process's core, one that the fewest of the others have, and its place."""
    taken = Counter(each.core for each in server.WORKERS.values())
    worker.core = min(sorted(cores()), key=lambda core: taken[core])
    worker.share = BOARD.share([each.share for each in server.WORKERS.values()])


def post_fork(server: Any, worker: Any) -> None:
    """Keep a process on its core, where there are as many processes as cores.

    One thread of it runs at a time, whatever it is given; moved from core to core they find nothing
    of what the last one left in the caches.
    """
    if sys.platform == "linux" and server.num_workers >= len(cores()) > 1:
        os.sched_setaffinity(0, {worker.core})


def child_exit(_server: Any, worker: Any) -> None:
    """Take a process off the board that has ended, however it did."""
    worker.share.leave()


def cores() -> set[int]:
    """Return the cores that this process may use."""
    return os.sched_getaffinity(0) if sys.platform == "linux" else {0}
