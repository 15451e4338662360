"""An estimate of breakage by vintage. Pure; a report, never a posting.

IFRS 15 B44-B47: a customer who pays in advance for what he may never claim leaves breakage. Where
an entity expects to be entitled to it, it recognises the expected amount as revenue *in proportion
to the pattern of rights exercised* (B46); where it does not, only when the likelihood of exercise
becomes remote. To judge that, the constraint on variable consideration applies (B46 with 56-58), so
an expectation needs a basis in experience. Here it is the share that expired of the vintages that
have run out, weighted by their points; without such a vintage nothing is expected. A sum owed to
authorities under unclaimed property laws is no breakage (B47); points have none here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from network.reports.facts import Vintage


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A vintage with what is expected to lapse of it in all, and what of that is recognised.

    Points, rounded half to even. Both are ``None`` where there is no experience to go by.
    """

    vintage: Vintage
    expected: int | None
    recognised: int | None

    @property
    def to_come(self) -> int | None:
        """Return what is expected to lapse yet."""
        return None if self.expected is None else self.expected - self.vintage.expired


def experience(vintages: Sequence[Vintage]) -> Fraction | None:
    """Return the share that expired of vintages that have run out, ``None`` without any."""
    ended = [each for each in vintages if each.run_out and each.net > 0]
    if not ended:
        return None
    return Fraction(sum(each.expired for each in ended), sum(each.net for each in ended))


def estimate(vintages: Sequence[Vintage]) -> list[Estimate]:
    """Return each vintage with its expected breakage and what of it is recognised by now."""
    rate = experience(vintages)
    return [_one(each, rate) for each in vintages]


def _one(vintage: Vintage, rate: Fraction | None) -> Estimate:
    if vintage.run_out:
        return Estimate(vintage=vintage, expected=vintage.expired, recognised=vintage.expired)
    if rate is None:
        return Estimate(vintage=vintage, expected=None, recognised=None)
    # Neither less than what lapsed already nor more than can lapse yet.
    most = vintage.expired + vintage.outstanding
    expected = min(most, max(vintage.expired, round(rate * vintage.net)))
    exercised = vintage.net - expected
    share = Fraction(min(vintage.redeemed, exercised), exercised) if exercised > 0 else Fraction(0)
    recognised = max(vintage.expired, round(expected * share))
    return Estimate(vintage=vintage, expected=expected, recognised=min(expected, recognised))
