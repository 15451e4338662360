"""A small coalition and purchases of one member, posted through the real services."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from itertools import count
from uuid import UUID

from network.clock import local_date, wall_now
from network.database.connection import Database
from network.ledger import operations as ledger
from network.ledger.partitions import ensure_partitions, open_first_day
from network.ledger.values import Claim, Consent, Event, Grant, Posted
from network.merchants.agreements import approve_agreement, propose_agreement
from network.merchants.queries import MerchantView, StoreView, merchant, stores
from network.merchants.service import add_store, register_merchant
from network.programme.explain import explanation_json
from network.programme.queries import terms_on
from network.programme.rules import Line, Purchase, price_purchase
from network.programme.service import set_earning_terms, set_face_value
from network.settings import PROGRAMME_ZONE

FACE_VALUE = Fraction(1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A partner of the tests: names, places, and what a purchase earns there."""

    code: str
    fa: str
    en: str
    per_point: int
    pending_days: int = 0
    expiry_days: int = 180
    categories: tuple[tuple[str, int], ...] = ()
    cities: tuple[tuple[str, str], ...] = (("تهران", "Tehran"),)


SHOPS = (
    Shop(
        code="mahtab",
        fa="فروشگاه مهتاب",
        en="Mahtab Market",
        per_point=100_000,
        categories=(("bread", 50_000), ("tobacco", 0)),
        cities=(("تهران", "Tehran"), ("شیراز", "Shiraz"), ("تبریز", "Tabriz"), ("رشت", "Rasht")),
    ),
    Shop(
        code="sepand",
        fa="داروکدهٔ سپند",
        en="Sepand Pharmacy",
        per_point=40_000,
        pending_days=3,
        expiry_days=90,
    ),
    Shop(
        code="yas",
        fa="گل‌خانهٔ یاس",
        en="Yas Flowers",
        per_point=25_000,
        expiry_days=20,
        cities=(("مشهد", "Mashhad"),),
    ),
)


