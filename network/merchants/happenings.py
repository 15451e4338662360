"""From what the outbox says to what a merchant is told of its own calls.

Only the merchant whose call made an entry is told of it: neither the issuer of the points nor
anybody else who is a party to them. A member appears under the name that this merchant alone knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count, islice
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from network import ids
from network.database.arrays import array
from network.errors import InvariantError
from network.events.feed import Happening
from network.events.queries import Event
from network.events.types import (
    CONSENT_ANSWERED,
    DISPUTE_DECIDED,
    EXPOSURE_CHANGED,
    MEMBER_JOINED,
    RECONCILIATION_FINISHED,
    SETTLEMENT_CLOSED,
)
from network.ids import EntryIds
from network.members.pairwise import PairwiseNames
from network.vault import Vault

SETTLED_TOPIC = "clearing.settled"
EXPOSURE_TOPIC = "exposure.changed"
_PLAIN = {
    SETTLED_TOPIC: SETTLEMENT_CLOSED,
    EXPOSURE_TOPIC: EXPOSURE_CHANGED,
    RECONCILIATION_FINISHED: RECONCILIATION_FINISHED,
    DISPUTE_DECIDED: DISPUTE_DECIDED,
    MEMBER_JOINED: MEMBER_JOINED,
    CONSENT_ANSWERED: CONSENT_ANSWERED,
}
"""Topics whose payload is told as it is, and the types under which it is."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """What an entry's kind becomes: a type, the prefix of its id, and what it belongs to."""

    type: str
    prefix: str
    subject: str


_KINDS = {
    "issuance": _Kind("earning.created", "ern", "earning"),
    "refund_issuance": _Kind("earning.refunded", "rfd", "earning"),
    "authorisation": _Kind("redemption.authorised", "red", "redemption"),
    "capture": _Kind("redemption.captured", "ent", "redemption"),
    "redemption": _Kind("redemption.captured", "red", "redemption"),
    "void": _Kind("redemption.voided", "ent", "redemption"),
    "release": _Kind("redemption.expired", "ent", "redemption"),
    "refund_redemption": _Kind("redemption.refunded", "rfd", "redemption"),
}
_TOPICS = {f"ledger.{kind}" for kind in _KINDS}
_MANY = "ledger.issuances"
_SUBJECT_PREFIX = {"earning": "ern", "redemption": "red"}

# Only who acts for a member has a space in its name: to look into each takes longer than the rest.
# The original of a refund may be a capture, which the merchant knows by its authorisation.
_ENTRIES = text(
    """
    SELECT k.place, e.member_id, e.sequence, e.kind,
           coalesce(e.merchant_id, o.merchant_id) AS merchant_id, e.merchant_ref, e.amount,
           e.currency, e.business_date, e.effective_at, e.recorded_at, e.channel, k.points,
           coalesce(CASE WHEN strpos(e.actor, ' ') > 0 THEN ledger.person_in(e.actor) END,
                    CASE WHEN strpos(o.actor, ' ') > 0 THEN ledger.person_in(o.actor) END,
                    e.member_id) AS person_id,
           CASE WHEN o.kind = 'capture' THEN o.original_sequence
                ELSE coalesce(e.original_sequence, e.sequence) END AS subject
    FROM unnest(CAST(:members AS uuid[]), CAST(:sequences AS bigint[]), CAST(:points AS bigint[]))
        WITH ORDINALITY AS k (member_id, sequence, points, place)
    JOIN ledger.entry AS e ON e.member_id = k.member_id AND e.sequence = k.sequence
    LEFT JOIN ledger.entry AS o
        ON o.member_id = e.member_id AND o.sequence = e.original_sequence
       AND o.business_date = e.original_date
    """
)


class Teller:
    """Makes what merchants are told out of events of the outbox."""

    def __init__(self, *, vault: Vault, entry_ids: EntryIds) -> None:
        self._names = PairwiseNames(vault)
        self._entry_ids = entry_ids

    def happenings(self, session: Session, *, events: Sequence[Event]) -> list[Happening]:
        """Return what merchants are told of ``events``, in their order: a cause before its effect.

        Nothing of those that concern none.
        """
        keys = [list(_entries_of(each)) for each in events]
        rows = _entries(session, [key for of_event in keys for key in of_event])
        told: list[Happening] = []
        places = count(1)
        for event, of_event in zip(events, keys, strict=True):
            if event.topic in _PLAIN:
                told.append(_plain(event))
            found = [rows.get(place) for place in islice(places, len(of_event))]
            told += [self._entry(row) for row in found if row and row.merchant_id is not None]
        return told

    def _entry(self, row: Row[Any]) -> Happening:
        kind = _KINDS[row.kind]
        entry_id = self._entry_ids.encode(
            prefix=kind.prefix, member_id=row.member_id, sequence=row.sequence
        )
        prefix = _SUBJECT_PREFIX[kind.subject]
        is_own = row.subject == row.sequence and prefix == kind.prefix
        subject = (
            entry_id
            if is_own
            else self._entry_ids.encode(
                prefix=prefix, member_id=row.member_id, sequence=row.subject
            )
        )
        return Happening(
            merchant_id=row.merchant_id,
            type=kind.type,
            occurred_at=row.recorded_at,
            data={
                "id": entry_id,
                kind.subject: subject,
                "member": self._names.name(member_id=row.person_id, merchant_id=row.merchant_id),
                "merchant_ref": row.merchant_ref,
                "points": row.points,
                "amount": row.amount,
                "currency": row.currency,
                "business_date": row.business_date.isoformat(),
                "occurred_at": _written(row.effective_at),
                "recorded_at": _written(row.recorded_at),
                "channel": row.channel,
            },
        )


def weight(event: Event) -> int:
    """Return how many entries an event is about, 1 for any other."""
    return 1 + str(event.payload.get("members", "")).count(",")


def settled_payload(
    *,
    window_id: UUID,
    first_day: str,
    end_day: str,
    currency: str,
    net: int,
    closing: int,
    digest: bytes,
) -> dict[str, Any]:
    """Return the payload of ``SETTLED_TOPIC`` for one merchant's statement of a window."""
    return {
        "id": ids.encode("win", window_id),
        "first_day": first_day,
        "end_day": end_day,
        "currency": currency,
        "net": net,
        "closing": closing,
        "digest": f"sha-256:{digest.hex()}",
    }


def _plain(event: Event) -> Happening:
    """Return an event that is told as it was published."""
    if event.merchant_id is None:
        raise InvariantError(f"{event.topic} of nobody")
    return Happening(
        merchant_id=event.merchant_id,
        type=_PLAIN[event.topic],
        occurred_at=event.recorded_at,
        data=event.payload,
    )


def _entries(session: Session, keys: Sequence[tuple[UUID | str, int, int]]) -> dict[int, Row[Any]]:
    """Return the entries of all keys, read at once, by their place from 1."""
    if not keys:
        return {}
    members, sequences, points = map(array, zip(*keys, strict=True))
    given = {"members": members, "sequences": sequences, "points": points}
    return {row.place: row for row in session.execute(_ENTRIES, given)}


def _entries_of(event: Event) -> Iterator[tuple[UUID | str, int, int]]:
    """Yield member, sequence and points of each entry that an event is about."""
    payload = event.payload
    if event.topic == _MANY:
        members, sequences, points = (
            payload[name].strip("{}").split(",") for name in ("members", "sequences", "points")
        )
        yield from zip(members, map(int, sequences), map(int, points), strict=True)
    elif event.topic in _TOPICS and event.member_id is not None:
        yield event.member_id, payload["sequence"], payload["points"]


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
