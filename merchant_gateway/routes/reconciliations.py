"""Reconciliation: a merchant's own record of a day, and the breaks that were found."""

from __future__ import annotations

from io import BytesIO
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from merchant_gateway import cursors
from merchant_gateway.gateway import Call
from merchant_gateway.operations import JSON_LINES, Answer, kept_answer, operation
from merchant_gateway.remembering import once
from merchant_gateway.routes.transactions import PREFIXES
from merchant_gateway.schemas.reconciliations import BREAKS, RECORD
from merchant_gateway.schemas.requests import PAGE
from network import ids
from network.reconciliation import queries, service
from network.reconciliation.facts import BreakView, ReconciliationView
from network.reconciliation.queries import Wanted
from network.reconciliation.reading import form_of
from network.reconciliation.service import PREFIX
from network.reconciliation.words import fault_text

CSV = "text/csv"
MOST_BYTES = 32 * 1024 * 1024
_LIST, _BREAKS = "reconciliations", "breaks"
_KINDS = {
    "earn": "issuance",
    "redeem": "redemption",
    "refund_earn": "refund_issuance",
    "refund_redeem": "refund_redemption",
}


@operation(
    "POST",
    "/reconciliations",
    summary="Send your own record of a day",
    answer="Reconciliation",
    status=202,
    query=RECORD,
    lines="RecordLine",
    line_types=(*JSON_LINES, CSV),
    most_bytes=MOST_BYTES,
    again=kept_answer,
)
def create_reconciliation(call: Call, query: dict[str, Any]) -> Answer:
    """Take the record of a business day that is over, as JSON lines or as CSV with a first row.

    It is matched with the network's entries afterwards, whole or not at all: where a line cannot be
    read nothing is matched, and the answer to a GET names line and field. The same bytes again are
    the same record; other bytes for the same day take its place, and close what no longer differs.
    """
    services = call.gateway.services

    def work(session: Session) -> dict[str, Any]:
        received = service.receive(
            session,
            services.vault,
            merchant_id=call.merchant_id,
            day=query["business_date"],
            form=form_of(call.body[:64]),
            file=BytesIO(call.body),
            sent_by=call.key.key_id,
            wall=call.wall,
            evidence=call.evidence(kept=b""),  # the record is kept apart, sealed
        )
        return _reconciliation(
            queries.reconciliation(session, reconciliation_id=received.reconciliation_id)
        )

    return once(call, work, status=202)


@operation(
    "GET",
    "/reconciliations",
    summary="The records that you sent",
    answer="Reconciliations",
    query=PAGE,
)
def list_reconciliations(call: Call, query: dict[str, Any]) -> Answer:
    """Answer with the records of this merchant, the latest first."""
    limit = query["limit"]
    with call.gateway.services.database.reading() as session:
        found = queries.reconciliations(
            session,
            merchant_id=call.merchant_id,
            before=cursors.place(_LIST, query.get("cursor"), prefix=PREFIX),
            limit=limit + 1,
        )
    page = [_reconciliation(each) for each in found[:limit]]
    return Answer(payload=_page(_LIST, page, more=len(found) > limit))


@operation(
    "GET",
    "/reconciliations/<reconciliation_id>",
    summary="What came of a record",
    answer="Reconciliation",
)
def read_reconciliation(call: Call, _query: dict[str, Any], *, reconciliation_id: str) -> Answer:
    """Answer with the state of a record and how many lines, entries and breaks there are.

    `lines` = `agreeing` + `idle_lines` + the lines in breaks, `entries` = `agreeing` + the entries
    in breaks: nothing is left out on either side.
    """
    with call.gateway.services.database.reading() as session:
        return Answer(payload=_reconciliation(_own(call, session, reconciliation_id)))


@operation(
    "GET",
    "/reconciliations/<reconciliation_id>/breaks",
    summary="Where a record and the network differ",
    answer="Breaks",
    query=BREAKS,
)
def list_breaks(call: Call, query: dict[str, Any], *, reconciliation_id: str) -> Answer:
    """Answer with the breaks that this record shows, both sides of each."""
    limit = query["limit"]
    with call.gateway.services.database.reading() as session:
        record = _own(call, session, reconciliation_id)
        wanted = Wanted(
            merchant_id=call.merchant_id,
            reconciliation_id=record.reconciliation_id,
            state=query.get("state"),
            after=cursors.place(_BREAKS, query.get("cursor"), prefix="brk"),
        )
        found = queries.breaks(session, wanted=wanted, limit=limit + 1)
    page = [_break(call, each) for each in found[:limit]]
    return Answer(payload=_page(_BREAKS, page, more=len(found) > limit))


def _own(call: Call, session: Session, reconciliation_id: str) -> ReconciliationView:
    return queries.reconciliation(
        session,
        reconciliation_id=ids.decode(PREFIX, reconciliation_id),
        merchant_id=call.merchant_id,
    )


def _page(kind: str, items: list[dict[str, Any]], *, more: bool) -> dict[str, Any]:
    return {"items": items, "next_cursor": cursors.pack(kind, items[-1]["id"]) if more else None}


def _reconciliation(view: ReconciliationView) -> dict[str, Any]:
    return {
        "id": ids.encode(PREFIX, view.reconciliation_id),
        "business_date": view.business_date.isoformat(),
        "version": view.version,
        "digest": f"sha-256:{view.digest.hex()}",
        "received_at": view.received_at.isoformat(),
        "finished_at": None if view.finished_at is None else view.finished_at.isoformat(),
        "state": view.state,
        "lines": view.lines,
        "entries": view.entries,
        "agreeing": view.agreeing,
        "idle_lines": view.idle_lines,
        "breaks": view.breaks,
        "faulty": view.faulty,
        "faults": [{**each.record(), "detail": fault_text(each)} for each in view.faults],
    }


def _break(call: Call, view: BreakView) -> dict[str, Any]:
    return {
        "id": ids.encode("brk", view.break_id),
        "business_date": view.business_date.isoformat(),
        "kind": view.kind,
        "kinds": list(view.kinds),
        "line": view.line,
        "theirs": _side(call, view.theirs),
        "ours": _side(call, view.ours, view),
        "suggestion": view.suggestion,
        "state": view.state,
        "resolution": view.resolution,
        "opened_at": view.opened_at.isoformat(),
        "closed_at": None if view.closed_at is None else view.closed_at.isoformat(),
    }


def _side(
    call: Call, said: dict[str, Any] | None, view: BreakView | None = None
) -> dict[str, Any] | None:
    """Return one side of a break; members stand in it by the merchant's own name of them."""
    if said is None:
        return None
    member = said.get("member") or (None if view is None else view.member_id)
    told = dict(said)
    if member is not None:
        told["member"] = call.gateway.tokens.pairwise(
            member_id=UUID(str(member)), merchant_id=call.merchant_id
        )
    if view is not None and view.member_id is not None and view.sequence is not None:
        told["entry"] = call.gateway.services.entry_ids.encode(
            prefix=PREFIXES[_KINDS[said["type"]]], member_id=view.member_id, sequence=view.sequence
        )
    return told
