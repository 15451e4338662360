"""What was done at the tills of the portal: each form once, in the transaction that posts.

A form carries its key from the moment it is served. ``claim`` writes the key first, so a form that
is taken a second time, even at the same moment, waits for the first and is told what that did; and
a form that was cancelled before it arrived is refused when it does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from network.ids import EntryKey
from network.ledger import shared_wallets
from network.portal.errors import FormCancelledError, UnknownActError
from network.portal.models import PortalAct

EARN, REDEEM = "earn", "redeem"
REFUND_EARN, REFUND_REDEEM = "refund_earn", "refund_redeem"
UNDO, CANCELLED = "undo", "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form that a till sent: its key, its reference, who sent it and from where."""

    merchant_id: UUID
    key: str
    merchant_ref: str
    kind: str
    user_id: UUID
    session_id: UUID
    store_id: UUID | None
    terminal: str | None
    amount: int | None = None
    original_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActView:
    """What a form did. ``undone``, and what refunds have given back of it so far.

    ``original_kind`` is that of the act which this one changes.
    """

    merchant_id: UUID
    key: str
    kind: str
    merchant_ref: str
    user_id: UUID
    store_id: UUID | None
    terminal: str | None
    recorded_at: datetime
    business_date: date | None
    member_id: UUID | None
    sequence: int | None
    points: int | None
    amount: int | None
    original_key: str | None
    original_kind: str | None
    undone: bool
    refunded_points: int
    refunded_amount: int

    @property
    def gain(self) -> int:
        """Return how many points the customer has more by it, below zero how many fewer."""
        taken = self.kind in {REDEEM, REFUND_EARN} or self.original_kind == EARN
        return -(self.points or 0) if taken else self.points or 0

    @property
    def remaining_points(self) -> int:
        """Return the points that no refund has given back yet."""
        return 0 if self.undone else (self.points or 0) - self.refunded_points

    @property
    def remaining_amount(self) -> int:
        """Return the money that no refund has given back yet."""
        return 0 if self.undone else (self.amount or 0) - self.refunded_amount

    @property
    def can_be_undone(self) -> bool:
        """Return whether there is something left to take back."""
        if self.kind == EARN:
            return self.remaining_amount > 0
        return self.kind == REDEEM and self.remaining_points > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """How often something was done, and what it came to in points and money."""

    count: int = 0
    points: int = 0
    amount: int = 0


def claim(session: Session, *, form: Form, now: datetime) -> ActView | None:
    """Take a form, or return what it did when it was taken before.

    Raises FormCancelledError where it was cancelled.
    """
    taken = session.execute(
        insert(PortalAct)
        .values(
            merchant_id=form.merchant_id,
            key=form.key,
            kind=form.kind,
            merchant_ref=form.merchant_ref,
            user_id=form.user_id,
            session_id=form.session_id,
            store_id=form.store_id,
            terminal=form.terminal,
            recorded_at=now,
            amount=form.amount,
            original_key=form.original_key,
        )
        .on_conflict_do_nothing()
        .returning(PortalAct.key)
    ).scalar_one_or_none()
    if taken is not None:
        return None
    known = act(session, merchant_id=form.merchant_id, key=form.key)
    if known.kind == CANCELLED:
        raise FormCancelledError("this form was cancelled", facts={"key": form.key})
    return known


def finish(
    session: Session, *, form: Form, entry: EntryKey, business_date: date, points: int
) -> None:
    """Write down what a form came to, and the entry that it made."""
    session.execute(
        update(PortalAct)
        .where(PortalAct.merchant_id == form.merchant_id, PortalAct.key == form.key)
        .values(
            member_id=entry.member_id,
            sequence=entry.sequence,
            business_date=business_date,
            points=points,
        ),
        execution_options={"synchronize_session": False},
    )


def act(session: Session, *, merchant_id: UUID, key: str, lock: bool = False) -> ActView:
    """Return one act of a merchant, locked against other changes if asked; UnknownActError."""
    if lock:
        session.execute(
            select(PortalAct.key)
            .where(PortalAct.merchant_id == merchant_id, PortalAct.key == key)
            .with_for_update()
        )
    found = _acts(session, [PortalAct.merchant_id == merchant_id, PortalAct.key == key], limit=1)
    if not found:
        raise UnknownActError("nothing was done under this key")
    return found[0]


