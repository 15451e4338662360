"""Joining and asking for consent, tried out in a sandbox: its messages, and answers by hand."""

from __future__ import annotations

import re

import jsonschema
import pytest

from merchant_gateway.client import InvalidRequestError, NotFoundError
from merchant_gateway.client.bodies import new_idempotency_key
from merchant_gateway.schemas.answers import ANSWERS
from tests.integration.gateway.house import House
from tests.integration.sandboxes.conftest import Tills
from tests.integration.sandboxes.stand import Stand, reference


@pytest.fixture(scope="module", autouse=True)
def fresh(house: House, stand: Stand) -> None:
    """Begin with an empty sandbox, whatever other modules did."""
    stand.fresh(house.green.merchant_id)


def test_a_made_up_person_joins_and_is_asked(tills: Tills) -> None:
    green = tills.green
    asked = green.enrol(phone="09120000017", locale="en").data
    message = green.sandbox.messages()[0]
    jsonschema.validate({"items": [message]}, ANSWERS["SandboxMessages"])
    assert (message["phone"], message["kind"]) == ("09120000017", "joining")
    code = re.search(r"\d{6}", message["text"])
    assert code is not None
    assert green.confirm_enrolment(asked["id"], code=code[0]).data["state"] == "active"
    person = green.sandbox.member(points=100).data
    member = {"phone": person["phone"]}
    for said, key in (("yes", new_idempotency_key()), ("no", new_idempotency_key())):
        ref = reference()
        wanted = green.redeem(
            member=member, merchant_ref=ref, points=30, consent="ask", idempotency_key=key
        ).data
        given = green.sandbox.answer(wanted["id"], answer="yes" if said == "yes" else "no")
        jsonschema.validate(given.data, ANSWERS["SandboxAnswer"])
        if said == "yes":
            assert green.await_consent(wanted["id"]).data["state"] == "approved"
            done = green.redeem(
                member=member, merchant_ref=ref, points=30, consent="ask", idempotency_key=key
            )
            assert done.data["balance"]["available"] == 70
            continue
        with pytest.raises(InvalidRequestError) as refused:
            green.redeem(
                member=member, merchant_ref=ref, points=30, consent="ask", idempotency_key=key
            )
        assert refused.value.code == "consent_refused"
    with pytest.raises(NotFoundError):
        tills.blue.sandbox.answer(wanted["id"], answer="yes")
