"""Databases for machines to play on: one for many runs, as each run has members of its own."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from types import TracebackType
from typing import Self
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from network.database.connection import Database
from network.ledger.audit import audit
from network.ledger.partitions import open_first_day
from network.operators import proposals
from network.settings import PROGRAMME_ZONE
from tests.fixtures.cluster import Cluster
from tests.integration.ledger_audit.history import add_operator

FIRST_DAY = date(2026, 3, 19)
"""Two days before Nowruz; months and a year turn where runs are long."""

RUNS_PER_DATABASE = 20
RUNS_PER_AUDIT = 4
"""The model finds what a run did wrong; the audit of all runs until now is a second look."""

MERCHANTS = tuple(UUID(int=n) for n in (11, 12, 13))
PEOPLE = UUID(int=91), UUID(int=92)
TERMS = {merchant: (UUID(int=20 + n), UUID(int=30 + n)) for n, merchant in enumerate(MERCHANTS)}


def noon(day: date) -> datetime:
    """Return the middle of a day in the programme's zone."""
    return datetime.combine(day, time(12), tzinfo=PROGRAMME_ZONE).astimezone(UTC)


@dataclass(kw_only=True)
class Stand:
    """Hands out a database with merchants, terms and an open day; renews it now and then."""

    cluster: Cluster
    runs: int = 0
    steps: int = 0
    spoilt: bool = False
    toured: bool = False
    seen: Counter[tuple[str, str]] = field(default_factory=Counter)
    proposals: dict[tuple[str, UUID], UUID] = field(default_factory=dict)
    """What two people agreed on in this database, by kind and issuer."""
    _database: Database | None = None
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def database(self) -> Database:
        """Return the database of the next run."""
        if self._database is None or self.spoilt or self.runs % RUNS_PER_DATABASE == 0:
            self._stack.close()
            self.spoilt = False
            self._database = self._open()
        self.runs += 1
        return self._database

    def audit_due(self) -> bool:
        """Return whether the run that ends now is followed by an audit."""
        return self.runs % RUNS_PER_AUDIT == 0

    def _open(self) -> Database:
        name = self._stack.enter_context(self.cluster.fresh_database())
        database = Database(self.cluster.url("peyvand", database=name), pool_size=2)
        self._stack.callback(database.dispose)
        with database.unit_of_work() as session:
            open_first_day(session, business_date=FIRST_DAY)
            for operator in PEOPLE:
                add_operator(session, operator, at=noon(FIRST_DAY))
            for kind in ("suspend", "resume"):
                for merchant in MERCHANTS:
                    self.proposals[kind, merchant] = _agreed(session, f"points.{kind}", merchant)
            for merchant, versions in TERMS.items():
                session.execute(_MERCHANT, {"id": merchant, "at": noon(FIRST_DAY)})
                for version, terms in enumerate(versions, start=1):
                    session.execute(
                        _AGREEMENT,
                        {
                            "terms": terms,
                            "id": merchant,
                            "version": version,
                            "day": date(2026, 1, version),
                            "at": noon(FIRST_DAY),
                        },
                    )
        return database


def _agreed(session: Session, kind: str, subject_id: UUID) -> UUID:
    now = noon(FIRST_DAY)
    made = proposals.propose(
        session, kind=kind, subject_id=subject_id, reason="a test", by=PEOPLE[0], now=now
    )
    proposals.decide(session, proposal_id=made.proposal_id, approved=True, by=PEOPLE[1], now=now)
    return made.proposal_id


def faults(database: Database) -> list[str]:
    """Return what the audit finds, by name."""
    with database.snapshot() as session:
        return [f"{c.name}: {e}" for c in audit(session) for e in c.examples]


def faults_in_figures(database: Database) -> list[str]:
    """Return what the audit finds where merchants, terms and operators are only names."""
    return [each for each in faults(database) if not each.partition(":")[0].endswith("_exist")]


_MERCHANT = text(
    "INSERT INTO network.merchant (merchant_id, code, name_fa, name_en, kind, status, joined_at)"
    " VALUES (:id, CAST(:id AS text), 'x', 'x', 'shop', 'active', :at)"
)
_AGREEMENT = text(
    "INSERT INTO network.agreement (agreement_id, merchant_id, version, effective_from,"
    " issue_price, acceptance_fee, funding, currency, proposed_at, approved_at)"
    " VALUES (:terms, :id, :version, :day, 949.5 + :version, 0.02, 'on_redemption', 'IRR', :at,"
    " :at)"
)
