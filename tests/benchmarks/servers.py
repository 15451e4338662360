"""WSGI servers beside each other: ``python -m tests.benchmarks.servers``, and part of the full run.

Each serves the gateway from two processes (waitress has only one) of four threads, on the same
stand; the first is gunicorn as the product runs it, with threads of its own (``config.serving``).
Beside the rate of signed earns stand the properties that the gateway leans on: the target as
it stood on the wire, limits on headers, clients that stop in the middle, and an end that answers
what it has begun. Servers that are not installed are left out; ``pip install granian waitress``
brings them.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec

from rich.console import Console
from rich.table import Table

from config.health import healthy
from merchant_gateway.signing import RequestMessage, sign_request, split_target
from network.clock import wall_now
from tests.benchmarks import http, sql
from tests.benchmarks.figures import Figure
from tests.benchmarks.load import Load
from tests.benchmarks.stand import Stand, open_stand

WORKERS, THREADS = 2, 4
REQUESTS = 1_000
STALLED = 32
"""Clients that stop in the middle of a request: more than all threads together."""

TARGETS = ("/v1/a%2Fb", "/v1/%D9%86%D8%A7%D9%86?q=%da%af", "/v1/ping?", "/v1/a%20b//c")
_LARGE = 20_000
_PYTHON = sys.executable
_APPLICATION = "config.wsgi:gateway"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server: the module that must be there, and its command for a port."""

    name: str
    needs: str
    command: Callable[[int], Sequence[str]]

    @property
    def installed(self) -> bool:
        """Return whether it can be started."""
        return find_spec(self.needs) is not None


def _gunicorn(*options: str) -> Callable[[int], Sequence[str]]:
    return lambda port: (
        *(_PYTHON, "-m", "gunicorn", "--config", "python:config.gunicorn", *options),
        *("--bind", f"127.0.0.1:{port}", f"{_APPLICATION}()"),
    )


