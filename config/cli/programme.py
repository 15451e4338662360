"""``peyvand programme``: what a point is worth, what purchases earn, the tiers; by two people."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from fractions import Fraction
from typing import Any
from uuid import UUID

import click

from config.cli.merchant_work import Work, done, find, working
from config.cli.positions import DAY
from config.cli.two_people import approve as approve_proposal
from config.cli.two_people import by_options, named, proposal_id, put_forward, record
from network import ids
from network.clearing.parties import NETWORK_PARTY
from network.ids import uuid7
from network.language import format_decimal
from network.language import gettext as _
from network.members.tiers import tiers
from network.merchants import queries as merchants
from network.operators import proposals
from network.operators.errors import ProposalError
from network.operators.proposals import Proposal
from network.operators.roles import APPROVER, OPERATOR
from network.programme import cancelling, proposing, queries
from network.programme.days import begun_day
from network.programme.rules import EarningTerms

PER = 100_000
_PLACES = 10


class Exact(click.ParamType[Fraction]):
    """A decimal number or a fraction, exact: ``1000``, ``12.5``, ``10000/7``."""

    name = "number"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Fraction:
        """Return the number; fail where it is none, or one with an exponent."""
        text = str(value)
        # Without an exponent: Fraction("1e999999999") would reckon for hours.
        found = None
        with suppress(ValueError, ZeroDivisionError):
            found = None if "e" in text.lower() else Fraction(text)
        if found is None:
            self.fail(_("%(text)s is not a number.", text=text), param, ctx)
        return found


EXACT = Exact()
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_WHY = click.option("--why", required=True, help="The reason, for the second person and the log.")
_FROM = click.option("--from", "day", type=DAY, required=True, help="First day, as 2026-12-22.")
_PROPOSAL = click.argument("proposal")
_CANCELLED = {
    "face-value": cancelling.FACE_VALUE,
    "terms": cancelling.TERMS,
    "agreement": cancelling.AGREEMENT,
    "payments": cancelling.MODE,
}
_DECIDED = (*proposing.KINDS, *cancelling.KINDS)


@click.group()
def programme() -> None:
    """The programme: face value, earning terms, tiers; two people decide each."""


@programme.command()
@_JSON
def show(as_json: bool) -> None:  # noqa: FBT001 - click hands flags in by name
    """Show face values, tiers, each merchant's terms of today, and what waits."""
    with working("show") as work:
        facts = _facts(work)
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False))
        return
    for value in facts["face_values"]:
        click.echo(f"{value['effective_from']}  {_shown(value['rials'])} IRR")
    for tier in facts["tiers"]:
        click.echo(f"{tier['rank']:>4}  {tier['code']:<20} {tier['name_en']}  {tier['name_fa']}")
    for terms in facts["terms"]:
        rate = _shown(terms["per_100000"])
        click.echo(f"{terms['merchant']:<24} {terms['effective_from']}  {rate}")
    for waiting in facts["waiting"]:
        click.echo(f"{waiting['proposal']}  {waiting['kind']}  {json.dumps(waiting['terms'])}")


@programme.command("face-value")
@click.argument("rials", type=EXACT)
@_FROM
@_WHY
@by_options
def face_value(rials: Fraction, day: datetime, why: str, by: str, approved_by: str | None) -> None:
    """Propose what one point is worth from a day on, in rials."""

    def make(work: Work, operator_id: UUID) -> Proposal:
        return proposing.propose_face_value(
            work.session,
            value=rials,
            effective_from=day.date(),
            reason=why,
            by=operator_id,
            wall=work.now,
        )

    _propose(make, by=by, approved_by=approved_by)


@programme.command()
@click.argument("code")
@_FROM
@click.option("--rate", type=EXACT, required=True, help="Points per 100,000 rials.")
@click.option(
    "--category",
    "categories",
    type=(str, EXACT),
    multiple=True,
    metavar="NAME RATE",
    help="Another rate for the lines of a category; repeatable.",
)
@click.option("--pending", type=int, default=0, show_default=True, help="Days until spendable.")
@click.option("--valid", type=int, required=True, help="Days for which points are valid then.")
@click.option("--minimum", type=int, default=0, show_default=True, help="Rials; less earns none.")
@_WHY
@by_options
def terms(
    code: str,
    day: datetime,
    rate: Fraction,
    categories: tuple[tuple[str, Fraction], ...],
    pending: int,
    valid: int,
    minimum: int,
    why: str,
    by: str,
    approved_by: str | None,
) -> None:
    """Propose what a merchant's purchases earn from a day on."""

    def make(work: Work, operator_id: UUID) -> Proposal:
        return proposing.propose_terms(
            work.session,
            terms=EarningTerms(
                earning_terms_id=uuid7(),
                merchant_id=find(work, code).merchant_id,
                effective_from=day.date(),
                base_rate=rate / PER,
                category_rates={name: each / PER for name, each in categories},
                pending_days=pending,
                expiry_days=valid,
                minimum_amount=minimum,
            ),
            reason=why,
            by=operator_id,
            wall=work.now,
        )

    _propose(make, by=by, approved_by=approved_by)


