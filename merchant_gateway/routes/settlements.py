"""A merchant's settlements: the windows that settled, their lines, and the statement."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from merchant_gateway import cursors
from merchant_gateway.errors import (
    FieldError,
    InvalidRequestError,
    NotAcceptableError,
    NotFoundError,
)
from merchant_gateway.gateway import Call
from merchant_gateway.operations import JSON, Answer, operation
from merchant_gateway.schemas.requests import PAGE
from network import ids
from network.clearing import queries, statement_pdf, statements
from network.clearing.facts import LinePlace, StatementLine, StatementView
from network.clearing.party_names import named_parties
from network.language import current_locale

CSV = "text/csv"
PDF = "application/pdf"
_KIND, _LINES = "settlements", "settlement-lines"
_PLACE_PREFIX = "pos"


@operation("GET", "/settlements", summary="Settled windows", answer="Settlements", query=PAGE)
def list_settlements(call: Call, query: dict[str, Any]) -> Answer:
    """Answer with this merchant's settled windows and their totals, the latest first."""
    limit = query["limit"]
    after = cursors.unpack(_KIND, query.get("cursor"), types=(str,))
    with call.gateway.services.database.reading() as session:
        found = queries.windows_for(
            session,
            merchant_id=call.merchant_id,
            limit=limit + 1,
            cursor=None if after is None else _day(after[0]),
        )
    more = len(found) > limit
    page = found[:limit]
    following = cursors.pack(_KIND, page[-1].window.first_day.isoformat()) if more else None
    return Answer(payload={"items": [_settlement(each) for each in page], "next_cursor": following})


@operation(
    "GET",
    "/settlements/<settlement_id>",
    summary="One settled window",
    answer="Settlement",
    headers=("ETag",),
)
def read_settlement(call: Call, _query: dict[str, Any], *, settlement_id: str) -> Answer:
    """Answer with the totals of one window, the digest of its statement, and the day's seal."""
    with call.gateway.services.database.reading() as session:
        found = _statement(session, call, settlement_id)
        return Answer(
            payload=_settlement(found), headers={"ETag": _etag(found, found.window.state)}
        )


@operation(
    "GET",
    "/settlements/<settlement_id>/lines",
    summary="The lines of a settled window",
    answer="SettlementLines",
    query=PAGE,
    headers=("ETag",),
)
def list_settlement_lines(call: Call, query: dict[str, Any], *, settlement_id: str) -> Answer:
    """Answer with every posting that the totals are made of, in the order of recording."""
    limit, cursor = query["limit"], query.get("cursor")
    after = _line_place(call, cursor)
    name = statements.entry_namer(call.gateway.services.entry_ids)
    with call.gateway.services.database.reading() as session:
        found = _statement(session, call, settlement_id)
        lines = list(
            queries.statement_lines(session, statement=found, after=after, limit=limit + 1)
        )
    page = lines[:limit]
    items = [statements.line_record(line, name=name) for line in page]
    following = _line_cursor(call, page[-1]) if len(lines) > limit else None
    return Answer(
        payload={"items": items, "next_cursor": following},
        headers={"ETag": _etag(found, f"lines.{cursor or ''}.{limit}")},
    )


@operation(
    "GET",
    "/settlements/<settlement_id>/statement",
    summary="The statement of a settled window",
    answer="Statement",
    media_types=(JSON, CSV, PDF),
    headers=("ETag",),
)
def read_statement(call: Call, _query: dict[str, Any], *, settlement_id: str) -> Answer:
    """Answer with the whole statement: JSON, or CSV or PDF where `Accept` prefers them.

    The PDF is in Persian or English, as `Accept-Language` prefers. A statement never changes once
    published; its ETag begins with the digest that stands on it, and `If-None-Match` with it is
    answered 304.
    """
    forms = [JSON, CSV, PDF]
    media_type = call.accepts.best_match(forms) if call.accepts else JSON
    if media_type is None:
        raise NotAcceptableError("application/json, text/csv or application/pdf")
    with call.gateway.services.database.reading() as session:
        found = _statement(session, call, settlement_id)
        return _STATEMENTS[media_type](call, session, found)


