"""Agreements: one person proposes, another approves, and they begin tomorrow at the earliest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from schwifty import IBAN
from schwifty.exceptions import SchwiftyException
from sqlalchemy import exists, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from network.events.service import publish
from network.ids import uuid7
from network.merchants.errors import (
    AlreadyApprovedError,
    BackdatedAgreementError,
    MerchantDataError,
    NotOwnError,
    SamePersonError,
    UnknownAgreementError,
)
from network.merchants.locking import locked_merchant
from network.merchants.models import Agreement, Merchant
from network.merchants.queries import SPONSOR, AgreementView, agreement_view
from network.merchants.settling import DEFAULT, Settling, checked
from network.operators.models import ProposalRow
from network.settings import CURRENCY

PRICE_PLACES = 10
MAX_PRICE = Decimal(10) ** 10
LONGEST_HOLDER = 70
"""Letters of a name that every bank takes in a payment's file."""

ACCOUNT_TOPIC = "merchant.account"
"""By which a merchant's people are told of another account (network/portal/news.py)."""

CANCEL = "agreement.cancel"
"""The kind of proposal by which an approved agreement never begins (programme/cancelling.py)."""
MODELS = ("on_redemption", "on_issue", "prefunded")
BENEFICIARIES = ("network", "issuer")
TAXED_FEES = ("margin", "acceptance_fee")


@dataclass(frozen=True, slots=True, kw_only=True)
class Funding:
    """When an issuer pays for its points, who keeps the money of lapsed ones, and the VAT.

    ``model`` is one of MODELS: paid when a point is taken, when it is given (the pool keeps the
    money until then), or when it is taken, out of the issuer's deposit. ``breakage_beneficiary``
    matters for points paid when given. ``vat_rate`` (0.1 is 10 %) falls on the network's margin,
    which the issuer pays, or on the acceptance fee, which the acceptor gives up.
    """

    model: str = "on_redemption"
    breakage_beneficiary: str = "network"
    vat_rate: Decimal = Decimal(0)
    vat_on: str = "margin"


DEFAULT_FUNDING = Funding()


def propose_agreement(
    session: Session,
    *,
    merchant_id: UUID,
    effective_from: date,
    issue_price: Decimal,
    acceptance_fee: Decimal,
    today: date,
    now: datetime,
    settlement_iban: str | None = None,
    account_holder: str | None = None,
    settling: Settling = DEFAULT,
    funding: Funding = DEFAULT_FUNDING,
    named: bool = False,
    proposed_by: UUID | None = None,
) -> AgreementView:
    """Write down prices that are to begin on ``effective_from``; nothing changes until approved.

    ``issue_price`` is minor units per point that the merchant funded, ``acceptance_fee`` the share
    of the face value that it gives up on points it takes (0.02 is 2 %), each with at most ten
    decimal places; ``funding`` says when points are paid for and which VAT falls on the network's
    fee; ``named`` lets merchants that are named, too, read its name on their statements.
    ``account_holder`` is whose the account is, as its bank writes it; ``None`` is the merchant's
    English name. ``today`` is the latest day that has begun (``ledger.begun_day``); only a
    merchant's first agreement may begin on it or before. Raises MerchantDataError,
    BackdatedAgreementError, UnknownMerchantError.
    """
    _check_price(issue_price, least=Decimal(0), below=MAX_PRICE, field="issue_price")
    if issue_price == 0:
        raise MerchantDataError("an issue price is positive", field="issue_price")
    iban = None if settlement_iban is None else _checked_iban(settlement_iban)
    _check_fee(locked_merchant(session, merchant_id), acceptance_fee)
    _check_date(session, merchant_id=merchant_id, effective_from=effective_from, today=today)
    agreement = Agreement(
        agreement_id=uuid7(),
        merchant_id=merchant_id,
        version=_next_version(session, merchant_id),
        effective_from=effective_from,
        issue_price=issue_price,
        acceptance_fee=acceptance_fee,
        **_checked_funding(funding),
        named=named,
        currency=CURRENCY,
        settlement_iban=iban,
        account_holder=_checked_holder(account_holder),
        **_columns(checked(settling)),
        proposed_by=proposed_by,
        proposed_at=now,
    )
    session.add(agreement)
    session.flush()
    return agreement_view(agreement)


def _columns(paying: Settling) -> dict[str, Any]:
    """Return the columns that say when a merchant is paid, and how much it may owe."""
    return {
        "credit_cap": paying.cap,
        "settlement_cycle": paying.cycle,
        "settlement_weekday": paying.weekday,
        "settlement_days": list(paying.days),
        "settlement_holidays": list(paying.holidays),
        "minimum_payment": paying.minimum,
        "mandate_id": paying.mandate_id,
        "mandate_signed_on": paying.mandate_signed_on,
    }


