"""Purchases that campaigns may add to: many members' in one transaction, priced under their locks.

A group has one line of a member, so each is priced with a history that no other line of the group
moves. Whatever the ledger refuses for a reason other than a reference that is taken (a budget that
ended, a campaign that was paused meanwhile, a wallet that was closed) goes by itself afterwards,
in a transaction of its own: this one holds slices of budgets, and may not ask for more of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from merchant_gateway.batches.apart import earlier, named_entry
from merchant_gateway.batches.bench import Bench, Pricing, event_of
from merchant_gateway.batches.lines import Wanted, check_key
from merchant_gateway.batches.results import posted_result, refused_result, tally_of
from merchant_gateway.schemas.batches import EARN
from network.batches import queries, service
from network.batches.queries import BatchView
from network.campaigns.queries import standings
from network.clock import local_date, wall_now
from network.errors import PeyvandError, UnavailableError
from network.ledger.batch_arguments import CampaignEarning
from network.ledger.errors import DuplicateReference, Refusal
from network.ledger.operations_batch import earn_in_campaigns
from network.ledger.operations_campaigns import lock_wallets
from network.merchants import queries as merchants
from network.settings import PROGRAMME_ZONE

LARGEST_GROUP = 1_000
SMALLEST_GROUP = 10
_FIRST_GROUP = 200
_MOST_SECONDS = 0.1
"""A till that wants one of a group's members or slices waits for as long as the group takes."""


@dataclass(slots=True)
class Pace:
    """How many lines the next group has: as many as took a tenth of a second lately."""

    lines: int = _FIRST_GROUP

    def note(self, *, lines: int, seconds: float) -> None:
        """Remember how long ``lines`` took."""
        fitting = int(lines * _MOST_SECONDS / seconds) if seconds > 0 else LARGEST_GROUP
        self.lines = max(SMALLEST_GROUP, min(LARGEST_GROUP, 2 * self.lines, fitting))


def groups_of(
    lines: Sequence[Wanted], *, received_at: datetime, pace: Pace
) -> Iterator[list[Wanted]]:
    """Yield lines in groups to be posted one after the other, a member's lines in their order.

    The first lines of all members come first, then their second ones, and so on. A line that cannot
    go with others is a group of its own. ``pace`` says how long each is when it is asked for.
    """
    waves: list[list[Wanted]] = []
    so_far: dict[UUID, int] = {}
    for each in lines:
        wave = 0
        if each.member is not None:
            wave = so_far.get(each.member.member_id, 0)
            so_far[each.member.member_id] = wave + 1
        if wave == len(waves):
            waves.append([])
        waves[wave].append(each)
    for members in waves:
        # Told apart before the first is posted: then each of them has a result.
        good = [each for each in members if _with_others(each, received_at=received_at)]
        alone = [each for each in members if not _with_others(each, received_at=received_at)]
        first = 0
        while first < len(good):
            group = good[first : first + pace.lines]
            yield group
            first += len(group)
        yield from ([each] for each in alone)


def post_group(bench: Bench, batch: BatchView, group: Sequence[Wanted]) -> list[Wanted] | None:
    """Post purchases of different members in one transaction and write down what became of them.

    Return those that must go by themselves; ``None`` where another worker has the batch.
    """
    now = bench.clock.now()
    with bench.services.database.unit_of_work() as session:
        if not service.lock(session, batch_id=batch.batch_id):
            return None
        done = service.lines_done(
            session, batch_id=batch.batch_id, lines=[each.line for each in group]
        )
        lines = [each for each in group if each.line not in done]
        results: dict[int, dict[str, Any]] = {}
        try:
            key = merchants.held_key(session, key_id=batch.key_id)
            check_key(key, kind=EARN, today=local_date(now, zone=PROGRAMME_ZONE))
        except PeyvandError as error:
            results = {each.line: refused_result(each.kind, each.ref, error) for each in lines}
        else:
            results = _earn(session, bench, batch, lines, now=now)
        service.write_lines(
            session,
            batch_id=batch.batch_id,
            results=results,
            tally=tally_of(list(results.values())),
            wall=wall_now(),
        )
    return [each for each in lines if each.line not in results]


def tell_known(session: Session, again: Sequence[tuple[Wanted, DuplicateReference]]) -> None:
    """Tell lines that were posted before from references that were used for something else."""
    keys = [
        named_entry(outcome, member_id=each.member.member_id)
        for each, outcome in again
        if each.member is not None
    ]
    entries = queries.earlier_entries(session, keys=keys)
    for (each, outcome), key in zip(again, keys, strict=True):
        each.result = earlier(
            entries.get(key), kind=each.kind or EARN, data=each.data, refusal=outcome
        )


def _with_others(each: Wanted, *, received_at: datetime) -> bool:
    return (
        each.kind == EARN
        and each.result is None
        and each.member is not None
        and each.member.plain(received_at=received_at)
    )


def _earn(
    session: Session, bench: Bench, batch: BatchView, lines: Sequence[Wanted], *, now: datetime
) -> dict[int, dict[str, Any]]:
    """Return the results of the lines that have one, by line."""
    members = {each.line: each.member.member_id for each in lines if each.member is not None}
    lock_wallets(session, member_ids=list(members.values()))
    known = standings(session, member_ids=list(members.values()))
    asked: list[tuple[Wanted, CampaignEarning]] = []
    pricing = Pricing(bench, merchant_id=batch.merchant_id, now=now)
    for each in lines:
        member_id = members[each.line]
        standing = known.get(member_id)
        if standing is None:
            continue
        try:
            grants, explanation, expected = pricing.price_for(each.data, standing)
            earning = CampaignEarning(
                member_id=member_id,
                event=event_of(bench, batch, each.data),
                grants=grants,
                explanation=explanation,
                expected=expected,
            )
        except UnavailableError:
            raise
        except PeyvandError:
            continue  # by itself it is told why
        asked.append((each, earning))
    outcomes = earn_in_campaigns(session, now=now, earnings=[earning for _, earning in asked])
    made: list[tuple[UUID, int, int]] = []
    again: list[tuple[Wanted, DuplicateReference]] = []
    for (each, _), outcome in zip(asked, outcomes, strict=True):
        if isinstance(outcome, DuplicateReference):
            again.append((each, outcome))
        elif not isinstance(outcome, Refusal):
            each.result = posted_result(EARN, each.ref or "", outcome)
            made.append((outcome.member_id, outcome.sequence, each.line))
    tell_known(session, again)
    service.link_entries(
        session,
        batch_id=batch.batch_id,
        merchant_id=batch.merchant_id,
        recorded_at=now,
        made=made,
    )
    return {each.line: each.result for each in lines if each.result is not None}
