"""What became of a redemption, and how an amount became points, for the page of an entry."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from network.language import format_datetime, format_number, format_points, gettext, ngettext
from network.ledger.views import EntryView, RedemptionView
from network.points import points_for_amount

_PAID_BY_AMOUNT = frozenset({"authorisation", "redemption"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundedUp:
    """An amount that was paid with whole points: what they would be worth exactly."""

    amount: int
    face_value: Fraction
    exact: Fraction
    points: int


def rounded_up(entry: EntryView, *, face_value: Fraction | None) -> RoundedUp | None:
    """Return how an amount became points, ``None`` where points were asked for or it came out even.

    ``face_value`` is minor units per point on the entry's business day.
    """
    if entry.kind not in _PAID_BY_AMOUNT or not entry.amount or face_value is None:
        return None
    exact = Fraction(entry.amount) / face_value
    points = points_for_amount(amount=entry.amount, face_value=face_value)
    if points != entry.points or exact == points:
        return None
    return RoundedUp(amount=entry.amount, face_value=face_value, exact=exact, points=points)


def became(redemption: RedemptionView) -> list[str]:
    """Return what became of a redemption's points, in whole sentences."""
    held, taken = redemption.points, redemption.captured
    if redemption.state == "voided":
        return [gettext("The hold was voided: nothing was spent, and all points are free again.")]
    if redemption.state == "expired":
        return [gettext("The hold ran out before it was captured: all points are free again.")]
    if redemption.state == "authorised" and redemption.hold_until is not None:
        until = format_datetime(redemption.hold_until)
        return [gettext("Held until %(moment)s; neither captured nor voided yet.", moment=until)]
    if redemption.capture_sequence == redemption.sequence:
        said = [gettext("Redeemed at once, without a hold before.")]
    elif taken == held:
        said = [gettext("All that was held was captured.")]
    else:
        said = [
            ngettext(
                "Of %(held)s held, %(taken)s was captured; the rest is free again.",
                "Of %(held)s held, %(taken)s were captured; the rest is free again.",
                taken,
                held=format_points(held),
                taken=format_number(taken),
            )
        ]
    return [*said, _given_back(redemption)]


def _given_back(redemption: RedemptionView) -> str:
    if not redemption.refunded:
        return gettext("Nothing was given back since.")
    if redemption.refunded == redemption.captured:
        return gettext("All of it was given back since.")
    return gettext("%(points)s given back since.", points=format_points(redemption.refunded))
