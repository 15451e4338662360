"""A coalition of three with figures that can be worked out by hand, and its postings.

Face value 1000, from the second day on 1100.
    baker   issue price 1010.5   fee 1 %      q 990      then 1089
    grocer  issue price 1000     fee 2.05 %   q 979.5    then 1077.45
    cinema  issue price 1200     fee 0        q 1000     then 1100
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from uuid import UUID

from sqlalchemy import text

from network.clock import day_start
from network.database.connection import Database
from network.merchants.settling import Settling
from network.settings import PROGRAMME_ZONE
from network.signing.service import ensure_keys
from network.vault import Vault
from tests.fixtures.programme import Programme

DAY = date(2026, 3, 22)
NEXT_DAY = DAY + timedelta(days=1)
THIRD_DAY = DAY + timedelta(days=2)

BAKER, GROCER, CINEMA = (UUID(int=(0x7 << 76) | number) for number in (1, 2, 3))
NAMES = {BAKER: "baker", GROCER: "grocer", CINEMA: "cinema"}
TERMS = {merchant: UUID(int=(0x7 << 76) | 0x100 | merchant.int & 0xF) for merchant in NAMES}
PRICES = {BAKER: ("1010.5", "0.01"), GROCER: ("1000", "0.0205"), CINEMA: ("1200", "0")}

IBANS = {BAKER: "IR190540000000100324200001", GROCER: "IR210541051800212731130077"}
"""Accounts for those who are to be paid; the cinema has none."""

_PAYING = ("cap", "cycle", "weekday", "minimum", "mandate_id", "mandate_signed_on")


def member(number: int) -> UUID:
    """Return a member's id, in the order of the numbers."""
    return UUID(int=(0x7 << 76) | 0x10000 | number)


