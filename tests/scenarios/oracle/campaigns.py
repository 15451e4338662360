"""Campaigns as the oracle knows them: what they add to a purchase, and who pays for it.

Expected form, beside the partners (both may be missing):

    {"tiers": {"silver": ["household-3"]},
     "campaigns": [{"code": "c", "kind": "bonus", "value": "15", "from": "2026-01-01",
        "to": "2026-01-05", "merchants": ["m"], "tiers": [], "minimum_amount": 0,
        "person_cap": 70, "budget": 1000, "funders": [{"party": "m", "share": 6000}]}]}

How the rules were read where several readings are possible:
- A multiplier's line is rounded down once: what is above the line's own points is the campaign's.
- A bonus lies on the lines by what was paid for them.
- Of several multipliers the one that gives the member most counts; even ones: one without a cap,
  then the first by code.
- A cap cuts; a budget that holds less than a purchase was to have gives nothing.
- A total is shared among funders, then each line among what they still have to give; units left
  over go to the largest remainders, ties to whoever stands first.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any


def shared(total: int, weights: Sequence[int]) -> list[int]:
    """Share a total by weights in whole units, the left-over to the largest remainders."""
    whole = sum(weights)
    if whole == 0:
        return [0 for _ in weights]
    parts = [total * weight // whole for weight in weights]
    rests = [total * weight % whole for weight in weights]
    order = sorted(range(len(weights)), key=lambda place: -rests[place])
    for place in order[: total - sum(parts)]:
        parts[place] += 1
    return parts


@dataclass
class Campaign:
    """A campaign and what has become of it."""

    code: str
    kind: str
    value: Fraction
    first: date
    last: date
    merchants: list[str]
    tiers: list[str]
    minimum: int
    cap: int | None
    budget: int
    funders: list[tuple[str, int]]
    taken: int = 0
    had: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))


@dataclass(frozen=True)
class Given:
    """Points that a funder gives for one line of a purchase."""

    campaign: str
    funder: str
    line: int
    points: int


class Campaigns:
    """All campaigns; what a purchase takes of them is remembered."""

    def __init__(self, plain: dict[str, Any]) -> None:
        self._tier_of = {
            member: tier for tier, members in plain.get("tiers", {}).items() for member in members
        }
        self.all = [_campaign(each) for each in plain.get("campaigns", [])]
        self.all.sort(key=lambda each: each.code)

    def give(
        self, *, member: str, merchant: str, day: date, amounts: list[int], exact: list[Fraction]
    ) -> list[Given]:
        """Return what a purchase has of campaigns: `exact` are its lines' own points, unrounded."""
        offers = []
        for each in self.all:
            if self._is_for(each, member, merchant, day, sum(amounts)):
                by_line = _offer(each, member, amounts, exact)
                if by_line is not None:
                    offers.append((each, by_line))
        best: tuple[Campaign, list[int]] | None = None
        for offer in offers:
            if offer[0].kind == "multiplier" and (best is None or _rank(offer) > _rank(best)):
                best = offer
        given: list[Given] = []
        for each, by_line in offers:
            if each.kind == "multiplier" and (best is None or each is not best[0]):
                continue
            each.taken += sum(by_line)
            each.had[member] += sum(by_line)
            given += _split(each, by_line)
        return given

    def _is_for(
        self, campaign: Campaign, member: str, merchant: str, day: date, amount: int
    ) -> bool:
        return (
            campaign.first <= day <= campaign.last
            and (not campaign.merchants or merchant in campaign.merchants)
            and (not campaign.tiers or self._tier_of.get(member) in campaign.tiers)
            and amount >= campaign.minimum
        )


def _offer(
    campaign: Campaign, member: str, amounts: list[int], exact: list[Fraction]
) -> list[int] | None:
    """Return what a campaign would give line by line, None where that is nothing."""
    if campaign.kind == "multiplier":
        by_line = [_down(points * campaign.value) - _down(points) for points in exact]
    else:
        by_line = shared(int(campaign.value), amounts)
    points = sum(by_line)
    if campaign.cap is not None:
        points = min(points, campaign.cap - campaign.had[member])
    if points <= 0 or points > campaign.budget - campaign.taken:
        return None
    return shared(points, by_line)


def _split(campaign: Campaign, by_line: list[int]) -> list[Given]:
    left = shared(sum(by_line), [share for _, share in campaign.funders])
    columns: list[list[int]] = []
    for points in by_line:
        parts = shared(points, left)
        left = [before - part for before, part in zip(left, parts, strict=True)]
        columns.append(parts)
    return [
        Given(campaign.code, funder, line, parts[place])
        for place, (funder, _) in enumerate(campaign.funders)
        for line, parts in enumerate(columns)
        if parts[place]
    ]


def _rank(offer: tuple[Campaign, list[int]]) -> tuple[int, bool]:
    return sum(offer[1]), offer[0].cap is None


def _down(exact: Fraction) -> int:
    return exact.numerator // exact.denominator


def _campaign(plain: dict[str, Any]) -> Campaign:
    return Campaign(
        code=plain["code"],
        kind=plain["kind"],
        value=Fraction(plain["value"]),
        first=date.fromisoformat(plain["from"]),
        last=date.fromisoformat(plain["to"]),
        merchants=list(plain["merchants"]),
        tiers=list(plain["tiers"]),
        minimum=int(plain["minimum_amount"]),
        cap=None if plain["person_cap"] is None else int(plain["person_cap"]),
        budget=int(plain["budget"]),
        funders=[(each["party"], int(each["share"])) for each in plain["funders"]],
    )
