"""Batches over HTTP: from the first byte of the request to the last commit.

Two merchants send 10,000 purchases of four lines each, at once. The parts of an installation that
take part run as in production: gateway, relay, and a worker of batches for each of two cores.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial

import requests
from sqlalchemy import text

from config.demo.stage import Seat
from config.queues import BATCHES
from merchant_gateway.signing import RequestMessage, sign_request
from network.clock import wall_now
from network.ids import uuid7
from tests.benchmarks.figures import Contender
from tests.benchmarks.http import MEMBERS, Scene, environment
from tests.benchmarks.stand import Stand

PATH = "/v1/earnings/batches"
LINES = 10_000
CAMPAIGN_LINES = 500
WARM_UP = 1_000
SENDERS = 2
PATIENCE_SECONDS = 300.0
_MEDIA_TYPE = "application/jsonl"
_BASKET = [("Dairy", 800_000), ("Bread", 400_000), ("Fruit", 200_000), ("Tea", 100_000)]
_WAITING = text("SELECT count(*) FILTER (WHERE state <> 'done'), sum(refused) FROM network.batch")


@contextmanager
def working(stand: Stand) -> Iterator[None]:
    """Run the relay and the workers of batches."""
    with ExitStack() as stack:
        for part in (["relay"], *(["worker", BATCHES] for _ in range(SENDERS))):
            process = subprocess.Popen(
                [sys.executable, "-m", "config.parts", *part],
                env={**os.environ, **environment(stand)},
                stdout=subprocess.DEVNULL,
                stderr=(stand.directory / "parts.log").open("ab"),
            )
            stack.callback(process.wait, timeout=30)
            stack.callback(process.terminate)
        yield


def _body(scene: Scene, lines: int, sender: int) -> bytes:
    """Return purchases of the sender's own half of the members."""
    run = uuid7().hex[:12]
    now = datetime.now(UTC).isoformat()
    written = (
        {
            "type": "earn",
            "member": {"phone": scene.phones[(number * SENDERS + sender) % MEMBERS]},
            "merchant_ref": f"l-{run}-{number}",
            "amount": sum(amount for _, amount in _BASKET),
            "currency": "IRR",
            "occurred_at": now,
            "channel": "in_store",
            "lines": [
                {"sku": f"s{place}", "category": name, "quantity": 1, "amount": amount}
                for place, (name, amount) in enumerate(_BASKET)
            ],
        }
        for number in range(lines)
    )
    return b"".join(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in written)


def _send(body: bytes, seat: Seat, *, port: int) -> None:
    host = f"127.0.0.1:{port}"
    key = f"bench-{uuid7().hex}"
    headers = sign_request(
        request=RequestMessage(
            method="POST",
            authority=host,
            path=PATH,
            content_type=_MEDIA_TYPE,
            idempotency_key=key,
            body=body,
        ),
        key=seat.key,
        key_id=seat.key_id,
        now=wall_now(),
    ).as_headers()
    answer = requests.post(
        f"http://{host}{PATH}",
        data=body,
        headers={"Content-Type": _MEDIA_TYPE, "Idempotency-Key": key, **headers},
        timeout=60,
    )
    if answer.status_code != 202:
        raise RuntimeError(f"a batch was not accepted: {answer.text}")


def _post(stand: Stand, scene: Scene, seats: list[Seat], *, port: int, lines: int) -> float:
    """Send all batches at once; return the seconds until every line is committed."""
    bodies = [_body(scene, lines, sender) for sender in range(SENDERS)]
    began = time.perf_counter()
    with ThreadPoolExecutor(SENDERS) as pool:
        list(pool.map(partial(_send, port=port), bodies, seats))
    while time.perf_counter() - began < PATIENCE_SECONDS:
        with stand.services.database.reading() as session:
            waiting, refused = session.execute(_WAITING).one()
        if refused:
            raise RuntimeError(f"{refused} lines were refused")
        if not waiting:
            return time.perf_counter() - began
        time.sleep(0.02)
    raise TimeoutError("the batches were not worked off")


def _round(stand: Stand, scene: Scene, seats: list[Seat], *, port: int, lines: int) -> float:
    """Return earnings a second, with workers that have done a few before."""
    with working(stand):
        _post(stand, scene, seats, port=port, lines=min(WARM_UP, lines))
        return lines * SENDERS / _post(stand, scene, seats, port=port, lines=lines)


def contenders(stand: Stand, scene: Scene, *, port: int) -> list[Contender]:
    """Return the figures of batches over HTTP, through the gateway at ``port``."""
    plain, added = scene.plain[:SENDERS], scene.added
    return [
        Contender(
            name="http_batch",
            unit="earns/s",
            once=True,
            take=partial(_round, stand, scene, plain, port=port, lines=LINES),
            ratio_to="http_earn",
            note="two signed batches of 10,000 at once, from request to committed",
        ),
        Contender(
            name="http_batch_campaign",
            unit="earns/s",
            once=True,
            take=partial(_round, stand, scene, added, port=port, lines=CAMPAIGN_LINES),
            ratio_to="http_earn",
            note="two of 500 lines, to each of which a campaign of the network adds",
        ),
    ]
