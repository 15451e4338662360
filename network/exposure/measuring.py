"""Measuring exposure: every few seconds, from sums that are kept and the days that are not sealed.

Postings of a sealed day never change, so they are added up once. Between two measurements a
merchant can issue more than its limit allows: what its tills report in that time, which its rate
limit bounds. No purchase waits for a measurement, and none locks anything that another one needs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from network.clock import wall_now
from network.errors import InvariantError
from network.events.service import publish
from network.exposure.limits import Exposure, price_of
from network.exposure.models import ExposureRow
from network.ledger.crossings import CROSSINGS, INTO_WALLETS, SIGNED
from network.merchants import access_epoch
from network.merchants.happenings import EXPOSURE_TOPIC
from network.money import kept
from network.settings import CURRENCY

# The schedule that comes while another process measures has nothing to do; who decides on what is
# measured waits for it, and measures what came since.
_WAIT = "SELECT through FROM network.exposure_measure WHERE only_row FOR UPDATE"
_LOCK = {True: text(_WAIT), False: text(f"{_WAIT} SKIP LOCKED")}
_KEEP = text(
    f"""
    INSERT INTO network.outstanding AS o (issuer_id, terms_id, points)
    SELECT issuer_id, terms_id, sum({INTO_WALLETS}) FROM ledger.movement
    WHERE (CAST(:through AS date) IS NULL OR business_date > :through)
      AND business_date <= :sealed AND terms_id IS NOT NULL
    GROUP BY issuer_id, terms_id HAVING sum({INTO_WALLETS}) <> 0
    ON CONFLICT (issuer_id, terms_id) DO UPDATE SET points = o.points + excluded.points
    """
)
# Points in wallets now, and points whose payment no window has reckoned yet: taken ones, and for
# points that are paid for when given, those given less those taken back.
_SUMS = text(
    f"""
    SELECT s.issuer_id, a.issue_price, a.funding, sum(s.points)::bigint AS points,
           sum(s.taken)::bigint AS taken, sum(s.given)::bigint AS given
    FROM (
        SELECT issuer_id, terms_id, points, 0 AS taken, 0 AS given FROM network.outstanding
        UNION ALL
        SELECT issuer_id, terms_id,
               sum({INTO_WALLETS}) FILTER (
                   WHERE CAST(:through AS date) IS NULL OR business_date > :through),
               sum({SIGNED}) FILTER (
                   WHERE account = 'redemption'
                     AND (CAST(:netted AS date) IS NULL OR business_date > :netted)),
               -sum({SIGNED}) FILTER (
                   WHERE account IN ('issuance', 'adjustment', 'clawback')
                     AND (CAST(:netted AS date) IS NULL OR business_date > :netted))
        FROM {CROSSINGS} AS c
        WHERE (CAST(:since AS date) IS NULL OR business_date > :since)
        GROUP BY issuer_id, terms_id
    ) AS s
    JOIN network.agreement AS a ON a.agreement_id = s.terms_id
    GROUP BY s.issuer_id, a.issue_price, a.funding
    """
)
_UNDER_WAY = text(
    """
    SELECT merchant_id AS party_id, 'collection' AS account, sum(amount)::bigint AS amount
    FROM network.payment
    WHERE direction = 'collection' AND state IN ('prepared', 'released') AND currency = :currency
    GROUP BY merchant_id
    UNION ALL
    SELECT payer_id, 'direct', sum(amount)::bigint FROM network.direct_payment
    WHERE state IN ('prepared', 'released') AND currency = :currency
    GROUP BY payer_id
    """
)
_ISSUERS = text(
    """
    SELECT DISTINCT ON (a.merchant_id) a.merchant_id, a.credit_cap
    FROM network.agreement a
    WHERE a.approved_at IS NOT NULL
      AND a.effective_from <= (SELECT max(business_date) FROM ledger.business_day)
    ORDER BY a.merchant_id, a.effective_from DESC
    """
)
_ACCOUNTS = ("settlement", "deposit", "reserve")
_FIGURES = ("points", "outstanding", "unsettled", "cap", "deposit", "reserve", "standing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a measurement changed: how many issuers' figures, and who may issue, or no longer."""

    issuers: int
    changed: int
    switched: tuple[UUID, ...]


@dataclass(slots=True)
class _Sums:
    """One issuer's points by price."""

    held: dict[Decimal, int] = field(default_factory=lambda: defaultdict(int))
    owed: dict[Decimal, int] = field(default_factory=lambda: defaultdict(int))


def measure(session: Session, *, now: datetime, wait: bool = False) -> Measured | None:
    """Measure every issuer's exposure, write down what changed, and say who may issue.

    ``now`` is wall time. Returns ``None`` where another process is measuring, unless told to wait
    for it. Whoever calls this announces a change of access after the commit where ``switched``
    names somebody.
    """
    locked = session.execute(_LOCK[wait]).one_or_none()
    if locked is None:
        return None
    through = _keep_sealed(session, through=locked.through)
    kept.keep_settled(session)
    found = _exposures(session, through=through)
    before = {row.issuer_id: row for row in _rows(session)}
    changed = {
        issuer: each
        for issuer, each in found.items()
        if issuer not in before or _figures(each) != _stored(before[issuer])
    }
    for issuer, each in changed.items():
        standing = before[issuer].standing if issuer in before else "within"
        since = now if issuer not in before or standing != each.standing else before[issuer].since
        _write(session, issuer, each, since=since)
        if standing != each.standing:
            _tell(session, issuer, each)
    switched = _switch(session, found)
    session.execute(
        text(
            "UPDATE network.exposure_measure"
            " SET through = :through, measured_at = :now, took_ms = :took"
        ),
        {
            "through": through,
            "now": now,
            "took": max(0, int((wall_now() - now).total_seconds() * 1000)),
        },
    )
    return Measured(issuers=len(found), changed=len(changed), switched=switched)


