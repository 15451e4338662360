"""A Merkle sum tree over balances: what it commits to, and how a path through it is checked. Pure.

A leaf is one member's points with SHA-256 over, without separators, all numbers of 8 bytes big
endian:

    00 · tag ``peyvand.points.v1\\n`` · date as YYYY-MM-DD · member (16) · nonce (32) · points

An inner node is the sum of its children's points, with SHA-256 over:

    01 · points of the left · digest of the left · points of the right · digest of the right

Both sums stand in the digest of their parent, so neither can be another than the one that was
added up (in the first design of such trees, by G. Maxwell, only the total did, and a child's sum
could be told differently to different people). Points are from 0 to 2^63 − 1 in every node: a
negative leaf or a sum that wraps around would hide what is owed. The member stands in the leaf, so
one leaf cannot be shown to two members with the same balance; nobody else learns who it is, because
the nonce is secret. Leaves lie in an order that follows from another secret of the night. A node
without a sibling is carried up as it is, never paired with itself, which would count it twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Literal, NamedTuple
from uuid import UUID

from network.proofs.errors import ProofBrokenError

MOST_POINTS = 2**63 - 1
DIGEST_BYTES = 32
NONCE_BYTES = 32
Side = Literal["left", "right"]
_LEAF = b"\x00peyvand.points.v1\n"
_INNER = b"\x01"
_NONE = b"\x02peyvand.points.v1\n"
_DEEPEST = 64


class Node(NamedTuple):
    """A node: the points below it, and the digest that commits to all of them.

    Made by position, two million times in the night of a million members.
    """

    points: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Step:
    """One step from a leaf to the root: the sibling, and on which side it stands."""

    side: Side
    sibling: Node


EMPTY = Node(0, sha256(_NONE).digest())
"""The root where nobody holds a point."""


def leaf(*, business_date: date, member_id: UUID, nonce: bytes, points: int) -> Node:
    """Return a member's leaf of a night; raise ProofBrokenError for points that cannot be."""
    if len(nonce) != NONCE_BYTES:
        raise ProofBrokenError("a nonce has 32 bytes")
    _check(points)
    content = _LEAF + business_date.isoformat().encode() + member_id.bytes + nonce
    return Node(points, sha256(content + points.to_bytes(8)).digest())


def join(left: Node, right: Node) -> Node:
    """Return the parent of two nodes; raise ProofBrokenError where a sum cannot be."""
    for node in (left, right):
        _check(node.points)
        if len(node.digest) != DIGEST_BYTES:
            raise ProofBrokenError("a digest has 32 bytes")
    points = left.points + right.points
    _check(points)
    return _joined(left, right, points)


def root_of(nodes: Sequence[Node]) -> Node:
    """Return the root over nodes of one level, in their order."""
    level = list(nodes)
    if not level:
        return EMPTY
    while len(level) > 1:
        level = _above(level)
    return level[0]


def path_of(nodes: Sequence[Node], place: int) -> list[Step]:
    """Return the steps from the node at ``place`` up to the root over all ``nodes``."""
    level, steps = list(nodes), []
    while len(level) > 1:
        beside = place ^ 1
        if beside < len(level):
            steps.append(Step("left" if beside < place else "right", level[beside]))
        level, place = _above(level), place // 2
    return steps


def climb(start: Node, steps: Iterable[Step]) -> Node:
    """Return the root that a leaf and its path lead to; raise ProofBrokenError on the way."""
    node = start
    for depth, step in enumerate(steps):
        if depth == _DEEPEST:
            raise ProofBrokenError("a path of more than 64 steps")
        pair = (step.sibling, node) if step.side == "left" else (node, step.sibling)
        node = join(*pair)
    return node


def _above(level: list[Node]) -> list[Node]:
    """Return the level above; one node without a sibling is carried up."""
    pairs = zip(level[::2], level[1::2], strict=False)
    found = [_joined(left, right, left.points + right.points) for left, right in pairs]
    if len(level) % 2:
        found.append(level[-1])
    return found


def _joined(left: Node, right: Node, points: int) -> Node:
    content = _INNER + left.points.to_bytes(8) + left.digest
    return Node(points, sha256(content + right.points.to_bytes(8) + right.digest).digest())


def _check(points: int) -> None:
    if not 0 <= points <= MOST_POINTS:
        raise ProofBrokenError("points in a tree are from 0 to 2^63 - 1")
