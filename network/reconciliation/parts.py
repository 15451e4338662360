"""Which lines of an entry concern a merchant, and the network's signed word on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.orm import Session

from network.clearing import queries as clearing
from network.clearing.facts import EntryLine
from network.clearing.lines import entry_lines
from network.clearing.statement_reads import PUBLISHED
from network.clearing.statements import canonical, plain
from network.ids import EntryIds
from network.ledger.views import EntryView
from network.members.pairwise import PairwiseNames
from network.signing.queries import active_key
from network.vault import Vault

_STATEMENT = "peyvand dispute answer, version 2"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedAnswer:
    """What the network says of an entry: canonical JSON, and its Ed25519 signature over it."""

    said: bytes
    key_id: str
    signature: bytes


def sign_answer(
    session: Session,
    vault: Vault,
    *,
    entry: EntryView,
    lines: Sequence[EntryLine],
    merchant_id: UUID,
) -> SignedAnswer:
    """Return what the network says of an entry to a merchant, signed now."""
    said = canonical(_answer(vault, entry, lines=lines, merchant_id=merchant_id))
    key = active_key(session, vault=vault, purpose="answers")
    signature = Ed25519PrivateKey.from_private_bytes(key.private_key).sign(said)
    return SignedAnswer(said=said, key_id=key.key_id, signature=signature)


def part_of(session: Session, *, entry: EntryView, merchant_id: UUID) -> list[EntryLine] | None:
    """Return the entry's lines on a merchant's published statement, none before there is one.

    ``None`` where the merchant has no part in the entry: it neither made it nor is there a line.
    """
    window = clearing.window_of(session, business_date=entry.business_date)
    lines: list[EntryLine] = []
    if window is not None and window.state in PUBLISHED:
        lines = entry_lines(
            session,
            window=window,
            merchant_id=merchant_id,
            member_id=entry.member_id,
            sequence=entry.sequence,
        )
    return lines if lines or entry.merchant_id == merchant_id else None


def parties_of(session: Session, *, entry: EntryView) -> set[UUID]:
    """Return the merchants that may dispute an entry."""
    named = {entry.merchant_id}
    for each in entry.postings:
        named |= {each.issuer_id, each.acceptor_id}
    return {
        merchant_id
        for merchant_id in named
        if merchant_id is not None
        and part_of(session, entry=entry, merchant_id=merchant_id) is not None
    }


def points_of(lines: Sequence[EntryLine]) -> int:
    """Return the points behind lines: several may stand for one posting, as price and fee do."""
    return sum({each.line: each.points for each in lines}.values())


def _answer(
    vault: Vault, entry: EntryView, *, lines: Sequence[EntryLine], merchant_id: UUID
) -> dict[str, object]:
    """Return what the network says of an entry to one merchant, as plain JSON.

    Of another shop's sale it says what stands on this merchant's statement and no more: ``points``
    are those of its own lines, and what only the other shop knows is not there.
    """
    said: dict[str, object] = {
        "statement": _STATEMENT,
        "entry": EntryIds(vault).encode(
            prefix="ent", member_id=entry.member_id, sequence=entry.sequence
        ),
        "business_date": entry.business_date.isoformat(),
        "lines": [
            {
                "kind": each.kind,
                "direction": each.direction,
                "points": each.points,
                "price": plain(each.price),
            }
            for each in lines
        ],
    }
    if entry.merchant_id != merchant_id:
        return said | {"points": points_of(lines)}
    return said | {
        "kind": entry.kind,
        "member": PairwiseNames(vault).name(member_id=entry.member_id, merchant_id=merchant_id),
        "merchant_ref": entry.merchant_ref,
        "points": entry.points,
        "amount": entry.amount,
        "currency": entry.currency,
        "occurred_at": entry.effective_at.isoformat(),
        "recorded_at": entry.recorded_at.isoformat(),
        "digest": f"sha-256:{entry.digest.hex()}",
    }
