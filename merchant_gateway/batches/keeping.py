"""Sealing what a batch names its members by, each with that member's own key, once it is done.

When a batch comes nobody knows yet whom it names, so its signed body is sealed as a whole. Whoever
worked it off takes it apart while no other batch waits, or else the daily housekeeping: far from
the calls that merchants wait for, and soon enough for whoever leaves the programme. A line that was
posted and leads to nobody by now belongs to somebody who left meanwhile: it is sealed with a key
that is thrown away.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from merchant_gateway.batches.bench import Bench, bench_of
from merchant_gateway.batches.members import Named, find_members
from merchant_gateway.schemas.requests import SALT
from network.batches import bodies, queries
from network.batches.queries import BatchView
from network.ids import is_shared_wallet
from network.members.signed_bodies import (
    Piece,
    lost_key,
    member_span,
    open_whole,
    person_keys,
    seal_pieces,
)
from network.services import Services

log = logging.getLogger("peyvand.batches")

_IDENTIFIERS = {"phone", "card", "code", "token"}
_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a line (from 1) names its member, and how: nothing where that cannot be read."""

    line: int
    start: int
    end: int
    given: dict[str, str] | None


def keep_bodies(services: Services, *, failed: set[UUID]) -> int:
    """Seal the body of one batch that is done for whom it names; return how many that were.

    One that does not let itself be sealed joins ``failed``, and the next is taken instead: whoever
    hands the same set in again does not meet it again.
    """
    bench = bench_of(services)
    while True:
        batch_id = None
        try:
            with services.database.unit_of_work() as session:
                batch_id = bodies.next_unsealed(session, but_not=failed)
                if batch_id is None:
                    return 0
                _keep(session, bench, batch_id=batch_id)
        except Exception as error:
            if batch_id is None:  # it is not about a batch: the database is away
                raise
            failed.add(batch_id)
            log.warning("a batch is not sealed batch=%s reason=%s", batch_id, type(error).__name__)
        else:
            return 1


def _keep(session: Session, bench: Bench, *, batch_id: UUID) -> None:
    batch = queries.batch(session, batch_id=batch_id)
    whole = bodies.read_whole(session, batch_id=batch_id)
    kept = None if whole is None else _kept(session, bench, batch, whole)
    bodies.keep(session, batch_id=batch_id, body=kept)


def _kept(session: Session, bench: Bench, batch: BatchView, whole: bytes) -> bytes:
    vault = bench.services.vault
    body = open_whole(vault, whole)
    wallets = bodies.wallets_of_lines(session, batch_id=batch.batch_id)
    pieces: list[Piece] = []
    places = [*_places(body)]
    for first in range(0, len(places), _AT_ONCE):
        pieces += _pieces(session, bench, batch, places[first : first + _AT_ONCE], wallets)
    return seal_pieces(vault, body, pieces=pieces)


def _pieces(
    session: Session,
    bench: Bench,
    batch: BatchView,
    places: Sequence[_Place],
    wallets: Mapping[int, UUID],
) -> Iterator[Piece]:
    """Say with whose key each place is sealed: the member's, that of one who left, or nobody's."""
    read = [each for each in places if each.given is not None]
    found = find_members(session, bench, batch, given=[each.given or {} for each in read])
    named = {
        place.line: who.member_id
        for place, who in zip(read, found, strict=True)
        if isinstance(who, Named)
    }
    whose = {place.line: named.get(place.line) or wallets.get(place.line) for place in places}
    persons = {each for each in whose.values() if each is not None and not is_shared_wallet(each)}
    keys = person_keys(session, bench.services.vault, member_ids=persons)
    for place in places:
        person = whose[place.line]
        key = keys.get(person) or lost_key(person) if person in persons else None
        yield Piece(start=place.start, end=place.end, key=key)


def _places(body: bytes) -> Iterator[_Place]:
    """Find where each line names its member; one that hides it is taken as a whole."""
    start = 0
    for line, content in enumerate(body.split(b"\n"), 1):
        span = member_span(content)
        if span is not None:
            given = _read(content[slice(*span)])
            yield _Place(line, start + span[0], start + span[1], given)
        elif content.strip():
            yield _Place(line, start, start + len(content), None)
        start += len(content) + 1


def _read(content: bytes) -> dict[str, str] | None:
    try:
        given = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(given, dict):
        return None
    given.pop(SALT, None)
    if len(given) != 1 or not given.keys() <= _IDENTIFIERS:
        return None
    return given if isinstance(next(iter(given.values())), str) else None
