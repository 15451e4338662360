"""Working a batch off: chunk by chunk in the order of its lines.

While one chunk is being posted, the next one is read and priced. The purchases of a chunk are
posted together. What cannot be goes afterwards, and so does every later line of the same member,
which keeps a member's lines in their order: purchases that a campaign may add to in groups
(``batches.groups``); spending, refunds, and purchases whose member showed a code or shares a wallet
line by line. Each transaction holds the batch, posts, and writes down what became of the lines: a
worker may die at any moment, and another goes on where the last commit left it.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from merchant_gateway.batches.apart import post_apart
from merchant_gateway.batches.bench import Bench, Pricing, bench_of, event_of
from merchant_gateway.batches.groups import Pace, groups_of, post_group, tell_known
from merchant_gateway.batches.lines import Wanted, check_key, read
from merchant_gateway.batches.members import Named, find_members
from merchant_gateway.batches.results import posted_result, refused_result, tally_of
from merchant_gateway.batches.stuck import unexpected
from merchant_gateway.errors import InternalError
from merchant_gateway.schemas.batches import EARN
from network.batches import queries, service
from network.batches.queries import BatchView, ChunkView
from network.clock import local_date, wall_now
from network.errors import PeyvandError, UnavailableError
from network.ledger.batch_arguments import BatchEarning
from network.ledger.errors import DuplicateReference, Refusal, WalletClosed
from network.ledger.operations_batch import earn_batch
from network.merchants import queries as merchants
from network.services import Services
from network.settings import PROGRAMME_ZONE

log = logging.getLogger("peyvand.batches")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A chunk that was read and priced at ``now`` (programme time)."""

    chunk: ChunkView
    now: datetime
    lines: list[Wanted]


def run_batch(services: Services, *, batch_id: str) -> None:
    """Work a batch off, or leave it to the worker that is at it."""
    bench = bench_of(services)
    identifier = UUID(batch_id)
    with services.database.reading() as session:
        batch = queries.batch(session, batch_id=identifier)
    if batch.state == "done":
        return
    pace = Pace()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="ahead") as ahead:
        ready = _prepare(bench, batch, after=-1)
        while ready is not None:
            following = ahead.submit(_prepare, bench, batch, after=ready.chunk.number)
            if not _work_off(bench, batch, ready, pace=pace):
                return
            ready = following.result()
    with services.database.unit_of_work() as session:
        if service.lock(session, batch_id=identifier):
            service.end_batch(session, batch_id=identifier, wall=wall_now())


def _prepare(bench: Bench, batch: BatchView, *, after: int) -> Ready | None:
    """Read and price the next chunk that is not done, ``None`` where all are."""
    now = bench.clock.now()
    with bench.services.database.reading() as session:
        chunk = queries.next_chunk(session, batch_id=batch.batch_id, after=after)
        if chunk is None:
            return None
        raw = service.open_lines(bench.services.vault, sealed_lines=chunk.sealed_lines)
        key = merchants.key(session, key_id=batch.key_id)
    today = local_date(now, zone=PROGRAMME_ZONE)
    lines = [
        read(number, each, batch=batch, key=key, today=today)
        for number, each in enumerate(raw, chunk.first_line)
    ]
    good = [each for each in lines if each.result is None]
    pricing = Pricing(bench, merchant_id=batch.merchant_id, now=now)
    alone: set[UUID] = set()
    for each, member in zip(good, _members(bench, batch, good), strict=True):
        try:
            _price(bench, batch, each, member, pricing=pricing, alone=alone)
        except Exception as error:  # noqa: BLE001 - one line must not stop the others
            problem = unexpected(error, batch_id=batch.batch_id, line=each.line)
            each.result = refused_result(each.kind, each.ref, problem)
    return Ready(chunk=chunk, now=now, lines=lines)


