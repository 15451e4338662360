"""The day's news of points that expire: 30, 7 and 1 days before their last day, once.

One message for each member and day, over all of their lots. A day's run goes through the wallets
in pieces; each piece is a unit of work that moves the run's mark along with what it tells. So one
that was killed goes on where it was, and tells nobody twice. A run that did not end on its day is
ended before the next, and days without a run are told by the next, from a week back.

Of a shared wallet everybody is told who may spend from it: each of them can use the points in time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime, timedelta
from uuid import UUID, uuid5

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from network.clock import day_start
from network.ids import is_shared_wallet
from network.ledger import shared_wallets, tables
from network.messaging.service import Patient, queue_patiently
from network.notices.choices import EXPIRING, Choice, choices
from network.notices.models import ExpiryRun
from network.notices.people import Person, people_of
from network.notices.service import NAMESPACE, News, write_down
from network.notices.texts import MOST_DAYS, Days, expiring_words, news_text
from network.settings import PROGRAMME_ZONE
from network.vault import Vault

AHEAD_DAYS = (30, 7, 1)
MOST_DAYS_BACK = 7
WALLETS = 2_000
"""A piece: so many wallets are looked at in one unit of work."""

PIECES = 200
"""So many pieces a job does; the schedule asks for another while wallets are left."""

_ONE_DAY = timedelta(days=1)
_ENDING = text("""
    SELECT l.member_id, l.expires_on, sum(l.remaining)
    FROM ledger.lot AS l
    WHERE l.member_id = ANY (:wallets) AND l.open AND l.expires_on = ANY (:ends)
      AND NOT EXISTS (SELECT FROM ledger.suspended_issuer AS s WHERE s.issuer_id = l.issuer_id)
    GROUP BY l.member_id, l.expires_on
""")


def done(session: Session, *, today: date) -> bool:
    """Return whether everybody has been told on that day."""
    found = select(ExpiryRun.business_date).where(
        ExpiryRun.business_date >= today, ExpiryRun.finished_at.is_not(None)
    )
    return session.scalars(found.limit(1)).first() is not None


def tell_piece(
    session: Session, vault: Vault, *, today: date, wallet_url: str, wall: datetime
) -> bool:
    """Tell the members of the next wallets, and move the mark; return whether some are left."""
    run = _run(session, today=today)
    if run is None:
        return False
    wallets = _next_wallets(session, after=run.after_member)
    days = last_days(since=run.since, until=run.business_date, today=today)
    told = _tell(
        session,
        vault,
        _by_person(session, _lots(session, wallets, days)),
        about=run.business_date,
        wallet_url=wallet_url,
        wall=wall,
    )
    run.told += told
    if wallets:
        run.after_member = wallets[-1]
    if len(wallets) < WALLETS:
        run.finished_at = wall
    session.flush()
    return run.finished_at is None or run.business_date < today


def last_days(*, since: date, until: date, today: date) -> list[date]:
    """Return the last days of points that are told of, for the days after ``since``."""
    found = {
        until - timedelta(days=back) + timedelta(days=ahead)
        for back in range((until - since).days)
        for ahead in AHEAD_DAYS
    }
    return sorted(day for day in found if day >= today)


def _run(session: Session, *, today: date) -> ExpiryRun | None:
    """Return the run that is to go on, locked: the oldest that has not ended, or the day's own."""
    last = session.scalar(
        select(func.max(ExpiryRun.business_date)).where(ExpiryRun.business_date < today)
    )
    since = max(last or today - _ONE_DAY, today - timedelta(days=MOST_DAYS_BACK))
    session.execute(
        insert(ExpiryRun)
        .values(business_date=today, since=since, told=0)
        .on_conflict_do_nothing(index_elements=[ExpiryRun.business_date])
    )
    return session.scalars(
        select(ExpiryRun)
        .where(ExpiryRun.business_date <= today, ExpiryRun.finished_at.is_(None))
        .order_by(ExpiryRun.business_date)
        .limit(1)
        .with_for_update()
    ).first()


def _next_wallets(session: Session, *, after: UUID | None) -> list[UUID]:
    column = tables.wallet.c.member_id
    query = select(column).order_by(column).limit(WALLETS)
    return list(session.scalars(query if after is None else query.where(column > after)))


def _lots(
    session: Session, wallets: Collection[UUID], days: Collection[date]
) -> Iterator[tuple[UUID, date, int]]:
    """Yield (wallet, last day, points) of these wallets that end on one of ``days``."""
    if not wallets or not days:
        return
    rows = session.execute(
        _ENDING, {"wallets": [*wallets], "ends": [day + _ONE_DAY for day in days]}
    )
    for wallet_id, expires_on, points in rows:
        yield wallet_id, expires_on - _ONE_DAY, int(points)


def _by_person(
    session: Session, lots: Iterator[tuple[UUID, date, int]]
) -> dict[UUID, list[tuple[date, int]]]:
    """Return for each person the days and points of the wallet that they spend from."""
    wallets: dict[UUID, list[tuple[date, int]]] = {}
    for wallet_id, day, points in lots:
        wallets.setdefault(wallet_id, []).append((day, points))
    people: dict[UUID, list[tuple[date, int]]] = {}
    for wallet_id, days in wallets.items():
        told = [wallet_id]
        if is_shared_wallet(wallet_id):
            stays = shared_wallets.stays(session, pool_id=wallet_id)
            told = [stay.member_id for stay in stays if stay.spend_limit != 0]
        for person_id in told:
            people[person_id] = sorted(days)
    return people


def _tell(
    session: Session,
    vault: Vault,
    people: Mapping[UUID, Days],
    *,
    about: date,
    wallet_url: str,
    wall: datetime,
) -> int:
    reachable = people_of(session, vault, people)
    news = {
        person.member_id: News(
            notice_id=uuid5(NAMESPACE, f"{EXPIRING}\n{person.member_id}\n{about.isoformat()}"),
            member_id=person.member_id,
            kind=EXPIRING,
            points=sum(points for _, points in people[person.member_id]),
            days=people[person.member_id],
        )
        for person in reachable
    }
    new = write_down(session, list(news.values()), wall=wall)
    chosen = choices(session, member_ids=list(news))
    messages = []
    for person in reachable:
        told = news[person.member_id]
        choice = chosen.get(person.member_id, Choice())
        if told.notice_id in new and choice.sends(EXPIRING):
            messages.append(_message(person, told, choice, wallet_url=wallet_url, wall=wall))
    queue_patiently(session, vault, messages, wall=wall)
    return len(new)


def _message(
    person: Person, told: News, choice: Choice, *, wallet_url: str, wall: datetime
) -> Patient:
    last = day_start(told.days[-1][0] + _ONE_DAY, zone=PROGRAMME_ZONE)
    return Patient(
        message_id=told.notice_id,
        recipient=person.phone,
        body=news_text(
            expiring_words(told.days, most=MOST_DAYS, locale=person.locale),
            address=wallet_url,
            locale=person.locale,
        ),
        kind=EXPIRING,
        locale=person.locale,
        not_before=choice.not_before(wall),
        expires_at=last,
    )
