"""Made-up members of a sandbox: whoever tests a till holds the member's phone too."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from merchant_gateway.asking import read_asked
from merchant_gateway.errors import (
    FieldError,
    InvalidRequestError,
    NotFoundError,
    SandboxFullError,
)
from merchant_gateway.gateway import Call
from merchant_gateway.operations import Answer, operation
from merchant_gateway.remembering import once
from merchant_gateway.schemas.sandbox import (
    CONSENT_ANSWER,
    MOST_POINTS,
    NEW_CODE,
    NEW_PERSON,
    PARTNER_REDEMPTION,
)
from network.ledger import queries as ledger
from network.members import queries as members
from network.members.errors import InvalidMemberDataError
from network.members.pairwise import PairwiseNames, UnknownNameError
from network.messaging import queries as messaging
from network.sandboxes import people
from network.spend_requests import answering

_SHOWN_MESSAGES = 20


@operation(
    "POST",
    "/sandbox/members",
    summary="Make up a member",
    answer="SandboxMember",
    status=201,
    body=NEW_PERSON,
)
def create_sandbox_member(call: Call, data: dict[str, Any]) -> Answer:
    """Have a person join who exists in your sandbox alone, with points of the partner.

    Phones count up: the first member of a fresh sandbox has 0999 000 0001. `code` is what the
    wallet would show now: it earns and spends, once, for two minutes at most; ask for others below.
    """
    now = call.gateway.clock.now()

    def work(session: Session) -> dict[str, Any]:
        vault = call.gateway.services.vault
        try:
            made = people.make_member(
                session,
                vault,
                name=data.get("name"),
                locale=data["locale"],
                points=data["points"],
                tier=data.get("tier"),
                now=now,
            )
        except InvalidMemberDataError as error:
            if error.field != "tier":
                raise
            raise InvalidRequestError([FieldError("/tier", "unknown_tier")]) from error
        if made is None:
            raise SandboxFullError("there are as many members as there may be")
        return {
            "id": _names(call).name(member_id=made.member_id, merchant_id=call.merchant_id),
            "phone": made.phone,
            "card": made.card,
            **_code(session, call, made.member_id, limit=MOST_POINTS),
            "balance": _balance(session, call, made.member_id),
        }

    return once(call, work, status=201)


@operation(
    "GET",
    "/sandbox/members/<member_id>",
    summary="A made-up member and their points",
    answer="SandboxMemberNow",
)
def read_sandbox_member(call: Call, _query: dict[str, Any], *, member_id: str) -> Answer:
    """Answer with what the member's wallet would show: phone, card and points.

    `id` is the member's name for you everywhere: in transactions, lookups and webhooks.
    """
    found = _named(call, member_id)
    vault = call.gateway.services.vault
    with call.gateway.services.database.reading() as session:
        member = members.member(session, vault, member_id=found)
        card = members.cards(session, member_id=found)[0].card_number
        payload = {
            "id": member_id,
            "phone": f"0{member.phone.removeprefix('+98')}",
            "card": card,
            "balance": _balance(session, call, found),
        }
    return Answer(payload=payload)


@operation(
    "POST",
    "/sandbox/members/<member_id>/codes",
    summary="The code that the wallet shows now",
    answer="SandboxCode",
    status=201,
    body=NEW_CODE,
)
def create_sandbox_code(call: Call, data: dict[str, Any], *, member_id: str) -> Answer:
    """Answer with a fresh code, as if the member held out the phone; it spends up to `limit`.

    Nothing changes, so nothing is stored: a repeated call gets another code.
    """
    found = _named(call, member_id)
    with call.gateway.services.database.reading() as session:
        return Answer(payload=_code(session, call, found, limit=data["limit"]), status=201)


@operation(
    "POST",
    "/sandbox/members/<member_id>/partner-redemptions",
    summary="Have a member spend points at the partner",
    answer="SandboxVisit",
    status=201,
    body=PARTNER_REDEMPTION,
)
def create_partner_redemption(call: Call, data: dict[str, Any], *, member_id: str) -> Answer:
    """Let the member spend at the partner, the points that expire first before the others.

    Where they are yours, you owe the partner for them: the next settlement has an obligation.
    """
    found = _named(call, member_id)
    now = call.gateway.clock.now()

    def work(session: Session) -> dict[str, Any]:
        posted = people.spend_elsewhere(
            session, member_id=found, points=data["points"], now=now, wall=call.wall
        )
        return {
            "points": data["points"],
            "business_date": posted.business_date.isoformat(),
            "balance": posted.result["balance"],
        }

    return once(call, work, status=201)


@operation(
    "POST",
    "/sandbox/redemptions/<request_id>/answer",
    summary="Answer in a member's stead",
    answer="SandboxAnswer",
    body=CONSENT_ANSWER,
)
def answer_sandbox_request(call: Call, data: dict[str, Any], *, request_id: str) -> Answer:
    """Say yes or no to what you asked a made-up member, as the member would in the wallet.

    A yes stays a yes; a no may follow it until the points are taken. Nothing is stored for it.
    """
    asked = read_asked(call, request_id)
    whose: dict[str, Any] = {
        "member_id": asked.member_id,
        "spend_request_id": asked.spend_request_id,
        "session_id": None,
        "wall": call.wall,
    }
    vault = call.gateway.services.vault
    with call.gateway.services.database.unit_of_work() as session:
        if data["answer"] == "no":
            found = answering.refuse(session, vault, **whose)
        else:
            now = call.gateway.clock.now()
            found = answering.approve(session, vault, code=None, now=now, by_hand=True, **whose)
    return Answer(payload={"id": request_id, "state": found.state})


@operation(
    "GET",
    "/sandbox/messages",
    summary="The messages that made-up people got",
    answer="SandboxMessages",
)
def read_sandbox_messages(call: Call, _query: dict[str, Any]) -> Answer:
    """Answer with the last text messages of your sandbox, the newest first: none leaves it.

    Codes for the cashier stand in them, so joining and asking for consent can be tried out.
    """
    vault = call.gateway.services.vault
    with call.gateway.services.database.reading() as session:
        found = messaging.latest(session, vault, limit=_SHOWN_MESSAGES)
    return Answer(
        payload={
            "items": [
                {
                    "sent_at": each.created_at.isoformat(),
                    "phone": f"0{each.recipient.removeprefix('+98')}",
                    "kind": each.kind,
                    "text": each.body,
                }
                for each in found
            ]
        }
    )


def _names(call: Call) -> PairwiseNames:
    return PairwiseNames(call.gateway.services.vault)


def _named(call: Call, name: str) -> UUID:
    try:
        return _names(call).member(name, merchant_id=call.merchant_id)
    except UnknownNameError as error:
        raise NotFoundError("this sandbox has no such member") from error


def _code(session: Session, call: Call, member_id: UUID, *, limit: int) -> dict[str, Any]:
    code = members.current_code(
        session, call.gateway.services.vault, member_id=member_id, limit=limit, wall=call.wall
    )
    return {
        "code": code.text,
        "code_limit": code.limit,
        "code_changes_at": code.changes_at.isoformat(),
    }


def _balance(session: Session, call: Call, member_id: UUID) -> dict[str, int]:
    wallet = ledger.wallet(
        session, member_id=member_id, now=call.gateway.clock.now(), wall=call.wall
    )
    if wallet is None:
        return dict.fromkeys(("available", "pending", "held", "debt"), 0)
    return {
        "available": wallet.available,
        "pending": wallet.pending,
        "held": wallet.held,
        "debt": wallet.debt,
    }
