"""``peyvand merchant agreement``: what a merchant pays and gives up, by two people."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import click

from config.cli.merchant_paying import paying_options
from config.cli.merchant_work import Work, done, find, working
from config.cli.positions import DAY
from config.cli.two_people import by_options
from config.cli.two_people import named as named_operator
from network import ids
from network.language import gettext as _
from network.merchants import agreements
from network.merchants.agreed import facts_of
from network.merchants.agreements import BENEFICIARIES, MODELS, TAXED_FEES, Funding
from network.merchants.errors import MerchantDataError
from network.merchants.queries import AgreementView
from network.merchants.settling import Settling
from network.operators.queries import OperatorView
from network.operators.roles import APPROVER, OPERATOR
from network.programme.days import begun_day

_PERCENT = Decimal(100)


class Exactly(click.ParamType[Decimal]):
    """A decimal number, exact."""

    name = "number"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Decimal:
        """Return the number; fail where it is none."""
        try:
            found = Decimal(str(value))
        except InvalidOperation:
            found = Decimal("NaN")
        if not found.is_finite():
            self.fail(_("%(text)s is not a number.", text=value), param, ctx)
        return found


EXACTLY = Exactly()


@click.command()
@click.argument("code")
@click.option("--from", "day", type=DAY, required=True, help="First day, as 2026-12-22.")
@click.option("--price", type=EXACTLY, required=True, help="Rials it pays for each of its points.")
@click.option("--fee", type=EXACTLY, required=True, help="Percent of the face value given up.")
@click.option("--iban", help="The account that it is paid to.")
@click.option("--holder", help="Whose account it is, as its bank writes it; else its name.")
@click.option("--funding", type=click.Choice(MODELS), default=MODELS[0], show_default=True)
@click.option(
    "--lapsed-to", type=click.Choice(BENEFICIARIES), default=BENEFICIARIES[0], show_default=True
)
@click.option("--vat", type=EXACTLY, default="0", show_default=True, help="Percent.")
@click.option("--vat-on", type=click.Choice(TAXED_FEES), default=TAXED_FEES[0], show_default=True)
@click.option("--named", is_flag=True, help="Others that are named read its name, and it theirs.")
@paying_options
@by_options
def agreement(
    code: str,
    day: datetime,
    price: Decimal,
    fee: Decimal,
    iban: str | None,
    holder: str | None,
    funding: str,
    lapsed_to: str,
    vat: Decimal,
    vat_on: str,
    by: str,
    approved_by: str | None,
    *,
    named: bool,
    settling: Settling,
) -> None:
    """Propose what a merchant pays for its points and gives up on others', and when it is paid.

    Its balance is paid daily, or with the statements of a weekday or of the days of a calendar.
    """
    with working("agreement") as work:
        proposer = named_operator(work, by, role=OPERATOR)
        today = begun_day(work.session, wall=work.now)
        _check_mandate(settling, today=today)
        made = agreements.propose_agreement(
            work.session,
            merchant_id=find(work, code).merchant_id,
            effective_from=day.date(),
            issue_price=price,
            acceptance_fee=fee / _PERCENT,
            settlement_iban=iban,
            account_holder=holder,
            settling=settling,
            funding=_funding(funding, lapsed_to, vat / _PERCENT, vat_on),
            named=named,
            today=today,
            now=work.programme_now,
            proposed_by=proposer.operator_id,
        )
        _record(work, "agreement.proposed", code, made, proposer)
        if approved_by is not None:
            approver = named_operator(work, approved_by, role=APPROVER)
            made = agreements.approve_agreement(
                work.session,
                agreement_id=made.agreement_id,
                today=today,
                now=work.programme_now,
                approved_by=approver.operator_id,
            )
            _record(work, "agreement.approved", code, made, approver)
    click.echo(ids.encode("agr", made.agreement_id))
    if approved_by is None:
        done(_("Proposed. It takes effect once another person has approved it."))
    else:
        done(_("Approved. In force from %(day)s.", day=made.effective_from))


def _funding(model: str, lapsed_to: str, vat_rate: Decimal, vat_on: str) -> Funding:
    return Funding(model=model, breakage_beneficiary=lapsed_to, vat_rate=vat_rate, vat_on=vat_on)


def _check_mandate(settling: Settling, *, today: date) -> None:
    if settling.mandate_signed_on is not None and settling.mandate_signed_on > today:
        raise MerchantDataError("a mandate was signed before", field="mandate_signed_on")


def _record(
    work: Work, action: str, code: str, made: AgreementView, operator: OperatorView
) -> None:
    work.record(action, code, {**facts_of(made), "in_the_name_of": operator.public_id})
