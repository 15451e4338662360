"""Receivers of webhooks on real sockets: well behaved ones, and those that are not."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


Behave = Callable[["Receiver", Received, asyncio.StreamWriter], Awaitable[None]]


@dataclass(kw_only=True)
class Receiver:
    """A server on a port of the system's choice; ``behave`` answers each request."""

    behave: Behave
    url: str = ""
    port: int = 0
    requests: list[Received] = field(default_factory=list)
    connections: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)

    def ids(self) -> list[str]:
        return [each.id for each in self.requests]

    def wait_for(self, number: int) -> None:
        """Return once ``number`` requests came."""
        with self.changed:
            arrived = self.changed.wait_for(
                lambda: len(self.requests) >= number, timeout=PATIENCE_SECONDS
            )
        if not arrived:
            raise TimeoutError(f"{len(self.requests)} of {number} requests came")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read requests from a connection and answer each."""
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
                first, *lines = head[:-4].split("\r\n")
                pairs = (line.split(": ", 1) for line in lines)
                headers = {name.lower(): value for name, value in pairs}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                received = Received(path=first.split(" ")[1], headers=headers, body=body)
                with self.changed:
                    self.requests.append(received)
                    self.changed.notify_all()
                await self.behave(self, received, writer)
                await writer.drain()
                if writer.is_closing():
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.transport.abort()


def answering(status: int, *headers: str, body: bytes = b"") -> Behave:
    """Return a behaviour: the same answer to everything."""

    async def behave(_self: Receiver, _request: Received, writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", *headers, "", ""]
        writer.write("\r\n".join(lines).encode() + body)

    return behave


def sending(*parts: bytes, pause: float = 0.0, times: int = 1) -> Behave:
    """Return a behaviour: raw bytes, repeated, with a pause before each; then the line is cut."""

    async def behave(_self: Receiver, _request: Received, writer: asyncio.StreamWriter) -> None:
        for _ in range(times):
            for part in parts:
                await asyncio.sleep(pause)
                writer.write(part)
                await writer.drain()
        writer.close()

    return behave


@contextmanager
def receiving(behave: Behave, *, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Run a receiver in a thread of its own during the block."""
    receiver = Receiver(behave=behave)
    ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def main() -> None:
        stop = asyncio.Event()
        server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=tls, backlog=512)
        receiver.port = server.sockets[0].getsockname()[1]
        receiver.url = f"http{'s' if tls else ''}://127.0.0.1:{receiver.port}"
        ready.set_result((asyncio.get_running_loop(), stop))
        await stop.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    loop, stop = ready.result(timeout=PATIENCE_SECONDS)
    try:
        yield receiver
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(timeout=PATIENCE_SECONDS)
