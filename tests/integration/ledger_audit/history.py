"""A ledger with a past: every kind of operation over three days, each made by the real one."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text
from sqlalchemy.orm import Session

from network.clearing.parties import NETWORK_PARTY
from network.clock import local_date, wall_now
from network.database.connection import Database
from network.ledger import operations, operations_campaigns, operations_members
from network.ledger.day import close_day
from network.ledger.errors import Refusal
from network.ledger.partitions import open_first_day
from network.ledger.seal import seal_through
from network.ledger.values import Approval, Claim, Consent, Event, Evidence, Grant, Posted, Takings
from network.settings import CURRENCY, PROGRAMME_ZONE

FIRST = local_date(wall_now(), zone=PROGRAMME_ZONE) - timedelta(days=8)
BAKERY, GROCER, STRANGER = (UUID(int=n) for n in (11, 12, 13))
TERMS = {BAKERY: UUID(int=21), GROCER: UUID(int=22)}
PEOPLE = UUID(int=41), UUID(int=42)
MEMBERS = tuple(UUID(int=n) for n in (31, 32, 33, 34))
SPENDER, DEBTOR, HOLDER, WALKER = MEMBERS
GIVER, TAKER = (UUID(int=n) for n in (35, 36))
SHARER, SHARED = (UUID(int=n) for n in (38, 39))
WINNER, CAMPAIGN = UUID(int=37), UUID(int=41)

_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC_KEY = _KEY.public_key()


def sign(message: bytes) -> tuple[str, bytes]:
    """Sign a seal as the network would."""
    return "seal-key", _KEY.sign(message)


def verify(key_id: str, message: bytes, signature: bytes) -> bool:
    """Verify a seal's signature."""
    try:
        PUBLIC_KEY.verify(signature, message)
    except InvalidSignature:
        return False
    return key_id == "seal-key"


def noon(day: date) -> datetime:
    """Return the middle of a day in the programme's zone."""
    return datetime.combine(day, time(12), tzinfo=PROGRAMME_ZONE).astimezone(UTC)


@dataclass(kw_only=True)
class Ledger:
    """A hand that posts: it numbers keys and references and keeps the time of the open day."""

    database: Database
    today: date = FIRST
    number: int = 0
    posted: list[Posted] = field(default_factory=list)

    def event(self, merchant: UUID, ref: str, **facts: Any) -> Event:
        """Return an event of now."""
        return Event(merchant_id=merchant, merchant_ref=ref, effective_at=noon(self.today), **facts)

    def do(
        self,
        operation: Callable[..., Posted],
        member: UUID,
        merchant: UUID,
        *,
        ref: str = "",
        event: Event | None = None,
        **facts: Any,
    ) -> Posted:
        """Post one call with a key and evidence of its own."""
        self.number += 1
        name = ref or f"r{self.number}"
        body = f"{operation.__name__} {name}".encode()
        with self.database.ledger() as connection:
            done = operation(
                connection,
                now=noon(self.today),
                claim=Claim(
                    client_id=merchant, key=f"k{self.number}", fingerprint=sha256(body).digest()
                ),
                member_id=member,
                event=event or self.event(merchant, name),
                evidence=Evidence(
                    key_id="mk_live_x", signature_base=b"base", signature=b"sig", body=body
                ),
                **facts,
            )
        self.posted.append(done)
        return done

    def earn(
        self, member: UUID, issuer: UUID, *points: int, starts: int = 0, lives: int = 90
    ) -> Posted:
        """Post a purchase with one line per count of points, 100 rials a point."""
        self.number += 1
        base = 100 * sum(points) + 50
        grants = [
            Grant(
                issuer_id=issuer,
                terms_id=TERMS[issuer],
                price=Decimal(12),
                points=count,
                base=100 * count,
                active_from=self.today + timedelta(days=starts),
                expires_on=self.today + timedelta(days=lives),
                line=line,
            )
            for line, count in enumerate(points)
        ]
        return self.do(
            operations.earn,
            member,
            issuer,
            event=self.event(
                issuer, f"p{self.number}", receipt="۱۲", amount=base, base=base, currency=CURRENCY
            ),
            grants=grants,
            explanation=[{"rule": "base", "fired": True, "facts": {"points": sum(points)}}],
        )

    def redeem(self, member: UUID, acceptor: UUID, points: int, **facts: Any) -> Posted:
        """Take points at once."""
        consent = facts.pop("consent", None)
        return self.do(
            operations.redeem,
            member,
            acceptor,
            wall=wall_now(),
            points=points,
            consent=consent,
            **facts,
        )

    def hold(self, member: UUID, acceptor: UUID, points: int, *, hours: int = 1) -> Posted:
        """Authorise, until so many hours from now (in the past where negative)."""
        wall = wall_now()
        return self.do(
            operations.authorise,
            member,
            acceptor,
            wall=wall,
            points=points,
            hold_until=wall + timedelta(hours=hours),
            consent=None,
        )

    def next_day(self) -> date:
        """Close and seal the open day; return the one that opens."""
        closed, self.today = self.today, self.today + timedelta(days=1)
        now = noon(self.today) - timedelta(hours=12)
        if close_day(self.database, now=now) != closed:
            raise AssertionError(closed)
        seal_through(self.database, business_date=closed, now=now, sign=sign)
        return self.today


