"""Reads of the nights' proofs: what is published, and a member's own way to the root."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from network import ids
from network.proofs import tokens
from network.proofs.models import PointsProof, PointsProofChunk
from network.proofs.night_secrets import NightSecrets
from network.proofs.tree import DIGEST_BYTES, Node, Step, leaf, path_of
from network.proofs.verify import FORMAT
from network.signing.queries import active_key
from network.vault import Vault

_LEAF_BYTES = 8 + DIGEST_BYTES
_Chunk = PointsProofChunk


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofView:
    """A night as published: ``signed`` is the JWS over the other facts."""

    business_date: date
    root: bytes
    points: int
    leaves: int
    seal: bytes
    key_id: str
    signed: str
    made_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberProof:
    """A member's leaf of a night and the steps from it to the root."""

    night: ProofView
    member_id: UUID
    nonce: bytes
    leaf: Node
    steps: tuple[Step, ...]


def proof(session: Session, *, business_date: date) -> ProofView | None:
    """Return a night's proof, ``None`` where it has none."""
    row = session.get(PointsProof, business_date)
    return None if row is None else _view(row)


def proofs(session: Session, *, limit: int, before: date | None = None) -> list[ProofView]:
    """Return nights, the latest first: those before ``before``."""
    query = select(PointsProof).order_by(PointsProof.business_date.desc()).limit(limit)
    if before is not None:
        query = query.where(PointsProof.business_date < before)
    return [_view(row) for row in session.scalars(query)]


def member_proof(
    session: Session, vault: Vault, *, member_id: UUID, business_date: date
) -> MemberProof | None:
    """Return a member's way to the root of a night.

    ``None`` where the night has no proof, the member held no points when it ended, or its leaves
    are no longer kept. Reads one chunk of leaves and the nodes above all chunks.
    """
    night = proof(session, business_date=business_date)
    if night is None:
        return None
    secrets = NightSecrets(vault, business_date=business_date)
    chunk = session.scalars(
        select(_Chunk)
        .where(_Chunk.business_date == business_date, _Chunk.first_tag <= secrets.tag(member_id))
        .order_by(_Chunk.first_tag.desc())
        .limit(1)
    ).one_or_none()
    if chunk is None:
        return None
    nodes = unpack(chunk.leaves)
    nonce = secrets.nonce(member_id)
    for place, node in enumerate(nodes):
        own = leaf(
            business_date=business_date, member_id=member_id, nonce=nonce, points=node.points
        )
        if own == node:
            steps = path_of(nodes, place) + path_of(_tops(session, business_date), chunk.number)
            return MemberProof(
                night=night, member_id=member_id, nonce=nonce, leaf=node, steps=tuple(steps)
            )
    return None


def document(session: Session, vault: Vault, *, proof: MemberProof) -> dict[str, Any]:
    """Return the file that a member hands on: his signed statement, and the signed night.

    ``network.proofs.verify`` checks it without asking the network.
    """
    said = {
        "business_date": proof.night.business_date.isoformat(),
        "member": ids.encode("mem", proof.member_id),
        "nonce": proof.nonce.hex(),
        "path": [
            {
                "side": step.side,
                "points": step.sibling.points,
                "digest": step.sibling.digest.hex(),
            }
            for step in proof.steps
        ],
        "points": proof.leaf.points,
    }
    key = active_key(session, vault=vault, purpose=tokens.PURPOSE)
    return {
        "format": FORMAT,
        "statement": tokens.sign(said, key=key, typ=tokens.STATEMENT),
        "night": proof.night.signed,
    }


def pack(nodes: Sequence[Node]) -> bytes:
    """Return leaves as they are stored."""
    return b"".join(node.points.to_bytes(8) + node.digest for node in nodes)


def unpack(packed: bytes) -> list[Node]:
    """Return stored leaves."""
    return [
        Node(int.from_bytes(packed[at : at + 8]), packed[at + 8 : at + _LEAF_BYTES])
        for at in range(0, len(packed), _LEAF_BYTES)
    ]


def _tops(session: Session, day: date) -> list[Node]:
    rows = session.execute(
        select(_Chunk.points, _Chunk.digest)
        .where(_Chunk.business_date == day)
        .order_by(_Chunk.number)
    )
    return [Node(row.points, row.digest) for row in rows]


def _view(row: PointsProof) -> ProofView:
    return ProofView(**{name: getattr(row, name) for name in ProofView.__dataclass_fields__})
