"""Two people on the command line: operators named by their e-mail addresses.

Whoever may run these commands holds the installation's keys, so a name here proves nobody's
presence. It says on whose word a scripted installation acts, under the same rule as the console:
two different people, who sign in and hold the roles. The audit log says that it was a command, and
whom it named.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

import click

from config.cli.merchant_work import Work
from network import ids
from network.errors import PeyvandError
from network.language import gettext as _
from network.operators import proposals, queries
from network.operators.audit import SYSTEM
from network.operators.proposals import Proposal
from network.operators.queries import OperatorView
from network.operators.roles import APPROVER, OPERATOR
from settlement import second_person

Command = TypeVar("Command", bound=Callable[..., object])


class UnfitOperatorError(PeyvandError):
    """Nobody of this address is an active operator with the role that is needed."""

    code = "unfit_operator"


def named(work: Work, email: str, *, role: str) -> OperatorView:
    """Return the active operator of an address who holds ``role``; raise UnfitOperatorError."""
    found = queries.operator(work.session, email=email.strip().lower())
    if found is None or found.status != "active" or not found.may(role):
        raise UnfitOperatorError(
            _("%(email)s is no active operator with the role %(role)s.", email=email, role=role)
        )
    return found


def put_forward(
    work: Work, make: Callable[[UUID], Proposal], *, by: str, approved_by: str | None
) -> Proposal:
    """Propose in one operator's name and, where a second is named, approve in that one's.

    ``make`` gets the proposer's id. Raises UnfitOperatorError, ProposalError and what it is about.
    """
    proposer = named(work, by, role=OPERATOR)
    proposal = make(proposer.operator_id)
    record(work, "proposed", proposal, proposer)
    return proposal if approved_by is None else approve(work, proposal, by=approved_by)


def approve(work: Work, proposal: Proposal, *, by: str) -> Proposal:
    """Approve and do what was proposed, in an approver's name."""
    approver = named(work, by, role=APPROVER)
    done = second_person.approve(
        work.session, proposal_id=proposal.proposal_id, by=approver.operator_id, now=work.now
    )
    record(work, "approved", done, approver)
    return done


def record(work: Work, decision: str, proposal: Proposal, operator: OperatorView) -> None:
    """Write into the audit log that a command did this, and in whose name."""
    proposals.record(
        work.session,
        decision=decision,
        proposal=proposal,
        actor=SYSTEM,
        now=work.now,
        facts={"in_the_name_of": operator.public_id},
    )


def proposal_id(text: str) -> UUID:
    """Return the id of a proposal as pages and commands show it."""
    return ids.decode(proposals.PREFIX, text)


def by_options(command: Command) -> Command:
    """Give a command the options that name its two people."""
    for option in (
        click.option("--approved-by", help="Who approves it, at once; else it waits."),
        click.option("--by", required=True, help="Who proposes it: an operator's e-mail."),
    ):
        command = option(command)
    return command
