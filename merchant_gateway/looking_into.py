"""What a file that somebody brings proves, whatever it is: for a page where anybody may ask.

The checks are those of the commands: ``network.proofs.judging`` for what the network signs, and the
client's own ``verifying`` for calls that a merchant kept. Here is only what tells one from the
other. The file is hostile until it has been judged: how much is read, how deep it may be nested and
how many signatures are checked is bounded.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from io import BytesIO
from itertools import islice
from typing import Any

from merchant_gateway.client.errors import JournalError
from merchant_gateway.client.journal import Record, read_records
from merchant_gateway.client.verifying import Verdict, judge
from merchant_gateway.errors import InvalidRequestError, MalformedJsonError
from merchant_gateway.signing import Ed25519VerifyingKey
from merchant_gateway.strict_json import load_object
from network.proofs import judging
from network.proofs.errors import ProofBrokenError
from network.proofs.judging import Keys
from network.proofs.reasons import said_of
from network.signing.queries import TEST

LARGEST = 4 * 1024 * 1024
MOST_CALLS = 500
_MOST_LINES = 2 * MOST_CALLS
"""Lines that are looked at: a journal has one per call, and one that was torn now and then."""
MOST_KEYS = 16
"""Calls of one file, and merchants' keys that they were signed with."""
_MOST_SANDBOXES = 4
"""Sandboxes by whose keys one file is judged: an honest one names the keys of one."""

CALLS = "calls"
_ANSWERS = "answers"
_JWS = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{43}")
_NAMED = re.compile(rb'"(?:kid|key|key_id)"\s*:\s*"([A-Za-z0-9_-]{43})"')
_HEAD = re.compile(rb'(?:^|")(eyJ[A-Za-z0-9_-]{8,512})\.')
_PDF, _ZIP = b"%PDF-", b"PK\x03\x04"
_MARK = b"\xef\xbb\xbf"

MerchantKeys = Callable[[Collection[str]], Mapping[str, Ed25519VerifyingKey]]
"""The published keys of merchants among some ids."""

SandboxKeys = Callable[[Collection[str]], Sequence[Keys]]
"""The keys of each sandbox that has one of some ids, sandbox by sandbox."""


class Unreadable(StrEnum):
    """Why nothing was judged."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    TOO_MANY_CALLS = "too_many_calls"
    PAPER = "paper"
    TABLE = "table"
    UNKNOWN = "unknown"


class UnreadableError(Exception):
    """This is nothing that is signed; ``why`` says what it seems to be instead."""

    def __init__(self, why: Unreadable) -> None:
        super().__init__(why.value)
        self.why = why


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a file proves: its ``kind``, and its figures as ``network.proofs.judging`` has them.

    ``reason`` says in the reader's language why it proves nothing, empty where it holds. For kept
    calls there is a verdict on each.
    """

    kind: str
    reason: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    calls: tuple[Verdict, ...] = ()

    @property
    def is_test(self) -> bool:
        """Return whether a sandbox signed it."""
        return self.facts.get("environment") == TEST

    @property
    def holds(self) -> bool:
        """Return whether every signature in it holds."""
        return not self.reason and all(each.holds for each in self.calls)


def look_into(
    content: bytes, *, keys: Keys, merchant_keys: MerchantKeys, sandbox_keys: SandboxKeys
) -> Found:
    """Return what ``content`` proves by the network's published ``keys`` and those of merchants.

    What they do not prove is judged once more by the keys of the sandbox that it names, alone, and
    is then a test. Raises UnreadableError for what is none of the things that are signed.
    """
    if len(content) > LARGEST:
        raise UnreadableError(Unreadable.TOO_LARGE)
    text = content.removeprefix(_MARK).strip()
    if not text:
        raise UnreadableError(Unreadable.EMPTY)
    if text.startswith((_PDF, _ZIP)):
        raise UnreadableError(Unreadable.PAPER)
    if _JWS.fullmatch(text):
        token = text.decode("ascii")
        return _judged(
            "token",
            lambda by: judging.judge_token(token, keys=by),
            keys=keys,
            others=lambda: sandbox_keys(_signers(text)),
        )
    document = _object(text)
    if document is not None and judging.is_known(document):
        return _judged(
            "file",
            lambda by: judging.judge(document, keys=by),
            keys=keys,
            others=lambda: sandbox_keys(_signers(text)),
        )
    records = _records(text)
    if records:
        return _calls(records, keys=keys, merchant_keys=merchant_keys)
    if text.startswith(b"record,") or b"\nrecord," in text[:_LOOKED_AT]:
        raise UnreadableError(Unreadable.TABLE)
    raise UnreadableError(Unreadable.UNKNOWN)


_LOOKED_AT = 4096


def _judged(
    kind: str,
    judge_it: Callable[[Keys], dict[str, Any]],
    *,
    keys: Keys,
    others: Callable[[], Sequence[Keys]],
) -> Found:
    """Judge by the network's keys, else by those of one sandbox: never by some of each."""
    try:
        facts = judge_it(keys)
    except ProofBrokenError as error:
        for theirs in islice(others(), _MOST_SANDBOXES):
            with suppress(ProofBrokenError):
                facts = judge_it(theirs)
                break
        else:
            return Found(kind=kind, reason=said_of(error))
    return Found(kind=facts["kind"], facts=facts)


def _signers(text: bytes) -> list[str]:
    """Return the ids of keys that a file names, in its fields and in the heads of what is signed.

    A hint where to look, believed in nothing; what can't be an id is passed over.
    """
    named = {each[1].decode() for each in islice(_NAMED.finditer(text), MOST_KEYS)}
    for head in islice(_HEAD.finditer(text), MOST_KEYS):
        with suppress(ValueError):
            said = json.loads(urlsafe_b64decode(head[1] + b"=="))
            kid = said.get("kid") if isinstance(said, dict) else None
            if isinstance(kid, str) and _KEY_ID.fullmatch(kid):
                named.add(kid)
    return sorted(named)


def _object(text: bytes) -> dict[str, Any] | None:
    """Return the object that a file holds, ``None`` where it holds something else."""
    try:
        return load_object(text)
    except (MalformedJsonError, InvalidRequestError):
        return None


def _records(text: bytes) -> Sequence[Record]:
    """Return the calls that a file keeps, none where it is no journal."""
    if not text.startswith(b"{"):
        return ()
    lines = BytesIO(text)
    try:
        found = list(islice(read_records(islice(lines, _MOST_LINES)), MOST_CALLS + 1))
    except JournalError:
        return ()
    if found and (len(found) > MOST_CALLS or lines.readline()):
        raise UnreadableError(Unreadable.TOO_MANY_CALLS)
    return found


def _calls(records: Sequence[Record], *, keys: Keys, merchant_keys: MerchantKeys) -> Found:
    wanted = sorted({each.key_id for each in records})
    theirs = merchant_keys(wanted[:MOST_KEYS])
    # Apart: a merchant's key would otherwise pass for the network's, and its answer for ours.
    ours = {
        each["kid"]: Ed25519VerifyingKey.from_jwk(dict(each))
        for each in keys
        if each.get("purpose") == _ANSWERS
    }
    verdicts = tuple(judge(each, network_keys=ours, merchant_keys=theirs) for each in records)
    return Found(kind=CALLS, calls=verdicts)