def found(owner: Database) -> None:
    """Store the merchants, their terms, and two operators."""
    with owner.unit_of_work() as session:
        for operator in PEOPLE:
            add_operator(session, operator, at=noon(FIRST))
        for code, merchant in (("bakery", BAKERY), ("grocer", GROCER)):
            session.execute(
                text(
                    "INSERT INTO network.merchant (merchant_id, code, name_fa, name_en, kind,"
                    " status, joined_at) VALUES (:id, :code, :code, :code, 'shop', 'active', :at)"
                ),
                {"id": merchant, "code": code, "at": noon(FIRST)},
            )
            session.execute(
                text(
                    "INSERT INTO network.agreement (agreement_id, merchant_id, version,"
                    " effective_from, issue_price, acceptance_fee, funding, currency, proposed_at,"
                    " approved_at) VALUES (:terms, :id, 1, :day, 12, 0.02, 'on_redemption', 'IRR',"
                    " :at, :at)"
                ),
                {"terms": TERMS[merchant], "id": merchant, "day": FIRST, "at": noon(FIRST)},
            )


def add_operator(session: Session, operator: UUID, *, at: datetime) -> None:
    """Store an operator who never signs in."""
    session.execute(
        text(
            "INSERT INTO network.operator (operator_id, email, name, role, status, password_hash,"
            " sealed_totp, totp_step, created_at)"
            " VALUES (:id, CAST(:id AS text) || '@example.org', 'x', 'operator', 'active', 'x',"
            " 'x', 0, :at)"
        ),
        {"id": operator, "at": at},
    )


def live(database: Database, owner: Database, *, seed: int = 1) -> Ledger:
    """Play three days and leave the fourth open, with something of everything in the books."""
    found(owner)
    with database.ledger() as connection:
        open_first_day(connection, business_date=FIRST)
        for member in MEMBERS:
            operations.open_wallet(connection, member_id=member)
    book = Ledger(database=database)
    short_lived = _first_day(book)
    book.next_day()
    _second_day(book)
    book.next_day()
    _third_day(book, short_lived, random.Random(seed))  # noqa: S311 - a seeded mixture
    book.next_day()
    book.earn(SPENDER, BAKERY, 60)
    _batch(owner, book.posted[-1])
    _beside_the_till(book)
    _campaign(book)
    with database.ledger() as connection:
        for member in MEMBERS:
            operations.mature(connection, now=noon(book.today), wall=wall_now(), member_id=member)
    return book


