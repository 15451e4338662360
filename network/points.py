"""Points and money are integers; exact fractions in between; one place that rounds.

A point count is an ``int``. Money is an ``int`` of minor units with an ISO 4217 currency code.
Prices per point are exact (``Decimal`` of at most ten places or ``Fraction``).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from network.errors import InvariantError

MAX_AMOUNT = 2**63 - 1
"""The largest amount or point count that a PostgreSQL ``bigint`` holds."""

MOST_AGREED = 2**62
"""Amounts that people agree on stay below this, so that two of them still add up to a bigint."""


def round_half_even(value: Fraction) -> int:
    """Round an exact value to the nearest integer, ties to even (banker's rounding)."""
    return round(value)


def price_amount(*, points: int, price: Decimal | Fraction) -> int:
    """Return ``points`` × ``price`` (minor units per point) in minor units, half to even."""
    numerator, denominator = price.as_integer_ratio()
    whole, rest = divmod(points * numerator, denominator)
    return whole + int(2 * rest > denominator or (2 * rest == denominator and whole % 2 == 1))


def points_for_amount(*, amount: int, face_value: Fraction) -> int:
    """Return the whole points worth at least ``amount`` minor units, rounded up."""
    if face_value <= 0:
        raise InvariantError("a face value must be positive")
    return -int(-Fraction(amount) // face_value)


def worth(*, points: int, face_value: Fraction) -> int:
    """Return what ``points`` are worth in minor units, rounded down (what a screen may promise)."""
    return int(points * face_value // 1)


def largest_remainder(*, total: int, weights: Sequence[Fraction]) -> list[int]:
    """Spread ``total`` over ``weights`` in whole units that add up to it exactly.

    Each share is floored towards minus infinity; the units left over go to the largest
    remainders, ties to the earlier position (Hamilton's method). ``weights`` must not sum to zero
    unless ``total`` is zero.
    """
    whole = sum(weights, Fraction(0))
    if whole == 0:
        if total != 0:
            raise InvariantError("cannot spread a total over weights that sum to zero")
        return [0] * len(weights)
    exact = [total * weight / whole for weight in weights]
    shares = [share.numerator // share.denominator for share in exact]
    left = total - sum(shares)
    by_remainder = sorted(range(len(weights)), key=lambda i: (shares[i] - exact[i], i))
    for position in by_remainder[:left]:
        shares[position] += 1
    return shares


def spread(*, total: int, weights: Sequence[int]) -> list[int]:
    """Return what ``largest_remainder`` does, of a total and weights that are not below zero."""
    whole = sum(weights)
    if whole == 0:
        if total != 0:
            raise InvariantError("cannot spread a total over weights that sum to zero")
        return [0] * len(weights)
    shares, rests = [], []
    for place, weight in enumerate(weights):
        share, rest = divmod(total * weight, whole)
        shares.append(share)
        rests.append((-rest, place))
    left = total - sum(shares)
    if left:
        for _, place in sorted(rests)[:left]:
            shares[place] += 1
    return shares
