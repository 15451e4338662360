"""Reads of merchants, their stores, keys and agreements."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Row, bindparam, select
from sqlalchemy.orm import Session

from network.database.driver import Channel, rows_of
from network.errors import PeyvandError
from network.merchants.models import Agreement, Merchant, MerchantKey, Store, Terminal
from network.merchants.scopes import SCOPES
from network.merchants.settling import Cycle, Settling

APPLICANT_PREFIX = "applicant-"
"""Codes of those who have applied; approval gives them one to be known by."""

SPONSOR = "sponsor"
"""The kind of a party that pays for points of campaigns and sells nothing (0037_sponsors.sql)."""

ISSUING_OPEN = "open"
"""``merchant.issuing`` of who may give points: below its limit, its points not suspended."""


class UnknownMerchantError(PeyvandError):
    """No merchant has that id or code."""

    code = "unknown_merchant"


class NoAgreementError(PeyvandError):
    """A merchant has no approved agreement in force on the day."""

    code = "no_agreement"


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantView:
    """A merchant as everybody may see it."""

    merchant_id: UUID
    code: str
    name_fa: str
    name_en: str
    kind: str
    status: str
    issuing: str
    joined_at: datetime
    directory_fa: str | None
    directory_en: str | None
    directory_url: str | None
    leaves_on: date | None = None
    portal_since: datetime | None = None

    @property
    def sells(self) -> bool:
        """Return whether it has shops: a sponsor only pays."""
        return self.kind != SPONSOR

    def name(self, locale: str) -> str:
        """Return the name in a language."""
        return self.name_fa if locale == "fa" else self.name_en


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreView:
    """A place of a merchant."""

    store_id: UUID
    merchant_id: UUID
    code: str
    name_fa: str
    name_en: str
    city_fa: str
    city_en: str
    closed_at: datetime | None = None

    def name(self, locale: str) -> str:
        """Return the name in a language."""
        return self.name_fa if locale == "fa" else self.name_en

    def city(self, locale: str) -> str:
        """Return the city in a language."""
        return self.city_fa if locale == "fa" else self.city_en


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalView:
    """A till of a store."""

    terminal_id: UUID
    store_id: UUID
    code: str
    name: str
    added_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyView:
    """A merchant's key with what the gateway must know of its merchant."""

    key_id: str
    merchant_id: UUID
    merchant_code: str
    merchant_status: str
    environment: str
    algorithm: str
    public_key: bytes | None
    sealed_secret: bytes | None = field(repr=False)
    created_at: datetime
    revoked_at: datetime | None
    last_used_on: date | None
    issuing: str
    scopes: tuple[str, ...] = SCOPES
    expires_at: datetime | None = None
    leaves_on: date | None = None

    def state(self, wall: datetime) -> str:
        """Return ``active``, ``ending`` (replaced, in its overlap), ``ended`` or ``revoked``."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is None:
            return "active"
        return "ending" if self.expires_at > wall else "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementView:
    """An agreement: ``issue_price`` in minor units per point, ``acceptance_fee`` and VAT rates."""

    agreement_id: UUID
    merchant_id: UUID
    version: int
    effective_from: date
    issue_price: Decimal
    acceptance_fee: Decimal
    funding: str
    breakage_beneficiary: str
    vat_rate: Decimal
    vat_on: str
    named: bool
    currency: str
    settlement_iban: str | None
    account_holder: str | None
    account_salt: bytes = field(repr=False)
    settling: Settling
    proposed_by: UUID | None
    proposed_at: datetime
    approved_by: UUID | None
    approved_at: datetime | None


_KEY = (
    select(
        MerchantKey.key_id,
        MerchantKey.merchant_id,
        Merchant.code.label("merchant_code"),
        Merchant.status.label("merchant_status"),
        MerchantKey.environment,
        MerchantKey.algorithm,
        MerchantKey.public_key,
        MerchantKey.sealed_secret,
        MerchantKey.created_at,
        MerchantKey.revoked_at,
        MerchantKey.last_used_on,
        MerchantKey.scopes,
        MerchantKey.expires_at,
        Merchant.leaves_on,
        Merchant.issuing,
    )
    .join(Merchant, Merchant.merchant_id == MerchantKey.merchant_id)
    .where(MerchantKey.key_id == bindparam("key_id"))
)
"""Built once: the gateway reads each key every second."""


def merchant(
    session: Session, *, merchant_id: UUID | None = None, code: str | None = None
) -> MerchantView:
    """Return one merchant by its id or its code; raise UnknownMerchantError."""
    query = select(Merchant)
    if merchant_id is not None:
        query = query.where(Merchant.merchant_id == merchant_id)
    if code is not None or merchant_id is None:
        query = query.where(Merchant.code == code)
    row = session.scalars(query).first()
    if row is None:
        raise UnknownMerchantError("there is no such merchant")
    return merchant_view(row)


def all_merchants(session: Session, *, active_only: bool = False) -> list[MerchantView]:
    """Return every merchant that was ever approved by code, or only those that are active.

    Who has only applied, or was declined, is no merchant yet.
    """
    applied = Merchant.code.startswith(APPLICANT_PREFIX)
    which = Merchant.status == "active" if active_only else ~applied
    rows = session.scalars(select(Merchant).where(which).order_by(Merchant.code))
    return [merchant_view(row) for row in rows]


def key(connection: Channel, *, key_id: str) -> KeyView | None:
    """Return a key with its merchant, revoked ones too; ``None`` where there is none."""
    rows = rows_of(connection, _KEY, {"key_id": key_id})
    if not rows:
        return None
    facts = rows[0]._asdict()
    return KeyView(**{**facts, "scopes": tuple(facts["scopes"])})


def held_key(session: Session, *, key_id: str) -> KeyView | None:
    """Return a key as it is now, and hold it and its merchant as they are until the commit.

    Whoever changes either meanwhile waits, and nobody who only reads them does.
    """
    row = session.execute(
        select(MerchantKey, Merchant)
        .join(Merchant, Merchant.merchant_id == MerchantKey.merchant_id)
        .where(MerchantKey.key_id == key_id)
        .with_for_update(read=True)
        .execution_options(populate_existing=True)
    ).first()
    return None if row is None else _key_view(row[0], row[1])


def keys(session: Session, *, merchant_id: UUID) -> list[KeyView]:
    """Return all keys of a merchant, the newest first."""
    rows = session.execute(
        select(MerchantKey, Merchant)
        .join(Merchant, Merchant.merchant_id == MerchantKey.merchant_id)
        .where(MerchantKey.merchant_id == merchant_id)
        .order_by(MerchantKey.created_at.desc(), MerchantKey.key_id)
    )
    return [_key_view(row[0], row[1]) for row in rows]


def store_by_code(session: Session, *, merchant_id: UUID, code: str) -> StoreView | None:
    """Return a merchant's store by the code that its tills send."""
    row = session.scalars(
        select(Store).where(Store.merchant_id == merchant_id, Store.code == code)
    ).first()
    return None if row is None else store_view(row)


