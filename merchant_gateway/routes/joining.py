"""Joining at the till: the merchant asks, the customer says yes by a code, and is a member."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from merchant_gateway.gateway import Call
from merchant_gateway.operations import Answer, kept_answer, operation
from merchant_gateway.remembering import once
from merchant_gateway.schemas.joining import ENROLMENT_CODE, NEW_ENROLMENT
from network import ids
from network.members import joining
from network.members.joining import PREFIX, EnrolmentView

_TILL = "phone"
"""How the till knows the member whom it just enrolled: by the phone, which proves nothing."""


def _confirmed_before(call: Call, data: dict[str, Any], *, enrolment_id: str) -> Answer | None:
    answer = kept_answer(call, data)
    return None if answer is None else _joined(call, answer, ids.decode(PREFIX, enrolment_id))


@operation(
    "POST",
    "/members",
    summary="Ask a customer to join",
    answer="Enrolment",
    status=201,
    body=NEW_ENROLMENT,
    again=kept_answer,
)
def enrol_member(call: Call, data: dict[str, Any]) -> Answer:
    """Send the customer a code that they tell the cashier; until then nobody has joined.

    A pending customer is no member: nothing is earned or held for them, and they are deleted after
    7 days. A purchase made meanwhile may be sent once they have joined, up to 30 days later. Asked
    again for the same phone, another code is sent and the one before stops working. Who is a member
    already is answered with `already_member`, which a look-up tells as well.
    """
    store_id = call.gateway.terms.store(merchant_id=call.merchant_id, code=data.get("store"))

    def work(session: Session) -> dict[str, Any]:
        services = call.gateway.services
        asked = joining.ask_to_join(
            session,
            services.vault,
            merchant_id=call.merchant_id,
            store_id=store_id,
            phone=data["phone"],
            consents=data["consents"],
            locale=data["locale"],
            name=data.get("name"),
            wallet_url=services.settings.wallet_url,
            wall=call.wall,
        )
        return {
            "id": ids.encode(PREFIX, asked.enrolment_id),
            "state": asked.state(wall=call.wall),
            "code_expires_at": asked.code_expires_at.isoformat(),
            "expires_at": asked.expires_at.isoformat(),
        }

    return once(call, work, status=201)


@operation(
    "POST",
    "/members/<enrolment_id>/confirm",
    summary="Let a customer join by the code they were sent",
    answer="Joined",
    body=ENROLMENT_CODE,
    again=_confirmed_before,
)
def confirm_member(call: Call, data: dict[str, Any], *, enrolment_id: str) -> Answer:
    """Make the customer a member, and answer with a token for them as a look-up does.

    Five tries to a code, each counted before it is looked at, and 200 wrong ones of a merchant in
    a day. Who has joined elsewhere meanwhile needs no code any more: then any is taken, but `token`
    and its `expires_at` come only to whom the code was told. After `expires_at` of the enrolment
    the answer is `enrolment_lapsed`.
    """
    found = ids.decode(PREFIX, enrolment_id)
    now = call.gateway.clock.now()
    services = call.gateway.services
    with services.database.unit_of_work() as session:
        joining.count_try(session, enrolment_id=found, merchant_id=call.merchant_id, wall=call.wall)

    def work(session: Session) -> dict[str, Any]:
        joining.join_by_code(
            session,
            services.vault,
            enrolment_id=found,
            merchant_id=call.merchant_id,
            code=data["code"],
            now=now,
            wall=call.wall,
        )
        return {"id": enrolment_id, "state": "active"}

    return _joined(call, once(call, work, status=200), found)


@operation(
    "GET",
    "/members/<enrolment_id>",
    summary="Whether a customer has joined",
    answer="EnrolmentNow",
)
def read_enrolment(call: Call, _query: dict[str, Any], *, enrolment_id: str) -> Answer:
    """Answer `pending`, `active` or `expired`; `member` is their name for you, once they joined.

    The event `member.joined` says it without being asked. What has expired is deleted.
    """
    view = _read(call, ids.decode(PREFIX, enrolment_id))
    member = None
    if view.member_id is not None:
        member = call.gateway.tokens.pairwise(
            member_id=view.member_id, merchant_id=call.merchant_id
        )
    return Answer(
        payload={
            "id": enrolment_id,
            "state": view.state(wall=call.wall),
            "code_expires_at": view.code_expires_at.isoformat(),
            "expires_at": view.expires_at.isoformat(),
            "member": member,
        }
    )


def _read(call: Call, enrolment_id: UUID) -> EnrolmentView:
    with call.gateway.services.database.reading() as session:
        return joining.enrolment(session, enrolment_id=enrolment_id, merchant_id=call.merchant_id)


def _joined(call: Call, answer: Answer, enrolment_id: UUID) -> Answer:
    return replace(answer, payload={**answer.payload, **_named(call, _read(call, enrolment_id))})


def _named(call: Call, view: EnrolmentView) -> dict[str, Any]:
    """Return the member's name for the merchant, with a token where their code was told to it.

    Made anew each time, so nothing of it is kept.
    """
    if view.member_id is None:
        return {}
    tokens = call.gateway.tokens
    named = {"member": tokens.pairwise(member_id=view.member_id, merchant_id=call.merchant_id)}
    if not view.told:
        return named
    token, expires_at = tokens.issue(
        member_id=view.member_id, merchant_id=call.merchant_id, method=_TILL, wall=call.wall
    )
    return {**named, "token": token, "expires_at": expires_at.isoformat()}