def measure_now(session: Session, *, now: datetime) -> Measured:
    """Measure for a decision: after whoever measures just now, and including all that is posted.

    Raises InvariantError where there is nothing to lock.
    """
    found = measure(session, now=now, wait=True)
    if found is None:
        raise InvariantError("the row of the last measurement is missing")
    return found


def _rows(session: Session) -> Iterable[ExposureRow]:
    """Return what is stored now, also where this session has read or written it before."""
    return session.scalars(select(ExposureRow), execution_options={"populate_existing": True})


def _keep_sealed(session: Session, *, through: date | None) -> date | None:
    """Add up the days that were sealed since; return the last one."""
    sealed: date | None = session.execute(
        text("SELECT max(business_date) FROM ledger.seal")
    ).scalar_one()
    if sealed is None or (through is not None and sealed <= through):
        return through
    session.execute(_KEEP, {"through": through, "sealed": sealed})
    return sealed


def _exposures(session: Session, *, through: date | None) -> dict[UUID, Exposure]:
    """Return every issuer's exposure; what is not netted and what is owed are of one moment.

    A night that publishes in between would count a day twice: then it is measured again.
    """
    while True:
        netted = _netted(session)
        found = _reckoned(session, through=through, netted=netted)
        if _netted(session) == netted:
            return found


def _netted(session: Session) -> date | None:
    found: date | None = session.execute(
        text("SELECT max(end_day) - 1 FROM network.settlement_window WHERE state = 'settled'")
    ).scalar_one()
    return found


def _reckoned(
    session: Session, *, through: date | None, netted: date | None
) -> dict[UUID, Exposure]:
    since = None if through is None or netted is None else min(through, netted)
    sums: defaultdict[UUID, _Sums] = defaultdict(_Sums)
    for row in session.execute(_SUMS, {"through": through, "netted": netted, "since": since}):
        of, price = sums[row.issuer_id], Decimal(row.issue_price)
        if row.funding == "on_issue":
            of.owed[price] += row.given or 0
        else:
            of.held[price] += row.points or 0
            of.owed[price] += row.taken or 0
    money: defaultdict[UUID, dict[str, int]] = defaultdict(dict)
    for (account, party, currency), amount in kept.balances(session, accounts=_ACCOUNTS).items():
        if currency == CURRENCY:
            money[party][account] = amount
    for row in session.execute(_UNDER_WAY, {"currency": CURRENCY}):
        money[row.party_id][row.account] = row.amount
    return {
        row.merchant_id: _exposure(
            sums[row.merchant_id], money[row.merchant_id], cap=row.credit_cap
        )
        for row in session.execute(_ISSUERS)
    }


def _exposure(sums: _Sums, money: Mapping[str, int], *, cap: int | None) -> Exposure:
    under_way = money.get("collection", 0) + money.get("direct", 0)
    unpaid = max(0, -money.get("settlement", 0)) + under_way
    return Exposure(
        points=sum(sums.held.values()),
        outstanding=price_of(sums.held),
        unsettled=unpaid + max(0, price_of(sums.owed)),
        cap=cap,
        deposit=money.get("deposit", 0),
        reserve=money.get("reserve", 0),
    )


def _write(session: Session, issuer: UUID, found: Exposure, *, since: datetime) -> None:
    values = dict(zip(_FIGURES, _figures(found), strict=True)) | {"since": since}
    session.execute(
        insert(ExposureRow)
        .values(issuer_id=issuer, **values)
        .on_conflict_do_update(index_elements=["issuer_id"], set_=values)
    )


def _switch(session: Session, found: Mapping[UUID, Exposure]) -> tuple[UUID, ...]:
    """Let merchants issue or not by where they stand; a row that is held waits for the next time.

    What two people decided (``default``) stays.
    """
    full = [issuer for issuer, each in found.items() if each.standing == "full"]
    rows = session.execute(
        text(
            """
            UPDATE network.merchant AS m SET issuing = w.wanted
            FROM (
                SELECT merchant_id, CASE WHEN merchant_id = ANY (:full) THEN 'limit' ELSE 'open' END
                           AS wanted
                FROM network.merchant
                WHERE issuing <> 'default'
                  AND (issuing = 'limit') <> (merchant_id = ANY (:full))
                FOR UPDATE SKIP LOCKED
            ) AS w
            WHERE m.merchant_id = w.merchant_id RETURNING m.merchant_id
            """
        ),
        {"full": full},
    )
    switched = tuple(row.merchant_id for row in rows)
    for merchant_id in switched:
        access_epoch.note_change(session, merchant_id=merchant_id)
    return switched


def _tell(session: Session, issuer: UUID, found: Exposure) -> None:
    """Announce that an issuer nears its limit, has reached it, or stands within it again."""
    publish(session, topic=EXPOSURE_TOPIC, merchant_id=issuer, payload=told(found))


def told(found: Exposure) -> dict[str, Any]:
    """Return what a merchant is told of its exposure."""
    return {
        "standing": found.standing,
        "exposure": found.amount,
        "outstanding_points": found.points,
        "unsettled": found.unsettled,
        "limit": found.limit,
        "currency": CURRENCY,
    }


def _figures(found: Exposure) -> tuple[object, ...]:
    return tuple(getattr(found, name) for name in _FIGURES)


def _stored(row: ExposureRow) -> tuple[object, ...]:
    return tuple(getattr(row, name) for name in _FIGURES)
