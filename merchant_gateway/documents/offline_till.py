"""A till that goes on without a network: one file, to be copied and changed.

    python offline_till.py sell 09121234567 250000     rings a purchase up, online or not
    python offline_till.py send                        sends what is queued

Every purchase is written to a queue on disk before anything is sent, with the number and the time
that the till gives it, and leaves the queue when the gateway has said what became of it. Stopped at
any moment, the till sends what is left once more: the gateway knows a number again and does nothing
twice. A till that is offline doesn't redeem, because spending takes the member's code of this very
minute.

It is told where to go by PEYVAND_GATEWAY_URL, PEYVAND_KEY_ID and PEYVAND_KEY_FILE (PEM).
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from merchant_gateway.client import GatewayClient, UnreachableError
from merchant_gateway.client.keys import load_key


class Queue:
    """Purchases that the gateway has not answered for, one JSON line each."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, purchase: dict[str, Any]) -> None:
        """Write a purchase down; when this returns it survives a power cut."""
        cut_off = self._path.exists() and not self._path.read_bytes().endswith(b"\n")
        with self._path.open("a", encoding="utf-8") as file:
            file.write("\n" if cut_off else "")
            file.write(json.dumps(purchase, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def waiting(self) -> list[dict[str, Any]]:
        """Return what waits, the oldest first; a last line that was cut off is left out."""
        if not self._path.exists():
            return []
        found = []
        for line in self._path.read_text(encoding="utf-8").splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
        return found

    def remove(self, references: set[str]) -> None:
        """Take purchases out, by putting a shorter file in the place of this one."""
        kept = [each for each in self.waiting() if each["merchant_ref"] not in references]
        shorter = self._path.with_suffix(".new")
        with shorter.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(each, ensure_ascii=False) + "\n" for each in kept)
            file.flush()
            os.fsync(file.fileno())
        shorter.replace(self._path)


class Till:
    """Sells at once, sends when it can."""

    def __init__(self, client: GatewayClient, queue: Queue, *, name: str) -> None:
        self._client = client
        self._queue = queue
        self._name = name

    def sell(self, *, phone: str, amount: int) -> str:
        """Ring a purchase up and return the till's own number for it."""
        reference = f"{self._name}-{uuid4().hex[:20]}"
        self._queue.add(
            {
                "type": "earn",
                "member": {"phone": phone},
                "merchant_ref": reference,
                "amount": amount,
                "currency": "IRR",
                "occurred_at": datetime.now(UTC).isoformat(),
                "terminal": self._name,
            }
        )
        return reference

    def send(self) -> list[dict[str, Any]]:
        """Send what waits; return what became of each, nothing while the network is away."""
        results: list[dict[str, Any]] = []
        while waiting := self._queue.waiting()[:10_000]:
            try:
                batch = self._client.batches.send(waiting)
                answered = list(self._client.batches.results(batch.data["id"]))
            except UnreachableError:
                break
            # A refused line is for a person: it will not get better by being sent again.
            self._queue.remove({each["merchant_ref"] for each in waiting})
            results += answered
        return results


def main(arguments: list[str]) -> None:
    """Sell or send."""
    client = GatewayClient(
        url=os.environ["PEYVAND_GATEWAY_URL"],
        key_id=os.environ["PEYVAND_KEY_ID"],
        key=load_key(os.environ["PEYVAND_KEY_FILE"]),
        attempts=2,
    )
    queue = Queue(Path(os.environ.get("TILL_QUEUE", "till-queue.jsonl")))
    till = Till(client, queue, name=os.environ.get("TILL_NAME", "till-1"))
    match arguments:
        case ["sell", phone, amount]:
            sys.stdout.write(till.sell(phone=phone, amount=int(amount)) + "\n")
        case ["send"]:
            pass
        case _:
            sys.exit(__doc__)
    for result in till.send():
        sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
