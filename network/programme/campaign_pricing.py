"""What campaigns add to a purchase: pure, exact, and explained.

The order is fixed: the purchase's own rates → the one best multiplier → bonuses → caps → rounding
(floor, once per line). A multiplier stands on a line's exact points, so that the line is rounded
once, multiplied; what exceeds its points without the campaign is the campaign's. A bonus is spread
over the lines it is for, by what was paid for them, so that a refund of a line takes its part back.
What a budget has left is given whole or not at all.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from typing import Any
from uuid import UUID

from network.points import spread
from network.programme.campaigns import Award, Campaign, CampaignQuote, Had, Reason, Standing
from network.programme.rules import (
    EarningTerms,
    Purchase,
    Quote,
    Step,
    price_purchase,
    rate_of,
    time_steps,
)

_OF_PURCHASE = frozenset({"paused", "channel", "below_minimum", "category"})
"""Reasons that ask neither who buys nor what is left of a cap or a budget."""


def price_with_campaigns(
    *,
    purchase: Purchase,
    terms: EarningTerms,
    day: date,
    channel: str,
    campaigns: Collection[Campaign],
    standing: Standing | None,
    gone: Mapping[UUID, Reason] | None = None,
) -> CampaignQuote:
    """Return what ``purchase`` earns, ``campaigns`` of its shop and day included.

    Without ``standing`` (nobody has been named yet) a campaign for tiers adds nothing and caps
    count from zero. ``gone`` has the campaigns that the ledger has just said give nothing, and why.
    Raises what ``price_purchase`` raises.
    """
    own = price_purchase(purchase=purchase, terms=terms, day=day)
    if not campaigns:
        return CampaignQuote(
            own=own, awards=(), explanation=own.explanation, pending_days=terms.pending_days
        )
    pricing = _Pricing(
        purchase=purchase,
        terms=terms,
        own=own,
        channel=channel,
        standing=standing,
        gone=gone or {},
    )
    offers = [pricing.offer(each) for each in sorted(campaigns, key=lambda each: each.code)]
    steps: list[Step] = []
    awards: list[Award] = []
    multipliers = [offer for offer in offers if offer.campaign.kind == "multiplier"]
    best = max(filter(_gives, multipliers), key=_worth_to_member, default=None)
    for offer in (*multipliers, *(each for each in offers if each.campaign.kind == "bonus")):
        if _gives(offer) and offer.campaign.kind == "multiplier" and offer is not best:
            steps.append(_step(offer, "not_best", better=_names(best)))
        elif _gives(offer):
            awards.append(Award(campaign=offer.campaign, lines=offer.lines))
            steps.append(_fired(offer))
        else:
            steps.append(_step(offer, offer.why or "nothing"))
    steps += [_cap_step(offer) for offer in offers if offer.cut and _is_in(offer, awards)]
    historic = any(award.campaign.capped for award in awards)
    explanation = _in_order(own, steps, rounded=pricing.rounded(best))
    if awards and not own.points:
        explanation += time_steps(terms, active_from=own.active_from, expires_on=own.expires_on)
    return CampaignQuote(
        own=own,
        awards=tuple(awards),
        explanation=explanation,
        pending_days=terms.pending_days,
        sequence=standing.sequence if standing is not None and historic else None,
    )


def decided_by_purchase(quote: CampaignQuote) -> bool:
    """Return whether no campaign gives anything, whoever buys and whatever was given before.

    Then a quote without a standing is the one that a standing would lead to.
    """
    return not quote.awards and all(
        step.reason in _OF_PURCHASE for step in quote.explanation if step.rule == "campaign"
    )


def as_offered(steps: Collection[Step]) -> tuple[Step, ...]:
    """Return a quote's steps worded as what a campaign would add: nothing is promised yet."""
    return tuple(
        replace(step, reason=f"would_{step.reason}")
        if step.rule == "campaign" and step.fired
        else step
        for step in steps
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Offer:
    """What a campaign would give, or why nothing; ``cut`` is what caps took away, and which."""

    campaign: Campaign
    lines: tuple[int, ...]
    amount: int = 0
    why: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    cut: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pricing:
    purchase: Purchase
    terms: EarningTerms
    own: Quote
    channel: str
    standing: Standing | None
    gone: Mapping[UUID, Reason]

    def offer(self, campaign: Campaign) -> _Offer:
        """Return what a campaign would give on its own."""
        why, facts = self._excluded(campaign)
        if why is not None:
            return _Offer(campaign=campaign, lines=(), why=why, facts=facts)
        chosen = self._chosen(campaign)
        raw = self._raw(campaign, chosen)
        had = Had() if self.standing is None else self.standing.had.get(campaign.campaign_id, Had())
        limits = [
            (cap - used, name, cap)
            for name, cap, used in (
                ("person", campaign.person_cap, had.points),
                ("day", campaign.day_cap, had.day_points),
            )
            if cap is not None
        ]
        room, name, cap = min(limits, default=(sum(raw), "", 0))
        given = min(sum(raw), max(room, 0))
        facts = {"cap": cap, "of": name}
        if given < sum(raw) and given == 0:
            return _Offer(campaign=campaign, lines=(), why="cap_used", facts=facts)
        if campaign.left < given or campaign.campaign_id in self.gone:
            return _Offer(campaign=campaign, lines=(), why=self._gone(campaign))
        return _Offer(
            campaign=campaign,
            lines=tuple(spread(total=given, weights=raw)),
            amount=sum(self.own.lines[place].amount for place in chosen),
            cut={**facts, "cut": sum(raw) - given} if given < sum(raw) else None,
        )

    def rounded(self, best: _Offer | None) -> list[int]:
        """Return the lines that have no whole number of points, multiplied where they are."""
        chosen = set() if best is None else set(self._chosen(best.campaign))
        factor = Fraction(1) if best is None else best.campaign.value
        return [
            place
            for place, exact in enumerate(self._exact())
            if (exact * (factor if place in chosen else 1)).denominator != 1
        ]

    def _excluded(self, campaign: Campaign) -> tuple[str | None, dict[str, Any]]:
        minimum = max(campaign.minimum_amount, self.terms.minimum_amount)
        tier = None if self.standing is None else self.standing.tier
        tiers = {"tiers": sorted(campaign.tiers)}
        channels = {"channels": sorted(campaign.channels)}
        categories = {"categories": sorted(campaign.categories)}
        reasons: list[tuple[bool, str, dict[str, Any]]] = [
            (not campaign.running, "paused", {}),
            (
                bool(campaign.channels) and self.channel not in campaign.channels,
                "channel",
                channels,
            ),
            (bool(campaign.tiers) and tier is None, "no_member", tiers),
            (bool(campaign.tiers) and tier not in campaign.tiers, "tier", tiers | {"tier": tier}),
            (self.purchase.amount < minimum, "below_minimum", {"minimum": minimum}),
            (not self._chosen(campaign), "category", categories),
        ]
        return next(((why, facts) for holds, why, facts in reasons if holds), (None, {}))

    def _gone(self, campaign: Campaign) -> str:
        return self.gone.get(campaign.campaign_id, "exhausted")

    def _chosen(self, campaign: Campaign) -> list[int]:
        """Return the lines that a campaign is for."""
        return [
            line.line
            for line in self.own.lines
            if not campaign.categories or line.category in campaign.categories
        ]

    def _raw(self, campaign: Campaign, chosen: list[int]) -> list[int]:
        """Return what a campaign without caps would give, line by line."""
        lines = self.own.lines
        if campaign.kind == "multiplier":
            exact = self._exact()
            return [
                _floor(exact[line.line] * campaign.value) - line.points
                if line.line in chosen
                else 0
                for line in lines
            ]
        paid = [line.amount if line.line in chosen else 0 for line in lines]
        if not any(paid):
            paid[chosen[0]] = 1
        return spread(total=_floor(campaign.value), weights=paid)

    def _exact(self) -> list[Fraction]:
        lines = self.purchase.lines
        if not lines:
            return [self.purchase.amount * self.terms.base_rate]
        return [line.amount * rate_of(line, self.terms) for line in lines]


def _gives(offer: _Offer) -> bool:
    return offer.why is None and sum(offer.lines) > 0


def _worth_to_member(offer: _Offer) -> tuple[int, bool]:
    """Order multipliers: most points; where even, one that uses up no cap. Then by code (first)."""
    return sum(offer.lines), not offer.campaign.capped


def _floor(value: Fraction) -> int:
    return value.numerator // value.denominator


def _is_in(offer: _Offer, awards: list[Award]) -> bool:
    return any(award.campaign is offer.campaign for award in awards)


def _names(offer: _Offer | None) -> dict[str, str]:
    if offer is None:
        return {}
    campaign = offer.campaign
    return {"code": campaign.code, "fa": campaign.name_fa, "en": campaign.name_en}


def _step(offer: _Offer, reason: str, **more: Any) -> Step:
    facts = {"campaign": _names(offer), **offer.facts, **more}
    return Step(rule="campaign", fired=False, reason=reason, facts=facts)


def _fired(offer: _Offer) -> Step:
    value = offer.campaign.value
    return Step(
        rule="campaign",
        fired=True,
        points=sum(offer.lines),
        reason=offer.campaign.kind,
        facts={
            "campaign": _names(offer),
            "value": f"{value.numerator}/{value.denominator}",
            "amount": offer.amount,
            "lines": [place for place, points in enumerate(offer.lines) if points],
        },
    )


def _cap_step(offer: _Offer) -> Step:
    return Step(
        rule="campaign_cap",
        fired=True,
        reason=(offer.cut or {})["of"],
        facts={"campaign": _names(offer), **(offer.cut or {})},
    )


def _in_order(own: Quote, steps: list[Step], *, rounded: list[int]) -> tuple[Step, ...]:
    """Return the whole explanation: campaigns come after the rates and before rounding."""
    place = next(
        (n for n, step in enumerate(own.explanation) if step.rule == "rounding"),
        len(own.explanation),
    )
    before, after = own.explanation[:place], own.explanation[place:]
    if after:
        after = (
            replace(
                after[0],
                fired=bool(rounded),
                reason="floor_per_line" if rounded else "nothing_to_round",
                facts={"lines": rounded} if rounded else {},
            ),
            *after[1:],
        )
    return (*before, *steps, *after)
