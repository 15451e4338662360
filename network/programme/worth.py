"""What points are worth at a till: pure, exact, the same at every merchant."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from network.errors import PeyvandError
from network.points import MAX_AMOUNT, points_for_amount


class AboveLimitError(PeyvandError):
    """Paying this amount takes more points than the member allowed; ``facts`` has the figures."""

    code = "code_limit"


class WorthOutOfRangeError(PeyvandError):
    """An amount or point count is not one that a till can ask for."""

    code = "amount_out_of_range"


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenBack:
    """Earlier refunds of a payment by amount, at one face value: minor units, points, the value."""

    amount: int
    points: int
    face_value: Fraction


def points_to_pay(*, amount: int, face_value: Fraction, limit: int | None = None) -> int:
    """Return the whole points that pay ``amount`` minor units, rounded up.

    ``face_value`` is minor units per point. Where the rounded-up count is above the member's
    ``limit`` AboveLimitError is raised: fewer points would leave the till short, more were not
    allowed. Amounts below 1 or beyond a bigint raise WorthOutOfRangeError.
    """
    if not 1 <= amount <= MAX_AMOUNT:
        raise WorthOutOfRangeError(
            f"an amount is a whole number of minor units from 1 to {MAX_AMOUNT}", field="amount"
        )
    points = points_for_amount(amount=amount, face_value=face_value)
    if points > MAX_AMOUNT:
        raise WorthOutOfRangeError("no wallet holds that many points", field="amount")
    if limit is not None and points > limit:
        raise AboveLimitError(
            "the member allowed fewer points than this amount takes",
            field="amount",
            facts={"points": points, "limit": limit},
        )
    return points


def points_back(
    *, amount: int, face_value: Fraction, remaining: int, before: Iterable[GivenBack] = ()
) -> int:
    """Return the points that a refund of ``amount`` minor units gives back, perhaps none.

    Rounded up like the payment, in the member's favour, once over all its refunds by amount: what
    rounding gave too much ``before`` counts towards this one. At most ``remaining``, the points of
    the payment that have not come back yet. Raises WorthOutOfRangeError as paying does.
    """
    points = points_to_pay(amount=amount, face_value=face_value)
    ahead = sum((each.points * each.face_value - each.amount for each in before), Fraction(0))
    if ahead > 0:
        points = max(0, -int((ahead - amount) // face_value))
    return min(points, remaining)