class Coalition:
    """Writes merchants, terms and entries into a test database."""

    def __init__(self, *, database: Database, owner: Database, now: datetime) -> None:
        self._database = database
        self.owner = owner
        self.now = now
        self._today = local_date(now, zone=PROGRAMME_ZONE)
        self._numbers = count(1)
        with owner.unit_of_work() as session:
            ensure_partitions(
                session.connection(),
                first=self._today - timedelta(days=1),
                last=self._today + timedelta(days=2),
            )
            open_first_day(session, business_date=self._today)
        with database.unit_of_work() as session:
            set_face_value(
                session,
                effective_from=self._today,
                value=FACE_VALUE,
                today=self._today,
                now=now,
            )
        self.merchants: dict[str, MerchantView] = {}
        self.stores: dict[str, list[StoreView]] = {}
        self._terms: dict[str, UUID] = {}
        for shop in SHOPS:
            self._found(shop)

    def _found(self, shop: Shop) -> None:
        with self._database.unit_of_work() as session:
            merchant_id = register_merchant(
                session,
                code=shop.code,
                name_fa=shop.fa,
                name_en=shop.en,
                kind="shop",
                now=self.now,
            )
            for number, (fa, en) in enumerate(shop.cities):
                add_store(
                    session,
                    merchant_id=merchant_id,
                    code=f"{shop.code}-{number}",
                    name_fa=f"شعبهٔ {fa}",
                    name_en=f"{en} branch",
                    city_fa=fa,
                    city_en=en,
                )
            set_earning_terms(
                session,
                merchant_id=merchant_id,
                effective_from=self._today,
                base_rate=Fraction(1, shop.per_point),
                pending_days=shop.pending_days,
                expiry_days=shop.expiry_days,
                category_rates={
                    name: Fraction(1, rials) if rials else Fraction(0)
                    for name, rials in shop.categories
                },
                today=self._today,
                now=self.now,
            )
            agreement = propose_agreement(
                session,
                merchant_id=merchant_id,
                effective_from=self._today,
                issue_price=Decimal(1000),
                acceptance_fee=Decimal("0.02"),
                today=self._today,
                now=self.now,
            )
            approve_agreement(
                session, agreement_id=agreement.agreement_id, today=self._today, now=self.now
            )
            self._terms[shop.code] = agreement.agreement_id
            self.merchants[shop.code] = merchant(session, merchant_id=merchant_id)
            self.stores[shop.code] = stores(session, merchant_id=merchant_id)

    def event(self, code: str, *, amount: int | None = None, ago: timedelta) -> Event:
        """Return something that happened at a merchant."""
        number = next(self._numbers)
        return Event(
            merchant_id=self.merchants[code].merchant_id,
            merchant_ref=f"ref-{number}",
            effective_at=self.now - ago,
            store_id=self.stores[code][0].store_id,
            receipt=f"R-{number:05}",
            amount=amount,
            currency="IRR" if amount is not None else None,
        )

    def claim(self, code: str) -> Claim:
        """Return a fresh idempotency claim."""
        key = f"key-{next(self._numbers)}"
        return Claim(
            client_id=self.merchants[code].merchant_id,
            key=key,
            fingerprint=sha256(key.encode()).digest(),
        )

    def buy(
        self,
        member_id: UUID,
        code: str,
        *,
        amount: int,
        ago: timedelta = timedelta(),
        lines: tuple[Line, ...] = (),
    ) -> Posted:
        """Let a purchase earn."""
        with self._database.reading() as session:
            terms = terms_on(session, merchant_id=self.merchants[code].merchant_id, day=self._today)
        quote = price_purchase(
            purchase=Purchase(amount=amount, lines=lines), terms=terms, day=self._today
        )
        grants = [
            Grant(
                issuer_id=self.merchants[code].merchant_id,
                terms_id=self._terms[code],
                price=Decimal(1000),
                points=line.points,
                base=line.amount,
                active_from=quote.active_from,
                expires_on=quote.expires_on,
                line=number,
            )
            for number, line in enumerate(quote.lines)
            if line.points
        ]
        with self._database.ledger() as connection:
            return ledger.earn(
                connection,
                now=self.now,
                claim=self.claim(code),
                member_id=member_id,
                event=self.event(code, amount=amount, ago=ago),
                grants=grants,
                explanation=explanation_json(quote.explanation),
                evidence=None,
            )

    def pay(
        self,
        member_id: UUID,
        code: str,
        *,
        points: int,
        ago: timedelta,
        consent: Consent | None = None,
    ) -> Posted:
        """Let a member pay with points, with the consent of a code where it is given."""
        with self._database.ledger() as connection:
            return ledger.redeem(
                connection,
                now=self.now,
                wall=wall_now(),
                claim=self.claim(code),
                member_id=member_id,
                event=self.event(code, ago=ago),
                points=points,
                consent=consent,
                evidence=None,
            )

    def hold(self, member_id: UUID, code: str, *, points: int, ago: timedelta) -> Posted:
        """Set points aside for a merchant."""
        wall = wall_now()
        with self._database.ledger() as connection:
            return ledger.authorise(
                connection,
                now=self.now,
                wall=wall,
                claim=self.claim(code),
                member_id=member_id,
                event=self.event(code, ago=ago),
                points=points,
                hold_until=wall + timedelta(hours=1),
                consent=None,
                evidence=None,
            )

    def return_goods(
        self, member_id: UUID, code: str, *, original: int, amount: int, ago: timedelta
    ) -> Posted:
        """Take back what a returned part of a purchase had earned."""
        with self._database.ledger() as connection:
            return ledger.refund_earn(
                connection,
                now=self.now,
                claim=self.claim(code),
                member_id=member_id,
                original=original,
                event=self.event(code, amount=amount, ago=ago),
                amount=amount,
                lines=None,
                evidence=None,
            )

    def live(self, member_id: UUID) -> None:
        """Play thirty-odd movements of a member over the last nine days."""
        first = self.buy(
            member_id,
            "mahtab",
            amount=42_000_000,
            ago=timedelta(days=9),
            lines=(
                Line(amount=2_000_000, category="bread"),
                Line(amount=40_000_000, category="household"),
            ),
        )
        for number in range(24):
            code = SHOPS[number % 2].code
            self.buy(
                member_id,
                code,
                amount=(number + 3) * 1_270_000,
                ago=timedelta(days=8, hours=-5 * number),
            )
        self.buy(member_id, "yas", amount=8_750_000, ago=timedelta(days=2))
        self.pay(member_id, "yas", points=180, ago=timedelta(days=1, hours=4))
        self.return_goods(
            member_id,
            "mahtab",
            original=first.sequence,
            amount=3_000_000,
            ago=timedelta(hours=20),
        )
        self.hold(member_id, "sepand", points=250, ago=timedelta(hours=1))
