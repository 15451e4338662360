"""What points are worth at a till: pure, exact, the same at every merchant."""

from __future__ import annotations

from fractions import Fraction

from network.errors import PeyvandError
from network.points import MAX_AMOUNT, points_for_amount


class AboveLimitError(PeyvandError):
    """Paying this amount takes more points than the member allowed; ``facts`` has the figures."""

    code = "code_limit"


class WorthOutOfRangeError(PeyvandError):
    """An amount or point count is not one that a till can ask for."""

    code = "amount_out_of_range"


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


def points_back(*, amount: int, face_value: Fraction, remaining: int) -> int:
    """Return the points that a refund of ``amount`` minor units gives back.

    Rounded up like the payment, in the member's favour, and at most ``remaining``, the points of
    the payment that have not come back yet.
    """
    return min(points_to_pay(amount=amount, face_value=face_value), remaining)