def _members(bench: Bench, batch: BatchView, lines: list[Wanted]) -> list[Named | PeyvandError]:
    """Return whom lines name; where that fails for all of them, for each by itself."""
    if not lines:
        return []
    try:
        with bench.services.database.reading() as session:
            return find_members(
                session, bench, batch, given=[each.data["member"] for each in lines]
            )
    except Exception as error:  # noqa: BLE001 - one line must not stop the others
        problem = unexpected(error, batch_id=batch.batch_id, line=lines[0].line)
        if len(lines) == 1:
            return [problem]
    return [found for each in lines for found in _members(bench, batch, [each])]


def _price(
    bench: Bench,
    batch: BatchView,
    each: Wanted,
    member: Named | PeyvandError,
    *,
    pricing: Pricing,
    alone: set[UUID],
) -> None:
    """Make a purchase ready to be posted with others, or leave it for itself."""
    if isinstance(member, PeyvandError):
        each.result = refused_result(each.kind, each.ref, member)
        return
    each.member = member
    plain = each.kind == EARN and member.plain(received_at=batch.received_at)
    if not plain or member.member_id in alone:
        alone.add(member.member_id)
        return
    try:
        event = event_of(bench, batch, each.data)
        priced = pricing.price(each.data)
    except UnavailableError:
        raise
    except PeyvandError as error:
        each.result = refused_result(each.kind, each.ref, error)
        return
    if priced is None:
        alone.add(member.member_id)
        return
    alike, explanation = priced
    each.earning = BatchEarning(
        member_id=member.member_id,
        claim=None,
        event=event,
        alike=alike,
        explanation=explanation,
    )


def _work_off(bench: Bench, batch: BatchView, ready: Ready, *, pace: Pace) -> bool:
    """Post a chunk; return False where another worker holds the batch."""
    chunk = ready.chunk
    if chunk.state == "waiting":
        try:
            if not _post_together(bench, batch, ready):
                return False
        except Exception as error:  # noqa: BLE001
            # One line that the ledger cannot take must not keep the others from being posted.
            unexpected(error, batch_id=batch.batch_id, line=chunk.first_line)
            log.warning("a chunk is posted line by line batch=%s", batch.batch_id)
            for each in ready.lines:
                each.earning = None
            if not _post_together(bench, batch, ready):
                return False
    for group in groups_of(_apart(ready), received_at=batch.received_at, pace=pace):
        left = _post_group(bench, batch, group, pace=pace)
        if left is None or not all(_post_alone(bench, batch, each) for each in left):
            return False
    with bench.services.database.unit_of_work() as session:
        if not service.lock(session, batch_id=batch.batch_id):
            return False
        service.end_chunk(session, batch_id=batch.batch_id, number=chunk.number)
    return True


def _apart(ready: Ready) -> list[Wanted]:
    """Return the lines that go by themselves: as was decided when the others were posted."""
    stored = ready.chunk.results
    if stored is None:
        return [each for each in ready.lines if each.result is None]
    return [each for each, known in zip(ready.lines, stored, strict=True) if known is None]


def _post_group(
    bench: Bench, batch: BatchView, group: list[Wanted], *, pace: Pace
) -> list[Wanted] | None:
    """Post lines of different members; return those left for themselves, None as ``post_group``."""
    if len(group) == 1:
        return group
    began = time.monotonic()
    try:
        return post_group(bench, batch, group)
    except Exception as error:  # noqa: BLE001 - one line must not stop the others
        unexpected(error, batch_id=batch.batch_id, line=group[0].line)
    finally:
        pace.note(lines=len(group), seconds=time.monotonic() - began)
    return group


def _post_together(bench: Bench, batch: BatchView, ready: Ready) -> bool:
    with bench.services.database.unit_of_work() as session:
        if not service.lock(session, batch_id=batch.batch_id):
            return False
        number = ready.chunk.number
        if service.chunk_state(session, batch_id=batch.batch_id, number=number) != "waiting":
            return False  # somebody else went on with it meanwhile
        _refuse_barred(session, batch, ready)
        made = _earn(session, ready)
        results = [each.result for each in ready.lines]
        service.link_entries(
            session,
            batch_id=batch.batch_id,
            merchant_id=batch.merchant_id,
            recorded_at=ready.now,
            made=made,
        )
        service.write_results(
            session,
            batch_id=batch.batch_id,
            number=number,
            results=results,
            tally=tally_of(results),
            wall=wall_now(),
        )
    return True


