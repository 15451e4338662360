"""Webhooks: deliveries a second of one worker to a receiver on this machine.

From the first look at what is due to the last outcome written down. The receiver is a process of
its own; it reads each request and answers 204.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from config.webhooks import delivering
from network.clock import wall_now
from network.events.feed import Happening
from network.events.types import TYPES
from network.events.webhooks import deliveries, endpoints
from network.ids import uuid7
from tests.benchmarks.figures import Contender
from tests.benchmarks.stand import Stand

DELIVERIES = 5_000
AT_ONCE = 500
_RECEIVER = """
import asyncio

async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            start = head.index(b"Content-Length: ") + 16
            await reader.readexactly(int(head[start : head.index(b"\\r", start)]))
            writer.write(b"HTTP/1.1 204 No Content\\r\\n\\r\\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


@contextmanager
def receiving() -> Iterator[int]:
    """Run a receiver; yield its port."""
    with subprocess.Popen(
        [sys.executable, "-c", _RECEIVER], stdout=subprocess.PIPE, text=True
    ) as process:
        if process.stdout is None:
            raise RuntimeError("the receiver has no output")
        yield int(process.stdout.readline())
        process.kill()


def _round(stand: Stand) -> float:
    """Return deliveries a second for a merchant that nothing else happens to."""
    services, merchant_id = stand.services, uuid7()
    with receiving() as port:
        now = wall_now()
        with services.database.unit_of_work() as session:
            endpoints.create(
                session,
                services.vault,
                merchant_id=merchant_id,
                url=f"http://127.0.0.1:{port}/",
                description="",
                types=[],
                now=now,
                loopback=True,
            )
        happening = Happening(
            merchant_id=merchant_id,
            type="earning.created",
            occurred_at=now,
            data=dict(TYPES["earning.created"].example),
        )
        for _ in range(DELIVERIES // AT_ONCE):
            with services.database.unit_of_work() as session:
                deliveries.tell(session, happenings=[happening] * AT_ONCE, now=now)
        began = time.perf_counter()
        ended = delivering.run(services, loopback=True, linger_seconds=0)
        seconds = time.perf_counter() - began
    if ended != DELIVERIES:
        raise RuntimeError(f"{ended} of {DELIVERIES} were delivered")
    return ended / seconds


def contenders(stand: Stand) -> list[Contender]:
    """Return the figure of webhooks."""
    return [
        Contender(
            name="webhook_deliveries",
            unit="deliveries/s",
            once=True,
            take=partial(_round, stand),
            note="one worker, one endpoint, both signatures, every attempt logged",
        )
    ]
