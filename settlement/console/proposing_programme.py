"""Proposals about the programme in words, and what other terms would come to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from flask import url_for
from sqlalchemy.orm import Session

from network.language import (
    current_locale,
    format_date,
    format_decimal,
    format_number,
    format_percent,
    format_points,
)
from network.language import gettext as _
from network.merchants import queries as merchants
from network.operators.proposals import Proposal
from network.programme import cancelling, proposing, what_if
from network.programme.queries import NoEarningTermsError, terms_on
from network.programme.what_if import Compared
from settlement.console.filters import party
from settlement.console.programme_form import PER
from settlement.console.words import said as label

_PLACES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """What a purchase of ``amount`` rials earns before and after the terms of a proposal begin."""

    proposal: Proposal
    day: date
    amount: int
    rows: list[Compared]


def what_if_of(session: Session, proposal: Proposal) -> WhatIf:
    """Compare proposed terms with those that would hold on their first day without them."""
    after = proposing.terms_of(proposal)
    try:
        before = terms_on(session, merchant_id=after.merchant_id, day=after.effective_from)
    except NoEarningTermsError:
        before = None
    return WhatIf(
        proposal=proposal,
        day=after.effective_from,
        amount=what_if.EXAMPLE_AMOUNT,
        rows=what_if.compare(before=before, after=after),
    )


def face_value(_session: Session, proposal: Proposal) -> tuple[str, str]:
    """Return the words for a proposed face value, and the page that it is shown on."""
    words = _(
        "A point is worth %(value)s rials from %(day)s on",
        value=format_decimal(Fraction(proposal.terms["value"]), places=10),
        day=_day(proposal),
    )
    return words, url_for("programme.show")


def terms(session: Session, proposal: Proposal) -> tuple[str, str]:
    """Return the words for proposed earning terms, and the merchant's page."""
    merchant = merchants.merchant(session, merchant_id=proposal.subject_id)
    held = proposing.terms_of(proposal)
    words = _(
        "%(merchant)s from %(day)s on: %(rate)s points per 100,000 rials, pending for %(pending)s "
        "and valid for %(valid)s days, from %(minimum)s rials on",
        merchant=party(merchant),
        day=_day(proposal),
        rate=_rate(held.base_rate),
        pending=format_number(held.pending_days),
        valid=format_number(held.expiry_days),
        minimum=format_number(held.minimum_amount),
    )
    if held.category_rates:
        rates = (f"{name} {_rate(rate)}" for name, rate in held.category_rates.items())
        words += f" ({' · '.join(rates)})"
    return words, url_for("merchants.show", code=merchant.code, _anchor="terms")


def tier(_session: Session, proposal: Proposal) -> tuple[str, str]:
    """Return the words for a proposed tier, and the page that it is shown on."""
    words = _(
        "The tier %(name)s (%(code)s), rank %(rank)s",
        name=proposal.terms[f"name_{current_locale()}"],
        code=proposal.terms["code"],
        rank=format_number(proposal.terms["rank"]),
    )
    return words, url_for("programme.show", _anchor="tiers")


def tap_limit(_session: Session, proposal: Proposal) -> tuple[str, str]:
    """Return the words for a proposed limit of a tap, and the page that it is shown on."""
    words = _(
        "A tap in the wallet is enough up to %(points)s",
        points=format_points(proposal.terms["points"]),
    )
    return words, url_for("programme.show", _anchor="tap")


def agreement(session: Session, proposal: Proposal) -> tuple[str, str]:
    """Return the words for an agreement that is to be cancelled, and the merchant's page."""
    merchant = merchants.merchant(session, merchant_id=proposal.subject_id)
    held = proposal.terms
    words = _(
        "%(merchant)s from %(day)s on: agreement %(version)s, %(price)s rials per point, a fee of "
        "%(fee)s",
        merchant=party(merchant),
        day=_day(proposal),
        version=format_number(held["version"]),
        price=format_decimal(Fraction(held["issue_price"]), places=10),
        fee=format_percent(Fraction(held["acceptance_fee"]), places=8),
    )
    return words, url_for("merchants.show", code=merchant.code)


def mode(_session: Session, proposal: Proposal) -> tuple[str, str]:
    """Return the words for a mode of payment, and the page that it is set on."""
    words = _(
        "How merchants are paid from %(day)s on: %(mode)s",
        day=_day(proposal),
        mode=label(proposal.terms["mode"], "mode"),
    )
    return words, url_for("direct.mode")


def cancellation(session: Session, proposal: Proposal) -> tuple[str, str]:
    """Return the words for what is to be cancelled before it begins, and its page."""
    words, address = _CANCELLED[proposal.kind](session, proposal)
    return _("Cancel, before it begins: %(what)s", what=words), address


_CANCELLED: Mapping[str, Callable[[Session, Proposal], tuple[str, str]]] = {
    cancelling.FACE_VALUE: face_value,
    cancelling.TERMS: terms,
    cancelling.AGREEMENT: agreement,
    cancelling.MODE: mode,
}


def _day(proposal: Proposal) -> str:
    return format_date(date.fromisoformat(proposal.terms["effective_from"]))


def _rate(rate: Fraction) -> str:
    return format_decimal(rate * PER, places=_PLACES)
