"""Purchases that earn, what they would earn, and what is taken back for a refund."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from merchant_gateway.explaining import explained
from merchant_gateway.gateway import Call
from merchant_gateway.identify import evidence_of, identify, is_present, refuse_expired
from merchant_gateway.issuing import check_earning, check_issuing
from merchant_gateway.operations import Answer, operation
from merchant_gateway.plain_purchases import read_earning
from merchant_gateway.posting import (
    Working,
    answered_with,
    duplicates_named,
    event_of,
    open_id,
    posted_answer,
    today,
    working,
    worth,
)
from merchant_gateway.previews import preview
from merchant_gateway.pricing import (
    check_price,
    earning_of,
    price,
    price_plainly,
    standing_of,
)
from merchant_gateway.schemas.load import set_time
from merchant_gateway.schemas.requests import EARNING, EARNING_REFUND, PREVIEW, QUOTE
from network.ledger import operations, queries
from network.ledger.values import Claim, Posted
from network.programme.campaign_pricing import as_offered
from network.programme.campaigns import CampaignQuote
from network.programme.explain import explanation_json

KIND = "issuance"


def _earned_before(call: Call, data: dict[str, Any], posted: Posted) -> Answer:
    """Answer as the purchase was answered when it was posted."""
    with working(call) as work:
        steps = _stored_steps(work, posted)
    return _earned(call, posted, steps, present=is_present(data["member"]))


def _refunded(call: Call, _data: dict[str, Any], posted: Posted, *, earning_id: str) -> Answer:
    return posted_answer(posted, _refund(call, posted, earning_id), status=201)


@operation(
    "POST",
    "/earnings/quote",
    summary="What a basket would earn, and why",
    answer="Quote",
    body=QUOTE,
)
def quote_earning(call: Call, data: dict[str, Any]) -> Answer:
    """Answer with the points, the days and the explanation; nothing is posted or stored."""
    check_issuing(call.key)
    now = call.gateway.clock.now()
    set_time(data, now=now)
    standing = None
    if (given := data.get("member")) is not None:
        with working(call) as work:
            who = identify(work.connection, call, given=given)
            standing = standing_of(work, call, data, now=now, member_id=who.member_id)
    quote = price(call, data, now=now, standing=standing)
    return Answer(
        payload={
            "points": quote.points,
            "state": quote.state,
            **_days(quote),
            "worth": worth(call, points=quote.points, day=today(now)),
            "lines": [
                {"line": line.line, "amount": line.amount, "points": points}
                for line, points in zip(quote.own.lines, quote.lines, strict=True)
            ],
            "explanation": explained(explanation_json(as_offered(quote.explanation))),
        }
    )


@operation(
    "POST",
    "/earnings",
    summary="A purchase earns points",
    answer="Earning",
    status=201,
    body=EARNING,
    plainly=read_earning,
    again=answered_with(_earned_before),
)
def create_earning(call: Call, data: dict[str, Any]) -> Answer:
    """Post what a purchase earns, in one round trip, with the signed request as evidence.

    A purchase that earns nothing is posted too. The balance is told only where the member showed
    the code: whoever knows a phone number does not learn what its owner has.
    """
    now = call.gateway.clock.now()
    set_time(data, now=now)
    given = data["member"]
    ref = data["merchant_ref"]
    event = event_of(call, data, now=now, merchant_ref=ref)
    # What cannot be priced is refused before anybody is named.
    if (quote := price_plainly(call, data, now=now)) is None:
        check_price(call, data, now=now)
    with working(call) as work:
        who = identify(work.connection, call, given=given)
        refuse_expired(work, call, who, given=given, kind=KIND, ref=ref)
        check_earning(work, call, member_id=who.member_id, kind=KIND, ref=ref)
        earning = earning_of(
            quote,
            call=call,
            data=data,
            now=now,
            member_id=who.member_id,
            event=event,
            evidence=evidence_of(call, who, connection=work.connection),
        )
        with duplicates_named(call, member_id=who.member_id, prefix="ern"):
            posted = earning.post(work)
        # A replay may be priced otherwise now.
        steps = _stored_steps(work, posted) if posted.replayed else earning.explained()
    return _earned(call, posted, steps, present=who.present)


@operation(
    "POST",
    "/earnings/<earning_id>/refunds",
    summary="Money went back: take back what it earned",
    answer="EarningRefund",
    status=201,
    body=EARNING_REFUND,
    query=PREVIEW,
    preview="EarningRefundPreview",
    again=answered_with(_refunded),
)
def refund_earning(call: Call, data: dict[str, Any], *, earning_id: str) -> Answer:
    """Take back floor(earned × refunded ÷ base) over all refunds so far, less what is back.

    Points that are spent already become a debt, which the next points from this merchant repay.
    With `preview=true` the answer is 200 with each movement of points, and nothing is left behind.
    """
    now = call.gateway.clock.now()
    set_time(data, now=now)
    original = open_id(call, earning_id, prefix="ern")
    event = event_of(call, data, now=now, merchant_ref=data["merchant_ref"])

    def post(session: Session, claim: Claim) -> Posted:
        with duplicates_named(call, member_id=original.member_id, prefix="rfd"):
            return operations.refund_earn(
                session,
                now=now,
                claim=claim,
                member_id=original.member_id,
                original=original.sequence,
                event=event,
                amount=data.get("amount"),
                lines=data.get("lines"),
                evidence=call.evidence(),
            )

    if data["preview"] == "true":
        return preview(call, post, lambda posted: _refund(call, posted, earning_id))
    with working(call) as work:
        posted = post(work.session, call.claim())
    return _refunded(call, data, posted, earning_id=earning_id)


def _stored_steps(work: Working, posted: Posted) -> list[dict[str, Any]]:
    """Return the explanation as it stands with the entry, with its words."""
    entry = queries.entry(work.session, member_id=posted.member_id, sequence=posted.sequence)
    return [] if entry is None else explained(entry.explanation)


def _days(quote: CampaignQuote) -> dict[str, str | None]:
    if not quote.points:
        return {"available_on": None, "expires_on": None}
    return {
        "available_on": quote.own.active_from.isoformat(),
        "expires_on": quote.own.expires_on.isoformat(),
    }


def _earned(call: Call, posted: Posted, steps: list[dict[str, Any]], *, present: bool) -> Answer:
    result = posted.result
    payload = {
        "id": call.gateway.services.entry_ids.encode(
            prefix="ern", member_id=posted.member_id, sequence=posted.sequence
        ),
        "points": result["points"],
        "state": result["state"],
        "available_on": _available_on(posted),
        "expires_on": result["expires_on"],
        "repaid": result["repaid"],
        "explanation": steps,
    }
    if present:
        payload["balance"] = result["balance"]
    return posted_answer(posted, payload, status=201)


def _available_on(posted: Posted) -> str | None:
    """Return the first day on which the points can be spent, ``None`` where there are none."""
    if posted.result["points"] == 0:
        return None
    waiting: str | None = posted.result["active_from"]
    return waiting or posted.business_date.isoformat()


def _refund(call: Call, posted: Posted, earning_id: str) -> dict[str, Any]:
    result = posted.result
    return {
        "id": call.gateway.services.entry_ids.encode(
            prefix="rfd", member_id=posted.member_id, sequence=posted.sequence
        ),
        "earning": earning_id,
        "points": result["points"],
        "debt": result["debt"],
    }
