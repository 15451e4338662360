"""Batches: files of any length, sent in pieces, with the results in the order of the lines.

A piece's idempotency key is drawn from its content, before salts are put in, so that the same file
sent again, after a crash of whoever sent it, by another machine or with a new key, is the same call
and is answered with what became of it.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from merchant_gateway.client import salting
from merchant_gateway.client.messages import Answer, Request
from merchant_gateway.client.transport import Transport

MEDIA_TYPE = "application/jsonl"
MOST_LINES = 10_000
MOST_BYTES = 8 * 1024 * 1024
PATH = "/v1/earnings/batches"
PAGE = 200
_FIRST_WAIT_SECONDS = 0.1
_LONGEST_WAIT_SECONDS = 2.0
_KEY_CHARACTERS = 40

Line = Mapping[str, Any] | bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a file is: lines sent to the gateway, and lines whose result is known."""

    sent: int
    done: int
    posted: int
    known: int
    refused: int


class Batches:
    """A merchant's batches; raises the errors of ``merchant_gateway.client.errors``."""

    def __init__(
        self, transport: Transport, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._transport = transport
        self._sleep = sleep

    def send(self, lines: Iterable[Line], *, idempotency_key: str | None = None) -> Answer:
        """Send one batch of at most 10,000 lines and 8 MiB; the answer has its ``id``.

        Lines are objects, or the bytes of one; whom they name gets a salt. Without a key it is
        drawn from the content.
        """
        plain = [_written(line) for line in lines]
        body = _joined(self._transport.salted(line) for line in plain)
        return self._transport.call(
            Request(
                method="POST",
                path=PATH,
                body=body,
                media_type=MEDIA_TYPE,
                idempotency_key=idempotency_key or _key(_joined(plain)),
            )
        )

    def status(self, batch_id: str) -> Answer:
        """Ask how far a batch is."""
        return self._transport.call(Request(method="GET", path=_path(batch_id)))

    def results(self, batch_id: str) -> Iterator[dict[str, Any]]:
        """Yield the result of each line in order, waiting for those that are not done yet."""
        cursor: str | None = None
        wait = _FIRST_WAIT_SECONDS
        while True:
            query = {"limit": str(PAGE)} | ({} if cursor is None else {"cursor": cursor})
            page = self._transport.call(
                Request(method="GET", path=f"{_path(batch_id)}/items", query=query)
            ).data
            yield from page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return
            if page["items"]:
                wait = _FIRST_WAIT_SECONDS
            else:
                self._sleep(wait)
                wait = min(_LONGEST_WAIT_SECONDS, wait * 2)

    def run_file(
        self, path: Path, *, progress: Callable[[Progress], None] = lambda _: None
    ) -> Iterator[dict[str, Any]]:
        """Send a file of JSON lines and yield the results in order; ``line`` counts in the file.

        The file is read piece by piece, each sent before the results of the one before are read,
        so that its length does not matter. Stopped and run again, it goes on with the same keys.
        """
        counts = {"posted": 0, "known": 0, "refused": 0}
        sent = done = 0
        waiting: list[tuple[str, int]] = []
        pieces = _pieces(path)
        piece = next(pieces, None)
        while piece is not None or waiting:
            if piece is not None:
                waiting.append((self.send(piece).data["id"], sent))
                sent += len(piece)
                progress(Progress(sent=sent, done=done, **counts))
                piece = next(pieces, None)
                if len(waiting) == 1 and piece is not None:
                    continue  # one ahead, so that the gateway never waits for us
            batch_id, before = waiting.pop(0)
            for result in self.results(batch_id):
                done += 1
                counts[result["status"]] += 1
                progress(Progress(sent=sent, done=done, **counts))
                yield {**result, "line": before + result["line"]}


def _pieces(path: Path) -> Iterator[list[bytes]]:
    """Yield the lines of a file in pieces that one batch takes, the same with salts and without."""
    piece: list[bytes] = []
    size = 0
    with path.open("rb") as file:
        for raw in file:
            line = raw.rstrip(b"\r\n")
            length = len(line) + salting.LENGTH + 1
            if piece and (len(piece) == MOST_LINES or size + length > MOST_BYTES):
                yield piece
                piece, size = [], 0
            piece.append(line)
            size += length
    while piece and not piece[-1].strip():
        piece.pop()
    if piece:
        yield piece


def _written(line: Line) -> bytes:
    if isinstance(line, bytes):
        return line
    given = {name: value for name, value in line.items() if value is not None}
    return json.dumps(given, ensure_ascii=False, separators=(",", ":")).encode()


def _joined(lines: Iterable[bytes]) -> bytes:
    return b"\n".join(lines) + b"\n"


def _key(body: bytes) -> str:
    return "batch-" + hashlib.sha256(body).hexdigest()[:_KEY_CHARACTERS]


def _path(batch_id: str) -> str:
    return f"{PATH}/{quote(batch_id, safe='')}"
