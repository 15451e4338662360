"""Bodies of signed requests as they are kept: whoever they name opens with that person's own key.

A body is kept in pieces. The first byte says how (``KEPT``); a body from before begins with
something else, as JSON does, and stands as it came.

    KEPT    number of pieces (4)
            each piece: whose (16, zeros: nobody's), where (4), how long (4), sealed
            what is left of the body once the pieces are cut out, which names nobody
    WHOLE   the body of a batch, sealed by the vault until its lines' members are known

Every piece opens to the bytes that were cut out, so the whole is the body to the byte and its
digest the one that the merchant signed. Without a person's key the piece stays shut for good: the
signature and the digest under it still hold, the rest can be read, the person cannot.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from network.errors import InvariantError
from network.ledger.evidence import StoredEvidence, read_evidence
from network.members.models import MemberKey
from network.members.sealing import KEY_BYTES, PersonKey, open_person_key
from network.vault import Vault

KEPT, WHOLE = 0x01, 0x02
ERASED = b'{"erased":true}'
"""What stands for a person whose key is gone; no identifier has this name."""

_PURPOSE = "signed-body"
_FIELD = "signed-body"
_NOBODY = bytes(16)
_HEAD = struct.Struct(">BI")
_PIECE = struct.Struct(">16sII")
_MEMBER = re.compile(rb'"member"[ \t\r\n]*:[ \t\r\n]*(\{[^{}]*\})')
_KEYS_AT_ONCE = 1_000


class NamesPersonError(InvariantError):
    """A request that names a member was about to be kept without being sealed."""

    code = "evidence_names_person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of a body that is sealed; ``key`` is None where it leads to no member."""

    start: int
    end: int
    key: PersonKey | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class _Sealed:
    person: bytes
    start: int
    content: bytes = field(repr=False)


def member_span(body: bytes) -> tuple[int, int] | None:
    """Return where a checked body of JSON names its member, None where that is not plain to see.

    A key can be spelt with escapes; then nothing is found, and the body is sealed as a whole. In
    what the schema has let through the name stands once and is a key: a text's own quotation
    marks are escaped.
    """
    found = _MEMBER.search(body)
    return None if found is None else found.span(1)


def seal_body(body: bytes, *, key: PersonKey) -> bytes:
    """Return a body that names the one member whom ``key`` is of, as it is kept."""
    start, end = member_span(body) or (0, len(body))
    sealed = key.seal(body[start:end], name=_FIELD)
    return b"".join(
        (
            _HEAD.pack(KEPT, 1),
            _PIECE.pack(key.member_id.bytes, start, len(sealed)),
            sealed,
            body[:start],
            body[end:],
        )
    )


def check_unnamed(body: bytes) -> bytes:
    """Return a body that names nobody; raise NamesPersonError where it does."""
    if member_span(body) is not None:
        raise NamesPersonError("a request that names a member is kept sealed")
    return body


def seal_whole(vault: Vault, body: bytes) -> bytes:
    """Return a body whose members are not known yet, as it is kept until they are."""
    return bytes((WHOLE,)) + vault.seal(body, purpose=_PURPOSE)


def seal_pieces(vault: Vault, body: bytes, *, pieces: Sequence[Piece]) -> bytes:
    """Return a body with these pieces, in their order and apart from each other, sealed."""
    heads, rest, last = [_HEAD.pack(KEPT, len(pieces))], [], 0
    for piece in pieces:
        plain = body[piece.start : piece.end]
        if piece.key is None:
            person, sealed = _NOBODY, vault.seal(plain, purpose=_PURPOSE)
        else:
            person, sealed = piece.key.member_id.bytes, piece.key.seal(plain, name=_FIELD)
        heads += (_PIECE.pack(person, piece.start, len(sealed)), sealed)
        rest.append(body[last : piece.start])
        last = piece.end
    return b"".join((*heads, *rest, body[last:]))


def is_whole(kept: bytes) -> bool:
    """Return whether a body waits for its lines' members to be looked up."""
    return kept[:1] == bytes((WHOLE,))


