"""The entries that a merchant's own calls made."""

from __future__ import annotations

from datetime import date
from typing import Any

from merchant_gateway import cursors
from merchant_gateway.errors import FieldError, InvalidRequestError, NotFoundError
from merchant_gateway.explaining import explained
from merchant_gateway.gateway import Call
from merchant_gateway.operations import Answer, operation
from merchant_gateway.posting import own
from merchant_gateway.schemas.requests import TRANSACTIONS
from network import ids
from network.ids import EntryKey, UnknownIdError
from network.ledger import queries
from network.ledger.views import Cursor, EntryView
from network.spend_requests import queries as spend_requests

_KIND, _CURSOR_PREFIX = "transactions", "cur"
PREFIXES = {
    "issuance": "ern",
    "authorisation": "red",
    "redemption": "red",
    "refund_issuance": "rfd",
    "refund_redemption": "rfd",
}
_ANY = "ent"


@operation(
    "GET",
    "/transactions",
    summary="This merchant's entries",
    answer="Transactions",
    query=TRANSACTIONS,
)
def list_transactions(call: Call, query: dict[str, Any]) -> Answer:
    """Answer with entries by business day; those of closed days never change.

    In the open day an entry may still appear before a cursor that was given out.
    """
    limit = query["limit"]
    with call.gateway.services.database.reading() as session:
        found = queries.merchant_entries(
            session,
            merchant_id=call.merchant_id,
            since=query.get("since"),
            until=query.get("until"),
            after_cursor=_opened(call, query.get("cursor")),
            limit=limit + 1,
        )
    page = found[:limit]
    following = _cursor(call, page[-1]) if len(found) > limit else None
    return Answer(
        payload={"items": [_transaction(call, each) for each in page], "next_cursor": following}
    )


@operation("GET", "/transactions/<entry_id>", summary="One entry", answer="Transaction")
def read_transaction(call: Call, _query: dict[str, Any], *, entry_id: str) -> Answer:
    """Answer with an entry of this merchant and why it came to its points.

    Takes every id of an entry: ern_, red_, rfd_ as the calls answered them, ent_ as on statements.
    """
    key = any_id(call, entry_id)
    with call.gateway.services.database.reading() as session:
        found = queries.entry(session, member_id=key.member_id, sequence=key.sequence)
        agreed = spend_requests.consent_to(
            session, member_id=key.member_id, sequence=key.sequence, wall=call.wall
        )
    if found is None:
        raise NotFoundError("there is no such entry")
    own(call, found.merchant_id)
    payload = _transaction(call, found) | {"explanation": explained(found.explanation)}
    if agreed is not None and agreed.answered_at is not None:
        payload["consent"] = {
            "id": ids.encode(spend_requests.PREFIX, agreed.spend_request_id),
            "by": agreed.answered_by,
            "at": agreed.answered_at.isoformat(),
        }
    return Answer(payload=payload)


def _transaction(call: Call, entry: EntryView) -> dict[str, Any]:
    gateway = call.gateway
    return {
        "id": gateway.services.entry_ids.encode(
            prefix=PREFIXES.get(entry.kind, _ANY),
            member_id=entry.member_id,
            sequence=entry.sequence,
        ),
        "kind": entry.kind,
        "member": gateway.tokens.pairwise(member_id=entry.person_id, merchant_id=call.merchant_id),
        "merchant_ref": entry.merchant_ref,
        "points": entry.points,
        "amount": entry.amount,
        "currency": entry.currency,
        "business_date": entry.business_date.isoformat(),
        "occurred_at": entry.effective_at.isoformat(),
        "recorded_at": entry.recorded_at.isoformat(),
        "channel": entry.channel,
    }


def any_id(call: Call, text: str) -> EntryKey:
    """Return the entry that any of its ids means; raise UnknownIdError."""
    prefix = text.partition("_")[0]
    if prefix not in {*PREFIXES.values(), _ANY}:
        raise UnknownIdError("this is not the id of an entry")
    return call.gateway.services.entry_ids.decode(text, prefix=prefix)


def _cursor(call: Call, last: EntryView) -> str:
    """Return where the list goes on; the member in it is sealed as in every public id."""
    place = call.gateway.services.entry_ids.encode(
        prefix=_CURSOR_PREFIX, member_id=last.member_id, sequence=last.sequence
    )
    return cursors.pack(_KIND, last.business_date.isoformat(), place)


def _opened(call: Call, text: str | None) -> Cursor | None:
    parts = cursors.unpack(_KIND, text, types=(str, str))
    if parts is None:
        return None
    try:
        key = call.gateway.services.entry_ids.decode(parts[1], prefix=_CURSOR_PREFIX)
        day = date.fromisoformat(parts[0])
    except (UnknownIdError, ValueError) as error:
        raise InvalidRequestError([FieldError("#cursor", "unknown_cursor")]) from error
    return Cursor(business_date=day, member_id=key.member_id, sequence=key.sequence)