def _refuse_barred(session: Session, batch: BatchView, ready: Ready) -> None:
    """Refuse purchases that were priced before their key or merchant was stopped.

    The key and its merchant are held until the commit: a suspension waits for what was begun
    before it, and once it has committed nothing more is posted.
    """
    today = local_date(ready.now, zone=PROGRAMME_ZONE)
    try:
        check_key(merchants.held_key(session, key_id=batch.key_id), kind=EARN, today=today)
    except PeyvandError as error:
        for each in ready.lines:
            if each.earning is not None:
                each.earning, each.result = None, refused_result(each.kind, each.ref, error)


def _earn(session: Session, ready: Ready) -> list[tuple[UUID, int, int]]:
    """Post the purchases of a chunk, give every line its result; return the entries made."""
    asked = [each for each in ready.lines if each.earning is not None]
    earnings = [each.earning for each in asked if each.earning is not None]
    outcomes = earn_batch(session, now=ready.now, earnings=earnings)
    made: list[tuple[UUID, int, int]] = []
    again: list[tuple[Wanted, DuplicateReference]] = []
    for each, outcome in zip(asked, outcomes, strict=True):
        if isinstance(outcome, DuplicateReference):
            again.append((each, outcome))
        elif isinstance(outcome, WalletClosed):
            each.earning = None  # the member may share a wallet now: by itself it is looked for
        elif isinstance(outcome, Refusal):
            each.result = refused_result(each.kind, each.ref, outcome)
        else:
            each.result = posted_result(each.kind or EARN, each.ref or "", outcome)
            made.append((outcome.member_id, outcome.sequence, each.line))
    tell_known(session, again)
    return made


def _post_alone(bench: Bench, batch: BatchView, each: Wanted) -> bool:
    """Post one line and write down what became of it; False where another worker has the batch."""
    try:
        return _post_line(bench, batch, each)
    except Exception as error:  # noqa: BLE001 - one line must not stop the others
        problem = unexpected(error, batch_id=batch.batch_id, line=each.line)
    each.member, each.result = None, refused_result(each.kind, each.ref, problem)
    return _post_line(bench, batch, each)


def _post_line(bench: Bench, batch: BatchView, each: Wanted) -> bool:
    now = bench.clock.now()
    with bench.services.database.unit_of_work() as session:
        if not service.lock(session, batch_id=batch.batch_id):
            return False
        if service.line_is_done(session, batch_id=batch.batch_id, line=each.line):
            return True
        result = _result_alone(session, bench, batch, each, now=now)
        if result["status"] == "posted":
            service.link_entries(
                session,
                batch_id=batch.batch_id,
                merchant_id=batch.merchant_id,
                recorded_at=now,
                made=[(UUID(result["member"]), result["sequence"], each.line)],
            )
        service.write_line(
            session,
            batch_id=batch.batch_id,
            line=each.line,
            result=result,
            tally=tally_of([result]),
            wall=wall_now(),
        )
    return True


def _result_alone(
    session: Session, bench: Bench, batch: BatchView, each: Wanted, *, now: datetime
) -> dict[str, Any]:
    """Post a line unless its key or merchant was stopped since it was read; return its result."""
    if each.member is None:  # found before a restart, and refused since
        return each.result or refused_result(each.kind, each.ref, InternalError())
    today = local_date(now, zone=PROGRAMME_ZONE)
    key = merchants.held_key(session, key_id=batch.key_id)
    try:
        check_key(key, kind=each.kind or EARN, today=today)
    except PeyvandError as error:
        return refused_result(each.kind, each.ref, error)
    return post_apart(
        session, bench, batch, line=each.line, data=each.data, member=each.member, now=now
    )
