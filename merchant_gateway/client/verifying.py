"""Judging a kept call with published keys alone: for whoever was not there and trusts neither side.

A record (a line of a journal) holds what the merchant signed and what the network signed in answer.
The merchant's signature over its base says that it asked for exactly this; the network's over the
answer, bound to that signature, says that it answered exactly this to exactly that. When and in
which environment follows from what was signed, never from what stands beside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from merchant_gateway.client.errors import UntrustedAnswerError
from merchant_gateway.client.journal import Record
from merchant_gateway.signing import (
    Ed25519VerifyingKey,
    Evidence,
    SigningError,
    check_content_digest,
    verify_evidence,
)

_LINE = re.compile(r'"([a-z@-]+)": (.*)')
LIVE, TEST = "live", "test"
_TEST_KEY = "mk_test_"
_KEY_ID = re.compile(r';keyid="([^"]*)"')


class Doubt(StrEnum):
    """Why a signature proves nothing."""

    UNPUBLISHED = "unpublished"
    BROKEN = "broken"
    CHANGED = "changed"
    """It holds, and the record says something else than what was signed."""

    OTHER_ENVIRONMENT = "other_environment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found of one record; empty reasons mean that the signature holds.

    ``at`` is the moment that the network signed, ``None`` where it signed none. ``environment`` is
    that of the merchant's key: what was asked with a test key moved nothing real. ``request_key``
    and ``answer_key`` are the keys that each side names, the doubts what the reasons come to.
    """

    at: str | None
    what: str
    environment: str
    asked: str
    answered: str
    request_key: str
    answer_key: str
    asked_doubt: Doubt | None
    answered_doubt: Doubt | None

    @property
    def holds(self) -> bool:
        """Return whether both sides signed this."""
        return not self.asked and not self.answered

    def as_json(self) -> dict[str, object]:
        """Return the verdict as plain values."""
        return {
            "at": self.at,
            "call": self.what,
            "environment": self.environment,
            "holds": self.holds,
            "request": self.asked or "signed by the merchant",
            "answer": self.answered or "signed by the network",
        }


def judge(
    record: Record,
    *,
    network_keys: Mapping[str, Ed25519VerifyingKey],
    merchant_keys: Mapping[str, Ed25519VerifyingKey],
    environment: str = LIVE,
) -> Verdict:
    """Return whether the merchant signed a kept request and the network its answer, and why not.

    Only what was asked in ``environment`` holds.
    """
    at, answered, answered_doubt = None, "", None
    answer_key = record.answer_key()
    try:
        at = record.believe(network_keys).isoformat()
    except UntrustedAnswerError as error:
        answered = str(error)
        unpublished = bool(answer_key) and answer_key not in network_keys
        answered_doubt = Doubt.UNPUBLISHED if unpublished else Doubt.BROKEN
    found = TEST if record.key_id.startswith(_TEST_KEY) else LIVE
    asked, asked_doubt = _asked(record, merchant_keys)
    if not asked and found != environment:
        asked = f"signed with a {found} key: this is no evidence of anything {environment}"
        asked_doubt = Doubt.OTHER_ENVIRONMENT
    return Verdict(
        at=at,
        what=f"{record.method} {record.path}",
        environment=found,
        asked=asked,
        answered=answered,
        request_key=record.key_id,
        answer_key=answer_key,
        asked_doubt=asked_doubt,
        answered_doubt=answered_doubt,
    )


def _asked(record: Record, keys: Mapping[str, Ed25519VerifyingKey]) -> tuple[str, Doubt | None]:
    """Return why the request was not signed as it stands in the record, empty where it was."""
    key = keys.get(record.key_id)
    if key is None:
        return f"the key {record.key_id} is not published", Doubt.UNPUBLISHED
    evidence = Evidence(signature_base=record.signature_base, signature=record.binding.signature)
    try:
        verify_evidence(evidence=evidence, key=key)
        covered = _covered(record.signature_base)
        if record.body or "content-digest" in covered:
            check_content_digest(header=covered.get("content-digest"), body=record.body)
    except SigningError as error:
        return str(error), Doubt.BROKEN
    kept = {"@method": record.method, "@path": record.path, "@query": f"?{record.query}"}
    if record.idempotency_key is not None:
        kept["idempotency-key"] = record.idempotency_key
    wrong = [name for name, value in kept.items() if covered.get(name) != value]
    named = _KEY_ID.search(covered.get("@signature-params", ""))
    if named is None or named[1] != record.key_id:
        wrong.append("keyid")
    if not wrong:
        return "", None
    return f"the record differs from what was signed: {', '.join(wrong)}", Doubt.CHANGED


def _covered(base: bytes) -> dict[str, str]:
    """Return the components that a signature base covers, by name."""
    found = (_LINE.fullmatch(line) for line in base.decode("ascii", "replace").split("\n"))
    return {match[1]: match[2] for match in found if match is not None}
