"""What the operations that move points have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, datetime
from threading import BoundedSemaphore
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from merchant_gateway.errors import WrongMerchantError
from merchant_gateway.gateway import Call
from merchant_gateway.operations import Again, Answer
from network.clock import local_date
from network.database.connection import Database
from network.database.driver import Channel
from network.ids import EntryKey
from network.ledger import claims
from network.ledger.errors import DuplicateReference
from network.ledger.values import Event, Posted
from network.points import worth as worth_in_units
from network.settings import CURRENCY, PROGRAMME_ZONE

_PATIENT = BoundedSemaphore(2)
"""Half of a process's threads at most wait for those who post before they refuse a call."""


class Working:
    """A call's way to the database: a connection for what it does, a session for rarer reads.

    Every statement on the connection is a transaction of its own, so a call that resolves a member
    and moves points makes two round trips. A call that is part of a unit of work (the portal's) has
    that one's session as both.
    """

    def __init__(self, database: Database, connection: Channel, later: ExitStack) -> None:
        self.connection = connection
        self._database = database
        self._later = later
        self._session = connection if isinstance(connection, Session) else None

    @property
    def session(self) -> Session:
        """Return a session in autocommit, opened where somebody asks for it."""
        if self._session is None:
            self._session = self._later.enter_context(self._database.glance())
        return self._session

    def within(self, session: Session) -> Working:
        """Return the same work in the transaction of ``session``."""
        return Working(self._database, session, self._later)


@contextmanager
def working(call: Call) -> Iterator[Working]:
    """Yield what a call works on."""
    with ExitStack() as later:
        database = call.gateway.services.database
        if call.session is not None:
            yield Working(database, call.session, later)
            return
        with database.direct() as connection:
            yield Working(database, connection, later)


class duplicates_named:  # noqa: N801 - read as the other contexts are, but entered by every call
    """Add the id of the entry that has a merchant's reference to the refusal of its second use.

    References are a merchant's own, so the entry is one of its own too. It may lie in a wallet that
    the member shares, or shared.
    """

    def __init__(self, call: Call, *, member_id: UUID, prefix: str) -> None:
        self._call, self._member_id, self._prefix = call, member_id, prefix

    def __enter__(self) -> None:
        """Begin; nothing is done before a refusal."""

    def __exit__(self, kind: object, refusal: BaseException | None, trace: object) -> None:
        """Name the entry where there was such a refusal, which goes on."""
        if not isinstance(refusal, DuplicateReference):
            return
        sequence = refusal.facts.get("sequence")
        if isinstance(sequence, int):
            refusal.facts["entry"] = self._call.gateway.services.entry_ids.encode(
                prefix=self._prefix,
                member_id=UUID(str(refusal.facts.get("member_id", self._member_id))),
                sequence=sequence,
            )


def today(now: datetime) -> date:
    """Return the programme's calendar date."""
    return local_date(now, zone=PROGRAMME_ZONE)


def event_of(call: Call, data: dict[str, Any], *, now: datetime, merchant_ref: str) -> Event:
    """Return the event that a request reports."""
    terms = call.gateway.terms
    store_id = terms.store(merchant_id=call.merchant_id, code=data.get("store"))
    terms.check_terminal(store_id=store_id, code=data.get("terminal"))
    return Event(
        merchant_id=call.merchant_id,
        merchant_ref=merchant_ref,
        effective_at=data.get("occurred_at", now),
        store_id=store_id,
        terminal=data.get("terminal"),
        receipt=data.get("receipt"),
        channel=data.get("channel", "in_store"),
        amount=data.get("amount"),
        base=data.get("amount"),
        currency=data.get("currency"),
    )


def open_id(call: Call, text: str, *, prefix: str) -> EntryKey:
    """Return the entry that a public id in the path names; raises UnknownIdError."""
    return call.gateway.services.entry_ids.decode(text, prefix=prefix)


def own(call: Call, merchant_id: object) -> None:
    """Answer for another merchant's entry as if there were none; raises WrongMerchantError."""
    if merchant_id != call.merchant_id:
        raise WrongMerchantError("this belongs to another merchant")


def worth(call: Call, *, points: int, day: date) -> dict[str, Any]:
    """Return what points are worth on a day, as an amount with its currency."""
    value = call.gateway.terms.face_value(day=day)
    return {"amount": worth_in_units(points=points, face_value=value), "currency": CURRENCY}


def posted_answer(posted: Posted, payload: dict[str, Any], *, status: int) -> Answer:
    """Return the answer of a call that moved points."""
    payload["business_date"] = posted.business_date.isoformat()
    return Answer(payload=payload, status=status, replayed=posted.replayed)


def answered_with(answer: Callable[..., Answer]) -> Again:
    """Return how a call that moved points is found again, answered as it was then.

    ``answer`` gets the call, its data, what was posted and the ids of the path. Where the points
    are a rehearsal's there is nothing to find: no key was used. A call with the key that
    may wait for a wallet still is waited for; after a second, and at once where others wait
    already, RequestInProgressError is raised.
    """

    def again(call: Call, data: dict[str, Any], **path_ids: str) -> Answer | None:
        if data.get("preview") == "true":
            return None
        patient = _PATIENT.acquire(blocking=False)
        patience = claims.PATIENCE_SECONDS if patient else 0.0
        try:
            with call.gateway.services.database.glance() as session:
                posted = claims.settled(session, claim=call.claim(), patience_seconds=patience)
        finally:
            if patient:
                _PATIENT.release()
        return None if posted is None else answer(call, data, posted, **path_ids)

    return again
