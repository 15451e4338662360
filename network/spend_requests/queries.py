"""Reads of requests to spend."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from network.spend_requests.errors import UnknownSpendRequestError
from network.spend_requests.models import SpendRequest, TapLimit

WAITING, APPROVED, REFUSED = "waiting", "approved", "refused"
WITHDRAWN, TAKEN, EXPIRED = "withdrawn", "taken", "expired"

PREFIX = "spr"
LIFE = timedelta(minutes=5)
"""For so long a request waits for the member's word, or for the till to take what was agreed to."""

MOST_SHOWN = 20
MOST_BY_TAP = 2_000
"""Up to so many points a tap in the wallet is enough, until two people have set another limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendRequestView:
    """What a merchant asks of a member; ``state`` as of the moment it was read at.

    ``needs_code``: a tap in the wallet is too little for so many points, by the limit of when the
    member was asked. ``needs_proof``: the wallet asks for a proof, too; a till can't.
    """

    spend_request_id: UUID
    member_id: UUID
    merchant_id: UUID
    store_id: UUID | None
    terminal: str | None
    merchant_ref: str
    idempotency_key: str
    capture: str
    hold_minutes: int | None
    points: int
    needs_code: bool
    needs_proof: bool
    amount: int | None
    state: str
    requested_at: datetime
    expires_at: datetime
    answered_at: datetime | None
    answered_by: str | None
    entry: tuple[UUID, int] | None


def most_by_tap(session: Session) -> int:
    """Return up to how many points a tap is enough; above, it takes the message's code as well."""
    newest = session.scalar(
        select(TapLimit.points)
        .order_by(TapLimit.set_at.desc(), TapLimit.tap_limit_id.desc())
        .limit(1)
    )
    return MOST_BY_TAP if newest is None else newest


def spend_request(session: Session, *, spend_request_id: UUID, wall: datetime) -> SpendRequestView:
    """Return one request; raise UnknownSpendRequestError."""
    row = session.get(SpendRequest, spend_request_id)
    if row is None:
        raise UnknownSpendRequestError("nobody was asked under that id")
    return view_of(row, wall=wall)


def newest(
    session: Session, *, member_id: UUID, merchant_id: UUID, merchant_ref: str, wall: datetime
) -> SpendRequestView | None:
    """Return what was asked last under a merchant's reference, ``None`` where nothing was."""
    row = session.scalars(
        select(SpendRequest)
        .where(
            SpendRequest.member_id == member_id,
            SpendRequest.merchant_id == merchant_id,
            SpendRequest.merchant_ref == merchant_ref,
        )
        .order_by(SpendRequest.requested_at.desc(), SpendRequest.spend_request_id.desc())
        .limit(1)
    ).first()
    return None if row is None else view_of(row, wall=wall)


def waiting_for(session: Session, *, member_id: UUID, wall: datetime) -> list[SpendRequestView]:
    """Return what waits for a member's word, what runs out first before the others."""
    rows = session.scalars(
        select(SpendRequest)
        .where(
            SpendRequest.member_id == member_id,
            SpendRequest.state == WAITING,
            SpendRequest.expires_at > wall,
        )
        .order_by(SpendRequest.expires_at, SpendRequest.spend_request_id)
    )
    return [view_of(row, wall=wall) for row in rows]


def open_with(
    session: Session,
    *,
    merchant_id: UUID,
    wall: datetime,
    member_id: UUID | None = None,
    merchant_ref: str | None = None,
    at: tuple[UUID, str | None] | None = None,
) -> list[SpendRequestView]:
    """Return what a merchant may still take, or waits for, the newest first: at most 20.

    Of one member, under one reference, or asked ``at`` a store and its till, where these are given.
    """
    conditions = [
        SpendRequest.merchant_id == merchant_id,
        SpendRequest.requested_at > wall - 2 * LIFE,  # a late yes lasts a little longer
        SpendRequest.expires_at > wall,
        SpendRequest.state.in_((WAITING, APPROVED)),
    ]
    if member_id is not None:
        conditions.append(SpendRequest.member_id == member_id)
    if merchant_ref is not None:
        conditions.append(SpendRequest.merchant_ref == merchant_ref)
    if at is not None:
        store_id, terminal = at
        conditions += [SpendRequest.store_id == store_id, SpendRequest.terminal == terminal]
    rows = session.scalars(
        select(SpendRequest)
        .where(*conditions)
        .order_by(SpendRequest.requested_at.desc(), SpendRequest.spend_request_id.desc())
        .limit(MOST_SHOWN)
    )
    return [view_of(row, wall=wall) for row in rows]


def consent_to(
    session: Session, *, member_id: UUID, sequence: int, wall: datetime
) -> SpendRequestView | None:
    """Return how the consent to an entry was asked for and given, ``None`` where by a code."""
    row = session.scalars(
        select(SpendRequest).where(
            SpendRequest.entry_member_id == member_id, SpendRequest.entry_sequence == sequence
        )
    ).first()
    return None if row is None else view_of(row, wall=wall)


def view_of(row: SpendRequest, *, wall: datetime) -> SpendRequestView:
    """Return a row as it stands at wall time ``wall``."""
    over = row.state in {WAITING, APPROVED} and row.expires_at <= wall
    entry = None
    if row.entry_member_id is not None and row.entry_sequence is not None:
        entry = (row.entry_member_id, row.entry_sequence)
    return SpendRequestView(
        spend_request_id=row.spend_request_id,
        member_id=row.member_id,
        merchant_id=row.merchant_id,
        store_id=row.store_id,
        terminal=row.terminal,
        merchant_ref=row.merchant_ref,
        idempotency_key=row.idempotency_key,
        capture=row.capture,
        hold_minutes=row.hold_minutes,
        points=row.points,
        needs_code=row.needs_code,
        needs_proof=row.needs_proof,
        amount=row.amount,
        state=EXPIRED if over else row.state,
        requested_at=row.requested_at,
        expires_at=row.expires_at,
        answered_at=row.answered_at,
        answered_by=row.answered_by,
        entry=entry,
    )
