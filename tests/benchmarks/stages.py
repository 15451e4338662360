"""``python -m tests.benchmarks.stages``: microseconds of each stage of a signed earn.

One process calls the gateway's WSGI application itself, without a socket and one request at a
time. A stage is a function of the gateway with a clock around it, less the stages within it; the
figures are medians of the time of the processor (over the calls that have the stage: few shops run
campaigns), so that neither waiting for PostgreSQL and Valkey nor what else the machine does is in
them.
"""

from __future__ import annotations

import cProfile
import io
import pstats
import re
import statistics
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from time import thread_time_ns
from typing import Any

import redis
from flask import Flask
from rich.console import Console
from rich.table import Table

from config.sandboxes.nights import Hands
from merchant_gateway import answering, app, authentication, door, operations, pricing
from merchant_gateway.guard import Guard
from merchant_gateway.routes import earnings
from network.ledger import operations as ledger
from tests.benchmarks import http, sql
from tests.benchmarks.figures import Figure
from tests.benchmarks.stand import Stand, open_stand

WARM_UP = 200
REQUESTS = 1_500

_STAGES: tuple[tuple[str, Any, str], ...] = (
    ("read the body", authentication, "receive"),
    ("parse the signature", authentication, "parse_request_signature"),
    ("verify the signature", authentication, "verify_request"),
    ("nonce and quota (Valkey)", Guard, "admit"),
    ("authenticate, the rest", authentication, "authenticate"),
    ("read the purchase", operations, "_read_body"),
    ("the event", earnings, "event_of"),
    ("price, without campaigns", earnings, "price_plainly"),
    ("price, with them", earnings, "price"),
    ("find the member (PostgreSQL)", earnings, "identify"),
    ("post (PostgreSQL)", ledger, "earn"),
    ("post, the rest", pricing._Purchase, "_earn"),
    ("seal the body", earnings, "evidence_of"),
    ("explain in two languages", pricing, "spoken"),
    ("perform, the rest", door, "perform"),
    ("write the answer", answering, "reply_of"),
    ("sign the answer", answering, "_sign"),
)
_REST = "the door"
WHOLE = "a signed earn"


@dataclass(slots=True)
class Clocks:
    """What each stage took, in nanoseconds, and how much of it was in stages within."""

    taken: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    within: list[int] = field(default_factory=lambda: [0])

    def around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return ``function`` with a clock around it."""

        @wraps(function)
        def timed(*arguments: Any, **named: Any) -> Any:
            self.within.append(0)
            begin = thread_time_ns()
            try:
                return function(*arguments, **named)
            finally:
                whole = thread_time_ns() - begin
                self.taken[name].append(whole - self.within.pop())
                self.within[-1] += whole

        return timed


@contextmanager
def _clocked(clocks: Clocks) -> Iterator[None]:
    kept = [(owner, name, getattr(owner, name)) for _, owner, name in _STAGES]
    for label, owner, name in _STAGES:
        setattr(owner, name, clocks.around(label, getattr(owner, name)))
    try:
        yield
    finally:
        for owner, name, function in kept:
            setattr(owner, name, function)


def environ_of(request: bytes) -> dict[str, Any]:
    """Return what gunicorn would hand over for a request."""
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, protocol = first.split(" ")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SERVER_PROTOCOL": protocol,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SCRIPT_NAME": "",
        "PATH_INFO": target,
        "wsgi.input_terminated": True,
        "QUERY_STRING": "",
        "RAW_URI": target,
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.url_scheme": "http",
        "wsgi.version": (1, 0),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for line in lines:
        name, _, value = line.partition(": ")
        key = name.upper().replace("-", "_")
        environ[key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"] = value
    return environ


def call(application: Flask, environ: dict[str, Any]) -> None:
    statuses: list[str] = []
    answer = application(environ, lambda status, _headers: statuses.append(status))  # type: ignore[arg-type]
    b"".join(answer)
    if not statuses[0].startswith("201"):
        raise RuntimeError(f"an earn was answered {statuses[0]}")


def measure(stand: Stand, scene: http.Scene) -> dict[str, float]:
    """Return the microseconds of each stage, the rest and the sum among them."""
    application = application_of(stand)
    requests = http.earn_requests(scene, port=1, how_many=WARM_UP + REQUESTS)
    environs = [environ_of(each) for each in requests]
    for each in environs[:WARM_UP]:
        call(application, each)
    clocks, whole = Clocks(), []
    with _clocked(clocks):
        for each in environs[WARM_UP:]:
            clocks.within[0] = 0
            begin = thread_time_ns()
            call(application, each)
            taken = thread_time_ns() - begin
            clocks.taken[_REST].append(taken - clocks.within[0])
            whole.append(taken)
    found = {
        name: statistics.median(clocks.taken[name]) / 1000
        for name, _, _ in _STAGES
        if name in clocks.taken
    }
    found[_REST] = statistics.median(clocks.taken[_REST]) / 1000
    found[WHOLE] = statistics.median(whole) / 1000
    return found


def application_of(stand: Stand) -> Flask:
    url = stand.services.settings.redis_url
    client = redis.Redis.from_url(url)
    return app.create_app(stand.services, client, hands=Hands(client))


def figures(found: dict[str, float]) -> list[Figure]:
    """Return the stages as figures, each beside the whole."""
    whole = found[WHOLE]
    return [
        Figure(
            name="stage_" + re.sub("[^a-z]+", "_", name.lower()).strip("_"),
            unit="µs",
            values=[microseconds],
            ratio_to="stage_a_signed_earn",
            ratios=[microseconds / whole],
            note="of the processor, in one process",
        )
        for name, microseconds in found.items()
    ]


def table(found: dict[str, float]) -> Table:
    """Return the stages as a table."""
    made = Table(title="A signed earn in one process, one at a time", title_justify="left")
    made.add_column("stage")
    made.add_column("µs", justify="right")
    for name, microseconds in found.items():
        made.add_row(name, f"{microseconds:,.0f}")
    return made


def main() -> None:
    """Measure and print; with ``profile`` print where the interpreter spends its time instead."""
    with open_stand() as stand:
        sql.prepare(stand)
        scene = http.set_scene(stand)
        if "profile" in sys.argv[1:]:
            application = application_of(stand)
            requests = http.earn_requests(scene, port=1, how_many=WARM_UP + REQUESTS)
            environs = [environ_of(each) for each in requests]
            for each in environs[:WARM_UP]:
                call(application, each)
            profile = cProfile.Profile()
            profile.enable()
            for each in environs[WARM_UP:]:
                call(application, each)
            profile.disable()
            stats = pstats.Stats(profile).sort_stats("tottime")
            stats.print_stats(60)
            stats.print_callees(
                "create_earning|perform|finish|working|begin|wsgi_app|full_dispatch"
            )
            return
        Console(width=100).print(table(measure(stand, scene)))


if __name__ == "__main__":
    main()