def latest(
    session: Session,
    *,
    merchant_id: UUID,
    limit: int,
    store_id: UUID | None = None,
    terminal: str | None = None,
    user_id: UUID | None = None,
    day: date | None = None,
    before: tuple[datetime, str] | None = None,
) -> list[ActView]:
    """Return what was done, the newest first: at a till, by somebody, on a business day."""
    conditions: list[ColumnElement[bool]] = [PortalAct.merchant_id == merchant_id]
    if store_id is not None:
        conditions += _at(store_id, terminal)
    if user_id is not None:
        conditions.append(PortalAct.user_id == user_id)
    if day is not None:
        conditions.append(PortalAct.business_date == day)
    if before is not None:
        moment, key = before
        conditions.append(
            (PortalAct.recorded_at < moment)
            | and_(PortalAct.recorded_at == moment, PortalAct.key < key)
        )
    return _acts(session, conditions, limit=limit)


def by_reference(session: Session, *, merchant_id: UUID, merchant_ref: str) -> list[ActView]:
    """Return what was done under a reference, the newest first."""
    conditions = [PortalAct.merchant_id == merchant_id, PortalAct.merchant_ref == merchant_ref]
    return _acts(session, conditions, limit=10)


def of_entry(
    session: Session, *, merchant_id: UUID, member_id: UUID, sequence: int
) -> ActView | None:
    """Return the act that made an entry, ``None`` where it came from elsewhere."""
    conditions = [
        PortalAct.member_id == member_id,
        PortalAct.sequence == sequence,
        PortalAct.merchant_id == merchant_id,
    ]
    found = _acts(session, conditions, limit=1)
    return found[0] if found else None


def same_before(
    session: Session, *, merchant_id: UUID, member_id: UUID, amount: int, since: datetime
) -> ActView | None:
    """Return the latest purchase of the same wallet over the same amount, not undone."""
    conditions = [
        PortalAct.merchant_id == merchant_id,
        PortalAct.member_id.in_({member_id, shared_wallets.home(session, member_id=member_id)}),
        PortalAct.kind == EARN,
        PortalAct.amount == amount,
        PortalAct.recorded_at >= since,
    ]
    return next((each for each in _acts(session, conditions, limit=5) if not each.undone), None)


def sums(
    session: Session, *, merchant_id: UUID, day: date, store_id: UUID | None, terminal: str | None
) -> Mapping[str, Sum]:
    """Return the sums of a business day at a till, by kind; what was undone counts as undo too."""
    conditions: list[ColumnElement[bool]] = [
        PortalAct.merchant_id == merchant_id,
        PortalAct.business_date == day,
    ]
    if store_id is not None:
        conditions += _at(store_id, terminal)
    rows = session.execute(
        select(
            PortalAct.kind,
            func.count().label("times"),
            func.coalesce(func.sum(PortalAct.points), 0).label("points"),
            func.coalesce(func.sum(PortalAct.amount), 0).label("amount"),
        )
        .where(*conditions)
        .group_by(PortalAct.kind)
    )
    return {
        row.kind: Sum(count=row.times, points=int(row.points), amount=int(row.amount))
        for row in rows
    }


def _at(store_id: UUID, terminal: str | None) -> list[ColumnElement[bool]]:
    at: list[ColumnElement[bool]] = [PortalAct.store_id == store_id]
    if terminal is not None:
        at.append(PortalAct.terminal == terminal)
    return at


def _acts(session: Session, conditions: list[ColumnElement[bool]], *, limit: int) -> list[ActView]:
    later, earlier = aliased(PortalAct), aliased(PortalAct)
    original_kind = (
        select(earlier.kind)
        .where(earlier.merchant_id == PortalAct.merchant_id, earlier.key == PortalAct.original_key)
        .scalar_subquery()
    )

    def back(value: Any) -> Any:
        return (
            select(value)
            .where(
                later.merchant_id == PortalAct.merchant_id,
                later.original_key == PortalAct.key,
                later.points.is_not(None),  # a form that is only just being taken has none yet
            )
            .scalar_subquery()
        )

    refund = later.kind.in_((REFUND_EARN, REFUND_REDEEM))
    own = [name for name in ActView.__dataclass_fields__ if name in PortalAct.__table__.c]
    rows = session.execute(
        select(
            *(getattr(PortalAct, name) for name in own),
            original_kind.label("original_kind"),
            back(func.coalesce(func.bool_or(later.kind == UNDO), False)).label("undone"),
            back(func.coalesce(func.sum(later.points).filter(refund), 0)).label("refunded_points"),
            back(func.coalesce(func.sum(later.amount).filter(refund), 0)).label("refunded_amount"),
        )
        .where(*conditions)
        .order_by(PortalAct.recorded_at.desc(), PortalAct.key.desc())
        .limit(limit)
    )
    return [
        ActView(
            **{name: getattr(row, name) for name in own},
            original_kind=row.original_kind,
            undone=row.undone,
            refunded_points=int(row.refunded_points),
            refunded_amount=int(row.refunded_amount),
        )
        for row in rows
    ]