@programme.command()
@click.argument("code")
@click.option("--rank", type=int, required=True, help="Its place; 0 is everybody's.")
@click.option("--name-fa", required=True, help="Name in Persian.")
@click.option("--name-en", required=True, help="Name in Latin letters.")
@_WHY
@by_options
def tier(
    code: str, rank: int, name_fa: str, name_en: str, why: str, by: str, approved_by: str | None
) -> None:
    """Propose another step of the ladder of tiers."""

    def make(work: Work, operator_id: UUID) -> Proposal:
        return proposing.propose_tier(
            work.session,
            code=code,
            rank=rank,
            name_fa=name_fa,
            name_en=name_en,
            reason=why,
            by=operator_id,
            wall=work.now,
        )

    _propose(make, by=by, approved_by=approved_by)


@programme.command()
@click.argument("what", type=click.Choice(list(_CANCELLED)))
@click.argument("code", required=False)
@click.option("--from", "day", type=DAY, required=True, help="The day it would begin on.")
@_WHY
@by_options
def cancel(
    what: str, code: str | None, day: datetime, why: str, by: str, approved_by: str | None
) -> None:
    """Propose that what was approved for a day to come never begins.

    CODE is the merchant's, for its terms and agreement.
    """
    kind = _CANCELLED[what]
    if (kind in cancelling.OF_ALL) != (code is None):
        raise click.UsageError(_("Terms and agreements are a merchant's: name it, and only there."))

    def make(work: Work, operator_id: UUID) -> Proposal:
        return cancelling.propose_cancelling(
            work.session,
            kind=kind,
            subject_id=NETWORK_PARTY if code is None else find(work, code).merchant_id,
            effective_from=day.date(),
            reason=why,
            by=operator_id,
            wall=work.now,
        )

    _propose(make, by=by, approved_by=approved_by)


@programme.command()
@_PROPOSAL
@click.option("--by", required=True, help="Who approves it: an operator's e-mail.")
def approve(proposal: str, by: str) -> None:
    """Approve what another proposed about the programme, which does it."""
    with working("approve") as work:
        approve_proposal(work, _waiting(work, proposal), by=by)
    done(_("Approved, and done."))


@programme.command()
@_PROPOSAL
@click.option("--by", required=True, help="Who declines it, or takes back what was their own.")
def decline(proposal: str, by: str) -> None:
    """Decline what was proposed about the programme; nothing changes."""
    with working("decline") as work:
        operator = named(work, by, role=OPERATOR)
        found = _waiting(work, proposal)
        if found.proposed_by != operator.operator_id:
            operator = named(work, by, role=APPROVER)
        decided = proposals.decide(
            work.session,
            proposal_id=found.proposal_id,
            approved=False,
            by=operator.operator_id,
            now=work.now,
        )
        record(work, "declined", decided, operator)
    done(_("Declined: nothing was changed."))


def _propose(make: Callable[[Work, UUID], Proposal], *, by: str, approved_by: str | None) -> None:
    with working("programme") as work:
        made = put_forward(
            work, lambda operator_id: make(work, operator_id), by=by, approved_by=approved_by
        )
    click.echo(ids.encode(proposals.PREFIX, made.proposal_id))
    if approved_by is None:
        done(_("Proposed. It is done once another person has approved it."))
    else:
        done(_("Approved, and done."))


def _waiting(work: Work, text: str) -> Proposal:
    found = proposals.find(work.session, proposal_id=proposal_id(text))
    if found is None or found.kind not in _DECIDED:
        raise ProposalError(_("There is no such proposal."), reason="unknown")
    return found


def _facts(work: Work) -> dict[str, Any]:
    session = work.session
    today = begun_day(session, wall=work.now)
    codes = {each.merchant_id: each.code for each in merchants.all_merchants(session)}
    in_force = queries.terms_by_merchant(session, day=today)
    return {
        "face_values": [
            {"effective_from": day.isoformat(), "rials": str(value)}
            for day, value in queries.face_values(session)
        ],
        "tiers": [
            {
                "code": each.code,
                "rank": each.rank,
                "name_fa": each.name_fa,
                "name_en": each.name_en,
            }
            for each in tiers(session)
        ],
        "terms": [
            {
                "merchant": codes[merchant_id],
                "effective_from": each.effective_from.isoformat(),
                "per_100000": str(each.base_rate * PER),
                "categories": {name: str(rate * PER) for name, rate in each.category_rates.items()},
                "pending_days": each.pending_days,
                "expiry_days": each.expiry_days,
                "minimum_amount": each.minimum_amount,
            }
            for merchant_id, each in in_force.items()
            if merchant_id in codes
        ],
        "waiting": [
            {
                "proposal": ids.encode(proposals.PREFIX, each.proposal_id),
                "kind": each.kind,
                "terms": dict(each.terms),
                "why": each.reason,
            }
            for kind in _DECIDED
            for each in proposals.waiting(session, kind=kind)
        ],
    }


def _shown(exact: str) -> str:
    return format_decimal(Fraction(exact), places=_PLACES, locale="en")
