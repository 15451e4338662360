"""What a statement's sums, kinds and directions are called, in the reader's language.

A name that is not known here is shown as it stands in the JSON, so that a new kind of line or sum
is printed before anybody has found words for it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timedelta

from network.clearing.facts import ReserveView, Totals, WindowView
from network.language import format_date, format_long_date, format_number
from network.language import gettext as _

_ALWAYS = ("receivable", "payable", "fees", "net", "opening", "returned", "paid", "closing")
_ORDER = (*_ALWAYS[:3], "vat", "net", "opening", "returned", "called", "paid", "closing")
_SIGNS = {
    "payable": "−",
    "fees": "−",
    "net": "=",
    "opening": "+",
    "returned": "+",
    "called": "−",
    "paid": "−",
    "closing": "=",
    "deposit_paid_in": "+",
    "deposit_used": "−",
    "deposit_called": "+",
    "deposit_closing": "=",
}
_MOST_MONTHS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """One sum of a statement: its name in the JSON, its words, its figure as in the JSON.

    ``sign`` says how it counts among those above it (``+``, ``−``), ``=`` where it is their sum;
    what is said of another figure has none.
    """

    name: str
    label: str
    value: int
    sign: str


def period(window: WindowView) -> str:
    """Return a window's business days in words: one day, or the first and the last."""
    last = window.end_day - timedelta(days=1)
    if last == window.first_day:
        return format_long_date(last)
    return _(
        "%(first)s to %(last)s",
        first=format_long_date(window.first_day),
        last=format_long_date(last),
    )


def sums(totals: Totals) -> list[Sum]:
    """Return the sums in the order in which they add up, each as the JSON has it.

    receivable − payable − fees = net; net + opening + returned − called − paid = closing; and so
    for the deposit, to which what was called comes. Those of VAT and of a deposit are left out
    where they are nothing, as in the JSON.
    """
    names = [each.name for each in fields(Totals)]
    names = [*_ORDER, *(name for name in names if name not in {*_ORDER, "lines"})]
    found = []
    for name in names:
        value = getattr(totals, name)
        if name == "deposit_closing" and totals.called:
            found.append(_sum("deposit_called", totals.called))
        if isinstance(value, int) and (value or name in _ALWAYS):
            found.append(_sum(name, value))
    return found


def _sum(name: str, value: int) -> Sum:
    label = total_label("collected" if name == "paid" and value < 0 else name)
    return Sum(name=name, label=label, value=value, sign=_SIGNS.get(name, ""))


def total_label(name: str) -> str:
    """Return what a sum of the totals is called."""
    return {
        "opening": _("Opening balance"),
        "receivable": _("Receivable"),
        "payable": _("Payable"),
        "fees": _("Network's margin and VAT"),
        "vat": _("of that value added tax"),
        "called": _("Called for the deposit"),
        "deposit_opening": _("Deposit: opening balance"),
        "deposit_paid_in": _("Deposit: paid in"),
        "deposit_used": _("Deposit: used for redemptions, with margin and VAT"),
        "deposit_called": _("Deposit: called from the balance"),
        "deposit_closing": _("Deposit: closing balance"),
        "net": _("Net of this window"),
        "returned": _("Returned or corrected since"),
        "paid": _("To be paid with this statement"),
        "collected": _("To be collected with this statement (below zero)"),
        "closing": _("Closing balance"),
    }.get(name, _plain(name))


def carried_label(reason: str) -> str:
    """Return why a balance was not paid with its statement."""
    return {
        "no_account": _("Carried over: the agreement names no account to pay to."),
        "cycle": _("Carried over until the agreed settlement day."),
        "minimum": _("Carried over: below the agreed minimum."),
        "default": _("Carried over: it was stopped because it did not pay."),
    }.get(reason, _plain(reason))


def reserve_lines(reserve: ReserveView) -> list[str]:
    """Return what the network holds of a merchant that leaves, and when it comes free."""
    held = _(
        "Held while its points are out: deposit %(deposit)s, reserve %(reserve)s; "
        "%(points)s points",
        deposit=format_number(reserve.deposit),
        reserve=format_number(reserve.reserve),
        points=format_number(reserve.points),
    )
    months = [
        _(
            "Comes free by the end of the month from %(month)s: %(frees)s; stays: %(stays)s",
            month=format_date(each.month),
            frees=format_number(each.frees),
            stays=format_number(each.stays),
        )
        for each in reserve.months[:_MOST_MONTHS]
    ]
    return [held, *months]


def kind_label(kind: str) -> str:
    """Return what a kind of line is called."""
    return {
        "redemption": _("Redemption"),
        "redeposit": _("Redemption given back"),
        "margin": _("Network's margin"),
        "margin_return": _("Margin returned"),
        "vat": _("VAT on the margin"),
        "vat_return": _("VAT on the margin, returned"),
        "acceptance_vat": _("VAT on the acceptance fee"),
        "acceptance_vat_return": _("VAT on the acceptance fee, returned"),
        "issuance": _("Earning, funded on issue"),
        "clawback": _("Clawback"),
        "adjustment_up": _("Correction upwards"),
        "adjustment_down": _("Correction downwards"),
        "expiry": _("Expiry"),
    }.get(kind, _plain(kind))


def direction_label(direction: str) -> str:
    """Return what a side of a line is called."""
    return {
        "receivable": _("To receive"),
        "payable": _("To pay"),
        "fee": _("Network's margin"),
        "vat": _("Value added tax"),
        "deposit": _("From the deposit"),
    }.get(direction, _plain(direction))


def _plain(name: str) -> str:
    return name.replace("_", " ")