def approve_agreement(
    session: Session,
    *,
    agreement_id: UUID,
    today: date,
    now: datetime,
    approved_by: UUID | None = None,
) -> AgreementView:
    """Let a proposed agreement come into force on its day.

    Whoever proposed it cannot approve it; where the installation itself proposed it (no person),
    it may approve it too. Raises UnknownAgreementError, AlreadyApprovedError, SamePersonError, and
    BackdatedAgreementError where its day has come meanwhile.
    """
    merchant_id = session.scalar(
        select(Agreement.merchant_id).where(Agreement.agreement_id == agreement_id)
    )
    if merchant_id is None:
        raise UnknownAgreementError("there is no such agreement")
    locked_merchant(session, merchant_id)
    agreement = session.get_one(
        Agreement, agreement_id, with_for_update=True, populate_existing=True
    )
    if agreement.approved_at is not None:
        raise AlreadyApprovedError("this agreement is approved already")
    if agreement.proposed_by is not None and approved_by in {None, agreement.proposed_by}:
        raise SamePersonError("a second person has to approve this agreement")
    _check_date(
        session, merchant_id=merchant_id, effective_from=agreement.effective_from, today=today
    )
    try:
        with session.begin_nested():
            agreement.approved_by = approved_by
            agreement.approved_at = now
    except IntegrityError as error:
        raise AlreadyApprovedError(
            "another approved agreement begins on that day", field="effective_from"
        ) from error
    _tell_of_account(session, agreement)
    return agreement_view(agreement)


def withdraw_agreement(session: Session, *, agreement_id: UUID, by: UUID) -> AgreementView:
    """Take back an agreement that ``by`` proposed and nobody has approved; return what it said.

    Its version is free again. Raises UnknownAgreementError, AlreadyApprovedError, NotOwnError.
    """
    agreement = session.get(Agreement, agreement_id, with_for_update=True, populate_existing=True)
    if agreement is None:
        raise UnknownAgreementError("there is no such agreement")
    if agreement.approved_at is not None:
        raise AlreadyApprovedError("this agreement is approved already")
    if agreement.proposed_by != by:
        raise NotOwnError("only who proposed it takes it back")
    found = agreement_view(agreement)
    session.delete(agreement)
    session.flush()
    return found


def _next_version(session: Session, merchant_id: UUID) -> int:
    """Return the next version of a merchant's agreement; that of a cancelled one is not reused."""
    latest = session.scalar(
        select(func.max(Agreement.version)).where(Agreement.merchant_id == merchant_id)
    )
    gone = session.scalar(
        select(func.max(ProposalRow.terms["version"].as_integer())).where(
            ProposalRow.subject_id == merchant_id,
            ProposalRow.kind == CANCEL,
            ProposalRow.approved.is_(True),
        )
    )
    return max(latest or 0, gone or 0) + 1


def _check_fee(merchant: Merchant, fee: Decimal) -> None:
    _check_price(fee, least=Decimal(0), below=Decimal(1), field="acceptance_fee")
    if merchant.kind == SPONSOR and fee != 0:
        raise MerchantDataError("a sponsor takes no points", field="acceptance_fee")


def _checked_funding(funding: Funding) -> dict[str, Any]:
    """Return the columns that say how points are funded; raise MerchantDataError."""
    for field, value, known in (
        ("funding", funding.model, MODELS),
        ("breakage_beneficiary", funding.breakage_beneficiary, BENEFICIARIES),
        ("vat_on", funding.vat_on, TAXED_FEES),
    ):
        if value not in known:
            raise MerchantDataError(f"this is none of {', '.join(known)}", field=field)
    _check_price(funding.vat_rate, least=Decimal(0), below=Decimal(1), field="vat_rate")
    return {
        "funding": funding.model,
        "breakage_beneficiary": funding.breakage_beneficiary,
        "vat_rate": funding.vat_rate,
        "vat_on": funding.vat_on,
    }


def _check_date(session: Session, *, merchant_id: UUID, effective_from: date, today: date) -> None:
    if effective_from > today:
        return
    has_approved = exists().where(
        Agreement.merchant_id == merchant_id, Agreement.approved_at.is_not(None)
    )
    if session.scalar(select(has_approved)):
        raise BackdatedAgreementError(
            "an agreement begins tomorrow at the earliest",
            field="effective_from",
            facts={"today": today.isoformat()},
        )


def _check_price(value: Decimal, *, least: Decimal, below: Decimal, field: str) -> None:
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or not least <= value < below:
        raise MerchantDataError("this price is out of range", field=field)
    if value != value.quantize(Decimal(1).scaleb(-PRICE_PLACES)):
        raise MerchantDataError(f"a price has at most {PRICE_PLACES} decimal places", field=field)


def _checked_holder(text: str | None) -> str | None:
    holder = " ".join((text or "").split())
    if len(holder) > LONGEST_HOLDER or not holder.isprintable():
        raise MerchantDataError("banks take names of 70 letters", field="account_holder")
    return holder or None


def _tell_of_account(session: Session, agreement: Agreement) -> None:
    """Have the merchant told where it is to be paid elsewhere than until then."""
    before = session.scalars(
        select(Agreement)
        .where(
            Agreement.merchant_id == agreement.merchant_id,
            Agreement.approved_at.is_not(None),
            Agreement.effective_from < agreement.effective_from,
        )
        .order_by(Agreement.effective_from.desc())
        .limit(1)
    ).one_or_none()
    if before is None or (before.settlement_iban, before.account_holder) == (
        agreement.settlement_iban,
        agreement.account_holder,
    ):
        return
    publish(session, topic=ACCOUNT_TOPIC, payload={"agreement_id": str(agreement.agreement_id)})


def _checked_iban(text: str) -> str:
    """Return an IBAN without spaces: country, length, structure and check digits of ISO 13616."""
    try:
        return str(IBAN(text))
    except SchwiftyException as error:
        raise MerchantDataError("this is not a valid IBAN", field="settlement_iban") from error
