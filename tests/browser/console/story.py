"""A few days of a small coalition, played through the services and the ledger's own operations."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from itertools import count
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from config.demo.accounts import made_up_iban
from network.campaigns import queries as campaigns
from network.campaigns.grants import Prices, grants_of, takings_of
from network.clearing.parties import NETWORK_PARTY
from network.clock import day_start, local_date, wall_now
from network.ledger import operations
from network.ledger.partitions import open_first_day
from network.ledger.values import Claim, Event, Evidence
from network.members.enrolment import enrol
from network.merchants import agreements, queries, service
from network.merchants.agreements import Funding
from network.programme import explain
from network.programme.campaign_pricing import price_with_campaigns
from network.programme.queries import terms_on
from network.programme.rules import Line, Purchase
from network.programme.service import set_earning_terms, set_face_value
from network.services import Services
from network.settings import PROGRAMME_ZONE
from network.signing.service import ensure_keys
from settlement.nightly import run_night
from tests.fixtures.programme import Programme

SHOPS = (
    ("mahtab", "فروشگاه مهتاب", "Mahtab Market", "grocery", "987.6543210987", "0.025", 100_000),
    ("sepand", "داروکدهٔ سپند", "Sepand Drugstore", "pharmacy", "1012.3456789", "0.03", 45_000),
    ("bostan", "میوه‌سرای بوستان", "Bostan Greengrocer", "produce", "975.5", "0.02", 50_000),
    ("dasht", "گوشت دشت سبز", "Green Plain Butchers", "meat", "1000", "0.0175", 70_000),
    ("parto", "پوشاک پرتو", "Parto Clothing", "clothing", "1020.25", "0.04", 30_000),
    ("rayan", "رایان شهر", "Rayan Electronics", "electronics", "969.9", "0.015", 200_000),
)
FUNDING = {
    "mahtab": Funding(vat_rate=Decimal("0.1")),
    "sepand": Funding(model="prefunded"),
    "rayan": Funding(model="on_issue"),
}
PHONE = "+989125551000"
PEOPLE = ("مریم احمدی", "Reza Moradi", "شیرین کاظمی", "Navid Rad", "لیلا صدری", "Arash Nik")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A merchant of the story with its first agreement and its key."""

    merchant_id: UUID
    code: str
    store_id: UUID
    key_id: str
    agreement_id: UUID
    price: Decimal
    key: Ed25519PrivateKey = field(repr=False)


@dataclass(kw_only=True)
class Story:
    """The coalition, and the hands that play it."""

    services: Services
    programme: Programme
    shops: tuple[Shop, ...]
    members: tuple[UUID, ...]
    first_day: date

    def __post_init__(self) -> None:
        self.numbers = count(1)
        self.earned: list[tuple[UUID, Shop, int]] = []
        self.redeemed: list[tuple[UUID, Shop, int]] = []

    def play_day(self, number: int) -> None:
        """Let everybody buy, most spend, and some change their mind."""
        start = day_start(self.first_day + timedelta(days=number), zone=PROGRAMME_ZONE)
        self.programme.move(start + timedelta(hours=11))
        for place, member_id in enumerate(self.members):
            for step in range(3):
                shop = self.shops[(place + step + number) % len(self.shops)]
                amount = 2_400_000 + 137_300 * ((place * 5 + step * 3 + number) % 17)
                self.earn(member_id, shop, amount=amount)
            taker = self.shops[(place * 3 + number * 2 + 1) % len(self.shops)]
            self.redeem(member_id, taker, points=7 + (place * 3 + number) % 6)
        self.give_back(*self.redeemed[-1], points=2)
        self.take_back(*self.earned[-2], amount=900_000)

    def night(self) -> None:
        """End the day and settle it."""
        now = self.programme.now()
        day = local_date(now, zone=PROGRAMME_ZONE)
        midnight = day_start(day + timedelta(days=1), zone=PROGRAMME_ZONE)
        self.programme.move(midnight + timedelta(minutes=5))
        run_night(self.services, started_by="schedule")

    def earn(self, member_id: UUID, shop: Shop, *, amount: int) -> int:
        """Post a purchase of two lines and return its number in the wallet."""
        now = self.programme.now()
        day = local_date(now, zone=PROGRAMME_ZONE)
        part = amount // 3
        lines = (Line(amount=part, category="fruit", sku="A-1"), Line(amount=amount - part))
        with self.services.database.reading() as session:
            terms = terms_on(session, merchant_id=shop.merchant_id, day=day)
            running = campaigns.running(session, merchant_id=shop.merchant_id, day=day)
            standing = campaigns.standing(session, member_id=member_id)
        quote = price_with_campaigns(
            purchase=Purchase(amount=amount, lines=lines),
            terms=terms,
            day=day,
            channel="in_store",
            campaigns=running,
            standing=standing,
        )
        agreed = {
            each.merchant_id: Prices(terms_id=each.agreement_id, price=each.price)
            for each in self.shops
        }
        network = Prices(terms_id=NETWORK_PARTY, price=Decimal(1000))
        grants = grants_of(
            quote,
            merchant_id=shop.merchant_id,
            prices=(agreed | {NETWORK_PARTY: network}).__getitem__,
        )
        with self.services.database.ledger() as connection:
            posted = operations.earn(
                connection,
                now=now,
                claim=self._claim(shop),
                member_id=member_id,
                event=self._event(shop, amount=amount, receipt="R-77"),
                grants=grants,
                explanation=explain.explanation_json(quote.explanation),
                evidence=self._evidence(shop),
                takings=takings_of(quote),
            )
        self.earned.append((member_id, shop, posted.sequence))
        return posted.sequence

    def redeem(self, member_id: UUID, shop: Shop, *, points: int) -> int:
        """Spend points and return the entry's number in the wallet."""
        with self.services.database.ledger() as connection:
            posted = operations.redeem(
                connection,
                now=self.programme.now(),
                wall=wall_now(),
                claim=self._claim(shop),
                member_id=member_id,
                event=self._event(shop),
                points=points,
                consent=None,
                evidence=self._evidence(shop),
            )
        self.redeemed.append((member_id, shop, posted.sequence))
        return posted.sequence

    def give_back(self, member_id: UUID, shop: Shop, sequence: int, *, points: int) -> None:
        """Refund a part of a redemption."""
        with self.services.database.ledger() as connection:
            operations.refund_redeem(
                connection,
                now=self.programme.now(),
                claim=self._claim(shop),
                member_id=member_id,
                original=sequence,
                event=self._event(shop),
                points=points,
                grace_days=operations.GRACE_DAYS,
                evidence=self._evidence(shop),
            )

    def take_back(self, member_id: UUID, shop: Shop, sequence: int, *, amount: int) -> None:
        """Refund a part of a purchase."""
        with self.services.database.ledger() as connection:
            operations.refund_earn(
                connection,
                now=self.programme.now(),
                claim=self._claim(shop),
                member_id=member_id,
                original=sequence,
                event=self._event(shop),
                amount=amount,
                lines=None,
                evidence=self._evidence(shop),
            )

    def _claim(self, shop: Shop) -> Claim:
        key = f"key-{next(self.numbers)}"
        return Claim(client_id=shop.merchant_id, key=key, fingerprint=sha256(key.encode()).digest())

    def _event(self, shop: Shop, *, amount: int | None = None, receipt: str | None = None) -> Event:
        return Event(
            merchant_id=shop.merchant_id,
            merchant_ref=f"{shop.code}-{next(self.numbers)}",
            effective_at=self.programme.now(),
            store_id=shop.store_id,
            terminal="T-3",
            receipt=receipt,
            amount=amount,
            currency="IRR" if amount else None,
        )

    def _evidence(self, shop: Shop) -> Evidence:
        """Sign a request as a till would: the base carries the digest of the body."""
        body = json.dumps({"member": {"phone": PHONE}, "receipt": f"R-{next(self.numbers)}"})
        digest = b64encode(sha256(body.encode()).digest()).decode()
        base = (
            '"@method": POST\n"@authority": gateway.example.org\n"@path": /v1/earnings\n'
            f'"content-digest": sha-256=:{digest}:\n"@signature-params": ("@method" "@authority" '
            f'"@path" "content-digest");created=1785000000;keyid="{shop.key_id}"'
        ).encode()
        return Evidence(
            key_id=shop.key_id,
            signature_base=base,
            signature=shop.key.sign(base),
            body=body.encode(),
        )


