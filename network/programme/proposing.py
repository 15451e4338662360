"""What two people decide about the programme: face value, terms, tiers, what a tap may spend.

One proposes, which refuses at once what could not be done; another approves, which checks it again
and sets it in the same unit of work. What a proposal holds are whole numbers and text: fractions as
``"n/d"``, days in ISO 8601.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from fractions import Fraction
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy.orm import Session

from network.clearing.parties import NETWORK_PARTY
from network.members import tiers
from network.merchants import queries as merchants
from network.merchants.errors import SponsorSellsNothingError
from network.operators import proposals
from network.operators.proposals import Proposal
from network.programme import service
from network.programme.days import begun_day
from network.programme.rules import EarningTerms
from network.spend_requests import tapping

FACE_VALUE, TERMS, TIER = "programme.face_value", "programme.terms", "programme.tier"
TAP_LIMIT = "programme.tap_limit"
KINDS = (FACE_VALUE, TERMS, TIER, TAP_LIMIT)


def propose_face_value(
    session: Session,
    *,
    value: Fraction,
    effective_from: date,
    reason: str,
    by: UUID,
    wall: datetime,
) -> Proposal:
    """Propose that one point is worth ``value`` minor units from ``effective_from`` on.

    Raises BackdatedError, DateTakenError, TermsOutOfRangeError and ProposalError.
    """
    service.check_face_value(
        session,
        value=value,
        effective_from=effective_from,
        today=begun_day(session, wall=wall),
    )
    return proposals.propose(
        session,
        kind=FACE_VALUE,
        subject_id=NETWORK_PARTY,
        reason=reason,
        by=by,
        now=wall,
        terms={
            "effective_from": effective_from.isoformat(),
            **said_of_value(value.numerator, value.denominator),
        },
    )


def propose_terms(
    session: Session, *, terms: EarningTerms, reason: str, by: UUID, wall: datetime
) -> Proposal:
    """Propose what a merchant's purchases earn from a day on; the id of ``terms`` is not kept.

    Raises BackdatedError, DateTakenError, TermsOutOfRangeError, UnknownMerchantError,
    SponsorSellsNothingError and ProposalError.
    """
    merchant = merchants.merchant(session, merchant_id=terms.merchant_id)
    if not merchant.sells:
        raise SponsorSellsNothingError("a sponsor's purchases earn nothing")
    service.check_earning_terms(session, terms=terms, today=begun_day(session, wall=wall))
    return proposals.propose(
        session,
        kind=TERMS,
        subject_id=terms.merchant_id,
        reason=reason,
        by=by,
        now=wall,
        terms={
            "effective_from": terms.effective_from.isoformat(),
            **said_of_terms(terms, merchant=merchant.code),
        },
    )


def propose_tier(
    session: Session,
    *,
    code: str,
    rank: int,
    name_fa: str,
    name_en: str,
    reason: str,
    by: UUID,
    wall: datetime,
) -> Proposal:
    """Propose another step of the ladder; raises InvalidMemberDataError and ProposalError."""
    names = {"name_fa": name_fa.strip(), "name_en": name_en.strip()}
    tiers.check_tier(session, code=code, rank=rank, **names)
    return proposals.propose(
        session,
        kind=TIER,
        subject_id=uuid5(NETWORK_PARTY, f"tier:{code}"),
        reason=reason,
        by=by,
        now=wall,
        terms={"code": code, "rank": rank, **names},
    )


def propose_tap_limit(
    session: Session, *, points: int, reason: str, by: UUID, wall: datetime
) -> Proposal:
    """Propose up to how many points a member agrees to a shop's asking by a tap alone.

    Raises TapLimitError and ProposalError.
    """
    tapping.check_tap_limit(points=points)
    return proposals.propose(
        session,
        kind=TAP_LIMIT,
        subject_id=NETWORK_PARTY,
        reason=reason,
        by=by,
        now=wall,
        terms={"points": points},
    )


def carry_out(session: Session, *, proposal: Proposal, wall: datetime) -> None:
    """Set what an approved proposal says, in the unit of work that approves it.

    Raises what proposing it raises, where a day has begun or a place was taken meanwhile.
    """
    _ACTS[proposal.kind](session, proposal, wall)


def said_of_value(numerator: int, denominator: int) -> dict[str, Any]:
    """Return what proposals about a face value hold, its day apart."""
    return {"value": _written(Fraction(numerator, denominator))}


def said_of_terms(terms: EarningTerms, *, merchant: str) -> dict[str, Any]:
    """Return what proposals about a merchant's earning terms hold, their day apart."""
    return {
        "merchant": merchant,
        "base_rate": _written(terms.base_rate),
        "category_rates": {
            name: _written(rate) for name, rate in sorted(terms.category_rates.items())
        },
        "pending_days": terms.pending_days,
        "expiry_days": terms.expiry_days,
        "minimum_amount": terms.minimum_amount,
    }


def terms_of(proposal: Proposal) -> EarningTerms:
    """Return the earning terms that a proposal holds; their id is the proposal's."""
    held = proposal.terms
    return EarningTerms(
        earning_terms_id=proposal.proposal_id,
        merchant_id=proposal.subject_id,
        effective_from=date.fromisoformat(held["effective_from"]),
        base_rate=Fraction(held["base_rate"]),
        category_rates={name: Fraction(rate) for name, rate in held["category_rates"].items()},
        pending_days=held["pending_days"],
        expiry_days=held["expiry_days"],
        minimum_amount=held["minimum_amount"],
    )


def _set_face_value(session: Session, proposal: Proposal, wall: datetime) -> None:
    service.set_face_value(
        session,
        effective_from=date.fromisoformat(proposal.terms["effective_from"]),
        value=Fraction(proposal.terms["value"]),
        today=begun_day(session, wall=wall),
        now=wall,
        set_by=proposal.decided_by,
    )


def _set_terms(session: Session, proposal: Proposal, wall: datetime) -> None:
    terms = terms_of(proposal)
    service.set_earning_terms(
        session,
        merchant_id=terms.merchant_id,
        effective_from=terms.effective_from,
        base_rate=terms.base_rate,
        category_rates=terms.category_rates,
        pending_days=terms.pending_days,
        expiry_days=terms.expiry_days,
        minimum_amount=terms.minimum_amount,
        today=begun_day(session, wall=wall),
        now=wall,
        set_by=proposal.decided_by,
    )


def _add_tier(session: Session, proposal: Proposal, _wall: datetime) -> None:
    held: Mapping[str, Any] = proposal.terms
    tiers.add_tier(
        session,
        code=held["code"],
        rank=held["rank"],
        name_fa=held["name_fa"],
        name_en=held["name_en"],
    )


def _set_tap_limit(session: Session, proposal: Proposal, wall: datetime) -> None:
    tapping.set_tap_limit(
        session, points=proposal.terms["points"], set_by=proposal.decided_by, wall=wall
    )


def _written(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"


_ACTS: Mapping[str, Callable[[Session, Proposal, datetime], None]] = {
    FACE_VALUE: _set_face_value,
    TERMS: _set_terms,
    TIER: _add_tier,
    TAP_LIMIT: _set_tap_limit,
}
