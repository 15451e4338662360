"""The merchant's own record: what it asked and what the network signed, one line of JSON each.

With it a merchant shows a year later what was done, to itself (``replay``) or to others: an answer
holds the points and the day, its signature covers the answer and the request's signature, and the
network's keys stay published. The file holds what the requests held, also phone numbers, and is
made readable for its owner alone. Lines are only ever appended, each in one write.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

from merchant_gateway.client.errors import JournalError, UntrustedAnswerError
from merchant_gateway.signing import (
    AnswerMessage,
    Ed25519VerifyingKey,
    RequestBinding,
    SigningError,
    parse_answer_signature,
    verify_answer,
)

FORMAT = 1
_OWNER_ONLY = 0o600
_MOVES = ("/v1/earnings", "/v1/redemptions")
_NOTHING_MOVED = ("/v1/earnings/quote",)
_RESULTS = "/items"
_DONE = range(200, 300)
_ASKED = 202
"""A redemption that waits for the member's word: nothing has moved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One call that may have moved points, with its signed answer.

    ``at`` is when it was kept, which nobody signed: the moment that counts is what ``believe``
    returns.
    """

    at: datetime
    method: str
    path: str
    query: str
    key_id: str
    idempotency_key: str | None
    body: bytes = field(repr=False)
    binding: RequestBinding = field(repr=False)
    status: int
    answer: bytes = field(repr=False)
    content_digest: str
    signature_input: str
    signature: str
    signature_base: bytes = field(default=b"", repr=False)

    def data(self) -> dict[str, Any]:
        """Return the answer's object; raise JournalError where it is none."""
        try:
            value = json.loads(self.answer)
        except ValueError as error:
            raise JournalError("an answer in the journal is not JSON") from error
        if not isinstance(value, dict):
            raise JournalError("an answer in the journal is no object")
        return value

    def answer_key(self) -> str:
        """Return the key that the answer says it was signed with, empty where that is not read."""
        try:
            return parse_answer_signature(
                signature_input=self.signature_input, signature=self.signature
            ).key_id
        except SigningError:
            return ""

    def believe(self, keys: Mapping[str, Ed25519VerifyingKey]) -> datetime:
        """Return when the network signed the answer; raise UntrustedAnswerError if it did not."""
        try:
            parsed = parse_answer_signature(
                signature_input=self.signature_input, signature=self.signature
            )
            if parsed.key_id not in keys:
                raise UntrustedAnswerError(f"the network has not published {parsed.key_id}")
            verify_answer(
                answer=AnswerMessage(
                    status=self.status, content_digest=self.content_digest, body=self.answer
                ),
                parsed=parsed,
                request=self.binding,
                key=keys[parsed.key_id],
                now=None,  # kept and judged later: its age says nothing
            )
        except SigningError as error:
            raise UntrustedAnswerError(f"the signature does not hold: {error}") from error
        return datetime.fromtimestamp(parsed.created, tz=UTC)


class Journal:
    """Appends records to a file; several threads may share one, several processes the file."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._lock = Lock()

    def keep(self, record: Record) -> None:
        """Append what moved points, in one write; raise JournalError where it cannot be kept."""
        if not worth_keeping(record):
            return
        line = json.dumps(_as_json(record), ensure_ascii=False, separators=(",", ":"))
        try:
            with self._lock, open(self._path, "ab", buffering=0, opener=_for_owner) as file:
                # The break before it ends a line that a crash tore.
                written = f"\n{line}\n".encode()
                while written:
                    written = written[file.write(written) :]
        except OSError as error:
            raise JournalError(f"the journal {self._path} cannot be written") from error


def _for_owner(path: str, flags: int) -> int:
    return os.open(path, flags, _OWNER_ONLY)


def worth_keeping(record: Record) -> bool:
    """Return whether a call moved points, or told what a batch moved."""
    if record.status not in _DONE or not record.path.startswith(_MOVES):
        return False
    if record.status == _ASKED and record.path == "/v1/redemptions":
        return False
    if record.method == "GET":
        return record.path.endswith(_RESULTS)
    return record.path not in _NOTHING_MOVED and "preview=true" not in record.query


def read_journal(path: str | os.PathLike[str]) -> Iterator[Record]:
    """Yield a journal's records in the order in which they were kept.

    A line that a crash tore is passed over: what stood in it will be missed by the replay. Raises
    JournalError for a whole line that is no record, and where there is no file.
    """
    try:
        with Path(path).open("rb") as file:
            yield from read_records(file)
    except OSError as error:
        raise JournalError(f"the journal {os.fspath(path)} cannot be read") from error


def read_records(lines: Iterable[bytes]) -> Iterator[Record]:
    """Yield the records in a journal's lines; raise JournalError for a whole line that is none."""
    for number, line in enumerate(lines, start=1):
        kept = _whole(line)
        if kept is not None:
            yield _from_json(kept, number=number)


def _as_json(record: Record) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "at": record.at.astimezone(UTC).isoformat(),
        "request": {
            "method": record.method,
            "path": record.path,
            "query": record.query,
            "key_id": record.key_id,
            "idempotency_key": record.idempotency_key,
            "body": record.body.decode(),
            "label": record.binding.label,
            "signature": base64.b64encode(record.binding.signature).decode(),
            "signature_base": record.signature_base.decode("ascii"),
        },
        "answer": {
            "status": record.status,
            "body": record.answer.decode(),
            "content_digest": record.content_digest,
            "signature_input": record.signature_input,
            "signature": record.signature,
        },
    }


def _whole(line: bytes) -> Any:
    """Return the value in a line, ``None`` for an empty one and for one that was torn."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _from_json(kept: Any, *, number: int) -> Record:
    try:
        request, answer = kept["request"], kept["answer"]
        return Record(
            at=datetime.fromisoformat(kept["at"]),
            method=_text(request["method"]),
            path=_text(request["path"]),
            query=_text(request["query"]),
            key_id=_text(request["key_id"]),
            idempotency_key=request["idempotency_key"],
            body=request["body"].encode(),
            binding=RequestBinding(
                label=_text(request["label"]),
                signature=base64.b64decode(request["signature"], validate=True),
            ),
            status=_number(answer["status"]),
            answer=answer["body"].encode(),
            content_digest=_text(answer["content_digest"]),
            signature_input=_text(answer["signature_input"]),
            signature=_text(answer["signature"]),
            signature_base=request.get("signature_base", "").encode(),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise JournalError(f"line {number} of the journal is no record") from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(type(value).__name__)
    return value


def _number(value: object) -> int:
    if type(value) is not int:
        raise TypeError(type(value).__name__)
    return value
