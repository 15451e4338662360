"""How often members may be asked for points without their code, and codes be tried at tills.

Whoever counts holds a lock for what is counted until the commit, so that two who ask at once are
not both the last who may.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from network.spend_requests.errors import TooManyAskedError
from network.spend_requests.models import SpendRequest
from network.spend_requests.queries import LIFE, REFUSED, WAITING, WITHDRAWN

MOST_WAITING = 6
MOST_WAITING_HERE = 2
"""At most so many requests wait for one member, and of them so many of one merchant."""

UNANSWERED = (5, timedelta(days=1))
UNANSWERED_OF_MERCHANT = (300, timedelta(hours=1))
"""So many may end without a yes: of one merchant for one member, and for all members."""

VAIN_TRIES_OF_MERCHANT = (200, timedelta(days=1))
"""So many tries of codes may come to nothing: whoever guesses has one chance in 5,000 a day.

They are looked at before a request is made and before each try at a till is counted."""

_Limit: TypeAlias = tuple[int, timedelta, ColumnElement[int], tuple[ColumnElement[bool], ...]]
_LOCK_LABEL = b"peyvand-spend-request-v1"
_NO_YES = SpendRequest.state.in_((WAITING, REFUSED, WITHDRAWN))


def check_asking(session: Session, *, member_id: UUID, merchant_id: UUID, wall: datetime) -> None:
    """Raise TooManyAskedError where the member may not be asked by the merchant now."""
    one_at_a_time(session, merchant_id)
    here = (SpendRequest.member_id == member_id, SpendRequest.merchant_id == merchant_id)
    waiting = (SpendRequest.state == WAITING, SpendRequest.expires_at > wall)
    asked = func.count()
    limits: tuple[_Limit, ...] = (
        (MOST_WAITING_HERE, LIFE, asked, (*here, *waiting)),
        (MOST_WAITING, LIFE, asked, (here[0], *waiting)),
        (*UNANSWERED, asked, (*here, _NO_YES)),
        (*UNANSWERED_OF_MERCHANT, asked, (here[1], _NO_YES)),
        _vain_tries(merchant_id),
    )
    _bound(session, limits, wall=wall)


def check_tries(session: Session, *, merchant_id: UUID, wall: datetime) -> None:
    """Raise TooManyAskedError where the merchant may try no more codes now."""
    one_at_a_time(session, merchant_id)
    _bound(session, (_vain_tries(merchant_id),), wall=wall)


def _vain_tries(merchant_id: UUID) -> _Limit:
    which = (SpendRequest.merchant_id == merchant_id, _NO_YES)
    return (*VAIN_TRIES_OF_MERCHANT, func.sum(SpendRequest.attempts), which)


def _bound(session: Session, limits: tuple[_Limit, ...], *, wall: datetime) -> None:
    """Raise TooManyAskedError where one of the limits is reached."""
    for most, span, counted, which in limits:
        count, first = session.execute(
            select(counted, func.min(SpendRequest.requested_at)).where(
                *which, SpendRequest.requested_at > wall - span
            )
        ).one()
        if (count or 0) >= most:
            seconds = -((wall - (first + span)) // timedelta(seconds=1))
            raise TooManyAskedError("asked too often", facts={"retry_after": max(1, seconds)})


def one_at_a_time(session: Session, whose: UUID) -> None:
    """Let one transaction at a time count what a member or a merchant has done."""
    lock = int.from_bytes(sha256(_LOCK_LABEL + whose.bytes).digest()[:8], signed=True)
    session.execute(select(func.pg_advisory_xact_lock(lock)))
