"""A merchant's trade: who sends it customers, and where its own points go."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from merchant_gateway import cursors
from merchant_gateway.errors import FieldError, InvalidRequestError
from merchant_gateway.gateway import Call
from merchant_gateway.operations import Answer, operation
from merchant_gateway.schemas.requests import TRADE
from network.clearing.facts import PartyView
from network.ledger.queries import open_day
from network.reports.facts import PartnerTrade
from network.reports.named import NamedTrade, trade_by_name
from network.settings import CURRENCY

USUAL_DAYS = 30
_LIST = "trade"
_SUMS = ("taken_points", "taken_amount", "spent_points", "spent_amount", "balance")


@operation("GET", "/trade", summary="Whom this merchant trades with", answer="Trade", query=TRADE)
def list_trade(call: Call, query: dict[str, Any]) -> Answer:
    """Answer with whose points were taken here, and where this merchant's own were spent.

    From windows that settled; refunds are taken off. A partner stands there by name where the
    agreements of both let it be, by its code; all others together in the last row, whose
    `partner` is null.
    """
    with call.gateway.services.database.snapshot() as session:
        cursor = _cursor(query)
        if cursor is None:
            until = query.get("until") or open_day(session) + timedelta(days=1)
            since, after = query.get("since") or _usual_start(until), None
        else:
            since, until, after = cursor
        found = trade_by_name(session, merchant_id=call.merchant_id, since=since, until=until)
    ahead = [each for each in found.by_code() if after is None or _comes_after(each, after)]
    page = ahead[: query["limit"]]
    following = None
    if len(ahead) > len(page):
        # The last row of all is the one without a partner, so one with a code ends this page.
        following = cursors.pack(_LIST, since.isoformat(), until.isoformat(), _code(page[-1]))
    return Answer(
        payload={
            "since": since.isoformat(),
            "until": until.isoformat(),
            "currency": CURRENCY,
            "named": found.named,
            "items": [_row(partner, sums) for partner, sums in page],
            "next_cursor": following,
        }
    )


def _usual_start(until: date) -> date:
    """Return the day USUAL_DAYS before another, the first that there is for those near it."""
    return date.fromordinal(max(1, until.toordinal() - USUAL_DAYS))


def _row(partner: PartyView | None, sums: PartnerTrade) -> dict[str, Any]:
    return {
        "partner": None
        if partner is None
        else {"code": partner.code, "name_fa": partner.name_fa, "name_en": partner.name_en},
        **{name: getattr(sums, name) for name in _SUMS},
    }


def _code(row: NamedTrade) -> str:
    return "" if row[0] is None else row[0].code


def _comes_after(row: NamedTrade, code: str) -> bool:
    return row[0] is None or row[0].code > code


def _cursor(query: dict[str, Any]) -> tuple[date, date, str] | None:
    """Return the days and the code that a cursor holds; it goes on with the days it began with."""
    parts = cursors.unpack(_LIST, query.get("cursor"), types=(str, str, str))
    if parts is None:
        return None
    try:
        since, until = date.fromisoformat(parts[0]), date.fromisoformat(parts[1])
    except ValueError as error:
        raise _unknown() from error
    if query.get("since", since) != since or query.get("until", until) != until:
        raise _unknown()
    return since, until, str(parts[2])


def _unknown() -> InvalidRequestError:
    return InvalidRequestError([FieldError("#cursor", "unknown_cursor")])
