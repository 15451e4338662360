"""Giving points: the code confirms exactly one gift, and both wallets say what happened."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID, uuid4

from flask.testing import FlaskClient

from network.clock import wall_now
from network.ledger import queries as ledger
from network.ledger.suspending import suspend_issuer
from network.members.service import start_session
from network.merchants import queries as merchants
from network.operators import proposals
from tests.browser.wallet.conftest import Wallet
from tests.browser.wallet.test_doors import COOKIE, token_of

FRIEND, STRANGER = "09127654321", "09350000000"


def giver_of(wallet: Wallet) -> tuple[UUID, FlaskClient]:
    """Return a member with three hundred points, and their browser, which reads English."""
    member_id = wallet.enrol()
    wallet.coalition.buy(member_id, "mahtab", amount=30_000_000, ago=timedelta(days=3))
    with wallet.services.database.unit_of_work() as session:
        entered = start_session(
            session, wallet.services.vault, member_id=member_id, wall=wall_now(), device=None
        )
    client = wallet.app.test_client()
    client.set_cookie(COOKIE, entered.token)
    client.set_cookie(wallet.app.config["PEYVAND_LANGUAGE_COOKIE"], "en")
    return member_id, client


def available(wallet: Wallet, member_id: UUID) -> int:
    """Return how many points a member has."""
    with wallet.services.database.reading() as session:
        view = ledger.stored_wallet(session, member_id=member_id)
    return 0 if view is None else view.available


def send(
    client: FlaskClient, path: str, *, action: str | None = None, **fields: str
) -> tuple[int, str]:
    """Send a form of the page at ``path``; return status and text of where it ends."""
    token = token_of(client, path)
    answer = client.post(
        action or path, data={"csrf_token": token, **fields}, follow_redirects=True
    )
    return answer.status_code, answer.text


def newest_code(client: FlaskClient) -> str:
    """Return the code of the newest message."""
    found = re.search(r"#(\d{6})", client.get("/outbox").text)
    assert found is not None
    return found[1]


def test_a_gift_takes_the_code_of_that_gift(wallet: Wallet) -> None:
    giver, client = giver_of(wallet)
    friend = wallet.enrol(FRIEND, name="Navid Rad")
    had = available(wallet, giver)
    assert had > 40
    for fields, said in (
        ({"phone": STRANGER, "points": "10"}, "Nobody is a member"),
        ({"phone": "09121234567", "points": "10"}, "your own number"),
        ({"phone": FRIEND, "points": str(had + 1)}, "You can give at most"),
        ({"phone": FRIEND, "points": "0"}, "whole number"),
    ):
        status, page = send(client, "/give", **fields)
        assert (status, said in page) == (422, True), said
    status, page = send(client, "/give", phone=FRIEND, points="۴۰")
    assert status == 200
    assert "N•••" in page
    code = newest_code(client)
    wrong = f"{(int(code) + 1) % 10**6:06}"
    status, page = send(client, "/give/confirm", code=wrong)
    assert (status, "not the code we sent" in page) == (422, True)
    # What the form of another tab asks for is not what this code confirms.
    with client.session_transaction() as cookie:
        cookie["give_points"] = 41
    status, page = send(client, "/give/confirm", code=code)
    assert (status, "not the code we sent" in page) == (422, True)
    with client.session_transaction() as cookie:
        cookie["give_points"] = 40
    assert available(wallet, friend) == 0
    status, page = send(client, "/give/confirm", code=code)
    assert status == 200
    assert "from you" in page
    assert (available(wallet, giver), available(wallet, friend)) == (had - 40, 40)
    assert client.get("/give/confirm").status_code == 302
    assert "gave you" in client.get("/outbox").text or "داد" in client.get("/outbox").text
    shown = client.get("/movements").text
    assert "Gift of points" in shown
    entry = re.search(r'href="(/movements/[^"?]+)"', shown)
    assert entry is not None
    assert "Given to another member." in client.get(entry[1]).text


def test_a_code_to_sign_in_gives_nothing(wallet: Wallet) -> None:
    giver, client = giver_of(wallet)
    friend = wallet.enrol(FRIEND)
    status, _page = send(client, "/give", phone=FRIEND, points="5")
    assert status == 200
    gift = newest_code(client)
    stranger = wallet.app.test_client()
    token = token_of(stranger, "/sign-in?lang=en")
    stranger.post("/sign-in", data={"csrf_token": token, "phone": "09121234567"})
    entering = newest_code(client)  # another's asking neither waits for the gift's code nor ends it
    token = token_of(stranger, "/sign-in/code")
    refused = stranger.post("/sign-in/code", data={"csrf_token": token, "code": gift})
    assert refused.status_code == 422 or gift == entering
    assert send(client, "/give/confirm", code=entering)[0] == 422 or gift == entering
    assert (available(wallet, friend), available(wallet, giver) > 5) == (0, True)
    assert send(client, "/give/confirm", code=gift)[0] == 200
    assert available(wallet, friend) == 5


def test_suspended_points_are_told_apart_and_not_given(wallet: Wallet) -> None:
    giver, client = giver_of(wallet)
    had = available(wallet, giver)
    wall = wall_now()
    with wallet.services.database.unit_of_work() as session:
        issuer_id = merchants.merchant(session, code="mahtab").merchant_id
        proposal = proposals.propose(
            session, kind="points.suspend", subject_id=issuer_id, reason="x", by=uuid4(), now=wall
        )
        proposals.decide(
            session, proposal_id=proposal.proposal_id, approved=True, by=uuid4(), now=wall
        )
        suspend_issuer(session, issuer_id=issuer_id, proposal_id=proposal.proposal_id, now=wall)
    page = " ".join(re.sub(r"<[^>]+>", " ", client.get("/").text).split())
    assert "Available: 0 points" in page
    assert f"Suspended {had} " in page
    assert "has stopped paying" in page
    assert 'href="/give"' not in client.get("/").text
    wallet.enrol(FRIEND, name="Navid Rad")
    _status, told = send(client, "/give", phone=FRIEND, points="1")
    assert "You can give at most" in told
