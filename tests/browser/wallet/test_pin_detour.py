"""A new PIN proves what stood on its pages and nothing else, and unlocking takes a proof, too."""

from __future__ import annotations

from datetime import timedelta
from secrets import token_bytes

from flask.testing import FlaskClient

from network.clock import wall_now
from network.exports.sections import SECTIONS
from network.ledger.values import Consent
from network.second_factor.proofs import PROOF_LIFE
from tests.browser.wallet.conftest import Wallet
from tests.browser.wallet.test_give import giver_of, newest_code, send
from tests.browser.wallet.test_step_up import careful, carried, later, mark_of, prove
from tests.fixtures.programme import Programme

BEGIN, NEW, SECURITY = "/profile/security/pin", "/profile/security/pin/new", "/profile/security"


def set_pin(client: FlaskClient, pin: str, **asked: str) -> str:
    """Set a PIN by a one-time code, saying what the pages said; return the page it ends on."""
    assert send(client, BEGIN, **asked)[0] == 200
    fields = {"code": newest_code(client), "pin": pin, "again": pin, **asked}
    status, page = send(client, NEW, **fields)
    assert (status, "PIN is set" in page) == (200, True)
    return page


def test_a_new_pin_proves_nothing_that_its_pages_did_not_name(wallet: Wallet) -> None:
    _, client = careful(wallet)
    status, page = send(client, SECURITY, action=f"{SECURITY}/threshold", above="5000")
    assert (status, "Is it you?" in page) == (200, True)
    # Set from a page that named nothing, while the act of another tab waits.
    page = set_pin(client, "6047")
    assert ("When we ask" in page, 'value="100"' in page) == (True, True)
    # Named on both pages, it goes on.
    send(client, SECURITY, action=f"{SECURITY}/threshold", above="5000")
    page = client.get(BEGIN).text
    assert ("Asked only above" in page, "5,000 points" in page) == (True, True)
    mark = mark_of(page)
    page = client.get(f"{NEW}?asked={mark}").text
    assert ("Asked only above" in page, mark_of(page)) == (True, mark)
    assert 'name="asked"' not in client.get(NEW).text
    later(wallet, PROOF_LIFE)
    page = set_pin(client, "7153", asked=mark)
    assert 'value="5000"' in page


def test_what_waited_for_a_proof_is_dropped_on_security_and_after_ten_minutes(
    wallet: Wallet,
) -> None:
    _, client = careful(wallet)
    send(client, "/code/limit", limit="250")
    assert client.get(SECURITY).status_code == 200
    assert client.get("/confirm").location == "/"
    send(client, "/code/limit", limit="250")
    mark = mark_of(client.get("/confirm").text)
    with client.session_transaction() as cookie:
        cookie["proof"] = {
            **cookie["proof"],
            "at": cookie["proof"]["at"] - PROOF_LIFE.total_seconds(),
        }
    assert 'name="asked"' not in client.get(BEGIN).text
    set_pin(client, "6047", asked=mark)
    assert (carried(client), client.get("/confirm").location) == (100, "/")


def test_a_new_pin_ends_proofs_that_were_given_with_the_last_one(wallet: Wallet) -> None:
    _, client = careful(wallet)
    send(client, "/code/limit", limit="250")
    assert prove(client)[0] == 200
    assert carried(client) == 250
    set_pin(client, "6047")
    assert carried(client) == 100


def test_a_proof_shows_the_whole_limit_until_a_code_has_spent(
    wallet: Wallet, programme: Programme
) -> None:
    member_id, client = careful(wallet)

    def spend() -> None:
        """Let a till take a point by a code of the member."""
        consent = Consent(
            digest=token_bytes(32), expires_at=wall_now() + timedelta(minutes=2), limit=100
        )
        wallet.coalition.now = programme.now()
        wallet.coalition.pay(member_id, "yas", points=1, ago=timedelta(), consent=consent)

    spend()
    send(client, "/code/limit", limit="250")
    assert prove(client)[0] == 200
    assert (carried(client), carried(client, "/code/panel")) == (250, 250)
    spend()
    assert (carried(client), carried(client, "/code/panel")) == (100, 100)
    status, page = send(client, "/code/panel", action="/code/unlock")
    assert (status, "Is it you?" in page) == (200, True)
    assert prove(client)[0] == 200
    assert carried(client) == 250


def test_who_has_a_pin_unlocks_spending_with_it_and_locks_freely(wallet: Wallet) -> None:
    _, client = careful(wallet)

    def switch(locked: str) -> str:
        status, page = send(client, "/code", action="/code/lock", locked=locked)
        assert status == 200
        return page

    def is_locked() -> bool:
        return 'aria-checked="true"' in client.get("/code").text

    assert ("Spending is locked." in switch("yes"), is_locked()) == (True, True)
    page = switch("no")
    assert ("Is it you?" in page, "Your spending is unlocked" in page) == (True, True)
    assert is_locked()
    assert prove(client, "3953")[0] == 422
    assert is_locked()
    status, page = prove(client)
    assert (status, "Spending is unlocked." in page, is_locked()) == (200, True, False)
    # The proof was for once.
    switch("yes")
    assert "Is it you?" in switch("no")
    assert is_locked()


def test_the_file_does_not_say_whom_something_was_proven_for() -> None:
    (section,) = (each for each in SECTIONS if each.table == "network.member_proof")
    assert "subject" in section.hidden


def test_who_has_no_pin_unlocks_as_before(wallet: Wallet) -> None:
    _, client = giver_of(wallet)
    send(client, "/code", action="/code/lock", locked="yes")
    status, page = send(client, "/code", action="/code/lock", locked="no")
    assert (status, "Spending is unlocked." in page) == (200, True)
    assert 'aria-checked="false"' in client.get("/code").text