SERVERS = (
    Server(
        name="gunicorn",
        needs="gunicorn",
        command=_gunicorn("--workers", str(WORKERS), "--threads", str(THREADS)),
    ),
    Server(
        name="gunicorn_gthread",
        needs="gunicorn",
        command=_gunicorn(
            *("--workers", str(WORKERS), "--threads", str(THREADS), "--worker-class", "gthread")
        ),
    ),
    Server(
        name="gunicorn_sync",
        needs="gunicorn",
        command=_gunicorn("--workers", str(WORKERS * THREADS), "--worker-class", "sync"),
    ),
    Server(
        name="granian",
        needs="granian",
        command=lambda port: (
            *(_PYTHON, "-m", "granian", "--interface", "wsgi", "--factory", "--no-ws"),
            *("--workers", str(WORKERS), "--blocking-threads", str(THREADS)),
            *("--host", "127.0.0.1", "--port", str(port), _APPLICATION),
        ),
    ),
    Server(
        name="waitress",
        needs="waitress",
        command=lambda port: (
            *(_PYTHON, "-m", "waitress", "--threads", str(WORKERS * THREADS), "--call"),
            *("--listen", f"127.0.0.1:{port}", _APPLICATION),
        ),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen of a server: signed earns a second, p50 and p99, and what it does right."""

    name: str
    per_second: float
    p50_ms: float
    p99_ms: float
    keeps: Mapping[str, bool]


@contextmanager
def _running(stand: Stand, server: Server) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    process = subprocess.Popen(
        server.command(port),
        env={**os.environ, **http.environment(stand)},
        stdout=subprocess.DEVNULL,
        stderr=(stand.directory / "servers.log").open("ab"),
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 60
        while not healthy(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{server.name} does not serve")
            time.sleep(0.1)
        yield port, process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _signed_get(scene: http.Scene, target: str, *, port: int, more: str = "") -> bytes:
    seat, host = scene.plain[0], f"127.0.0.1:{port}"
    path, query = split_target(target)
    headers = sign_request(
        request=RequestMessage(method="GET", authority=host, path=path, query=query),
        key=seat.key,
        key_id=seat.key_id,
        now=wall_now(),
    ).as_headers()
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"GET {target} HTTP/1.1\r\nHost: {host}\r\n{lines}{more}\r\n".encode()


def _status(port: int, request: bytes, *, seconds: float = 10.0) -> int:
    """Return the status that a request is answered with, 0 where it is not answered."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=seconds) as line:
            line.sendall(request)
            return _read_status(line)
    except OSError:
        return 0


def _read_status(line: socket.socket) -> int:
    start = b""
    while len(start) < len("HTTP/1.1 200"):
        received = line.recv(64)
        if not received:
            return 0
        start += received
    return int(start.split()[1])


def _takes_raw_targets(scene: http.Scene, port: int) -> bool:
    """Return whether what was signed verifies as it was sent: nothing is there, or the ping."""
    found = [_status(port, _signed_get(scene, target, port=port)) for target in TARGETS]
    return set(found) <= {200, 404}


def _limits_headers(scene: http.Scene, port: int) -> bool:
    long = _signed_get(scene, "/v1/ping", port=port, more=f"X-Long: {'x' * _LARGE}\r\n")
    many = "".join(f"X-{number}: 1\r\n" for number in range(200))
    return all(
        400 <= status < 500 or status == 0
        for status in (
            _status(port, long),
            _status(port, _signed_get(scene, "/v1/ping", port=port, more=many)),
        )
    )


def _serves_beside_stalled(scene: http.Scene, port: int) -> bool:
    earn = http.earn_requests(scene, port=port, how_many=1)[0]
    with ExitStack() as stack:
        for _ in range(STALLED):
            line = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            line.sendall(earn[: len(earn) // 4])  # in the middle of the headers
        return _status(port, _signed_get(scene, "/v1/ping", port=port), seconds=5.0) == 200


def _ends_gracefully(scene: http.Scene, port: int, process: subprocess.Popen[bytes]) -> bool:
    """Return whether a request that has begun is answered after the server was told to stop."""
    earn = http.earn_requests(scene, port=port, how_many=1)[0]
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(earn[:-100])
        time.sleep(0.3)
        process.terminate()
        time.sleep(0.3)
        try:
            line.sendall(earn[-100:])
            return _read_status(line) == 201
        except OSError:
            return False


def measure(stand: Stand, scene: http.Scene, *, requests: int = REQUESTS) -> list[Seen]:
    """Return what was seen of each server that is installed."""
    load = Load(stand)
    return [_seen(stand, scene, server, load, requests) for server in SERVERS if server.installed]


def _seen(stand: Stand, scene: http.Scene, server: Server, load: Load, requests: int) -> Seen:
    with _running(stand, server) as (port, process):
        load.run(http.earn_requests(scene, port=port, how_many=requests // 4), port=port)
        taken = load.run(http.earn_requests(scene, port=port, how_many=requests), port=port)
        keeps = {
            "raw targets": _takes_raw_targets(scene, port),
            "header limits": _limits_headers(scene, port),
            "stalled clients": _serves_beside_stalled(scene, port),
            "graceful end": _ends_gracefully(scene, port, process),
        }
    return Seen(
        name=server.name,
        per_second=taken["per_second"],
        p50_ms=taken["p50_us"] / 1000,
        p99_ms=taken["p99_us"] / 1000,
        keeps=keeps,
    )


def figures(found: Sequence[Seen]) -> list[Figure]:
    """Return the rates as figures, each beside gunicorn's in the same run."""
    base = found[0].per_second
    return [
        Figure(
            name=f"server_{each.name}",
            unit="req/s",
            values=[each.per_second],
            ratio_to=f"server_{found[0].name}",
            ratios=[each.per_second / base],
            note=", ".join(name if kept else f"not {name}" for name, kept in each.keeps.items()),
        )
        for each in found
    ]


def table(found: Sequence[Seen]) -> Table:
    """Return the comparison for people."""
    made = Table(title="WSGI servers: signed earns, and what the gateway leans on")
    for name in ("server", "req/s", "p50 ms", "p99 ms", *found[0].keeps):
        made.add_column(name)
    for each in found:
        numbers = (f"{each.per_second:,.0f}", f"{each.p50_ms:.1f}", f"{each.p99_ms:.1f}")
        made.add_row(
            each.name, *numbers, *("yes" if kept else "NO" for kept in each.keeps.values())
        )
    return made


def main() -> None:
    """Measure and print."""
    with open_stand() as stand:
        sql.prepare(stand)
        Console(width=120).print(table(measure(stand, http.set_scene(stand))))


if __name__ == "__main__":
    main()