@dataclass(kw_only=True)
class Coalition:
    """Writes what settlement reads, as the owner: merchants, prices, entries with postings."""

    owner: Database
    programme: Programme
    sequences: dict[UUID, int] = field(default_factory=dict)
    accounts: dict[UUID, str] = field(default_factory=dict)
    settling: dict[UUID, Settling] = field(default_factory=dict)
    funding: dict[UUID, str] = field(default_factory=dict)
    vat: dict[UUID, str] = field(default_factory=dict)

    def found(self, *, vault: Vault) -> None:
        """Make the merchants, the prices and the network's keys, and open the first day."""
        now = self.at(DAY)
        with self.owner.unit_of_work() as session:
            ensure_keys(session, vault, now=now)
            session.execute(text("SELECT ledger.open_first_day(:day)"), {"day": DAY})
            for merchant, name in NAMES.items():
                price, fee = PRICES[merchant]
                paying = self.settling.get(merchant, Settling())
                session.execute(
                    text("""
                        INSERT INTO network.merchant
                            (merchant_id, code, name_fa, name_en, kind, status, joined_at)
                        VALUES (:id, :name, :name, :name, 'shop', 'active', :now)
                    """),
                    {"id": merchant, "name": name, "now": now},
                )
                session.execute(
                    text("""
                        INSERT INTO network.agreement
                            (agreement_id, merchant_id, version, effective_from, issue_price,
                             acceptance_fee, funding, vat_rate, currency, settlement_iban,
                             credit_cap, settlement_cycle, settlement_weekday, minimum_payment,
                             mandate_id, mandate_signed_on, proposed_at, approved_at)
                        VALUES (:terms, :id, 1, :day, :price, :fee, :funding, :vat, 'IRR', :iban,
                                :cap, :cycle, :weekday, :minimum, :mandate_id, :mandate_signed_on,
                                :now, :now)
                    """),
                    {
                        "terms": TERMS[merchant],
                        "id": merchant,
                        "day": DAY,
                        "price": price,
                        "fee": fee,
                        "funding": self.funding.get(merchant, "on_redemption"),
                        "vat": self.vat.get(merchant, "0"),
                        "iban": self.accounts.get(merchant),
                        "now": now,
                        **{name: getattr(paying, name) for name in _PAYING},
                    },
                )
            for day, value in ((DAY, 1000), (NEXT_DAY, 1100)):
                session.execute(
                    text("""
                        INSERT INTO network.face_value
                            (effective_from, numerator, denominator, currency, set_at)
                        VALUES (:day, :value, 1, 'IRR', :now)
                    """),
                    {"day": day, "value": value, "now": now},
                )
        self.programme.move(now)

    def pay_directly(self, *, since: date) -> None:
        """Have merchants pay each other from a day on, as if two people had decided it before."""
        decided = {"id": UUID(int=0x7 << 76 | 0x200), "now": self.at(since), "day": since}
        with self.owner.unit_of_work() as session:
            session.execute(
                text("""
                    INSERT INTO network.proposal
                        (proposal_id, kind, subject_id, terms, reason, proposed_by, proposed_at,
                         decided_by, decided_at, approved)
                    VALUES (:id, 'payments.mode', gen_random_uuid(), '{}', 'agreed',
                            gen_random_uuid(), :now, gen_random_uuid(), :now, true)
                """),
                decided,
            )
            session.execute(
                text("""
                    INSERT INTO network.payment_mode (effective_from, mode, proposal_id, decided_at)
                    VALUES (:day, 'direct', :id, :now)
                """),
                decided,
            )

    def at(self, day: date, *, hour: int = 12) -> datetime:
        """Return a moment of ``day`` in the programme's zone."""
        return day_start(day, zone=PROGRAMME_ZONE) + timedelta(hours=hour)

    def taken(
        self,
        points: int,
        *,
        by: UUID,
        issuer: UUID,
        acceptor: UUID,
        on: date = DAY,
        priced_on: date | None = None,
        ref: str = "",
    ) -> int:
        """Post a redemption (or, below zero, a redeposit) on a business day; return its number."""
        sequence = self.sequences[by] = self.sequences.get(by, 0) + 1
        kind = "redemption" if points > 0 else "refund_redemption"
        digest = sha256(f"{by} {sequence} {on} {points}".encode()).digest()
        when = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(
            days=(on - DAY).days, seconds=sum(self.sequences.values())
        )
        with self.owner.unit_of_work() as session:
            session.execute(
                text("""
                    INSERT INTO ledger.entry
                        (member_id, sequence, business_date, kind, merchant_id, merchant_ref,
                         effective_at, recorded_at, actor, explanation, digest)
                    VALUES (:member, :sequence, :day, :kind, :merchant, :ref, :at, :at, 'test',
                            '[]', :digest)
                """),
                {
                    "member": by,
                    "sequence": sequence,
                    "day": on,
                    "kind": kind,
                    "merchant": acceptor,
                    "ref": ref or f"ref-{sequence}",
                    "at": when,
                    "digest": digest,
                },
            )
            session.execute(
                text("""
                    INSERT INTO ledger.movement
                        (member_id, sequence, line, business_date, source, target, issuer_id,
                         acceptor_id, lot_id, terms_id, priced_on, points)
                    VALUES (:member, :sequence, 1, :day,
                            CAST(:source AS ledger.account), CAST(:target AS ledger.account),
                            :issuer, :acceptor, 1001, :terms, :priced_on, :points)
                """),
                {
                    "member": by,
                    "sequence": sequence,
                    "day": on,
                    "issuer": issuer,
                    "acceptor": acceptor,
                    "terms": TERMS[issuer],
                    "priced_on": priced_on or on,
                    "points": abs(points),
                    "source": "available" if points > 0 else "redemption",
                    "target": "redemption" if points > 0 else "available",
                },
            )
        return sequence

    def play_two_days(self) -> None:
        """Post the two days whose figures the tests have written out."""
        one, two, three = member(1), member(2), member(3)
        self.taken(3, by=one, issuer=BAKER, acceptor=GROCER)
        self.taken(4, by=two, issuer=BAKER, acceptor=GROCER, ref="=SUM(A1)")
        self.taken(10, by=three, issuer=GROCER, acceptor=BAKER)
        self.taken(2, by=three, issuer=GROCER, acceptor=GROCER)
        self.taken(-1, by=two, issuer=BAKER, acceptor=GROCER, on=NEXT_DAY, priced_on=DAY)
        self.taken(2, by=one, issuer=BAKER, acceptor=GROCER, on=NEXT_DAY)
