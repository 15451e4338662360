"""What campaigns add to plain purchases, by the thousand: points and explanation at once.

It says what ``campaign_pricing.price_with_campaigns`` says, word by word, of a purchase that
``PlainPricing`` prices; a test holds the two together. Whole numbers throughout, and what a
campaign says of itself is written once.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from network.points import spread
from network.programme.campaigns import Campaign, Had, Standing
from network.programme.plain_pricing import PlainPricing, rounding_step

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_NOBODY = Standing(tier="", sequence=0)


@dataclass(frozen=True, slots=True)
class PlainAward:
    """What a purchase has of a campaign: line by line, and of each funder line by line."""

    campaign: Campaign
    shares: Sequence[tuple[UUID, Sequence[int]]]


@dataclass(frozen=True, slots=True)
class PlainCampaignQuote:
    """A purchase's own points and bases line by line, what is added, and why, as JSON.

    ``historic`` says whether the awards depend on what the person has had before.
    """

    points: Sequence[int]
    bases: Sequence[int]
    awards: Sequence[PlainAward]
    explanation: str
    historic: bool


@dataclass(slots=True, eq=False)
class _Offer:
    """What a campaign would give, or the step that says why nothing; ``cut`` is what a cap took."""

    words: _Words
    lines: Sequence[int] = ()
    total: int = 0
    amount: int = 0
    step: str | None = None
    cut: str | None = None


@dataclass(slots=True)
class _Words:
    """A campaign with what is reckoned and written of it for every purchase."""

    campaign: Campaign
    minimum: int
    names: str = field(init=False)
    fired: str = field(init=False)
    capped: bool = field(init=False)

    def __post_init__(self) -> None:
        each = self.campaign
        self.names = _encode({"code": each.code, "fa": each.name_fa, "en": each.name_en})
        value = f"{each.value.numerator}/{each.value.denominator}"
        self.fired = (
            f',"reason":"{each.kind}","facts":{{"campaign":{self.names},"value":"{value}","amount":'
        )
        self.capped = each.capped

    def nothing(self, reason: str, facts: Mapping[str, Any]) -> _Offer:
        """Return that the campaign gives nothing, and why."""
        return _Offer(self, step=self.says(reason, facts))

    def says(self, reason: str, facts: Mapping[str, Any]) -> str:
        """Return the step of a campaign that adds nothing."""
        more = f",{_encode(facts)[1:-1]}" if facts else ""
        return (
            f'{{"rule":"campaign","fired":false,"points":0,"reason":"{reason}",'
            f'"facts":{{"campaign":{self.names}{more}}}}}'
        )

    def gives(self, offer: _Offer) -> str:
        """Return the step of a campaign that adds points."""
        places = ",".join([str(place) for place, points in enumerate(offer.lines) if points])
        return (
            f'{{"rule":"campaign","fired":true,"points":{offer.total}{self.fired}'
            f'{offer.amount},"lines":[{places}]}}}}'
        )


class PlainCampaigns:
    """Prices by one shop's terms and campaigns what is posted on one day."""

    def __init__(self, *, plain: PlainPricing, campaigns: Collection[Campaign]) -> None:
        self._plain = plain
        self._words = [
            _Words(each, max(each.minimum_amount, plain.minimum))
            for each in sorted(campaigns, key=lambda each: each.code)
        ]

    def price(
        self,
        *,
        amount: int,
        lines: Sequence[Mapping[str, Any]],
        channel: str,
        standing: Standing | None,
    ) -> PlainCampaignQuote | None:
        """Return what a purchase earns, ``None`` where the rules must be asked."""
        own = self._plain.price(amount=amount, lines=lines)
        if own is None:
            return None
        names = [line.get("category") for line in lines] if lines else [None]
        ratios = [self._plain.ratio(name) for name in names]
        basket = _Basket(amount, channel, names, own.points, own.bases, ratios, standing)
        offers = [_offer(words, basket) for words in self._words]
        multipliers = [each for each in offers if each.words.campaign.kind == "multiplier"]
        best = max(
            (each for each in multipliers if each.total),
            key=lambda each: (each.total, not each.words.capped),
            default=None,
        )
        steps: list[str] = []
        given: list[_Offer] = []
        for offer in (*multipliers, *(e for e in offers if e.words.campaign.kind == "bonus")):
            words = offer.words
            if not offer.total:
                steps.append(offer.step or words.says("nothing", {}))
            elif words.campaign.kind == "multiplier" and offer is not best and best is not None:
                better = best.words.campaign
                names_of = {"code": better.code, "fa": better.name_fa, "en": better.name_en}
                steps.append(words.says("not_best", {"better": names_of}))
            else:
                given.append(offer)
                steps.append(words.gives(offer))
        steps += [each.cut for each in offers if each.cut is not None and each in given]
        place = own.rounding
        rounding = own.steps[place]
        if best is not None:
            rounding = rounding_step(_rounded(best, basket))
        whole = [*own.steps[:place], *steps, rounding, *own.steps[place + 1 :]]
        if given and place + 1 == len(own.steps):
            whole += self._plain.tail
        return PlainCampaignQuote(
            points=own.points,
            bases=own.bases,
            awards=[PlainAward(each.words.campaign, _shares(each)) for each in given],
            explanation=f"[{','.join(whole)}]",
            historic=any(each.words.capped for each in given),
        )


