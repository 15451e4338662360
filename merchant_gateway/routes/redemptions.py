"""Points spent at the till: at once, or held and then captured or given up."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from merchant_gateway.asking import (
    asked_answer,
    asked_status,
    by_consent,
    give_up,
    hold_minutes,
)
from merchant_gateway.gateway import Call
from merchant_gateway.identify import (
    CODE,
    Identified,
    consent_of,
    evidence_of,
    identify,
    require_code,
)
from merchant_gateway.operations import Answer, operation
from merchant_gateway.posting import (
    answered_with,
    duplicates_named,
    event_of,
    open_id,
    own,
    today,
    working,
)
from merchant_gateway.previews import preview
from merchant_gateway.redeemed import (
    captured,
    given_back,
    redeemed,
    redemption_id_of,
    refunded,
    reversed_,
    voided,
)
from merchant_gateway.schemas.load import set_time
from merchant_gateway.schemas.requests import (
    CAPTURE,
    PREVIEW,
    REDEMPTION,
    REDEMPTION_REFUND,
    REVERSE,
    VOID,
)
from network.database.driver import Channel
from network.ledger import operations, queries
from network.ledger.errors import UnknownOriginal
from network.ledger.values import Claim, Consent, Event, Posted
from network.programme.giving_back import points_for_refund
from network.programme.worth import points_to_pay
from network.spend_requests.queries import PREFIX


@operation(
    "POST",
    "/redemptions",
    summary="A member pays with points",
    answer="Redemption",
    status=201,
    body=REDEMPTION,
    waiting="ConsentRequired",
    again=answered_with(redeemed),
)
def create_redemption(call: Call, data: dict[str, Any]) -> Answer:
    """Spend points by the member's code, at once or as a hold.

    A hold lasts 15 minutes, or `hold_minutes` up to 60; `expires_at` says until when.

    The code is single use and carries the member's limit; both are judged where the points move,
    after the idempotency key, so a retry with a used code gets the stored answer. With
    `consent: ask` a member named otherwise is asked by a message and in the wallet: 202. Once they
    have agreed the same call again is done; or send it with the `consent_code` of the message.
    """
    now = call.gateway.clock.now()
    set_time(data, now=now)
    given = data["member"]
    points = _points(call, data, now=now)
    event = event_of(call, data, now=now, merchant_ref=data["merchant_ref"])
    if CODE not in given and ("consent" in data or "consent_code" in data):
        return _asked(call, data, now=now, points=points, event=event)
    require_code(given)
    with working(call) as work:
        who = identify(work.connection, call, given=given)
        with duplicates_named(call, member_id=who.member_id, prefix="red"):
            posted = _spend(
                work.connection,
                call,
                data,
                now=now,
                who=who,
                event=event,
                points=points,
                consent=consent_of(who),
            )
    return redeemed(call, data, posted)


@operation(
    "POST",
    "/redemptions/<redemption_id>/capture",
    summary="Take held points, all or some",
    answer="Capture",
    body=CAPTURE,
    again=answered_with(captured),
)
def capture_redemption(call: Call, data: dict[str, Any], *, redemption_id: str) -> Answer:
    """Capture a hold; what is not captured goes back to the member at once.

    A capture up to 24 hours after the hold ran out succeeds where the points are still there.
    """
    now = call.gateway.clock.now()
    set_time(data, now=now)
    hold = open_id(call, redemption_id, prefix="red")
    ref = data.get("merchant_ref", "")
    with working(call) as work:
        posted = operations.capture(
            work.connection,
            now=now,
            wall=call.wall,
            claim=call.claim(),
            member_id=hold.member_id,
            authorisation=hold.sequence,
            points=data.get("points"),
            event=event_of(call, data, now=now, merchant_ref=ref),
            evidence=call.evidence(),
        )
    return captured(call, data, posted, redemption_id=redemption_id)


@operation(
    "POST",
    "/redemptions/<redemption_id>/void",
    summary="Give held points back",
    answer="Void",
    body=VOID,
    again=answered_with(voided),
)
def void_redemption(call: Call, data: dict[str, Any], *, redemption_id: str) -> Answer:
    """Release a hold; its merchant_ref may be used again."""
    now = call.gateway.clock.now()
    set_time(data, now=now)
    hold = open_id(call, redemption_id, prefix="red")
    ref = data.get("merchant_ref", "")
    with working(call) as work:
        posted = operations.void(
            work.connection,
            now=now,
            wall=call.wall,
            claim=call.claim(),
            member_id=hold.member_id,
            authorisation=hold.sequence,
            event=event_of(call, data, now=now, merchant_ref=ref),
            evidence=call.evidence(),
        )
    return voided(call, data, posted, redemption_id=redemption_id)


@operation(
    "POST",
    "/redemptions/reverse",
    summary="Undo a redemption whose answer never came",
    answer="Reversal",
    body=REVERSE,
    again=answered_with(reversed_),
)
def reverse_redemption(call: Call, data: dict[str, Any]) -> Answer:
    """Undo what was done under this merchant_ref, or bar it where it has not arrived.

    Whichever of the two calls is first, no points stay spent. Any identifier of the member will
    do, also a code that is used up: nothing is spent here.
    """
    now = call.gateway.clock.now()
    ref = data["merchant_ref"]
    with working(call) as work:
        who = identify(work.connection, call, given=data["member"])
        give_up(call, member_id=who.member_id, merchant_ref=ref)
        posted = operations.reverse(
            work.connection,
            now=now,
            wall=call.wall,
            claim=call.claim(),
            member_id=who.member_id,
            event=event_of(call, {}, now=now, merchant_ref=ref),
            evidence=evidence_of(call, who, connection=work.connection),
            follow=True,
        )
    return reversed_(call, data, posted)


@operation(
    "GET", "/redemptions/<redemption_id>", summary="What became of a redemption", answer="Status"
)
def read_redemption(call: Call, _query: dict[str, Any], *, redemption_id: str) -> Answer:
    """Answer with the state of a redemption of this merchant, or of what waits for a member's word.

    Once a request has come to a redemption, its id answers with that one, whose own id is in `id`.
    """
    if redemption_id.startswith(f"{PREFIX}_"):
        asked = asked_status(call, redemption_id)
        if isinstance(asked, Answer):
            return asked
        redemption_id = redemption_id_of(call, asked)
    key = open_id(call, redemption_id, prefix="red")
    with call.gateway.services.database.reading() as session:
        found = queries.redemption(session, member_id=key.member_id, sequence=key.sequence)
    if found is None:
        raise UnknownOriginal(UnknownOriginal.sentence)
    own(call, found.merchant_id)
    return Answer(
        payload={
            "id": redemption_id,
            "state": found.state,
            "points": found.points,
            "captured": found.captured,
            "refunded": found.refunded,
            "merchant_ref": found.merchant_ref,
            "expires_at": found.hold_until.isoformat() if found.hold_until else None,
        }
    )


@operation(
    "POST",
    "/redemptions/<redemption_id>/refunds",
    summary="Give spent points back",
    answer="RedemptionRefund",
    status=201,
    body=REDEMPTION_REFUND,
    query=PREVIEW,
    preview="RedemptionRefundPreview",
    again=answered_with(refunded),
)
def refund_redemption(call: Call, data: dict[str, Any], *, redemption_id: str) -> Answer:
    """Put points back into the lots that they came from, with their old expiry.

    A lot that lapsed meanwhile gets 30 days of grace. An amount is rounded up to whole points, once
    over all refunds by amount so far, so it may come to none; at most what is left of the
    redemption. With `preview=true` the answer is 200 with each movement of points, and nothing is
    left behind.
    """
    now = call.gateway.clock.now()
    set_time(data, now=now)
    key = open_id(call, redemption_id, prefix="red")
    event = event_of(call, data, now=now, merchant_ref=data["merchant_ref"])

    def post(session: Session, claim: Claim) -> Posted:
        with duplicates_named(call, member_id=key.member_id, prefix="rfd"):
            return operations.refund_redeem(
                session,
                now=now,
                claim=claim,
                member_id=key.member_id,
                original=key.sequence,
                event=event,
                points=int(data["points"])
                if "points" in data
                else points_for_refund(
                    session,
                    redemption=key,
                    amount=data["amount"],
                    now=now,
                    face_value=call.gateway.terms.face_values(day=today(now)),
                ),
                grace_days=operations.GRACE_DAYS,
                evidence=call.evidence(),
            )

    if data["preview"] == "true":
        return preview(call, post, lambda posted: given_back(call, posted, redemption_id))
    if call.session is not None:
        posted = post(call.session, call.claim())
    else:
        with call.gateway.services.database.unit_of_work() as session:
            posted = post(session, call.claim())
    return refunded(call, data, posted, redemption_id=redemption_id)


def _asked(call: Call, data: dict[str, Any], *, now: datetime, points: int, event: Event) -> Answer:
    """Spend by the consent that the member gave to this, or ask for it."""

    def post(session: Session, who: Identified, agreed: int, consent: Consent) -> Posted:
        return _spend(
            session,
            call,
            data,
            now=now,
            who=who,
            event=event,
            points=agreed,
            consent=consent,
        )

    done = by_consent(call, data, points=points, event=event, post=post)
    if isinstance(done, Posted):
        return redeemed(call, data, done)
    return asked_answer(call, done)


def _spend(
    connection: Channel,
    call: Call,
    data: dict[str, Any],
    *,
    now: datetime,
    who: Identified,
    event: Event,
    points: int,
    consent: Consent,
) -> Posted:
    """Take the points, or hold them where they are to be captured later."""
    common: dict[str, Any] = {
        "now": now,
        "wall": call.wall,
        "claim": call.claim(),
        "member_id": who.member_id,
        "event": event,
        "points": points,
        "consent": consent,
        "evidence": evidence_of(call, who, connection=connection),
        "follow": True,
    }
    minutes = hold_minutes(data)
    if minutes is None:
        return operations.redeem(connection, **common)
    until = call.wall + timedelta(minutes=minutes)
    return operations.authorise(connection, hold_until=until, **common)


def _points(call: Call, data: dict[str, Any], *, now: datetime) -> int:
    """Return the points to spend; an amount is rounded up to whole points."""
    if "points" in data:
        return int(data["points"])
    value = call.gateway.terms.face_value(day=today(now))
    return points_to_pay(amount=data["amount"], face_value=value)
