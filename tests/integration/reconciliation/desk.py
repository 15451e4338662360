"""A shop with a day in the ledger, and hands to reconcile it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from typing import Any, TypeVar
from uuid import UUID, uuid4

from sqlalchemy import Connection, text

from network.clock import day_start
from network.database.connection import Database
from network.ids import uuid7
from network.ledger import operations
from network.ledger.partitions import ensure_partitions, open_first_day
from network.ledger.values import Claim, Event, Grant, Posted
from network.members.pairwise import PairwiseNames
from network.merchants import agreements
from network.merchants import service as merchants
from network.operators import service as operators
from network.programme import service as programme
from network.reconciliation import queries, service
from network.reconciliation.facts import BreakView, Form, ReconciliationView
from network.reconciliation.queries import Wanted
from network.services import Services
from network.settings import PROGRAMME_ZONE
from network.signing.service import ensure_keys

Result = TypeVar("Result")

DAY = date(2026, 3, 22)
NEXT_DAY = DAY + timedelta(days=1)


def at(hour: int, minute: int = 0, *, day: date = DAY) -> datetime:
    """Return a moment of a day in the programme's zone."""
    return day_start(day, zone=PROGRAMME_ZONE) + timedelta(hours=hour, minutes=minute)


@dataclass(kw_only=True)
class Desk:
    """A shop called green, its members, and the record that it would keep of what it does."""

    services: Services
    owner: Database
    day: date = DAY
    shop: UUID = field(default_factory=uuid7)
    terms: UUID = field(default_factory=uuid7)
    record: dict[str, dict[str, Any]] = field(default_factory=dict)

    def found(self) -> Desk:
        """Seat the shop with terms, open the first day, and return the desk."""
        now = at(8, day=self.day)
        with self.owner.unit_of_work() as session:
            ensure_partitions(
                session.connection(), first=self.day, last=self.day + timedelta(days=3)
            )
        with self.services.database.unit_of_work() as session:
            ensure_keys(session, self.services.vault, now=now)
            open_first_day(session, business_date=self.day)
            begin = self.day - timedelta(days=10)
            programme.set_face_value(
                session, effective_from=begin, value=Fraction(1000), today=begin, now=now
            )
            self.shop = merchants.register_merchant(
                session, code="green", name_fa="سبز", name_en="Green", kind="grocer", now=now
            )
            merchants.add_store(
                session, merchant_id=self.shop, code="main", name_fa="مرکزی", name_en="Main"
            )
            programme.set_earning_terms(
                session,
                merchant_id=self.shop,
                effective_from=begin,
                base_rate=Fraction(1, 10_000),
                category_rates={},
                pending_days=0,
                expiry_days=365,
                today=begin,
                now=now,
            )
            proposed = agreements.propose_agreement(
                session,
                merchant_id=self.shop,
                effective_from=begin,
                issue_price=Decimal(1000),
                acceptance_fee=Decimal("0.02"),
                today=begin,
                now=now,
            )
            agreements.approve_agreement(
                session, agreement_id=proposed.agreement_id, today=begin, now=now
            )
            self.terms = proposed.agreement_id
        return self

    def operator(self, name: str) -> UUID:
        """Add an operator and return the id."""
        with self.services.database.unit_of_work() as session:
            return operators.add_operator(
                session,
                vault=self.services.vault,
                email=f"{name}@network.example",
                name=name.title(),
                role="approver",
                password=f"{name} keeps a long secret",
                now=at(8, day=self.day),
            ).operator.operator_id

    def wallet(self) -> UUID:
        """Open a wallet and return its member."""
        member_id = uuid7()
        self._call(lambda connection: operations.open_wallet(connection, member_id=member_id))
        return member_id

    def earn(
        self,
        ref: str,
        *,
        member: UUID,
        points: int = 10,
        amount: int = 100_000,
        when: datetime | None = None,
        receipt: str | None = None,
        key: str | None = None,
        now: datetime | None = None,
    ) -> Posted:
        """Post a purchase, and write it into the shop's own record."""
        moment = when or at(10, day=self.day)
        event = Event(
            merchant_id=self.shop,
            merchant_ref=ref,
            effective_at=moment,
            terminal="T1" if receipt else None,
            receipt=receipt,
            amount=amount,
            currency="IRR",
        )
        grant = Grant(
            issuer_id=self.shop,
            terms_id=self.terms,
            price=Decimal(1000),
            points=points,
            base=amount,
            active_from=self.day,
            expires_on=self.day + timedelta(days=365),
            line=0,
        )
        self._note("earn", ref, member, moment, amount=amount, points=points, receipt=receipt)
        return self._call(
            lambda connection: operations.earn(
                connection,
                now=now or moment,
                claim=self._claim(key),
                member_id=member,
                event=event,
                grants=[grant],
                explanation=[],
                evidence=None,
            )
        )

    def redeem(
        self, ref: str, *, member: UUID, points: int, when: datetime | None = None
    ) -> Posted:
        """Post points spent, and write it into the shop's own record."""
        moment = when or at(12, day=self.day)
        self._note("redeem", ref, member, moment, points=points)
        return self._call(
            lambda connection: operations.redeem(
                connection,
                now=moment,
                wall=moment,
                claim=self._claim(None),
                member_id=member,
                event=Event(merchant_id=self.shop, merchant_ref=ref, effective_at=moment),
                points=points,
                consent=None,
                evidence=None,
            )
        )

    def hold(self, ref: str, *, member: UUID, points: int, captured: int | None) -> Posted:
        """Hold points and capture some, or void the hold; the record says the same."""
        moment = at(13, day=self.day)
        event = Event(merchant_id=self.shop, merchant_ref=ref, effective_at=moment)
        made = self._call(
            lambda connection: operations.authorise(
                connection,
                now=moment,
                wall=moment,
                claim=self._claim(None),
                member_id=member,
                event=event,
                points=points,
                hold_until=moment + timedelta(minutes=15),
                consent=None,
                evidence=None,
            )
        )
        self._note("redeem", ref, member, moment, points=captured or points)
        ending = Event(merchant_id=self.shop, merchant_ref="", effective_at=moment)
        if captured is None:
            self.record[ref]["status"] = "voided"
            return self._call(
                lambda connection: operations.void(
                    connection,
                    now=moment,
                    wall=moment,
                    claim=self._claim(None),
                    member_id=member,
                    authorisation=made.sequence,
                    event=ending,
                    evidence=None,
                )
            )
        return self._call(
            lambda connection: operations.capture(
                connection,
                now=moment,
                wall=moment,
                claim=self._claim(None),
                member_id=member,
                authorisation=made.sequence,
                points=captured,
                event=ending,
                evidence=None,
            )
        )

    def refund(self, ref: str, *, of: Posted, amount: int, points: int) -> Posted:
        """Post money that went back, and write it into the shop's own record."""
        moment = at(14, day=self.day)
        self._note("refund_earn", ref, of.member_id, moment, amount=amount, points=points)
        return self._call(
            lambda connection: operations.refund_earn(
                connection,
                now=moment,
                claim=self._claim(None),
                member_id=of.member_id,
                original=of.sequence,
                event=Event(
                    merchant_id=self.shop,
                    merchant_ref=ref,
                    effective_at=moment,
                    amount=amount,
                    currency="IRR",
                ),
                amount=amount,
                lines=None,
                evidence=None,
            )
        )

    def close(self, *, days: int = 1) -> None:
        """Let business days end."""
        for number in range(days):
            moment = at(1, day=self.day + timedelta(days=number + 1))
            with self.services.database.ledger() as connection:
                operations.flip_day(connection, now=moment)

    def named(self, member: UUID) -> str:
        """Return the shop's own name of a member."""
        names = PairwiseNames(self.services.vault)
        return names.name(member_id=member, merchant_id=self.shop)

    def send(
        self,
        content: bytes,
        *,
        day: date | None = None,
        form: Form = "jsonl",
        wall: datetime | None = None,
        work: bool = True,
    ) -> ReconciliationView:
        """Give a record in, have it matched, and return what came of it."""
        moment = wall or at(9, day=NEXT_DAY)
        with self.services.database.unit_of_work() as session:
            received = service.receive(
                session,
                self.services.vault,
                merchant_id=self.shop,
                day=day or self.day,
                form=form,
                file=io.BytesIO(content),
                sent_by="test",
                wall=moment,
            )
        if work:
            self.work(received.reconciliation_id, wall=moment)
        with self.services.database.reading() as session:
            return queries.reconciliation(session, reconciliation_id=received.reconciliation_id)

    def work(self, reconciliation_id: UUID, *, wall: datetime | None = None) -> bool:
        """Do a worker's part."""
        with self.services.database.unit_of_work() as session:
            return service.work_off(
                session,
                self.services.vault,
                reconciliation_id=reconciliation_id,
                wall=wall or at(9, day=NEXT_DAY),
            )

    def breaks(self, **wanted: Any) -> list[BreakView]:
        """Return breaks."""
        with self.services.database.reading() as session:
            return queries.breaks(session, wanted=Wanted(**wanted), limit=1000)

    def lines(self) -> list[dict[str, Any]]:
        """Return the shop's own record so far."""
        return [dict(each) for each in self.record.values()]

    def _note(
        self, kind: str, ref: str, member: UUID, moment: datetime, **facts: int | str | None
    ) -> None:
        line = {
            "type": kind,
            "merchant_ref": ref,
            "occurred_at": moment.isoformat(),
            "member": self.named(member),
            "terminal": "T1" if facts.get("receipt") else None,
            **facts,
        }
        self.record[ref] = {name: value for name, value in line.items() if value is not None}

    def _claim(self, key: str | None) -> Claim:
        key = key or str(uuid4())
        return Claim(client_id=self.shop, key=key, fingerprint=sha256(key.encode()).digest())

    def _call(self, call: Callable[[Connection], Result]) -> Result:
        with self.services.database.ledger() as connection:
            return call(connection)


def jsonl(lines: Sequence[Mapping[str, Any]]) -> bytes:
    """Return lines as JSON lines."""
    return b"".join(json.dumps(each, ensure_ascii=False).encode() + b"\n" for each in lines)


def table(lines: Sequence[Mapping[str, Any]], *, columns: Sequence[str]) -> bytes:
    """Return lines as CSV."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(lines)
    return buffer.getvalue().encode()


def count(owner: Database, table_name: str) -> int:
    """Return how many rows a table has."""
    with owner.reading() as session:
        return int(session.execute(text(f"SELECT count(*) FROM {table_name}")).scalar_one())
