"""What a merchant finds in its sandbox: itself as it is today, and a made-up partner.

Its stores, tills, terms, agreements and campaigns are copied once; what the network has not agreed
with it yet is made up. The partner gives members points that are not the merchant's, and takes the
merchant's, so that a night has something to settle in both directions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

from sqlalchemy import exists, inspect, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from network.clock import local_date
from network.database.base import Base
from network.ids import uuid7
from network.ledger.partitions import open_first_day
from network.merchants.keys import TEST
from network.merchants.models import Agreement, Merchant, MerchantKey, Store, Terminal
from network.merchants.queries import ISSUING_OPEN
from network.programme.models import CategoryRate, EarningTermsRow, FaceValue
from network.sandboxes.campaigns import Offers, add_offers, offers_of
from network.settings import CURRENCY, PROGRAMME_ZONE
from network.signing.service import ensure_keys
from network.vault import Vault

PARTNER_CODES = ("sandbox-partner", "sandbox-partner-2")
"""The partner's code; the second where the merchant itself is called like the first."""

BEGINS_BEFORE = timedelta(days=60)
"""How far back made-up terms reach: further than a purchase may lie."""

NO_ACCOUNT = "IR490000000000000000000000"
"""An IBAN of the right form, of a bank that there is not."""

RIALS_PER_POINT = 1_000
RIALS_PER_EARNED_POINT = 10_000
EXPIRY_DAYS = 365
FEE = Decimal("0.02")
_LOCK = 0x6675_726E
_Row = TypeVar("_Row", bound=Base)


@dataclass(frozen=True, slots=True, kw_only=True)
class Furniture:
    """What is copied of a merchant, as rows that belong to no session."""

    merchant: Merchant
    places: tuple[Base, ...]
    face_values: tuple[FaceValue, ...]
    terms: tuple[EarningTermsRow, ...]
    rates: tuple[CategoryRate, ...]
    agreements: tuple[Agreement, ...]
    offers: Offers


def furniture_of(session: Session, *, merchant_id: UUID, now: datetime) -> Furniture:
    """Read what a sandbox copies of a merchant: what is approved, whenever it begins.

    Who proposed and approved it stays behind; in the place of an account that is paid into stands
    one that no bank has, so that a night pays as it would.
    """
    merchant = session.get_one(Merchant, merchant_id)
    stores = session.scalars(select(Store).where(Store.merchant_id == merchant_id)).all()
    store_ids = [each.store_id for each in stores]
    terminals = session.scalars(select(Terminal).where(Terminal.store_id.in_(store_ids))).all()
    terms = session.scalars(
        select(EarningTermsRow).where(EarningTermsRow.merchant_id == merchant_id)
    ).all()
    terms_ids = [each.earning_terms_id for each in terms]
    rates = select(CategoryRate).where(CategoryRate.earning_terms_id.in_(terms_ids))
    agreements = session.scalars(
        select(Agreement).where(
            Agreement.merchant_id == merchant_id, Agreement.approved_at.is_not(None)
        )
    )
    return Furniture(
        merchant=_copied(
            merchant, status="active", leaves_on=None, issuing=ISSUING_OPEN, portal_since=None
        ),
        places=(*map(_copied, stores), *map(_copied, terminals)),
        face_values=tuple(
            _copied(each, set_by=None) for each in session.scalars(select(FaceValue))
        ),
        terms=tuple(_copied(each, set_by=None) for each in terms),
        rates=tuple(map(_copied, session.scalars(rates))),
        agreements=tuple(
            _copied(
                each,
                proposed_by=None,
                approved_by=None,
                settlement_iban=None if each.settlement_iban is None else NO_ACCOUNT,
                account_holder=None,
            )
            for each in agreements
        ),
        offers=offers_of(
            session, merchant_id=merchant_id, today=local_date(now, zone=PROGRAMME_ZONE)
        ),
    )


