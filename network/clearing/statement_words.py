"""What a statement's sums, kinds and directions are called, in the reader's language.

A name that is not known here is shown as it stands in the JSON, so that a new kind of line or sum
is printed before anybody has found words for it.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta

from network.clearing.facts import ReserveView, Totals, WindowView
from network.language import format_date, format_long_date, format_number
from network.language import gettext as _

_ALWAYS = ("opening", "receivable", "payable", "fees", "net", "returned", "paid", "closing")
_ORDER = (*_ALWAYS[:4], "vat", "net", "returned", "called", "paid", "closing")
_SUBTRACTED = ("payable", "fees", "vat", "called", "paid", "deposit_used")
"""Sums that are taken off; a reader sees them with their sign."""
_MOST_MONTHS = 12


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


def sums(totals: Totals) -> list[tuple[str, str, int]]:
    """Return the sums in their order: name, what it is called, and the value with its sign.

    Those of VAT and of a deposit are left out where they are nothing, as in the JSON.
    """
    names = [each.name for each in fields(Totals)]
    names = [*_ORDER, *(name for name in names if name not in {*_ORDER, "lines"})]
    found = []
    for name in names:
        value = getattr(totals, name)
        if isinstance(value, int) and (value or name in _ALWAYS):
            found.append((name, total_label(name), -value if name in _SUBTRACTED else value))
    return found


def total_label(name: str) -> str:
    """Return what a sum of the totals is called."""
    return {
        "opening": _("Opening balance"),
        "receivable": _("Receivable"),
        "payable": _("Payable"),
        "fees": _("Fees"),
        "vat": _("of that value added tax"),
        "called": _("Called for the deposit"),
        "deposit_opening": _("Deposit: opening balance"),
        "deposit_paid_in": _("Deposit: paid in"),
        "deposit_used": _("Deposit: used for redemptions"),
        "deposit_closing": _("Deposit: closing balance"),
        "net": _("Net of this window"),
        "returned": _("Returned or corrected since"),
        "paid": _("Paid with this statement"),
        "closing": _("Closing balance"),
    }.get(name, _plain(name))


def carried_label(reason: str) -> str:
    """Return why a balance was not paid with its statement."""
    return {
        "no_account": _("Carried over: the agreement names no account to pay to."),
        "cycle": _("Carried over until the agreed settlement day."),
        "minimum": _("Carried over: below the agreed minimum."),
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
        "redeposit": _("Points given back"),
        "margin": _("Network's margin"),
        "margin_return": _("Margin returned"),
        "vat": _("VAT on the margin"),
        "vat_return": _("VAT on the margin, returned"),
        "acceptance_vat": _("VAT on the acceptance fee"),
        "acceptance_vat_return": _("VAT on the acceptance fee, returned"),
        "issuance": _("Funding of issued points"),
        "clawback": _("Points taken back"),
        "adjustment_up": _("Correction upwards"),
        "adjustment_down": _("Correction downwards"),
        "expiry": _("Expired points"),
    }.get(kind, _plain(kind))


def direction_label(direction: str) -> str:
    """Return what a side of a line is called."""
    return {
        "receivable": _("To receive"),
        "payable": _("To pay"),
        "fee": _("Fee"),
        "vat": _("Value added tax"),
        "deposit": _("From the deposit"),
    }.get(direction, _plain(direction))


def _plain(name: str) -> str:
    return name.replace("_", " ")
