"""A shop asks for points: the page says who and how much, and takes a yes or a no."""

from __future__ import annotations

import secrets
from hashlib import sha256
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient

from network import ids
from network.clock import wall_now
from network.ledger.values import Claim
from network.members import service as members
from network.spend_requests import queries, service
from network.spend_requests.queries import MOST_BY_TAP, PREFIX
from network.spend_requests.service import Wish
from network.spend_requests.tapping import TapLimitError, set_tap_limit
from tests.browser.wallet.conftest import Wallet
from tests.browser.wallet.test_give import giver_of, newest_code, send


def asked(wallet: Wallet, member_id: UUID, *, points: int, hold: int | None = None) -> str:
    """Have a shop ask a member for points, or to hold them; return the page that shows it."""
    key = secrets.token_hex(12)
    with wallet.services.database.unit_of_work() as session:
        found = service.ask(
            session,
            wallet.services.vault,
            member_id=member_id,
            wish=Wish(
                merchant_id=wallet.coalition.merchants["mahtab"].merchant_id,
                merchant_ref=f"M-{key[:6]}",
                points=points,
                capture="auto" if hold is None else "manual",
                hold_minutes=hold,
            ),
            claim=Claim(
                client_id=wallet.coalition.merchants["mahtab"].merchant_id,
                key=key,
                fingerprint=sha256(key.encode()).digest(),
            ),
            wallet_url="http://wallet",
            domain="wallet",
            renewed=False,
            ask_above=wallet.services.settings.step_up_points,
            wall=wall_now(),
        )
    return f"/requests/{ids.encode(PREFIX, found.spend_request_id)}"


def state_of(wallet: Wallet, page: str) -> str:
    """Return what became of what a page shows."""
    key = ids.decode(PREFIX, page.removeprefix("/requests/"))
    with wallet.services.database.reading() as session:
        return queries.spend_request(session, spend_request_id=key, wall=wall_now()).state


def answer(client: FlaskClient, page: str, said: str, **fields: str) -> tuple[int, str]:
    """Send the form of a request's page."""
    return send(client, page, action=f"{page}/{said}", **fields)


def test_a_member_agrees_refuses_and_is_asked_for_the_code_of_large_sums(wallet: Wallet) -> None:
    member_id, client = giver_of(wallet)
    first = asked(wallet, member_id, points=40)
    home = client.get("/").text
    assert "A shop asks you for points" in home
    assert first in client.get("/requests").text
    status, page = answer(client, first, "approve")
    assert (status, "You agreed" in page, state_of(wallet, first)) == (200, True, "approved")
    status, page = answer(client, first, "refuse")
    assert (status, "You said no" in page, state_of(wallet, first)) == (200, True, "refused")
    with wallet.services.database.unit_of_work() as session:
        with pytest.raises(TapLimitError):
            set_tap_limit(session, points=-1, set_by=uuid4(), wall=wall_now())
        set_tap_limit(session, points=39, set_by=uuid4(), wall=wall_now())
    small = asked(wallet, member_id, points=40)
    status, page = answer(client, small, "approve")
    assert (status, "Type the code" in page) == (422, True)
    assert answer(client, small, "approve", code=newest_code(client))[0] == 200
    with wallet.services.database.unit_of_work() as session:
        set_tap_limit(session, points=MOST_BY_TAP, set_by=uuid4(), wall=wall_now())
    assert state_of(wallet, small) == "approved"
    second = asked(wallet, member_id, points=MOST_BY_TAP + 1)
    status, page = answer(client, second, "approve")
    assert (status, "Type the code" in page) == (422, True)
    code = newest_code(client)
    wrong = f"{(int(code) + 1) % 10**6:06}"
    status, page = answer(client, second, "approve", code=wrong)
    assert (status, "4 more tries" in page) == (422, True)
    status, page = answer(client, second, "approve", code=code)
    assert (status, "fewer points" in page) == (422, True)
    with wallet.services.database.unit_of_work() as session:
        members.set_spend_lock(session, member_id=member_id, locked=True)
    assert "/approve" not in client.get(second).text
    assert client.get("/requests/spr_aaaa").status_code == 404
    held = client.get(asked(wallet, member_id, points=5, hold=60)).text
    assert "within 60 minutes" in held
    other = wallet.enrol("09127654321")
    foreign = asked(wallet, other, points=5)
    assert client.get(foreign).status_code == 404
