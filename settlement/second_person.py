"""What is done once a second person has approved it, by kind of proposal.

Each kind has a function that proposes, which refuses at once what could not be done, and one that
carries it out in the unit of work that writes the approval; that one checks everything again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from network.clearing import queries as clearing
from network.clearing import runs
from network.clearing.aborting import abort_window, check_abortable
from network.clearing.parties import NETWORK_PARTY
from network.database.installation import clock_offset
from network.exposure import measuring
from network.exposure.cover import Movement, check_bank_ref, check_movement, move_cover
from network.ledger.queries import begun_day
from network.members import merging
from network.merchants import live_keys
from network.money import booking
from network.money import queries as money
from network.money.cancelling import CancellationError, cancel_payment, check_cancellable
from network.money.counted import one_spaced
from network.money.direct import (
    DirectPaymentError,
    answer_direct,
    check_answerable,
    check_mode,
    direct,
    set_mode,
)
from network.money.today import open_business_day
from network.operators import proposals
from network.operators.proposals import Proposal
from network.portal import ways_in
from network.programme import cancelling
from network.programme import proposing as programme
from network.settings import CURRENCY
from settlement import defaults
from settlement.payments.importing import TAKE_RETURNS, take_proposed

CANCEL_PAYMENT = "payment.cancel"
ABORT_WINDOW = "window.abort"
MOVE_COVER = "cover.move"
SET_MODE = "payments.mode"
TAKE_AGAIN = "bank.again"
CONFIRM_DIRECT, FAIL_DIRECT = "direct.confirm", "direct.fail"
CHANGES_ACCESS = defaults.SUSPENDING | defaults.MEASURING | {MOVE_COVER, live_keys.REGISTER}
"""After these the gateway has to look at the merchant anew (``access.announce``): it was decided
whether it may give points, what it owes was measured, or it has another key."""

PROGRAMME = NETWORK_PARTY
"""What a proposal about the whole programme is about."""


def propose_cancellation(
    session: Session, *, payment_id: UUID, reason: str, by: UUID, now: datetime
) -> Proposal:
    """Propose that a payment that the bank never answered comes back to its merchant's balance.

    Raises CancellationError and ProposalError.
    """
    payment = money.payment(session, payment_id=payment_id)
    if payment is None:
        raise CancellationError("there is no such payment", reason="unknown")
    check_cancellable(payment.fact, state=payment.state)
    return proposals.propose(
        session,
        kind=CANCEL_PAYMENT,
        subject_id=payment_id,
        reason=reason,
        by=by,
        now=now,
        terms={
            "direction": payment.fact.direction,
            "amount": payment.fact.amount,
            "currency": payment.fact.currency,
        },
    )


def propose_abort(
    session: Session, *, window_id: UUID, reason: str, by: UUID, now: datetime
) -> Proposal:
    """Propose that a window which was reckoned and never published counts no more.

    Raises AbortError and ProposalError.
    """
    window = clearing.window(session, window_id=window_id)
    run = None if window is None else runs.find(session, business_date=window.first_day)
    check_abortable(window, run=run)
    return proposals.propose(
        session,
        kind=ABORT_WINDOW,
        subject_id=window_id,
        reason=reason,
        by=by,
        now=now,
        terms={"first_day": "" if window is None else window.first_day.isoformat()},
    )


def propose_cover(
    session: Session,
    *,
    movement: Movement,
    bank_ref: str,
    reason: str,
    by: UUID,
    now: datetime,
) -> Proposal:
    """Propose that a deposit or a reserve moves; raises CoverError and ProposalError.

    ``bank_ref`` is the bank's reference of the booking, which the second person can look up; it
    counts once.
    """
    reference = one_spaced(bank_ref)
    measuring.measure_now(session, now=now)
    check_movement(session, movement=movement)
    check_bank_ref(session, movement=movement, bank_ref=reference)
    return proposals.propose(
        session,
        kind=MOVE_COVER,
        subject_id=movement.merchant_id,
        reason=reason,
        by=by,
        now=now,
        terms={
            "account": movement.account,
            "act": movement.act,
            "amount": movement.amount,
            "currency": CURRENCY,
            "bank_ref": reference,
        },
    )


def propose_again(
    session: Session, *, bank_answer_id: UUID, reason: str, by: UUID, now: datetime
) -> Proposal:
    """Propose that a line of the bank's which moved nothing counts after all.

    Raises BankLineAgainError and ProposalError.
    """
    meant = booking.would_mean(session, bank_answer_id=bank_answer_id)
    return proposals.propose(
        session,
        kind=TAKE_AGAIN,
        subject_id=bank_answer_id,
        reason=reason,
        by=by,
        now=now,
        terms={
            "outcome": meant.outcome,
            "amount": meant.line.amount,
            "bank_ref": meant.line.bank_ref,
        },
    )


def propose_mode(
    session: Session, *, mode: str, effective_from: date, reason: str, by: UUID, now: datetime
) -> Proposal:
    """Propose how merchants are paid from a day on; raises PaymentModeError and ProposalError."""
    check_mode(
        mode, effective_from=effective_from, today=begun_day(session, now=_programme(session, now))
    )
    return proposals.propose(
        session,
        kind=SET_MODE,
        subject_id=PROGRAMME,
        reason=reason,
        by=by,
        now=now,
        terms={"mode": mode, "effective_from": effective_from.isoformat()},
    )


def propose_direct_answer(
    session: Session,
    *,
    direct_payment_id: UUID,
    arrived: bool,
    reason: str,
    by: UUID,
    now: datetime,
) -> Proposal:
    """Propose to write down that a direct payment arrived, or that it did not.

    Raises DirectPaymentError and ProposalError.
    """
    found = direct(session, direct_payment_id=direct_payment_id)
    if found is None:
        raise DirectPaymentError("there is no such payment", reason="unknown")
    check_answerable(found.state, arrived=arrived)
    return proposals.propose(
        session,
        kind=CONFIRM_DIRECT if arrived else FAIL_DIRECT,
        subject_id=direct_payment_id,
        reason=reason,
        by=by,
        now=now,
        terms={"amount": found.fact.amount, "currency": found.fact.currency},
    )


def approve(session: Session, *, proposal_id: UUID, by: UUID, now: datetime) -> Proposal:
    """Do what another person proposed; return the proposal.

    Raises ProposalError, DayClosingError, and what the act itself raises.
    """
    proposal = proposals.decide(session, proposal_id=proposal_id, approved=True, by=by, now=now)
    _ACTS[proposal.kind](session, proposal, now)
    return proposal


def _cancel(session: Session, proposal: Proposal, _now: datetime) -> None:
    today = open_business_day(session)
    cancel_payment(
        session,
        payment_id=proposal.subject_id,
        proposal_id=proposal.proposal_id,
        business_date=today,
    )


def _abort(session: Session, proposal: Proposal, _now: datetime) -> None:
    abort_window(session, window_id=proposal.subject_id)


def _move(session: Session, proposal: Proposal, now: datetime) -> None:
    today = open_business_day(session)
    terms = proposal.terms
    move_cover(
        session,
        movement=Movement(
            merchant_id=proposal.subject_id,
            account=terms["account"],
            act=terms["act"],
            amount=terms["amount"],
        ),
        bank_ref=terms["bank_ref"],
        proposal_id=proposal.proposal_id,
        business_date=today,
        now=now,
    )


def _take_returns(session: Session, proposal: Proposal, now: datetime) -> None:
    take_proposed(session, proposal=proposal, now=now)


def _let_in(session: Session, proposal: Proposal, now: datetime) -> None:
    ways_in.grant(session, proposal=proposal, now=now)


def _programme(session: Session, wall: datetime) -> datetime:
    return wall + clock_offset(session)


def _take_again(session: Session, proposal: Proposal, now: datetime) -> None:
    today = open_business_day(session)
    booking.take_again(
        session,
        bank_answer_id=proposal.subject_id,
        outcome=proposal.terms["outcome"],
        now=now,
        business_date=today,
        proposal_id=proposal.proposal_id,
    )


def _set_mode(session: Session, proposal: Proposal, now: datetime) -> None:
    today = open_business_day(session)
    set_mode(
        session,
        mode=proposal.terms["mode"],
        effective_from=date.fromisoformat(proposal.terms["effective_from"]),
        today=max(today, begun_day(session, now=_programme(session, now))),
        proposal_id=proposal.proposal_id,
        now=now,
    )


def _answer_direct(session: Session, proposal: Proposal, _now: datetime) -> None:
    today = open_business_day(session)
    answer_direct(
        session,
        direct_payment_id=proposal.subject_id,
        arrived=proposal.kind == CONFIRM_DIRECT,
        proposal_id=proposal.proposal_id,
        business_date=today,
    )


def _set_programme(session: Session, proposal: Proposal, now: datetime) -> None:
    programme.carry_out(session, proposal=proposal, wall=now)


def _cancel_value(session: Session, proposal: Proposal, now: datetime) -> None:
    cancelling.carry_out(session, proposal=proposal, wall=now)


def _merge(session: Session, proposal: Proposal, now: datetime) -> None:
    merging.carry_out(session, proposal=proposal, wall=now)


def _register_key(session: Session, proposal: Proposal, now: datetime) -> None:
    live_keys.carry_out(session, proposal=proposal, now=now)


_ACTS: Mapping[str, Callable[[Session, Proposal, datetime], None]] = {
    **dict.fromkeys(programme.KINDS, _set_programme),
    **dict.fromkeys(cancelling.KINDS, _cancel_value),
    CANCEL_PAYMENT: _cancel,
    ABORT_WINDOW: _abort,
    merging.MERGE: _merge,
    live_keys.REGISTER: _register_key,
    MOVE_COVER: _move,
    TAKE_RETURNS: _take_returns,
    TAKE_AGAIN: _take_again,
    ways_in.WAY_IN: _let_in,
    SET_MODE: _set_mode,
    CONFIRM_DIRECT: _answer_direct,
    FAIL_DIRECT: _answer_direct,
    **defaults.ACTS,
}
KINDS = frozenset(_ACTS)
"""Every kind of proposal that there is."""
