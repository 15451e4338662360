"""What shops send in the evening: the purchases of a day, each merchant's in one batch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any, TypeGuard
from uuid import UUID

import structlog

from config.demo.actions import Action, Earn
from config.demo.record import Record, as_record
from config.demo.tills import CREATED, REFUSED, Taken, Tills
from network.services import Services

_log = structlog.get_logger("peyvand.demo")

_AT_ONCE = "app"
"""Who buys in the shop's app looks what it earned; everybody else's points can wait."""


def waits_for_the_evening(action: Action) -> TypeGuard[Earn]:
    """Return whether an action is a purchase that a shop sends when it closes."""
    return isinstance(action, Earn) and action.channel != _AT_ONCE


def hand_in(
    services: Services,
    *,
    tills: Sequence[Tills],
    record: Record,
    business_date: date,
    taken: Taken,
) -> None:
    """Send what ``tills`` kept, wait for every line's result, and write the lines down.

    Merchants' batches may be worked off beside each other; a line's place in its member's wallet,
    which its id tells the network, says which came first.
    """
    kept: defaultdict[str, list[tuple[Tills, Earn]]] = defaultdict(list)
    for each in tills:
        for purchase in each.kept.values():
            kept[purchase.merchant].append((each, purchase))
        each.kept = {}
    sent = []
    for merchant, lines in sorted(kept.items()):
        batches = tills[0].clients[merchant].batches
        answer = batches.send([till.line_of(purchase) for till, purchase in lines])
        sent.append((lines, batches.results(answer.data["id"])))
    done: list[tuple[tuple[UUID, int], dict[str, Any]]] = []
    for lines, results in sent:
        for (till, purchase), result in zip(lines, results, strict=True):
            taken.requests += 1
            taken.by_kind[type(purchase).__name__] += 1
            if result["status"] == REFUSED:
                taken.refused += 1
                _log.warning("refused", code=result["problem"]["code"], merchant=purchase.merchant)
                status, place = 422, (till.members[purchase.member], 0)
            else:
                till.earned(purchase, earning_id=result["id"])
                key = services.entry_ids.decode(result["id"], prefix="ern")
                status, place = CREATED, (key.member_id, key.sequence)
            line = as_record(purchase, business_date=business_date, status=status)
            done.append((place, line))
    for _, line in sorted(done, key=lambda each: each[0]):
        record.add(line)
