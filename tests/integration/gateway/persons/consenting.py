"""Hands on a member who is asked for points, and answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal
from uuid import UUID

import pytest

from merchant_gateway.client.errors import ProblemError
from merchant_gateway.client.messages import Answer
from network import ids
from network.clock import wall_now
from network.ledger import queries as ledger
from network.spend_requests import answering
from network.spend_requests.queries import PREFIX, SpendRequestView
from tests.integration.gateway.house import House, Person


def ask(house: House, person: Person, ref: str, **given: Any) -> Answer:
    """Ask a member, named by the phone, for points at the green shop."""
    wanted: dict[str, Any] = {"points": 30, "consent": "ask", **given}
    return house.green.client.redeem(member={"phone": person.phone}, merchant_ref=ref, **wanted)


def answer(
    house: House, person: Person, request: str, said: Literal["yes", "no"], **more: Any
) -> SpendRequestView:
    """Answer as in the wallet."""
    whose: dict[str, Any] = {
        "member_id": person.member_id,
        "spend_request_id": key_of(request),
        "session_id": ids.uuid7(),
        "wall": more.pop("wall", None) or wall_now(),
    }
    vault = house.services.vault
    with house.services.database.unit_of_work() as session:
        if said == "no":
            return answering.refuse(session, vault, **whose)
        return answering.approve(session, vault, code=more.get("code"), now=wall_now(), **whose)


def key_of(request: str) -> UUID:
    """Return the key inside a request's public id."""
    return ids.decode(PREFIX, request)


def available(house: House, person: Person) -> int:
    """Return what a member may spend."""
    with house.services.database.reading() as session:
        wallet = ledger.stored_wallet(session, member_id=person.member_id)
    assert wallet is not None
    assert wallet.held == 0
    return wallet.available


def refused(call: Callable[[], Answer]) -> str:
    """Return the code that a call is refused with."""
    with pytest.raises(ProblemError) as caught:
        call()
    return caught.value.code
