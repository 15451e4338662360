"""A merchant's sandbox itself: its time, its nights, and a fresh one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from threading import BoundedSemaphore
from typing import Any

from sqlalchemy.orm import Session

from merchant_gateway.errors import BusyError, RateLimitedError, SandboxUnavailableError
from merchant_gateway.gateway import Call, Entered
from merchant_gateway.operations import Answer, operation
from merchant_gateway.posting import today
from merchant_gateway.remembering import once
from merchant_gateway.schemas.requests import EMPTY
from merchant_gateway.schemas.sandbox import MOVE_CLOCK
from network import ids
from network.clearing import queries as clearing
from network.clearing.parties import clearing_id
from network.database.migrate import schema_digest
from network.errors import InvariantError
from network.ledger import queries as ledger
from network.sandboxes import service, time
from network.sandboxes.furnishing import partner_of
from network.sandboxes.queries import SandboxView, sandbox_of
from network.signing.queries import TEST, published_keys

SETTLE_SECONDS = 10.0
BETWEEN_RESETS = timedelta(seconds=30)
_ONE_AT_A_TIME = BoundedSemaphore(1)
"""Nights and days of sandboxes leave the other threads of this process to live calls."""


@operation("GET", "/sandbox", summary="Your sandbox and its time", answer="Sandbox")
def read_sandbox(call: Call, _query: dict[str, Any]) -> Answer:
    """Answer with the sandbox's time, its open business day, and the partner's code.

    Its time runs like ours from where you move it. `keys` are those with which it seals days and
    signs statements; no live key does, and answers are signed with the live one. The first call
    with a test key opens the sandbox; what nobody has used for 30 days is dropped.
    """
    view = entered(call).view
    with call.gateway.services.database.reading() as session:
        partner = partner_of(session).code
        day = ledger.open_day(session)
        keys = published_keys(session, environment=TEST)
    return Answer(
        payload={
            "programme_time": call.gateway.clock.now().isoformat(),
            "business_date": day.isoformat(),
            "opened_at": None if view.taken_at is None else view.taken_at.isoformat(),
            "merchant": call.key.merchant_code,
            "partner": partner,
            "keys": keys,
        }
    )


@operation(
    "POST",
    "/sandbox/clock",
    summary="Move the sandbox's time on",
    answer="SandboxClock",
    body=MOVE_CLOCK,
)
def move_sandbox_clock(call: Call, data: dict[str, Any]) -> Answer:
    """Let days pass: business days end, pending points become available, others expire.

    The days are settled when you ask for it. Time never goes back: reset the sandbox for that.
    Codes and holds live by real time and do not age.
    """

    def work(session: Session) -> dict[str, Any]:
        now = time.move_on(session, by=timedelta(days=data["days"]), wall=call.wall)
        return {"programme_time": now.isoformat(), "business_date": today(now).isoformat()}

    answer = once(call, work, status=200)
    if not _alone(lambda: time.catch_up(call.gateway.services.database)):
        raise BusyError("the sandbox has more days to catch up with")
    return answer


@operation(
    "POST",
    "/sandbox/settlements",
    summary="End the sandbox's day and settle",
    answer="SandboxSettlement",
    body=EMPTY,
)
def settle_sandbox(call: Call, _data: dict[str, Any]) -> Answer:
    """End the business day, as midnight does, and settle it and all days before it.

    `settlement` is the day's, to be read under `/settlements`; null where nothing was owed either
    way, or while days `remain`: the same call with the same key goes on with them.
    """

    def work(session: Session) -> dict[str, Any]:
        return {"business_date": time.end_day(session, wall=call.wall).isoformat()}

    answer = once(call, work, status=200)
    day = date.fromisoformat(answer.payload["business_date"])
    services, hands = call.gateway.services, entered(call).hands
    left = _alone(lambda: hands.settle(services, through=day, seconds=SETTLE_SECONDS))
    window_id = clearing_id("window", day, day + timedelta(days=1))
    with services.database.reading() as session:
        found = clearing.statement(session, merchant_id=call.merchant_id, window_id=window_id)
    settlement = None if found is None else ids.encode("win", window_id)
    payload = answer.payload | {"remaining": left, "settlement": settlement}
    return Answer(payload=payload, replayed=answer.replayed)


@operation(
    "POST",
    "/sandbox/reset",
    summary="Begin again with an empty sandbox",
    answer="SandboxReset",
    body=EMPTY,
    at_the_door=True,
)
def reset_sandbox(call: Call, _data: dict[str, Any]) -> Answer:
    """Drop everything in the sandbox and open a fresh one with today's terms, at today's time.

    The next call is made in the new one. At most one in 30 seconds.
    """

    def work(session: Session) -> dict[str, Any]:
        found = sandbox_of(session, merchant_id=call.merchant_id)
        _refuse_often(found, call)
        fresh = service.reset(
            session,
            merchant_id=call.merchant_id,
            schema_digest=schema_digest(),
            now=call.wall,
        )
        if fresh is None:
            raise SandboxUnavailableError("no fresh one is ready")
        return {"opened_at": call.wall.isoformat(), "merchant": call.key.merchant_code}

    answer = once(call, work, status=200)
    if not answer.replayed:
        call.gateway.guard.announce()
    return answer


def entered(call: Call) -> Entered:
    """Return the sandbox that a call is in; raise InvariantError where it is in none."""
    if call.sandbox is None:
        raise InvariantError("a call of a sandbox outside of any")
    return call.sandbox


def _refuse_often(found: SandboxView | None, call: Call) -> None:
    if found is None or found.taken_at is None:
        return
    wait = (found.taken_at + BETWEEN_RESETS - call.wall).total_seconds()
    if wait > 0:
        raise RateLimitedError(retry_after=int(wait) + 1)


def _alone(work: Callable[[], int]) -> int:
    """Do ``work`` while no other call of this process lets days pass; raises BusyError."""
    # Whoever waits would keep a thread from live calls.
    if not _ONE_AT_A_TIME.acquire(blocking=False):
        raise BusyError("another sandbox is at it")
    try:
        return work()
    finally:
        _ONE_AT_A_TIME.release()
