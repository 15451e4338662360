"""A way to a person: a contact for everybody, questions with a clock, an owner and an answer."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, text

from network import ids
from network.clock import wall_now
from network.members import leaving
from network.messaging.queries import latest
from network.questions import queries, service
from network.questions.models import MemberQuestion
from network.questions.queries import PREFIX
from network.questions.service import QuestionError
from tests.browser.wallet.conftest import Wallet
from tests.browser.wallet.test_give import giver_of, send
from tests.integration.settlement.office import open_office

LINES = {
    "phone": "021 1234 5678",
    "address_fa": "تهران، خیابان بهار",
    "address_en": "Bahar Street, Tehran",
    "hours_fa": "هر روز ۸ تا ۲۰",
    "hours_en": "Daily 8 to 20",
}


def test_a_question_reaches_an_operator_and_the_answer_the_member(wallet: Wallet) -> None:
    member_id, client = giver_of(wallet)
    status, page = send(client, "/contact", words="  ")
    assert (status, "Ask in a few sentences" in page) == (422, True)
    status, page = send(client, "/contact", words="When do my points from Yas arrive?")
    assert status == 200
    assert "we look into it" in page
    with wallet.services.database.reading() as session:
        (waiting,) = queries.waiting(session, limit=9)
        stored = session.scalars(select(MemberQuestion)).one()
    assert (waiting.words, waiting.due_at - waiting.asked_at) == ("", timedelta(days=3))
    assert b"Yas" not in stored.sealed_words
    address = f"/questions/{ids.encode(PREFIX, waiting.question_id)}"
    with open_office(wallet.services) as office:
        assert "1 question of a member waits for an answer" in office.clerk.get("/").text
        listed = office.clerk.get("/questions")
        assert address in listed.answer.text
        assert "nobody's" in listed.text
        found = office.clerk.get(address)
        assert "When do my points from Yas arrive?" in found.text
        taken = found.send(f"{address}/take")
        assert "nobody's" not in taken.text
        refused = taken.send(f"{address}/answer", words=" ")
        assert (refused.status, "Say it in a few sentences" in refused.text) == (422, True)
        told = taken.send(f"{address}/answer", words="Three days after the purchase.")
        assert "The member is told." in told.text
        again = found.send(f"{address}/answer", words="Or four.")
        assert "A colleague has answered it already." in again.text
        assert "waits for an answer" not in office.clerk.get("/").text
        assert "Answered a member's question" in office.head.get("/audit").text
    page = client.get("/contact").text
    assert "Three days after the purchase." in page
    with wallet.services.database.reading() as session:
        message = latest(session, wallet.services.vault)[0]
    assert (message.kind, message.recipient) == ("question_answered", "+989121234567")
    with wallet.services.database.unit_of_work() as session:
        leaving.erase(session, member_id=member_id, now=wallet.coalition.now, wall=wall_now())
        assert session.scalars(select(MemberQuestion)).all() == []


def test_everybody_finds_the_contact_that_an_administrator_set(wallet: Wallet) -> None:
    stranger = wallet.app.test_client()
    assert "somebody reads it" in stranger.get("/contact?lang=en").text
    assert 'href="/contact"' in stranger.get("/sign-in?lang=en").text
    with open_office(wallet.services) as office:
        assert 'action="/questions/contact"' not in office.clerk.get("/questions").answer.text
        with wallet.coalition.owner.unit_of_work() as session:
            grown = text("UPDATE network.operator SET role = 'administrator' WHERE role = :was")
            session.execute(grown, {"was": "approver"})
        said = office.head.get("/questions").send("/questions/contact", **LINES)
        assert "Members see it from now on." in said.text
        empty = office.head.get("/questions").send(
            "/questions/contact", **dict.fromkeys(LINES, " ")
        )
        assert "Give at least one line" in empty.text
        assert "Said how members reach a person" in office.head.get("/audit").text
    page = stranger.get("/contact?lang=en").text
    assert 'href="tel:02112345678"' in page
    assert "Daily 8 to 20" in page
    assert "Ask us" not in page
    assert "هر روز ۸ تا ۲۰" in stranger.get("/contact?lang=fa").text
    token = stranger.post("/contact", data={"words": "hello"})
    assert token.status_code in {302, 400}


def test_few_questions_wait_at_once(wallet: Wallet) -> None:
    member_id = wallet.enrol()

    def ask() -> None:
        with wallet.services.database.unit_of_work() as session:
            service.ask(
                session,
                wallet.services.vault,
                member_id=member_id,
                words="Why?",
                now=wall_now(),
            )

    for _ in range(service.MOST_WAITING):
        ask()
    with pytest.raises(QuestionError) as refused:
        ask()
    assert refused.value.reason == "many"
