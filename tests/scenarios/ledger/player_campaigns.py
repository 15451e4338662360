"""Steps about campaigns: a budget is opened, paused, resumed, and purchases take from it."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from network.ledger import operations, operations_campaigns
from network.ledger.values import Grant, Posted, Takings
from tests.scenarios.ledger.player import Player, merchant, number, span, word
from tests.scenarios.ledger.reader import Step

SLICES = 16
_SHARE = re.compile(r"(?P<points>\d+)(?: by (?P<by>\w+))?(?: from (?P<campaign>\w+))?")
_LIFE = timedelta(days=365)


def campaign(player: Player, name: str) -> UUID:
    """Return a scenario's campaign by its name."""
    return uuid5(player.meet("Member"), name)


def _opens(player: Player, step: Step) -> None:
    """Read "1000 for Spring", "1000 for Spring, at most 20"."""
    cap = word(step.what, "most")
    with player.database.ledger() as connection:
        operations_campaigns.open_campaign(
            connection,
            campaign_id=campaign(player, word(step.what, "for") or ""),
            budget=number(step.what),
            slices=SLICES,
            person_cap=None if cap is None else int(cap),
            day_cap=None,
        )


def _pauses(player: Player, step: Step) -> None:
    _run(player, step, running=False)


def _resumes(player: Player, step: Step) -> None:
    _run(player, step, running=True)


def _run(player: Player, step: Step, *, running: bool) -> None:
    with player.database.ledger() as connection:
        operations_campaigns.run_campaign(
            connection, campaign_id=campaign(player, step.what), running=running
        )


def _promotes(player: Player, step: Step) -> Posted:
    """Read "40 & 9 from Spring & 6 by Cinema from Spring for 1000, seen 3": a purchase of one line.

    "seen" is the number of entries that the price knew of, left out where it asked for none. "under
    Renewed", "costing 1200", "only at Cinema" and "expiring in 60 days" say what its lots are.
    """
    shares, _, base = step.what.partition(" for ")
    grants, taken = [], Counter[UUID]()
    for share in shares.split(" & "):
        found = _SHARE.match(share)
        assert found, step.where
        points = int(found["points"])
        source = campaign(player, found["campaign"]) if found["campaign"] else None
        if source is not None:
            taken[source] += points
        issuer = merchant(found["by"] or step.who)
        grants.append(
            Grant(
                issuer_id=issuer,
                terms_id=merchant(word(step.what, "under") or found["by"] or step.who),
                price=Decimal(word(step.what, "costing") or "950.5"),
                points=points,
                base=number(base),
                active_from=player.today,
                expires_on=player.today + (span(step.what, "expiring in ") or _LIFE),
                line=0,
                locked_to=merchant(only) if (only := word(step.what, "only at")) else None,
                campaign_id=source,
            )
        )
    seen = word(step.what, "seen")
    return player.call(
        operations.earn,
        step,
        grants=grants,
        explanation=[],
        event={"amount": number(base), "base": number(base), "currency": "IRR"},
        takings=Takings(sequence=None if seen is None else int(seen), campaigns=taken),
    )


VERBS: dict[str, Any] = {
    "opens": _opens,
    "pauses": _pauses,
    "resumes": _resumes,
    "promotes": _promotes,
}