def open_whole(vault: Vault, kept: bytes) -> bytes:
    """Return the body that ``seal_whole`` made; raises SealBrokenError."""
    return vault.open(kept[1:], purpose=_PURPOSE)


def entry_evidence(
    session: Session, vault: Vault, *, member_id: UUID, sequence: int
) -> StoredEvidence | None:
    """Return an entry's evidence with its body opened as far as the keys go.

    ``erased`` says that somebody's key is gone; ``ERASED`` stands in that person's place, and the
    body is not the one that was signed any more. Callers owe what ``network.ledger.evidence`` says.
    Raises SealBrokenError where a body was changed.
    """
    found = read_evidence(session, member_id=member_id, sequence=sequence)
    return None if found is None else opened(session, vault, evidence=found)


def opened(session: Session, vault: Vault, *, evidence: StoredEvidence) -> StoredEvidence:
    """Return evidence as it is stored with its body opened as far as the keys go."""
    if is_whole(evidence.body):
        return replace(evidence, body=open_whole(vault, evidence.body))
    if evidence.body[:1] != bytes((KEPT,)):
        return evidence
    pieces, rest = _read(evidence.body)
    persons = {UUID(bytes=each.person) for each in pieces if each.person != _NOBODY}
    keys = person_keys(session, vault, member_ids=persons)
    body, erased = _joined(pieces, rest, open_piece=lambda each: _open(vault, keys, each))
    return replace(evidence, body=body, erased=erased)


def person_keys(
    session: Session, vault: Vault, *, member_ids: Collection[UUID]
) -> dict[UUID, PersonKey]:
    """Return the keys of these members that are still there."""
    wanted, found = sorted(member_ids), {}
    for first in range(0, len(wanted), _KEYS_AT_ONCE):
        rows = session.execute(
            select(MemberKey.member_id, MemberKey.sealed_key).where(
                MemberKey.member_id.in_(wanted[first : first + _KEYS_AT_ONCE])
            )
        )
        for row in rows:
            found[row.member_id] = open_person_key(
                vault, member_id=row.member_id, sealed_key=row.sealed_key
            )
    return found


def lost_key(member_id: UUID) -> PersonKey:
    """Return a key of somebody who has left: what it seals opens for nobody."""
    return PersonKey(member_id=member_id, key=os.urandom(KEY_BYTES))


def _open(vault: Vault, keys: Mapping[UUID, PersonKey], piece: _Sealed) -> bytes | None:
    if piece.person == _NOBODY:
        return vault.open(piece.content, purpose=_PURPOSE)
    key = keys.get(UUID(bytes=piece.person))
    return None if key is None else key.open(piece.content, name=_FIELD)


def _read(kept: bytes) -> tuple[list[_Sealed], bytes]:
    """Return the pieces of a body and what is left of it."""
    _, count = _HEAD.unpack_from(kept)
    at, pieces = _HEAD.size, []
    for _each in range(count):
        person, start, length = _PIECE.unpack_from(kept, at)
        at += _PIECE.size
        pieces.append(_Sealed(person, start, kept[at : at + length]))
        at += length
    return pieces, kept[at:]


def _joined(
    pieces: Iterable[_Sealed], rest: bytes, *, open_piece: Callable[[_Sealed], bytes | None]
) -> tuple[bytes, bool]:
    """Put the pieces back where they stood; say whether one of them stays shut."""
    parts: list[bytes] = []
    taken, length, erased = 0, 0, False
    for piece in pieces:
        before = rest[taken : taken + piece.start - length]
        plain = open_piece(piece)
        erased = erased or plain is None
        shown = ERASED if plain is None else plain
        parts += (before, shown)
        taken += len(before)
        length = piece.start + _length(piece.content)
    return b"".join((*parts, rest[taken:])), erased


def _length(sealed: bytes) -> int:
    """Return how many bytes were sealed: without the nonce (12) and the tag (16)."""
    return len(sealed) - 28
