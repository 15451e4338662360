"""An agreement in rows: every term that a second person signs, beside the one that it replaces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from network.language import format_date, format_decimal, format_number, format_percent
from network.language import gettext as _
from network.merchants.queries import AgreementView, MerchantView
from settlement.console.settling_form import CYCLE_WORDS, WEEKDAYS
from settlement.console.words import said

_NONE = "—"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One term in words: until then (``None`` where nothing is agreed before), and as proposed."""

    name: str
    before: str | None
    after: str

    @property
    def changed(self) -> bool:
        """Return whether the proposal changes it."""
        return self.before != self.after


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """An agreement that waits, the one that it would replace, and its terms."""

    agreement: AgreementView
    before: AgreementView | None
    rows: list[Row]


def waiting_rows(found: Sequence[AgreementView], merchant: MerchantView) -> list[Signed]:
    """Return what waits for a second person beside what is in force until its day."""
    made = []
    for each in found:
        if each.approved_at is not None:
            continue
        earlier = [
            other
            for other in found
            if other.approved_at is not None and other.effective_from <= each.effective_from
        ]
        before = max(earlier, key=lambda other: other.effective_from, default=None)
        old = None if before is None else _terms(before, merchant)
        made.append(
            Signed(
                agreement=each,
                before=before,
                rows=[
                    Row(name=name, before=None if old is None else old[name], after=words)
                    for name, words in _terms(each, merchant).items()
                ],
            )
        )
    return made


def _terms(agreement: AgreementView, merchant: MerchantView) -> dict[str, str]:
    pays = agreement.settling
    fee = {} if not merchant.sells else {_("Acceptance fee"): _percent(agreement.acceptance_fee)}
    mandate = _NONE
    if pays.mandate_id is not None and pays.mandate_signed_on is not None:
        mandate = f"{pays.mandate_id} · {format_date(pays.mandate_signed_on)}"
    return {
        _("Rials per point"): format_decimal(agreement.issue_price, places=10),
        **fee,
        _("Funding"): said(agreement.funding, "funding"),
        _("Keeps the money of lapsed points"): said(agreement.breakage_beneficiary, "beneficiary"),
        _("VAT"): _percent(agreement.vat_rate),
        _("VAT falls on"): said(agreement.vat_on, "taxed_fee"),
        _("May be named to other merchants"): _("yes") if agreement.named else _("no"),
        _("IBAN"): agreement.settlement_iban or _("none: its balance is carried over"),
        _("Account holder"): agreement.account_holder or merchant.name_en,
        _("Cap, rials"): _("no limit") if pays.cap is None else format_number(pays.cap),
        _("Its balance is paid"): str(CYCLE_WORDS[pays.cycle]),
        _("Weekday"): _NONE if pays.weekday is None else str(WEEKDAYS[pays.weekday]),
        _("Settlement days"): _days(pays.days),
        _("Holidays on which nothing is paid"): _days(pays.holidays),
        _("Least amount that is paid, rials"): format_number(pays.minimum),
        _("Mandate to debit its account"): mandate,
    }


def _percent(rate: Decimal) -> str:
    return format_percent(rate, places=8)


def _days(days: Sequence[date]) -> str:
    return " · ".join(format_date(each) for each in days) or _NONE
