"""A ledger with an open day, and hands to play on it from many connections at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from network.clock import local_date
from network.database.connection import Database
from network.ids import shared_wallet_id, uuid7
from network.ledger import operations, queries
from network.ledger.errors import Refusal
from network.ledger.partitions import open_first_day
from network.ledger.values import Claim, Event, Grant, Posted
from network.ledger.views import StoredWallet, WalletView
from network.settings import PROGRAMME_ZONE
from tests.conftest import DatabaseUrls

PATIENCE_SECONDS = 60.0
CROWD = 56
_WAITING = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
    "AND wait_event_type = 'Lock'"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """Short ways to call the ledger, each on an autocommit connection of its own."""

    database: Database
    now: datetime
    bakery: UUID
    cinema: UUID
    pool: ThreadPoolExecutor

    def wallet(self, *, shared: bool = False) -> UUID:
        """Open a wallet, of a person or one to be shared, and return its id."""
        member_id = shared_wallet_id() if shared else uuid7()
        with self.database.ledger() as connection:
            operations.open_wallet(connection, member_id=member_id)
        return member_id

    def claim(self, key: str | None = None, *, asked: str = "") -> Claim:
        """Return a claim, of a fresh key unless one is named."""
        return Claim(
            client_id=self.bakery,
            key=key or str(uuid4()),
            fingerprint=sha256(asked.encode()).digest(),
        )

    def event(self, merchant_id: UUID, ref: str | None = None) -> Event:
        """Return an event of a merchant, with a fresh reference unless one is named."""
        return Event(
            merchant_id=merchant_id,
            merchant_ref=ref or str(uuid4()),
            effective_at=self.now,
            amount=1000,
            base=1000,
            currency="IRR",
        )

    def earn(
        self,
        member_id: UUID,
        points: int,
        *,
        claim: Claim | None = None,
        ref: str | None = None,
        days: int = 365,
        now: datetime | None = None,
        connection: Connection | Session | None = None,
        follow: bool = False,
    ) -> Posted:
        """Let a member earn points of the bakery that live for ``days``."""
        if connection is None:
            with self.database.ledger() as own:
                return self.earn(
                    member_id,
                    points,
                    claim=claim,
                    ref=ref,
                    days=days,
                    now=now,
                    connection=own,
                    follow=follow,
                )
        moment = now or self.now
        today = local_date(moment, zone=PROGRAMME_ZONE)
        return operations.earn(
            connection,
            now=moment,
            claim=claim or self.claim(),
            member_id=member_id,
            event=self.event(self.bakery, ref),
            grants=[
                Grant(
                    issuer_id=self.bakery,
                    terms_id=self.bakery,
                    price=Decimal("950.5"),
                    points=points,
                    base=1000,
                    active_from=today,
                    expires_on=today + timedelta(days=days),
                    line=0,
                )
            ],
            explanation=[],
            evidence=None,
            follow=follow,
        )

    def redeem(
        self,
        member_id: UUID,
        points: int,
        *,
        claim: Claim | None = None,
        ref: str | None = None,
        now: datetime | None = None,
        follow: bool = False,
    ) -> Posted:
        """Let a member pay the cinema."""
        with self.database.ledger() as connection:
            return operations.redeem(
                connection,
                now=now or self.now,
                wall=self.now,
                claim=claim or self.claim(),
                member_id=member_id,
                event=self.event(self.cinema, ref),
                points=points,
                consent=None,
                evidence=None,
                follow=follow,
            )

    def authorise(self, member_id: UUID, points: int, *, ref: str | None = None) -> Posted:
        """Hold points for the cinema for a quarter of an hour."""
        with self.database.ledger() as connection:
            return operations.authorise(
                connection,
                now=self.now,
                wall=self.now,
                claim=self.claim(),
                member_id=member_id,
                event=self.event(self.cinema, ref),
                points=points,
                hold_until=self.now + timedelta(minutes=15),
                consent=None,
                evidence=None,
            )

    def capture(
        self, member_id: UUID, authorisation: int, *, wall: datetime | None = None
    ) -> Posted:
        """Capture all of a hold of the cinema's."""
        with self.database.ledger() as connection:
            return operations.capture(
                connection,
                now=self.now,
                wall=wall or self.now,
                claim=self.claim(),
                member_id=member_id,
                authorisation=authorisation,
                points=None,
                event=self.event(self.cinema),
                evidence=None,
            )

    def void(self, member_id: UUID, authorisation: int) -> Posted:
        """Void a hold of the cinema's."""
        with self.database.ledger() as connection:
            return operations.void(
                connection,
                now=self.now,
                wall=self.now,
                claim=self.claim(),
                member_id=member_id,
                authorisation=authorisation,
                event=self.event(self.cinema),
                evidence=None,
            )

    def reverse(self, member_id: UUID, ref: str) -> Posted:
        """Reverse whatever the cinema did under a reference."""
        with self.database.ledger() as connection:
            return operations.reverse(
                connection,
                now=self.now,
                wall=self.now,
                claim=self.claim(),
                member_id=member_id,
                event=self.event(self.cinema, ref),
                evidence=None,
            )

    def mature(self, member_id: UUID, *, now: datetime, wall: datetime) -> Posted | None:
        """Run the night on one wallet."""
        with self.database.ledger() as connection:
            return operations.mature(connection, now=now, wall=wall, member_id=member_id)

    def view(self, member_id: UUID) -> StoredWallet:
        """Return a member's wallet as it is stored."""
        with self.database.reading() as session:
            wallet = queries.stored_wallet(session, member_id=member_id)
        assert wallet is not None
        return wallet

    def ahead(self, member_id: UUID) -> WalletView:
        """Return a member's wallet as the next call that spends will find it."""
        with self.database.reading() as session:
            wallet = queries.wallet(session, member_id=member_id, now=self.now, wall=self.now)
        assert wallet is not None
        return wallet

    @contextmanager
    def uncommitted(
        self, member_id: UUID, points: int, *, claim: Claim | None = None
    ) -> Iterator[None]:
        """Earn, and commit only when the block ends, so that others wait meanwhile."""
        with self.database.unit_of_work() as session:
            self.earn(member_id, points, claim=claim, connection=session)
            yield

    def start(self, call: Callable[[], object]) -> Future[object]:
        """Start a call in a thread of its own."""
        return self.pool.submit(attempt, call)

    @contextmanager
    def locked(self, member_id: UUID) -> Iterator[None]:
        """Hold the wallet's lock meanwhile, so that calls pile up behind it."""
        with self.database.unit_of_work() as session:
            operations.set_wallet_status(session, member_id=member_id, status="active")
            yield

    def meet(self, member_id: UUID, *calls: Callable[[], object]) -> list[object]:
        """Start the calls while the wallet is locked, let go once all of them wait for it.

        Each result is what the call returned, or the code of its refusal.
        """
        with self.locked(member_id):
            running = [self.start(call) for call in calls]
            self.until_waiting(len(calls))
        return [future.result(PATIENCE_SECONDS) for future in running]

    def until_waiting(self, number: int) -> None:
        """Return once ``number`` connections of this database wait for a lock."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        with self.database.ledger() as connection:
            while connection.execute(_WAITING).scalar_one() < number:
                assert time.monotonic() < deadline, "the calls never met at the lock"


def attempt(call: Callable[[], object]) -> object:
    """Return what the call returns, or the code of its refusal."""
    try:
        return call()
    except Refusal as refusal:
        return refusal.code


@pytest.fixture
def hands(database: Database, database_urls: DatabaseUrls) -> Iterator[Hands]:
    """Yield hands on a ledger whose first day is open, with connections enough for crowds."""
    now = datetime.now(UTC).replace(hour=8, minute=0, second=0, microsecond=0)
    with database.unit_of_work() as session:
        open_first_day(session, business_date=local_date(now, zone=PROGRAMME_ZONE))
    crowd = Database(database_urls.application, pool_size=CROWD)
    with ThreadPoolExecutor(CROWD) as pool:
        yield Hands(database=crowd, now=now, bakery=uuid4(), cinema=uuid4(), pool=pool)
    crowd.dispose()


@pytest.fixture
def real(hands: Hands, owner_database: Database) -> Hands:
    """Return the hands in an installation whose clock nobody declared artificial."""
    with owner_database.unit_of_work() as session:
        session.execute(text("UPDATE network.installation SET artificial_clock = false"))
    return hands
