"""A member's points are put right by two people in front of the console, the network paying."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from config.preparation import prepare_installation
from network.adjustments.service import propose
from network.clearing.parties import NETWORK_PARTY
from network.clock import wall_now
from network.ids import encode, uuid7
from network.language import format_date
from network.ledger import operations
from network.ledger import queries as ledger
from network.ledger.audit import audit
from network.merchants import agreements, service
from network.merchants.queries import UnknownMerchantError
from network.programme import service as programme
from network.programme.days import begun_day
from network.services import Services
from tests.integration.settlement.office import open_office


def test_a_theft_is_made_good_by_two_people_and_the_network_pays(services: Services) -> None:
    database, now = services.database, wall_now()
    prepare_installation(services, wall=now)
    member = uuid7()
    with database.ledger() as connection:
        operations.open_wallet(connection, member_id=member)
    with database.unit_of_work() as session:
        today = begun_day(session, wall=now)
        shop = service.register_merchant(
            session, code="mahtab", name_fa="مهتاب", name_en="Mahtab", kind="grocer", now=now
        )
        made = agreements.propose_agreement(
            session,
            merchant_id=shop,
            effective_from=today,
            issue_price=Decimal(990),
            acceptance_fee=Decimal(0),
            today=today,
            now=now,
        )
        agreements.approve_agreement(session, agreement_id=made.agreement_id, today=today, now=now)
    page, later = f"/members/{encode('mem', member)}", (today + timedelta(days=90)).isoformat()
    last_day = format_date(today + timedelta(days=89), locale="en")
    facts = {"points": "40", "reason": "Spent by a thief", "kind": "up"}
    with open_office(services) as office:
        asked = {**facts, "issuer": "network", "expires_on": later}
        for bad in ("", "9999-12-31"):
            refused = office.clerk.fill(page, f"{page}/adjustments", **asked | {"expires_on": bad})
            assert "at most ten years ahead" in refused.text
        refused = office.clerk.fill(page, f"{page}/adjustments", **asked)
        assert "The programme needs a face value in force first." in refused.text
        nobody = f"/members/{encode('mem', uuid7())}/adjustments"
        form = refused.form(f"{page}/adjustments") | asked
        assert office.clerk.post(nobody, form, follow=False).status == 404
        with database.unit_of_work() as session:
            programme.set_face_value(
                session, effective_from=today, value=Fraction(1000), today=today, now=now
            )
        for issuer in ("network", "mahtab"):
            sent = office.clerk.fill(
                page, f"{page}/adjustments", **facts, issuer=issuer, expires_on=later
            )
            assert "It is posted once another person has approved it." in sent.text
        waits = office.head.get("/proposals").text
        assert waits.count("Spent by a thief") == 2
        for shown in (waits, office.head.get("/").text):
            assert f"40 points of Mahtab, usable until the end of {last_day}" in shown
        rows = office.head.get(page).text.partition("Usable until the end of")[2]
        assert "Mahtab" in rows
        assert rows.count(last_day) == 2
        mine = office.clerk.get(page)
        assert "A colleague has to approve it" in mine.text
        own = mine.answer.text.partition('action="/adjustments/')[2].partition("/decline")[0]
        assert office.clerk.post(f"/adjustments/{own}/approve", {}).status == 403
        taken_back = mine.send(f"/adjustments/{own}/decline")
        assert "Declined: nothing was changed." in taken_back.text
        left = office.head.get(page)
        other = left.answer.text.partition('action="/adjustments/')[2].partition("/approve")[0]
        assert "Approved, and done." in left.send(f"/adjustments/{other}/approve").text
    with database.snapshot() as session:
        (lot,) = ledger.lots(session, member_id=member)
        assert (lot.issuer_id, lot.price, lot.remaining) == (NETWORK_PARTY, Decimal(1000), 40)
        assert [each for each in audit(session) if each.differences] == []
    with pytest.raises(UnknownMerchantError), database.unit_of_work() as session:
        propose(
            session,
            now=now,
            member_id=member,
            kind="down",
            issuer_id=uuid7(),
            points=1,
            reason="x",
            proposed_by=uuid7(),
        )
