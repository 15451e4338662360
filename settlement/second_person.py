"""What is done once a second person has approved it, by kind of proposal.

Each kind has a function that proposes, which refuses at once what could not be done, and one that
carries it out in the unit of work that writes the approval; that one checks everything again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from network.money import queries as money
from network.money.cancelling import CancellationError, cancel_payment, check_cancellable
from network.operators import proposals
from network.operators.proposals import Proposal
from settlement.payments.today import open_business_day

CANCEL_PAYMENT = "payment.cancel"


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


def approve(session: Session, *, proposal_id: UUID, by: UUID, now: datetime) -> Proposal:
    """Do what another person proposed; return the proposal.

    Raises ProposalError, DayClosingError, and what the act itself raises.
    """
    proposal = proposals.decide(session, proposal_id=proposal_id, approved=True, by=by, now=now)
    _ACTS[proposal.kind](session, proposal)
    return proposal


def _cancel(session: Session, proposal: Proposal) -> None:
    today = open_business_day(session)
    cancel_payment(session, payment_id=proposal.subject_id, business_date=today)


_ACTS: Mapping[str, Callable[[Session, Proposal], None]] = {CANCEL_PAYMENT: _cancel}