def furnish(session: Session, vault: Vault, *, furniture: Furniture, now: datetime) -> None:
    """Put everything into an empty sandbox and open its first business day; safe to repeat."""
    session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    if session.scalar(select(exists().where(Merchant.merchant_id.is_not(None)))):
        return
    today = local_date(now, zone=PROGRAMME_ZONE)
    ensure_keys(session, vault, now=now)
    merchant = furniture.merchant
    session.add(merchant)
    session.flush()
    _add(session, furniture.places)
    _add(session, furniture.face_values)
    if not any(each.effective_from <= today for each in furniture.face_values):
        session.add(_face_value(today, now))
    _add(session, furniture.terms)
    _add(session, furniture.rates)
    if not any(each.effective_from <= today for each in furniture.terms):
        session.add(_terms(merchant.merchant_id, today, now))
    _add(session, furniture.agreements)
    if not any(each.effective_from <= today for each in furniture.agreements):
        version = 1 + max((each.version for each in furniture.agreements), default=0)
        session.add(_agreement(merchant.merchant_id, today, now, version=version))
    partner_id = _add_partner(session, today, now, beside=merchant.code)
    add_offers(
        session, offers=furniture.offers, merchant_id=merchant.merchant_id, partner_id=partner_id
    )
    open_first_day(session, business_date=today)


def partner_of(session: Session) -> Merchant:
    """Return the made-up partner."""
    return session.scalars(
        select(Merchant).where(Merchant.kind == "sandbox", Merchant.code.in_(PARTNER_CODES))
    ).one()


def bring_keys(live: Session, sandbox: Session, *, merchant_id: UUID) -> None:
    """Copy what a merchant's test keys may do, for batches that are worked off later.

    Their secrets stay where requests are verified: among the live data, in the one table of keys.
    """
    keys = live.scalars(
        select(MerchantKey).where(
            MerchantKey.merchant_id == merchant_id, MerchantKey.environment == TEST
        )
    )
    for key in keys:
        secret = None if key.sealed_secret is None else b"not here"
        values = {name: getattr(key, name) for name in _columns(MerchantKey)}
        fresh = insert(MerchantKey).values(values | {"sealed_secret": secret})
        sandbox.execute(
            fresh.on_conflict_do_update(
                index_elements=["key_id"],
                set_={"revoked_at": key.revoked_at, "expires_at": key.expires_at},
            )
        )


def _add_partner(session: Session, today: date, now: datetime, *, beside: str) -> UUID:
    partner = Merchant(
        merchant_id=uuid7(),
        code=next(code for code in PARTNER_CODES if code != beside),
        name_fa="پذیرندهٔ آزمایشی",
        name_en="Sandbox Partner",
        kind="sandbox",
        status="active",
        joined_at=now,
    )
    session.add(partner)
    session.flush()
    session.add_all(
        [
            _terms(partner.merchant_id, today, now),
            _agreement(partner.merchant_id, today, now, version=1),
        ]
    )
    session.flush()
    return partner.merchant_id


def _face_value(today: date, now: datetime) -> FaceValue:
    return FaceValue(
        effective_from=today - BEGINS_BEFORE,
        numerator=RIALS_PER_POINT,
        denominator=1,
        currency=CURRENCY,
        set_at=now,
    )


def _terms(merchant_id: UUID, today: date, now: datetime) -> EarningTermsRow:
    return EarningTermsRow(
        earning_terms_id=uuid7(),
        merchant_id=merchant_id,
        effective_from=today - BEGINS_BEFORE,
        numerator=1,
        denominator=RIALS_PER_EARNED_POINT,
        pending_days=0,
        expiry_days=EXPIRY_DAYS,
        minimum_amount=0,
        set_at=now,
    )


def _agreement(merchant_id: UUID, today: date, now: datetime, *, version: int) -> Agreement:
    return Agreement(
        agreement_id=uuid7(),
        merchant_id=merchant_id,
        version=version,
        effective_from=today - BEGINS_BEFORE,
        issue_price=Decimal(RIALS_PER_POINT),
        acceptance_fee=FEE,
        funding="on_redemption",
        currency=CURRENCY,
        proposed_at=now,
        approved_at=now,
    )


def _add(session: Session, rows: Iterable[Base]) -> None:
    for row in rows:
        session.add(row)
        session.flush()


def _copied(row: _Row, **changes: object) -> _Row:
    kind = type(row)
    return kind(**{name: getattr(row, name) for name in _columns(kind)} | changes)


def _columns(kind: type[Base]) -> list[str]:
    return [column.key for column in inspect(kind).column_attrs]