def stores(session: Session, *, merchant_id: UUID | None = None) -> list[StoreView]:
    """Return the stores of one merchant, or of all, by code."""
    query = select(Store).order_by(Store.merchant_id, Store.code)
    if merchant_id is not None:
        query = query.where(Store.merchant_id == merchant_id)
    return [store_view(row) for row in session.scalars(query)]


def terminals(session: Session, *, store_id: UUID) -> list[TerminalView]:
    """Return the tills on a store's list, closed ones too, by code."""
    rows = session.scalars(
        select(Terminal).where(Terminal.store_id == store_id).order_by(Terminal.code)
    )
    return [_terminal_view(row) for row in rows]


def terminals_by_store(session: Session, *, merchant_id: UUID) -> dict[UUID, list[TerminalView]]:
    """Return the same for every store of a merchant, under the store's id, in two reads."""
    found: dict[UUID, list[TerminalView]] = {
        each.store_id: [] for each in stores(session, merchant_id=merchant_id)
    }
    rows = session.scalars(
        select(Terminal).where(Terminal.store_id.in_(found)).order_by(Terminal.code)
    )
    for row in rows:
        found[row.store_id].append(_terminal_view(row))
    return found


def agreement_on(session: Session, *, merchant_id: UUID, day: date) -> AgreementView:
    """Return the approved agreement in force on ``day``; raise NoAgreementError."""
    row = session.scalars(
        select(Agreement)
        .where(
            Agreement.merchant_id == merchant_id,
            Agreement.approved_at.is_not(None),
            Agreement.effective_from <= day,
        )
        .order_by(Agreement.effective_from.desc())
        .limit(1)
    ).first()
    if row is None:
        raise NoAgreementError(
            "this merchant has no agreement in force", facts={"day": day.isoformat()}
        )
    return agreement_view(row)