def _batch(owner: Database, posted: Posted) -> None:
    """Let an entry have come as the seventh line of a batch."""
    names = {"batch": UUID(int=51), "member": posted.member_id, "sequence": posted.sequence}
    with owner.unit_of_work() as session:
        session.execute(
            text("INSERT INTO network.batch_request VALUES (:batch, 'mk_live_x', '', '', '')"),
            names,
        )
        session.execute(
            text(
                "INSERT INTO network.batch_entries (batch_id, line, merchant_id, recorded_at,"
                " members, sequences, lines) SELECT :batch, 7, merchant_id, recorded_at,"
                " ARRAY[member_id], ARRAY[sequence], ARRAY[7] FROM ledger.entry"
                " WHERE member_id = :member AND sequence = :sequence"
            ),
            names,
        )


def _first_day(book: Ledger) -> Posted:
    book.earn(SPENDER, BAKERY, 300, 40)
    book.earn(SPENDER, GROCER, 100, starts=1)
    book.earn(SPENDER, GROCER)  # a purchase that earns nothing is an entry still
    book.earn(HOLDER, BAKERY, 500, lives=2)
    book.earn(HOLDER, GROCER, 80)
    book.redeem(
        SPENDER,
        GROCER,
        20,
        consent=Consent(
            digest=sha256(b"code").digest(), expires_at=wall_now() + timedelta(hours=1), limit=25
        ),
    )
    bought = book.earn(DEBTOR, BAKERY, 100)
    book.redeem(DEBTOR, GROCER, 90)
    book.do(
        operations.refund_earn, DEBTOR, BAKERY, original=bought.sequence, amount=10_050, lines=None
    )
    return book.redeem(HOLDER, GROCER, 30)


def _second_day(book: Ledger) -> None:
    book.earn(DEBTOR, BAKERY, 60)  # repays part of the debt
    bought = book.earn(SPENDER, BAKERY, 50, 70)
    book.do(
        operations.refund_earn,
        SPENDER,
        BAKERY,
        original=bought.sequence,
        amount=None,
        lines=[{"line": 1, "amount": 3_500}],
    )
    part = book.hold(SPENDER, BAKERY, 45)
    book.do(
        operations.capture,
        SPENDER,
        BAKERY,
        wall=wall_now(),
        authorisation=part.sequence,
        points=30,
    )
    book.do(
        operations.refund_redeem,
        SPENDER,
        BAKERY,
        original=part.sequence,
        points=10,
        grace_days=30,
    )
    none = book.hold(SPENDER, GROCER, 5)
    book.do(operations.void, SPENDER, GROCER, wall=wall_now(), authorisation=none.sequence)
    book.hold(HOLDER, GROCER, 12)
    for ref in ("never", "once"):
        if ref == "once":
            book.redeem(SPENDER, GROCER, 3, ref=ref)
        book.do(operations.reverse, SPENDER, GROCER, ref=ref, wall=wall_now())
    lapsed = book.hold(SPENDER, BAKERY, 8, hours=-2)
    book.do(
        operations.capture,
        SPENDER,
        BAKERY,
        wall=wall_now(),
        authorisation=lapsed.sequence,
        points=None,
    )


def _third_day(book: Ledger, short_lived: Posted, dice: random.Random) -> None:
    book.do(
        operations.refund_redeem,
        HOLDER,
        GROCER,
        original=short_lived.sequence,
        points=25,
        grace_days=10,
    )
    for _ in range(40):
        merchant = dice.choice((BAKERY, GROCER))
        if dice.random() < 0.5:
            book.earn(WALKER, merchant, dice.randint(1, 90), starts=dice.randint(0, 1))
        else:
            try:
                book.redeem(WALKER, merchant, dice.randint(1, 60))
            except Refusal:
                book.earn(WALKER, merchant, 5)


