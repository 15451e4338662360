"""Checks a member's file without asking anybody: two signatures, and the way to the root."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from network import ids
from network.ids import UnknownIdError
from network.proofs import tokens
from network.proofs.errors import ProofBrokenError
from network.proofs.tree import DIGEST_BYTES, Node, Step, climb, leaf

FORMAT = "peyvand-points-proof-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a file proves: these points of this member are part of that total."""

    business_date: date
    member: str
    points: int
    total: int
    leaves: int
    root: bytes
    seal: bytes
    steps: int
    key_id: str


def is_proof(document: Mapping[str, Any]) -> bool:
    """Return whether a document says that it is a member's proof."""
    return document.get("format") == FORMAT


def verify(document: Mapping[str, Any], *, keys: Iterable[Mapping[str, str]]) -> Verified:
    """Return what a file proves; raise ProofBrokenError where anything in it does not hold.

    ``keys`` are the network's published JWKs. Whether everybody is shown the same root only
    comparing with the published nights can tell.
    """
    known = list(keys)
    said, _ = tokens.open_token(document.get("statement", ""), typ=tokens.STATEMENT, keys=known)
    night, key_id = tokens.open_token(document.get("night", ""), typ=tokens.NIGHT, keys=known)
    try:
        day = date.fromisoformat(night["business_date"])
        if said["business_date"] != night["business_date"]:
            raise ProofBrokenError("statement and night are of two days")
        start = leaf(
            business_date=day,
            member_id=ids.decode("mem", said["member"]),
            nonce=bytes.fromhex(said["nonce"]),
            points=_whole(said["points"]),
        )
        steps = [_step(each) for each in said["path"]]
        found = climb(start, steps)
        root = Node(_whole(night["points"]), _digest(night["root"]))
        verified = Verified(
            business_date=day,
            member=said["member"],
            points=start.points,
            total=root.points,
            leaves=_whole(night["leaves"]),
            root=root.digest,
            seal=_digest(night["seal"]),
            steps=len(steps),
            key_id=key_id,
        )
    except (KeyError, TypeError, ValueError, UnknownIdError) as error:
        raise ProofBrokenError("the file is not complete, or not of this form") from error
    if found != root:
        raise ProofBrokenError("the path does not lead to the root that was signed")
    return verified


def _step(given: Mapping[str, Any]) -> Step:
    side = given["side"]
    if side not in {"left", "right"}:
        raise ProofBrokenError("a sibling stands left or right")
    return Step(side, Node(_whole(given["points"]), _digest(given["digest"])))


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ProofBrokenError("points are whole numbers")
    return value


def _digest(text: str) -> bytes:
    digest = bytes.fromhex(text)
    if len(digest) != DIGEST_BYTES:
        raise ProofBrokenError("a digest has 32 bytes")
    return digest
