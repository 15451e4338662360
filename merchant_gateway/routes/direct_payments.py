"""Payments between merchants: whom this one pays, who pays it, and whether that arrived."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from merchant_gateway import cursors
from merchant_gateway.errors import FieldError, InvalidRequestError
from merchant_gateway.gateway import Call
from merchant_gateway.operations import Answer, kept_answer, operation
from merchant_gateway.remembering import once
from merchant_gateway.schemas.requests import PAGE
from merchant_gateway.schemas.settling import ARRIVED, DIRECT_RECEIPT
from network import ids
from network.errors import UnavailableError
from network.money import receipts
from network.money.facts import DirectView
from network.money.receipts import PREFIX, Receipt
from network.money.today import DayClosingError

_LIST = "direct-payments"


@operation(
    "GET",
    "/direct-payments",
    summary="Payments between you and other merchants",
    answer="DirectPayments",
    query=PAGE,
)
def list_direct_payments(call: Call, query: dict[str, Any]) -> Answer:
    """Answer with what this merchant pays others and gets from them, the latest window first.

    There are some only where the network has merchants pay each other, and each appears once two
    people of the network have let it out. What they come to stands on the window's statement.
    """
    limit = query["limit"]
    with call.gateway.services.database.reading() as session:
        found = receipts.handed_out_to(
            session,
            merchant_id=call.merchant_id,
            before=_before(query.get("cursor")),
            limit=limit + 1,
        )
        page = found[:limit]
        said = receipts.receipts(
            session, direct_payment_ids=[each.fact.direct_payment_id for each in page]
        )
    items = [_payment(each, call.merchant_id, said) for each in page]
    more = len(found) > limit
    return Answer(
        payload={
            "items": items,
            "next_cursor": (
                cursors.pack(_LIST, page[-1].first_day.isoformat(), items[-1]["id"])
                if more
                else None
            ),
        }
    )


@operation(
    "GET",
    "/direct-payments/<direct_payment_id>",
    summary="One payment between merchants",
    answer="DirectPayment",
)
def read_direct_payment(call: Call, _query: dict[str, Any], *, direct_payment_id: str) -> Answer:
    """Answer with a payment: to which account, by which reference, and what became of it."""
    with call.gateway.services.database.reading() as session:
        return Answer(payload=_one(session, call, _id(direct_payment_id)))


@operation(
    "POST",
    "/direct-payments/<direct_payment_id>/receipts",
    summary="Say whether a payment arrived",
    answer="DirectPayment",
    status=201,
    body=DIRECT_RECEIPT,
    again=kept_answer,
)
def confirm_direct_payment(call: Call, body: dict[str, Any], *, direct_payment_id: str) -> Answer:
    """Say as the payee whether a payment of another merchant arrived.

    One that `arrived` is confirmed with that, for good. One that did not is looked into by the
    network, and should it be so, stands on both merchants' next statements.
    """

    def work(session: Session) -> dict[str, Any]:
        payment_id = _id(direct_payment_id)
        signed = call.evidence()
        try:
            receipts.say(
                session,
                direct_payment_id=payment_id,
                merchant_id=call.merchant_id,
                arrived=body["outcome"] == ARRIVED,
                said_by=call.key.key_id,
                evidence=signed,
                wall=call.wall,
            )
        except DayClosingError as error:
            raise UnavailableError("the business day is just closing") from error
        return _one(session, call, payment_id)

    return once(call, work, status=201)


def _one(session: Session, call: Call, payment_id: UUID) -> dict[str, Any]:
    found = receipts.handed_out_one(
        session, merchant_id=call.merchant_id, direct_payment_id=payment_id
    )
    said = receipts.receipts(session, direct_payment_ids=[payment_id])
    return _payment(found, call.merchant_id, said)


def _payment(view: DirectView, merchant_id: UUID, said: Mapping[UUID, Receipt]) -> dict[str, Any]:
    fact = view.fact
    pays = fact.payer_id == merchant_id
    other = view.payee if pays else view.payer
    word = said.get(fact.direct_payment_id)
    return {
        "id": ids.encode(PREFIX, fact.direct_payment_id),
        "settlement": ids.encode("win", fact.window_id),
        "business_date": view.first_day.isoformat(),
        "side": "payer" if pays else "payee",
        "partner": {"code": other.code, "name_fa": other.name_fa, "name_en": other.name_en},
        "amount": fact.amount,
        "currency": fact.currency,
        "iban": fact.iban,
        "holder": fact.holder,
        "reference": fact.reference,
        "state": view.state,
        "receipt": None
        if word is None
        else {
            "outcome": ARRIVED if word.arrived else "missing",
            "said_at": word.said_at.isoformat(),
        },
    }


def _id(text: str) -> UUID:
    return ids.decode(PREFIX, text)


def _before(cursor: str | None) -> tuple[date, UUID] | None:
    parts = cursors.unpack(_LIST, cursor, types=(str, str))
    if parts is None:
        return None
    try:
        return date.fromisoformat(parts[0]), _id(parts[1])
    except (ValueError, ids.UnknownIdError) as error:
        raise InvalidRequestError([FieldError("#cursor", "unknown_cursor")]) from error
