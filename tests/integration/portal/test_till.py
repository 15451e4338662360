"""A cashier serves customers; whatever is sent twice is booked once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from network.ledger import queries as ledger
from network.ledger.audit import checks
from tests.integration.gateway.house import Person
from tests.integration.portal.desk import Clerk, Desk


def available(desk: Desk, person: Person) -> int:
    with desk.house.services.database.reading() as session:
        wallet = ledger.wallet(session, member_id=person.member_id)
    assert wallet is not None
    return wallet.available


def entries(desk: Desk, person: Person) -> list[str]:
    with desk.house.services.database.reading() as session:
        found = ledger.entries(session, member_id=person.member_id, limit=50)
    return [each.kind for each in reversed(found)]


@pytest.fixture(scope="module")
def cashier(desk: Desk) -> Clerk:
    """Return a cashier who stands at the only store."""
    return desk.person("cashier", name="Sara")


def test_a_customer_is_served_from_the_phone_number_to_the_receipt(
    desk: Desk, cashier: Clerk
) -> None:
    person = desk.house.member()
    page = cashier.check("۰" + "".join(chr(ord("۰") + int(d)) for d in person.phone[1:]), amount=50_000)
    assert page.status == 200, page.text
    assert "50 points" in page.text
    receipt = page.send("/till/earn")
    assert receipt.path.startswith("/till/acts/")
    assert "50 points" in receipt.text
    assert "Sara" in receipt.text
    assert available(desk, person) == 50