@dataclass(slots=True)
class _Basket:
    amount: int
    channel: str
    names: Sequence[str | None]
    points: Sequence[int]
    bases: Sequence[int]
    ratios: Sequence[tuple[int, int]]
    standing: Standing | None


def _offer(words: _Words, basket: _Basket) -> _Offer:
    """Return what a campaign would give on its own, or why nothing."""
    campaign = words.campaign
    wanted = campaign.categories
    chosen = [place for place, name in enumerate(basket.names) if not wanted or name in wanted]
    why, facts = _excluded(words, basket, chosen)
    if why is not None:
        return words.nothing(why, facts)
    raw = _raw(campaign, basket, chosen)
    total = given = sum(raw)
    facts = {"cap": 0, "of": ""}
    if words.capped:
        had = (basket.standing or _NOBODY).had.get(campaign.campaign_id, Had())
        room, of, cap = min(
            (cap - used, name, cap)
            for name, cap, used in (
                ("person", campaign.person_cap, had.points),
                ("day", campaign.day_cap, had.day_points),
            )
            if cap is not None
        )
        given = min(total, max(room, 0))
        facts = {"cap": cap, "of": of}
    if given < total and given == 0:
        return words.nothing("cap_used", facts)
    if campaign.left < given:
        return words.nothing("exhausted", {})
    offer = _Offer(
        words,
        lines=raw if given == total else spread(total=given, weights=raw),
        total=given,
        amount=sum(basket.bases[place] for place in chosen),
    )
    if given < total:
        cut = _encode({**facts, "cut": total - given})[1:-1]
        offer.cut = (
            f'{{"rule":"campaign_cap","fired":true,"points":0,"reason":"{facts["of"]}",'
            f'"facts":{{"campaign":{words.names},{cut}}}}}'
        )
    return offer


def _excluded(
    words: _Words, basket: _Basket, chosen: list[int]
) -> tuple[str | None, dict[str, Any]]:
    campaign = words.campaign
    if not campaign.running:
        return "paused", {}
    if campaign.channels and basket.channel not in campaign.channels:
        return "channel", {"channels": sorted(campaign.channels)}
    tier = None if basket.standing is None else basket.standing.tier
    if campaign.tiers and tier not in campaign.tiers:
        tiers = {"tiers": sorted(campaign.tiers)}
        return ("no_member", tiers) if tier is None else ("tier", tiers | {"tier": tier})
    if basket.amount < words.minimum:
        return "below_minimum", {"minimum": words.minimum}
    if not chosen:
        return "category", {"categories": sorted(campaign.categories)}
    return None, {}


def _raw(campaign: Campaign, basket: _Basket, chosen: list[int]) -> list[int]:
    """Return what a campaign without caps would give, line by line."""
    value = campaign.value
    raw = [0] * len(basket.bases)
    if campaign.kind == "multiplier":
        for place in chosen:
            numerator, denominator = basket.ratios[place]
            exact = basket.bases[place] * numerator * value.numerator
            raw[place] = exact // (denominator * value.denominator) - basket.points[place]
        return raw
    for place in chosen:
        raw[place] = basket.bases[place]
    if not any(raw):
        raw[chosen[0]] = 1
    return spread(total=value.numerator // value.denominator, weights=raw)


def _rounded(best: _Offer, basket: _Basket) -> list[int]:
    """Return the lines that have no whole number of points, multiplied where they are."""
    campaign = best.words.campaign
    wanted, value = campaign.categories, campaign.value
    rounded = []
    for place, (numerator, denominator) in enumerate(basket.ratios):
        exact, whole = basket.bases[place] * numerator, denominator
        if not wanted or basket.names[place] in wanted:
            exact, whole = exact * value.numerator, whole * value.denominator
        if exact % whole:
            rounded.append(place)
    return rounded


def _shares(offer: _Offer) -> list[tuple[UUID, Sequence[int]]]:
    """Return what each funder gives, as ``campaigns.split`` does."""
    funders = offer.words.campaign.funders
    if len(funders) == 1:
        return [(funders[0].party_id, offer.lines)]
    to_give = spread(total=offer.total, weights=[funder.share for funder in funders])
    shares: list[list[int]] = [[] for _ in funders]
    for points in offer.lines:
        parts = spread(total=points, weights=to_give)
        to_give = [left - part for left, part in zip(to_give, parts, strict=True)]
        for share, part in zip(shares, parts, strict=True):
            share.append(part)
    return [(funder.party_id, share) for funder, share in zip(funders, shares, strict=True)]