def agreements(session: Session, *, merchant_id: UUID) -> list[AgreementView]:
    """Return every agreement of a merchant, proposals included, the newest version first."""
    rows = session.scalars(
        select(Agreement)
        .where(Agreement.merchant_id == merchant_id)
        .order_by(Agreement.version.desc())
    )
    return [agreement_view(row) for row in rows]


def waiting_agreements(session: Session) -> list[AgreementView]:
    """Return the proposals that nobody has approved yet, the oldest first."""
    rows = session.scalars(
        select(Agreement)
        .where(Agreement.approved_at.is_(None))
        .order_by(Agreement.proposed_at, Agreement.agreement_id)
    )
    return [agreement_view(row) for row in rows]


def agreement_view(row: Agreement) -> AgreementView:
    """Return the values of a mapped agreement."""
    return AgreementView(
        agreement_id=row.agreement_id,
        merchant_id=row.merchant_id,
        version=row.version,
        effective_from=row.effective_from,
        issue_price=row.issue_price,
        acceptance_fee=row.acceptance_fee,
        funding=row.funding,
        breakage_beneficiary=row.breakage_beneficiary,
        vat_rate=row.vat_rate,
        vat_on=row.vat_on,
        named=row.named,
        currency=row.currency,
        settlement_iban=row.settlement_iban,
        account_holder=row.account_holder,
        account_salt=row.account_salt,
        settling=settling_of(row),
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        approved_by=row.approved_by,
        approved_at=row.approved_at,
    )


def settling_of(row: Agreement | Row[Any]) -> Settling:
    """Return what a stored agreement says about paying."""
    return Settling(
        cap=row.credit_cap,
        cycle=cast("Cycle", row.settlement_cycle),
        weekday=row.settlement_weekday,
        days=tuple(row.settlement_days),
        holidays=tuple(row.settlement_holidays),
        minimum=row.minimum_payment,
        mandate_id=row.mandate_id,
        mandate_signed_on=row.mandate_signed_on,
    )


def merchant_view(row: Merchant) -> MerchantView:
    """Return a stored merchant as it is read."""
    return MerchantView(**{name: getattr(row, name) for name in MerchantView.__dataclass_fields__})


def _terminal_view(row: Terminal) -> TerminalView:
    return TerminalView(**{name: getattr(row, name) for name in TerminalView.__dataclass_fields__})


def store_view(row: Store) -> StoreView:
    """Return a stored store as it is read."""
    return StoreView(**{name: getattr(row, name) for name in StoreView.__dataclass_fields__})


def _key_view(row: MerchantKey, merchant: Merchant) -> KeyView:
    return KeyView(
        key_id=row.key_id,
        merchant_id=row.merchant_id,
        merchant_code=merchant.code,
        merchant_status=merchant.status,
        environment=row.environment,
        algorithm=row.algorithm,
        public_key=row.public_key,
        sealed_secret=row.sealed_secret,
        created_at=row.created_at,
        revoked_at=row.revoked_at,
        last_used_on=row.last_used_on,
        scopes=tuple(row.scopes),
        expires_at=row.expires_at,
        leaves_on=merchant.leaves_on,
        issuing=merchant.issuing,
    )
