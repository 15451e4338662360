"""An issuer that does not pay, by two people: stopping it, its points, and the waterfall both ways.

Each function proposes, and refuses at once what could not be done; ``settlement.second_person``
carries it out (``ACTS``) in the unit of work that writes the approval, which checks it again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from network.clearing.parties import NETWORK_PARTY
from network.exposure import measuring, waterfall
from network.exposure.losses import Part, by_party
from network.exposure.recovering import (
    RECOVERED,
    Recovery,
    Share,
    check_letting_go,
    check_recovery,
    check_source,
    recover,
)
from network.exposure.suspending import (
    check_points,
    check_resuming,
    check_suspension,
    set_points_suspended,
    set_suspended,
)
from network.ledger.queries import open_day
from network.merchants.locking import locked_merchant
from network.money.counted import one_spaced
from network.money.today import open_business_day
from network.operators import proposals
from network.operators.proposals import Proposal
from network.settings import CURRENCY

SUSPEND_ISSUER, RESUME_ISSUER = "issuer.suspend", "issuer.resume"
SUSPEND_POINTS, RESUME_POINTS = "points.suspend", "points.resume"
SUSPENDING = frozenset({SUSPEND_ISSUER, RESUME_ISSUER, SUSPEND_POINTS, RESUME_POINTS})
MOVE_FUND, PAY_DEFAULT, RECOVER_DEFAULT = "fund.move", "default.pay", "default.recover"
MEASURING = frozenset({PAY_DEFAULT, RECOVER_DEFAULT})
"""What an issuer owes is measured with these, so it may be stopped or let go by its limit."""


def propose_suspension(
    session: Session, *, merchant_id: UUID, wanted: bool, reason: str, by: UUID, now: datetime
) -> Proposal:
    """Propose that an issuer gives no points any more, or that it may again.

    Raises SuspensionError and ProposalError, and UnpublishedError where it may again.
    """
    check_suspension(locked_merchant(session, merchant_id).issuing, wanted=wanted)
    if not wanted:
        check_resuming(session, merchant_id=merchant_id)
        check_letting_go(session, merchant_id=merchant_id, today=open_day(session))
    return proposals.propose(
        session,
        kind=SUSPEND_ISSUER if wanted else RESUME_ISSUER,
        subject_id=merchant_id,
        reason=reason,
        by=by,
        now=now,
    )


def propose_points(
    session: Session, *, merchant_id: UUID, wanted: bool, reason: str, by: UUID, now: datetime
) -> Proposal:
    """Propose that nobody can spend an issuer's points, or that everybody can again.

    Raises SuspensionError and ProposalError.
    """
    check_points(session, merchant_id=merchant_id, wanted=wanted)
    return proposals.propose(
        session,
        kind=SUSPEND_POINTS if wanted else RESUME_POINTS,
        subject_id=merchant_id,
        reason=reason,
        by=by,
        now=now,
    )


def propose_fund(
    session: Session, *, act: str, amount: int, reason: str, by: UUID, now: datetime
) -> Proposal:
    """Propose that a part of the margin goes to the network's fund, or back.

    Raises WaterfallError and ProposalError.
    """
    waterfall.check_fund(session, act=act, amount=amount)
    return proposals.propose(
        session,
        kind=MOVE_FUND,
        subject_id=NETWORK_PARTY,
        reason=reason,
        by=by,
        now=now,
        terms={"act": act, "amount": amount, "currency": CURRENCY},
    )


def propose_default(
    session: Session,
    *,
    merchant_id: UUID,
    step: str,
    amount: int,
    reason: str,
    by: UUID,
    now: datetime,
) -> Proposal:
    """Propose that the fund pays what a stopped issuer owes, or that its acceptors bear it.

    The terms hold who bears what, and for which windows. Raises WaterfallError and ProposalError.
    """
    parts = waterfall.check_step(session, merchant_id=merchant_id, step=step, amount=amount)
    return proposals.propose(
        session,
        kind=PAY_DEFAULT,
        subject_id=merchant_id,
        reason=reason,
        by=by,
        now=now,
        terms={
            "step": step,
            "amount": amount,
            "currency": CURRENCY,
            "shares": {str(who): part for who, part in by_party(parts).items()},
            "windows": [part.as_json() for part in parts],
        },
    )


def propose_recovery(
    session: Session, *, recovery: Recovery, reason: str, by: UUID, now: datetime
) -> Proposal:
    """Propose that what an issuer paid after its default goes back to who bore its loss.

    The terms hold who gets what. Raises WaterfallError and ProposalError.
    """
    from_bank = recovery.source == "bank"
    wanted = replace(recovery, bank_ref=one_spaced(recovery.bank_ref) if from_bank else "")
    shares = check_recovery(session, recovery=wanted)
    check_source(session, recovery=wanted)
    return proposals.propose(
        session,
        kind=RECOVER_DEFAULT,
        subject_id=wanted.merchant_id,
        reason=reason,
        by=by,
        now=now,
        terms={
            "act": RECOVERED,
            "source": wanted.source,
            "amount": wanted.amount,
            "currency": CURRENCY,
            "parts": [each.as_json() for each in shares],
            **({"bank_ref": wanted.bank_ref} if from_bank else {}),
        },
    )


def _suspend(session: Session, proposal: Proposal, _now: datetime) -> None:
    wanted = proposal.kind == SUSPEND_ISSUER
    if not wanted:
        # The day first, as wherever money moves: no night begins to pay until this is written.
        today = open_business_day(session)
        check_letting_go(session, merchant_id=proposal.subject_id, today=today)
    set_suspended(session, merchant_id=proposal.subject_id, wanted=wanted)


def _suspend_points(session: Session, proposal: Proposal, now: datetime) -> None:
    set_points_suspended(
        session,
        merchant_id=proposal.subject_id,
        wanted=proposal.kind == SUSPEND_POINTS,
        proposal_id=proposal.proposal_id,
        now=now,
    )


def _move_fund(session: Session, proposal: Proposal, _now: datetime) -> None:
    today = open_business_day(session)
    waterfall.move_fund(
        session,
        act=proposal.terms["act"],
        amount=proposal.terms["amount"],
        proposal_id=proposal.proposal_id,
        business_date=today,
    )


def _pay_default(session: Session, proposal: Proposal, now: datetime) -> None:
    today = open_business_day(session)
    waterfall.pay_step(
        session,
        merchant_id=proposal.subject_id,
        step=proposal.terms["step"],
        amount=proposal.terms["amount"],
        agreed=[Part.of_json(each) for each in proposal.terms["windows"]],
        proposal_id=proposal.proposal_id,
        business_date=today,
    )
    measuring.measure_now(session, now=now)


def _recover(session: Session, proposal: Proposal, now: datetime) -> None:
    today = open_business_day(session)
    terms = proposal.terms
    recover(
        session,
        recovery=Recovery(
            merchant_id=proposal.subject_id,
            source=terms["source"],
            amount=terms["amount"],
            bank_ref=terms.get("bank_ref", ""),
        ),
        agreed=[Share.of_json(each) for each in terms["parts"]],
        proposal_id=proposal.proposal_id,
        business_date=today,
    )
    measuring.measure_now(session, now=now)


ACTS: Mapping[str, Callable[[Session, Proposal, datetime], None]] = {
    SUSPEND_ISSUER: _suspend,
    RESUME_ISSUER: _suspend,
    SUSPEND_POINTS: _suspend_points,
    RESUME_POINTS: _suspend_points,
    MOVE_FUND: _move_fund,
    PAY_DEFAULT: _pay_default,
    RECOVER_DEFAULT: _recover,
}
"""What carries a proposal out, by its kind."""
