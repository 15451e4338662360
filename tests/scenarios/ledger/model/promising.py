"""The model's campaigns: budgets that are never overspent, and caps per person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from network.ledger.values import Takings
from tests.scenarios.ledger.model.books import Counted, Refused
from tests.scenarios.ledger.model.call import Call


@dataclass(kw_only=True)
class Budget:
    """What is left of a campaign, wherever it lies, and what one person may have of it."""

    left: int
    person_cap: int | None
    day_cap: int | None
    running: bool = True


def check_history(call: Call, takings: Takings | None) -> None:
    """Refuse a price that was reckoned with another history."""
    sequence = len(call.wallet.entries)
    if takings and takings.sequence not in {None, sequence}:
        raise Refused("stale", sequence=sequence)


def promise(call: Call, takings: Takings, budgets: Mapping[UUID, Budget]) -> None:
    """Count points of campaigns for the person, or refuse; ``spend`` takes them from budgets."""
    for campaign_id, points in sorted(takings.campaigns.items()):
        budget = budgets.get(campaign_id)
        if budget is None or not budget.running:
            raise Refused("campaign_paused")
        had = call.wallet.campaigns.get(campaign_id)
        today = had if had and had.day == call.business_date else None
        counted = Counted(
            points=points + (had.points if had else 0),
            day=call.business_date,
            day_points=points + (today.day_points if today else 0),
            brought=had.brought if had else 0,
            brought_day=today.brought_day if today else 0,
        )
        call.wallet.campaigns[campaign_id] = counted
        for count, cap in (
            (counted.points, budget.person_cap),
            (counted.day_points, budget.day_cap),
        ):
            if cap is not None and count > cap:
                raise Refused("stale")
        if points > budget.left:
            raise Refused("campaign_exhausted", left=budget.left, points=points)


def spend(takings: Takings, budgets: Mapping[UUID, Budget]) -> None:
    """Take from budgets what was promised, once nothing can refuse it any more."""
    for campaign_id, points in takings.campaigns.items():
        budgets[campaign_id].left -= points


def bring(giver: Call, taker: Call) -> None:
    """Add the counts of a member to those of the one they turned out to be."""
    for campaign_id, had in giver.wallet.campaigns.items():
        known = taker.wallet.campaigns.get(campaign_id)
        if known is None:
            taker.wallet.campaigns[campaign_id] = replace(
                had, brought=had.points, brought_day=had.day_points
            )
            continue
        last = max(known.day, had.day)
        here, there = (each.day_points if each.day == last else 0 for each in (known, had))
        taker.wallet.campaigns[campaign_id] = Counted(
            points=known.points + had.points,
            day=last,
            day_points=here + there,
            brought=known.brought + had.points,
            brought_day=there + (known.brought_day if known.day == last else 0),
        )
