"""What a statement's sums, kinds and directions are called, in the reader's language.

A name that is not known here is shown as it stands in the JSON, so that a new kind of line or sum
is printed before anybody has found words for it.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta

from network.clearing.facts import Totals, WindowView
from network.language import format_long_date
from network.language import gettext as _

_SUBTRACTED = ("payable", "fees", "paid")
"""Sums that are taken off; a reader sees them with their sign."""


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
    """Return the sums in their order: name, what it is called, and the value with its sign."""
    found = []
    for name in (each.name for each in fields(Totals)):
        value = getattr(totals, name)
        if name != "lines" and isinstance(value, int):
            found.append((name, total_label(name), -value if name in _SUBTRACTED else value))
    return found


def total_label(name: str) -> str:
    """Return what a sum of the totals is called."""
    return {
        "opening": _("Opening balance"),
        "receivable": _("Receivable"),
        "payable": _("Payable"),
        "fees": _("Fees"),
        "vat": _("Value added tax"),
        "net": _("Net of this window"),
        "returned": _("Returned by the bank"),
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


def kind_label(kind: str) -> str:
    """Return what a kind of line is called."""
    return {
        "redemption": _("Redemption"),
        "redeposit": _("Points given back"),
        "margin": _("Network's margin"),
        "margin_return": _("Margin returned"),
        "vat": _("Value added tax"),
        "issuance": _("Funding of issued points"),
        "clawback": _("Points taken back"),
        "expiry": _("Expired points"),
        "deposit": _("Deposit"),
        "breakage": _("Breakage"),
    }.get(kind, _plain(kind))


def direction_label(direction: str) -> str:
    """Return what a side of a line is called."""
    return {
        "receivable": _("To receive"),
        "payable": _("To pay"),
        "fee": _("Fee"),
    }.get(direction, _plain(direction))


def _plain(name: str) -> str:
    return name.replace("_", " ")