def begin(services: Services, programme: Programme, *, days_ago: int) -> Story:
    """Make the coalition and open its first day."""
    first_day = local_date(wall_now(), zone=PROGRAMME_ZONE) - timedelta(days=days_ago)
    now = programme.move(day_start(first_day, zone=PROGRAMME_ZONE) + timedelta(hours=8))
    with services.database.unit_of_work() as session:
        open_first_day(session, business_date=first_day)
    with services.database.unit_of_work() as session:
        ensure_keys(session, services.vault, now=now)
        set_face_value(
            session, effective_from=first_day, value=Fraction(1000), today=first_day, now=now
        )
        shops = tuple(_shop(services, now, first_day, *facts) for facts in SHOPS)
        members = tuple(
            enrol(
                session,
                services.vault,
                phone=f"0912555{1000 + number}",
                consents=("membership",),
                locale="fa",
                now=now,
                name=name,
            )
            for number, name in enumerate(PEOPLE)
        )
    return Story(
        services=services, programme=programme, shops=shops, members=members, first_day=first_day
    )


def _shop(
    services: Services,
    now: datetime,
    day: date,
    code: str,
    name_fa: str,
    name_en: str,
    kind: str,
    price: str,
    fee: str,
    rials_per_point: int,
) -> Shop:
    private = Ed25519PrivateKey.generate()
    with services.database.unit_of_work() as session:
        merchant_id = service.register_merchant(
            session, code=code, name_fa=name_fa, name_en=name_en, kind=kind, now=now
        )
        store_id = service.add_store(
            session,
            merchant_id=merchant_id,
            code="1",
            name_fa="شعبهٔ میدان",
            name_en="Square branch",
            city_fa="اصفهان",
            city_en="Isfahan",
        )
        key = service.register_key(
            session,
            services.vault,
            merchant_id=merchant_id,
            environment="live",
            now=now,
            public_key=private.public_key().public_bytes_raw(),
        )
        proposed = agreements.propose_agreement(
            session,
            merchant_id=merchant_id,
            effective_from=day,
            issue_price=Decimal(price),
            acceptance_fee=Decimal(fee),
            settlement_iban=made_up_iban(code),
            funding=FUNDING.get(code, Funding()),
            today=day,
            now=now,
        )
        agreements.approve_agreement(
            session, agreement_id=proposed.agreement_id, today=day, now=now
        )
        set_earning_terms(
            session,
            merchant_id=merchant_id,
            effective_from=day,
            base_rate=Fraction(1, rials_per_point),
            category_rates={"fruit": Fraction(2, rials_per_point)},
            pending_days=0,
            expiry_days=365,
            today=day,
            now=now,
        )
        agreement = queries.agreement_on(session, merchant_id=merchant_id, day=day)
    return Shop(
        merchant_id=merchant_id,
        code=code,
        store_id=store_id,
        key_id=key.key_id,
        agreement_id=agreement.agreement_id,
        price=agreement.issue_price,
        key=private,
    )
