"""The one place where the name of a webhook's host becomes addresses."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""From a host and a port to addresses as text, in the order to be tried; raises OSError."""


class SystemResolver:
    """Asks the system's resolver, in threads of its own: a slow name holds no other work up.

    There must be as many ``threads`` as attempts at a time, or names that are slow would hold up
    those of other merchants; each is started when it is first needed.
    """

    def __init__(self, *, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="webhook-names")

    async def __call__(self, host: str, port: int) -> list[str]:
        """Return the addresses of ``host``."""
        found = await asyncio.get_running_loop().run_in_executor(self._threads, _ask, host, port)
        return list(dict.fromkeys(found))

    def close(self) -> None:
        """Let the threads go; what they still ask is waited for by nobody."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _ask(host: str, port: int) -> list[str]:
    rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(row[4][0]) for row in rows]