def _campaign(book: Ledger) -> None:
    """Let a purchase have a bonus of a campaign that a merchant and the network pay for."""
    with book.database.ledger() as connection:
        operations.open_wallet(connection, member_id=WINNER)
        operations_campaigns.open_campaign(
            connection,
            campaign_id=CAMPAIGN,
            budget=1000,
            slices=16,
            person_cap=100,
            day_cap=None,
        )
    bakery = Grant(
        issuer_id=BAKERY,
        terms_id=TERMS[BAKERY],
        price=Decimal(12),
        points=40,
        base=4000,
        active_from=book.today,
        expires_on=book.today + timedelta(days=90),
        line=0,
    )
    network = replace(bakery, issuer_id=NETWORK_PARTY, terms_id=CAMPAIGN, campaign_id=CAMPAIGN)
    for ref, bonus in (("c1", 70), ("c2", 15)):
        book.do(
            operations.earn,
            WINNER,
            BAKERY,
            event=book.event(BAKERY, ref, amount=4000, base=4000, currency=CURRENCY),
            grants=[
                bakery,
                replace(bakery, points=bonus * 3 // 5, campaign_id=CAMPAIGN),
                replace(network, points=bonus - bonus * 3 // 5),
            ],
            explanation=[],
            takings=Takings(sequence=None, campaigns={CAMPAIGN: bonus}),
        )
    book.redeem(WINNER, GROCER, 160)  # so that both funders are owed something back
    book.do(
        operations.refund_earn,
        WINNER,
        BAKERY,
        original=book.posted[-2].sequence,
        amount=4000,
        lines=None,
    )
    book.do(operations.refund_earn, WINNER, BAKERY, original=1, amount=1, lines=None)


def _beside_the_till(book: Ledger) -> None:
    """A gift, a shared wallet, credit for one merchant, a correction by two people."""
    later = book.today + timedelta(days=90)

    def claim(key: str) -> Claim:
        return Claim(client_id=GIVER, key=key, fingerprint=sha256(key.encode()).digest())

    with book.database.ledger() as connection:
        for member in (GIVER, TAKER, SHARER, SHARED):
            operations.open_wallet(connection, member_id=member)
        book.earn(GIVER, BAKERY, 50)
        operations_members.transfer(
            connection,
            now=noon(book.today),
            wall=wall_now(),
            claim=claim("gift"),
            member_id=GIVER,
            taker=TAKER,
            points=10,
        )
        book.earn(SHARER, BAKERY, 30)
        operations_members.join_pool(
            connection,
            now=noon(book.today),
            wall=wall_now(),
            claim=claim("share"),
            member_id=SHARER,
            pool=SHARED,
        )
        locked = Grant(
            issuer_id=BAKERY,
            terms_id=TERMS[BAKERY],
            price=Decimal(12),
            points=20,
            base=2_000,
            active_from=book.today,
            expires_on=later,
            line=0,
            locked_to=GROCER,
        )
        book.do(operations.earn, TAKER, BAKERY, grants=[locked], explanation=[])
        book.redeem(TAKER, GROCER, 5)
        done = operations_members.adjust_up(
            connection,
            now=noon(book.today),
            claim=claim("correction"),
            member_id=TAKER,
            issuer_id=BAKERY,
            terms_id=TERMS[BAKERY],
            price=Decimal(12),
            points=7,
            active_from=book.today,
            expires_on=later,
            approval=Approval(proposer=PEOPLE[0], approver=PEOPLE[1], reason="points were missing"),
        )
        connection.execute(
            text(f"""INSERT INTO network.adjustment
                VALUES ('{GIVER}', '{TAKER}', 'up', '{BAKERY}', 7, :ends, 'x', 'posted',
                '{PEOPLE[0]}', :at, '{PEOPLE[1]}', :at, :sequence, :day)"""),
            {"ends": later, "at": noon(book.today), "sequence": done.sequence, "day": book.today},
        )
