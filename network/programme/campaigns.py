"""Campaigns, what a person has had of them, and what a purchase has: values, and the split.

Who funds a campaign's points is reckoned here, exactly: funders and lines both add up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Literal
from uuid import UUID

from network.points import spread
from network.programme.rules import Quote, Step

WHOLE = 10_000
"""Funders' shares are ten-thousandths of it."""

Reason = Literal["paused", "exhausted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Funder:
    """Who pays for a share of a campaign's points: a merchant, or the network."""

    party_id: UUID
    share: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """An approved campaign at a shop; ``value`` is a factor above 1, or a bonus in points.

    Empty ``tiers``, ``channels`` and ``categories`` mean all of them. The days are those of the
    purchase, both included. ``left`` is what its budget had left at some moment before now; it only
    ever falls.
    """

    campaign_id: UUID
    code: str
    name_fa: str
    name_en: str
    kind: Literal["multiplier", "bonus"]
    value: Fraction
    first_day: date
    last_day: date
    funders: tuple[Funder, ...]
    left: int
    running: bool = True
    minimum_amount: int = 0
    tiers: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    person_cap: int | None = None
    day_cap: int | None = None

    @property
    def capped(self) -> bool:
        """Return whether a person can have only so much of it."""
        return self.person_cap is not None or self.day_cap is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Had:
    """What a person has had of a campaign: in all, and on the business day now open."""

    points: int = 0
    day_points: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A member's tier and history, as they were when the wallet stood at ``sequence``."""

    tier: str
    sequence: int
    had: Mapping[UUID, Had] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Award:
    """What a purchase has of a campaign, line by line in the order of the purchase."""

    campaign: Campaign
    lines: tuple[int, ...]

    @property
    def points(self) -> int:
        """Return the points of all lines."""
        return sum(self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class FunderPoints:
    """What one funder gives of an award, line by line."""

    party_id: UUID
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignQuote:
    """A purchase's own quote, and what campaigns add; ``explanation`` covers both, in order.

    ``sequence`` is the one of the standing that the awards depend on, None where they depend on
    none.
    """

    own: Quote
    awards: tuple[Award, ...]
    explanation: tuple[Step, ...]
    pending_days: int
    sequence: int | None = None

    @property
    def points(self) -> int:
        """Return what the purchase earns in all."""
        return self.own.points + sum(award.points for award in self.awards)

    @property
    def state(self) -> Literal["available", "pending"]:
        """Return whether the points can be spent at once."""
        return "pending" if self.points and self.pending_days else "available"

    @property
    def lines(self) -> tuple[int, ...]:
        """Return what each line earns in all."""
        return tuple(
            line.points + sum(award.lines[line.line] for award in self.awards)
            for line in self.own.lines
        )


def split(award: Award) -> tuple[FunderPoints, ...]:
    """Return what each funder gives of an award, so that funders and lines both add up.

    The award's total is split by the shares and largest remainder, ties to the earlier funder; each
    line then takes from what every funder still has to give, again by largest remainder.
    """
    funders = award.campaign.funders
    to_give = spread(total=award.points, weights=[funder.share for funder in funders])
    by_line: list[list[int]] = []
    for points in award.lines:
        part = spread(total=points, weights=to_give)
        to_give = [left - given for left, given in zip(to_give, part, strict=True)]
        by_line.append(part)
    return tuple(
        FunderPoints(party_id=funder.party_id, lines=tuple(line[place] for line in by_line))
        for place, funder in enumerate(funders)
    )
