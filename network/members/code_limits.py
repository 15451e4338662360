"""How often a one-time code may be asked for, so that nobody is locked out by others' asking.

Codes of a phone stand in lanes that neither count nor end each other's: one for each browser that
has signed in with this phone before, one for who is signed in and confirms something, and one for
everybody else, whom nothing tells apart from the member.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from network.members.errors import ThrottledError
from network.members.models import OneTimeCode
from network.members.phones import normalise_phone
from network.vault import Vault

Limits = tuple[tuple[int, timedelta], ...]
DAY = timedelta(days=1)
PHONE_LIMITS: Limits = ((1, timedelta(minutes=1)), (5, timedelta(hours=1)))
PAIR_LIMITS: Limits = ((5, DAY),)
ADDRESS_LIMITS: Limits = ((20, timedelta(hours=1)), (60, DAY))
"""At most so many codes in the last so long: in a lane of a phone; for a phone and from a network
address, which are those of no known browser; from a network address for all such phones."""

OFTEN, PAUSE = 10, timedelta(hours=1)
"""After so many in a day, a lane gets one in so long: a wait that ends, and no more messages."""

_BROWSER_PURPOSE = "known-browser"
_SIGNED_IN_PURPOSE = "signed-in-asker"


def known_browser(vault: Vault, *, phone: str, token: str | None) -> bytes | None:
    """Return the lane of a browser, by the token it keeps; ``None``: everybody's.

    Whoever calls has made sure that the member of the phone has signed in on it before.
    """
    if token is None:
        return None
    return vault.blind_index(f"{normalise_phone(phone)} {token}", purpose=_BROWSER_PURPOSE)


def signed_in(vault: Vault, *, phone: str) -> bytes:
    """Return the lane of who is signed in as the member of a phone."""
    return vault.blind_index(normalise_phone(phone), purpose=_SIGNED_IN_PURPOSE)


def check(
    session: Session, *, phone: bytes, address: bytes | None, lane: bytes | None, wall: datetime
) -> None:
    """Raise ThrottledError where another code may not be asked for yet; one asks at a time.

    ``phone`` and ``address`` are blind indexes.
    """
    _one_at_a_time(session, phone, address)
    here = (OneTimeCode.phone_index == phone) & OneTimeCode.lane.is_not_distinct_from(lane)
    _throttle(session, here, limits=PHONE_LIMITS, wall=wall, pause=PAUSE)
    if address is not None and lane is None:
        anybody = (OneTimeCode.address_index == address) & OneTimeCode.lane.is_(None)
        _throttle(session, here & anybody, limits=PAIR_LIMITS, wall=wall)
        _throttle(session, anybody, limits=ADDRESS_LIMITS, wall=wall)


def _one_at_a_time(session: Session, *indexes: bytes | None) -> None:
    """Let one request per phone and per address through at a time, so that counting is exact."""
    locks = {int.from_bytes(index[:8], signed=True) for index in indexes if index is not None}
    for lock in sorted(locks):
        session.execute(select(func.pg_advisory_xact_lock(lock)))


def _throttle(
    session: Session,
    whose: ColumnElement[bool],
    *,
    limits: Limits,
    wall: datetime,
    pause: timedelta | None = None,
) -> None:
    times = list(
        session.scalars(
            select(OneTimeCode.requested_at)
            .where(whose, OneTimeCode.requested_at > wall - DAY)
            .order_by(OneTimeCode.requested_at.desc())
        )
    )
    free_at = [times[most - 1] + span for most, span in limits if len(times) >= most]
    if pause is not None and len(times) >= OFTEN:
        free_at.append(times[0] + pause)
    if free_at and max(free_at) > wall:
        seconds = -((wall - max(free_at)) // timedelta(seconds=1))
        raise ThrottledError(
            "too many codes were asked for; wait", facts={"retry_after": max(seconds, 1)}
        )
