"""The audit log as a file that anybody can check: a JSON object a line, each with its hash.

A line's ``hash`` is SHA-256(previous hash ‖ form): both as bytes, the form being the JSON of
``sequence``, ``recorded_at``, ``actor``, ``action``, ``subject`` and ``facts`` in UTF-8, keys
sorted, without spaces. The first line follows 32 zero bytes. Ten lines of any language check it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from network.operators.audit import GENESIS, canonical, chained, every_row

COVERED = ("sequence", "recorded_at", "actor", "action", "subject", "facts")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCheck:
    """What a walk over a file found: lines that hold, the last hash, the first that does not.

    ``seen`` tells whether the hash that was asked for is that of a line which holds.
    """

    rows: int
    head: str
    broken_line: int | None
    seen: bool


def lines(session: Session) -> Iterator[str]:
    """Yield the whole log in its order; memory stays flat."""
    for row in every_row(session):
        form = json.loads(canonical(row))
        yield json.dumps(
            {**form, "previous_hash": row.previous_hash.hex(), "hash": row.hash.hex()},
            ensure_ascii=False,
            separators=(",", ":"),
        )


def verify_lines(found: Iterable[str], *, wanted: str | None = None) -> FileCheck:
    """Check a file against itself, with nothing but the file, and look for a ``wanted`` hash."""
    rows, head, seen = 0, GENESIS, False
    for number, line in enumerate(found, start=1):
        try:
            row = json.loads(line)
            fits = row["sequence"] == rows + 1 and bytes.fromhex(row["previous_hash"]) == head
            digest = chained(head, _form(row))
            fits = fits and bytes.fromhex(row["hash"]) == digest
        except (ValueError, KeyError, TypeError):
            fits = False
        if not fits:
            return FileCheck(rows=rows, head=head.hex(), broken_line=number, seen=seen)
        rows, head = rows + 1, digest
        seen = seen or head.hex() == wanted
    return FileCheck(rows=rows, head=head.hex(), broken_line=None, seen=seen)


def _form(row: dict[str, Any]) -> bytes:
    form = {name: row[name] for name in COVERED}
    return json.dumps(form, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
