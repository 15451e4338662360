"""Telling every gateway process at once that somebody's access has changed.

The gateway keeps what it has read of a key for a second. A change counts ``EPOCH_KEY`` up, which
the gateway reads with every request, and views older than that are dropped. ``note_change`` writes
an event in the unit of work that changes something, so the count goes up even where the process
ends right after its commit; whoever made the change also calls ``announce``, so that the very next
request meets it.
"""

from __future__ import annotations

from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.orm import Session

from network.events.service import publish

EPOCH_KEY = "gateway:keys:epoch"
TOPIC = "merchant.access"


class Counter(Protocol):
    """What is needed of a Valkey client."""

    def incr(self, name: str) -> Any:
        """Add one to a number that is kept under ``name``."""


def note_change(session: Session, *, merchant_id: UUID) -> None:
    """Write the event that has the change announced after the commit."""
    publish(session, topic=TOPIC, payload={}, merchant_id=merchant_id)


def announce(valkey: Counter) -> None:
    """Have every gateway process read keys and merchants anew with its next request."""
    valkey.incr(EPOCH_KEY)