def _json(call: Call, session: Session, found: StatementView) -> Answer:
    content = b"".join(statements.statement_json(found, **_printed(call, session, found)))
    return Answer(content=content, headers={"ETag": _etag(found, ""), "Vary": "Accept"})


def _csv(call: Call, session: Session, found: StatementView) -> Answer:
    content = b"".join(statements.statement_csv(found, **_printed(call, session, found)))
    headers = {"ETag": _etag(found, "csv"), "Vary": "Accept"}
    return Answer(content=content, media_type="text/csv; charset=utf-8", headers=headers)


def _pdf(call: Call, session: Session, found: StatementView) -> Answer:
    locale = current_locale()
    address = call.gateway.services.settings.gateway_url
    content = statement_pdf.statement_pdf(
        found,
        **_printed(call, session, found),
        names=named_parties(session, window=found.window),
        locale=locale,
        check_url=address + statement_pdf.CHECK_PATH,
    )
    headers = {
        "ETag": _etag(found, f"pdf{statement_pdf.FORM}.{locale}"),
        "Vary": "Accept, Accept-Language",
        "Content-Language": locale,
    }
    return Answer(content=content, media_type=PDF, headers=headers)


def _printed(call: Call, session: Session, found: StatementView) -> dict[str, Any]:
    """Return what every form of a statement is made from; a sandbox's says that it is one."""
    return {
        "lines": queries.statement_lines(session, statement=found),
        "entry_ids": call.gateway.services.entry_ids,
        "environment": call.key.environment,
    }


_STATEMENTS = {JSON: _json, CSV: _csv, PDF: _pdf}


def _statement(session: Session, call: Call, settlement_id: str) -> StatementView:
    window_id = ids.decode("win", settlement_id)
    found = queries.statement(session, merchant_id=call.merchant_id, window_id=window_id)
    if found is None:
        raise NotFoundError("this merchant has no statement of such a window")
    return found


def _line_cursor(call: Call, last: StatementLine) -> str:
    """Return where the lines go on; the member in it is sealed as in every public id."""
    entry = call.gateway.services.entry_ids.encode(
        prefix=_PLACE_PREFIX, member_id=last.member_id, sequence=last.sequence
    )
    recorded_at, obligation = last.recorded_at.isoformat(), str(last.obligation_id)
    return cursors.pack(_LINES, recorded_at, entry, last.line, obligation, last.direction)


def _line_place(call: Call, cursor: str | None) -> LinePlace | None:
    parts = cursors.unpack(_LINES, cursor, types=(str, str, int, str, str))
    if parts is None:
        return None
    recorded_at, entry, line, obligation, direction = parts
    try:
        key = call.gateway.services.entry_ids.decode(entry, prefix=_PLACE_PREFIX)
        return LinePlace(
            recorded_at=datetime.fromisoformat(recorded_at),
            member_id=key.member_id,
            sequence=key.sequence,
            line=line,
            obligation_id=UUID(obligation),
            direction=direction,
        )
    except (ValueError, ids.UnknownIdError) as error:
        raise InvalidRequestError([FieldError("#cursor", "unknown_cursor")]) from error


def _etag(found: StatementView, form: str) -> str:
    """Return the strong validator of one form of a statement (RFC 9110, 8.8.3)."""
    return f'"{found.digest.hex()}{"." if form else ""}{form}"'


def _settlement(found: StatementView) -> dict[str, Any]:
    return {
        "window": statements.window_record(found.window),
        "state": found.window.state,
        "merchant": found.merchant.code,
        "totals": statements.totals_record(found.totals),
        "digest": f"sha-256:{found.digest.hex()}",
        "seal": statements.seal_record(found),
        "signed": found.signed,
    }


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidRequestError([FieldError("#cursor", "unknown_cursor")]) from error
