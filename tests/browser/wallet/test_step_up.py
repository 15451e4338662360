"""Every door by which many points come into somebody's reach asks for the PIN first.

The doors: the code with a limit (its page, its panel, the limit itself), a shop's request (in the
wallet here, at the till in tests/integration/gateway/persons/test_proofs.py), a gift, the acts on a
shared wallet, and the threshold that opens them all.
"""

from __future__ import annotations

import ast
import re
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from flask.testing import FlaskClient
from sqlalchemy import func, select, text

from network.clock import wall_now
from network.members import leaving
from network.members.codes import read_code as read_member_code
from network.members.models import MemberSession
from network.members.service import start_session
from network.second_factor import pins
from network.second_factor.models import MemberPin, MemberProof
from network.second_factor.proofs import PROOF_LIFE
from network.second_factor.threshold import set_threshold
from tests.browser.wallet.conftest import MEMBER_PHONE, Wallet
from tests.browser.wallet.test_doors import COOKIE, token_of
from tests.browser.wallet.test_doors import sign_in as stranger_signed_in
from tests.browser.wallet.test_give import FRIEND, available, giver_of, newest_code, send
from tests.browser.wallet.test_pool import REZA, Someone, someone
from tests.browser.wallet.test_requests import asked, state_of

PIN = "3952"
ROOT = Path(__file__).parents[3]
CODE_MAKERS = {"current_code", "make_code"}


def lower(wallet: Wallet, member_id: UUID, points: int) -> None:
    """Let a member be asked above so many points."""
    with wallet.services.database.unit_of_work() as session:
        session_id = session.scalars(
            select(MemberSession.session_id).where(MemberSession.member_id == member_id)
        ).one()
        set_threshold(
            session,
            member_id=member_id,
            session_id=session_id,
            points=points,
            most=wallet.services.settings.step_up_points,
            wall=wall_now(),
        )


def keep_pin(wallet: Wallet, member_id: UUID) -> None:
    """Let a member have a PIN."""
    with wallet.services.database.unit_of_work() as session:
        pins.keep(session, wallet.services.vault, member_id=member_id, pin=PIN, wall=wall_now())


def careful(wallet: Wallet, above: int = 100) -> tuple[UUID, FlaskClient]:
    """Return a member with points and a PIN that is asked above so many, and their browser."""
    member_id, client = giver_of(wallet)
    keep_pin(wallet, member_id)
    lower(wallet, member_id, above)
    return member_id, client


def mark_of(page: str) -> str:
    """Return what a page says it asks for."""
    found = re.search(r'name="asked" value="(\w+)"', page)
    assert found is not None
    return found[1]


def prove(client: FlaskClient, pin: str = PIN) -> tuple[int, str]:
    """Type the PIN where it is asked for; return where that ends."""
    mark = mark_of(client.get("/confirm").text)
    return send(client, "/confirm", action="/confirm/pin", pin=pin, asked=mark)


def carried(client: FlaskClient, path: str = "/code") -> int:
    """Return the limit inside the code that a page shows."""
    found = re.search(r'class="code-text">([^<]+)<', client.get(path).text)
    assert found is not None
    return read_member_code(found[1].replace(" ", "")).limit


def later(wallet: Wallet, span: timedelta) -> None:
    """Let every proof and every one-time code be older by so much."""
    with wallet.coalition.owner.unit_of_work() as session:
        session.execute(
            text(
                "UPDATE network.member_proof"
                " SET proven_at = proven_at - :span, expires_at = expires_at - :span"
            ),
            {"span": span},
        )
        session.execute(
            text("UPDATE network.one_time_code SET requested_at = requested_at - :span"),
            {"span": span},
        )


def test_a_code_carries_no_more_than_the_threshold_before_the_pin(wallet: Wallet) -> None:
    _, client = careful(wallet)
    status, page = send(client, "/code/limit", limit="100")
    assert (status, "Is it you?" in page, carried(client)) == (200, False, 100)
    status, page = send(client, "/code/limit", limit="250")
    assert (status, "Is it you?" in page, "250 points" in page) == (200, True, True)
    assert (carried(client), carried(client, "/code/panel")) == (100, 100)
    assert "Your limit is 250 points" in client.get("/code/panel").text
    status, page = prove(client, "3953")
    assert (status, "This is not your PIN" in page, carried(client)) == (422, True, 100)
    status, page = prove(client)
    assert (status, "How much may this code spend?" in page) == (200, True)
    assert (carried(client), carried(client), carried(client, "/code/panel")) == (250, 250, 250)
    # Less is covered as well, more is not; another session of the member has proven nothing.
    assert send(client, "/code/limit", limit="249")[0] == 200
    assert carried(client) == 249
    assert send(client, "/code/limit", limit="251")[0] == 200
    assert carried(client) == 100
    assert send(client, "/code/limit", limit="250")[0] == 200
    later(wallet, PROOF_LIFE)
    assert carried(client) == 100
    status, page = send(client, "/code/panel", action="/code/unlock")
    assert "Is it you?" in page
    assert prove(client)[0] == 200
    assert carried(client) == 250


def test_the_whole_way_without_a_pin_leads_back_to_the_code(wallet: Wallet) -> None:
    _, client = giver_of(wallet)
    status, page = send(client, "/code/limit", limit="5000")
    assert (status, "you have none yet" in page, carried(client)) == (200, False, 5_000)
    status, page = send(client, "/code/limit", limit="6000")
    assert (status, "you have none yet" in page, carried(client)) == (200, True, 5_000)
    assert "6,000 points" in page
    mark = mark_of(page)
    status, page = send(client, "/profile/security/pin", asked=mark)
    assert (status, "Code from the message" in page, mark_of(page)) == (200, True, mark)
    assert "6,000 points" in page
    code = newest_code(client)
    at = "/profile/security/pin/new"
    for pin, again, said in (
        ("1234", "1234", "follow one another"),
        ("4567", "4567", "follow one another"),
        ("2345", "2346", "not the same PIN"),
        ("1991", "1991", "three different digits"),
        ("9121", "9121", "in your phone number"),
        ("395", "395", "four to eight"),
    ):
        status, page = send(client, at, code=code, pin=pin, again=again, asked=mark)
        assert (status, said in page, mark_of(page)) == (422, True, mark), pin
    wrong = f"{(int(code) + 1) % 10**6:06}"
    status, page = send(client, at, code=wrong, pin=PIN, again=PIN)
    assert (status, "not the code we sent" in page) == (422, True)
    status, page = send(client, at, code=code, pin="۳۹۵۲", again=PIN, asked=mark)
    assert (status, "How much may this code spend?" in page, "PIN is set" in page) == (
        200,
        True,
        True,
    )
    assert carried(client) == 6_000
    assert "پین" in client.get("/outbox").text  # the member is told
    status, page = send(client, at, code=code, pin="6047", again="6047")
    assert (status, "lapsed" in page) == (422, True)


def test_a_forgotten_pin_and_a_locked_one_are_set_anew_by_code(wallet: Wallet) -> None:
    _, client = careful(wallet)
    send(client, "/code/limit", limit="250")
    for _ in range(pins.MOST_MISSES):
        prove(client, "3953")
        with wallet.coalition.owner.unit_of_work() as session:
            session.execute(text("UPDATE network.member_pin SET again_at = NULL"))
    status, page = prove(client)
    assert (status, "the PIN is locked" in page) == (422, True)
    status, page = send(client, "/profile/security/pin", asked=mark_of(page))
    assert status == 200
    fields = {"code": newest_code(client), "pin": "6047", "again": "6047", "asked": mark_of(page)}
    assert send(client, "/profile/security/pin/new", **fields)[0] == 200
    assert carried(client) == 250
    later(wallet, PROOF_LIFE)
    send(client, "/code/panel", action="/code/unlock")
    assert prove(client)[0] == 422
    assert prove(client, "6047")[0] == 200
    said = client.get("/outbox").text
    assert said.count("پین کیف پول شما عوض شد") == 1


def test_yes_to_a_shop_takes_the_pin_above_the_threshold(wallet: Wallet) -> None:
    member_id, client = careful(wallet)
    small = asked(wallet, member_id, points=100)
    assert send(client, small, action=f"{small}/approve")[0] == 200
    assert state_of(wallet, small) == "approved"
    page = asked(wallet, member_id, points=101)
    other = asked(wallet, member_id, points=101)
    said = client.get("/outbox").text
    assert "برای صندوق‌دار نیست" in said
    assert "/approve" not in client.get(page).text
    status, shown = send(client, page, action=f"{page}/approve")
    assert (status, "Is it you?" in shown, "Mahtab Market" in shown) == (200, True, True)
    assert state_of(wallet, page) == "waiting"
    status, shown = prove(client)
    assert (status, "/approve" in shown) == (200, True)
    # The proof is for this request, not for the next one of the same shop.
    send(client, other, action=f"{other}/approve")
    assert state_of(wallet, other) == "waiting"
    assert send(client, page, action=f"{page}/approve")[0] == 200
    assert state_of(wallet, page) == "approved"


def test_a_gift_takes_the_pin_before_its_code_is_sent(wallet: Wallet) -> None:
    _, client = careful(wallet)
    friend = wallet.enrol(FRIEND, name="Navid Rad")
    status, page = send(client, "/give", phone=FRIEND, points="101")
    assert (status, "Is it you?" in page, "N•••" in page) == (200, True, True)
    assert re.search(r"#\d{6}", client.get("/outbox").text) is None
    assert client.get("/give/confirm").status_code == 302
    status, page = prove(client)
    assert (status, "Confirm the gift" in page) == (200, True)
    code = newest_code(client)
    # The proof has lapsed by the time the code is typed: asked again, nothing is lost.
    later(wallet, PROOF_LIFE)
    status, page = send(client, "/give/confirm", code=code)
    assert ("Is it you?" in page, available(wallet, friend)) == (True, 0)
    status, page = prove(client)
    assert "Confirm the gift" in page
    assert send(client, "/give/confirm", code=code)[0] == 200
    assert available(wallet, friend) == 101


def test_a_shared_wallet_s_acts_take_the_pin_for_what_comes_within_reach(wallet: Wallet) -> None:
    sara = someone(wallet, MEMBER_PHONE, "Sara Rad", purchase=30_000_000)
    reza = someone(wallet, REZA, "Reza Rad", purchase=10_000_000)
    for each in (sara, reza):
        keep_pin(wallet, each.member_id)
        lower(wallet, each.member_id, 90)
    assert sara.send("/pool", kind="family")[0] == 200

    def proven(status: int, page: str, who: Someone) -> tuple[int, str]:
        assert (status, "Is it you?" in page) == (200, True)
        status, page = prove(who.client)
        assert (status, "Code from the message" in page) == (200, True)
        return who.confirm()

    assert proven(*sara.send("/pool", to="/pool/invitations", phone=REZA), sara)[0] == 200
    found = re.search(r"/pool/invitations/[0-9a-f-]{36}", reza.client.get("/pool").text)
    assert found is not None
    status, page = proven(*reza.send(found[0], agreed="yes"), reza)
    assert (status, "You share a wallet now" in page) == (200, True)
    at = f"/pool/people/{reza.public_id}"
    assert "Is it you?" not in sara.send(at, to=f"{at}/limit", limit="90")[1]
    assert sara.confirm()[0] == 200
    assert "The limit is set" in proven(*sara.send(at, to=f"{at}/limit", limit="91"), sara)[1]
    assert "The limit is set" in proven(*sara.send(at, to=f"{at}/limit", limit=""), sara)[1]
    # Proven for 95; the form of another tab asks for 96 meanwhile.
    status, page = sara.send(at, to=f"{at}/part", points="95")
    with sara.client.session_transaction() as cookie:
        cookie["pool_act"] = {"kind": "part", "subject": str(reza.member_id), "points": 96}
    assert "Is it you?" in prove(sara.client)[1]
    assert reza.home() == sara.home()
    with wallet.services.database.reading() as session:
        subjects = set(session.scalars(select(MemberProof.subject)))
    assert [each for each in subjects if not re.fullmatch("[0-9a-f]{64}", each)] == []
    assert "Is it you?" not in sara.send(at, to=f"{at}/part", points="95")[1]
    assert "own again" in sara.confirm()[1]
    assert reza.available() == 95


def test_the_threshold_itself_goes_down_freely_and_up_with_the_pin(wallet: Wallet) -> None:
    _, client = careful(wallet)
    at, to = "/profile/security", "/profile/security/threshold"
    status, page = send(client, at, action=to, above="50")
    assert (status, 'value="50"' in page) == (200, True)
    status, page = send(client, at, action=to, above="5001")
    assert (status, "at most 5,000" in page) == (422, True)
    status, page = send(client, at, action=to, above="51")
    assert (status, "Is it you?" in page) == (200, True)
    assert 'value="50"' in client.get(at).text  # and what waited is given up
    send(client, at, action=to, above="51")
    status, page = prove(client)
    assert (status, 'value="51"' in page) == (200, True)
    assert send(client, at, action=to, above="0")[0] == 200
    assert send(client, "/code/limit", limit="1")[0] == 200
    assert carried(client) == 0


def test_another_session_and_another_member_have_proven_nothing(wallet: Wallet) -> None:
    member_id, client = careful(wallet)
    send(client, "/code/limit", limit="250")
    assert prove(client)[0] == 200
    second = stranger_signed_in(wallet, "09350000000")
    assert second.get("/confirm").status_code == 302
    thief = wallet.app.test_client()
    with wallet.services.database.unit_of_work() as session:
        entered = start_session(
            session, wallet.services.vault, member_id=member_id, wall=wall_now(), device=None
        )
    thief.set_cookie(COOKIE, entered.token)
    assert (carried(client), carried(thief)) == (250, 100)
    token = token_of(client, "/code")
    assert client.post("/confirm/pin", data={"pin": PIN, "csrf_token": token}).status_code == 303
    # What the page of one tab asks for proves nothing that another tab asks meanwhile.
    send(thief, "/code/limit", limit="300")
    small = re.search(r'name="asked" value="(\w+)"', thief.get("/confirm").text)
    assert small is not None
    send(thief, "/code/limit", limit="310")
    send(thief, "/confirm", action="/confirm/pin", pin=PIN, asked=small[1])
    assert carried(thief) == 100
    assert client.post("/confirm/pin", data={"pin": PIN}).status_code == 400


def test_who_leaves_takes_pin_and_proofs_along(wallet: Wallet) -> None:
    member_id, client = careful(wallet)
    send(client, "/code/limit", limit="250")
    assert prove(client)[0] == 200
    with wallet.services.database.unit_of_work() as session:
        leaving.erase(session, member_id=member_id, now=wallet.coalition.now, wall=wall_now())
        for table in (MemberPin, MemberProof):
            assert session.scalar(select(func.count()).select_from(table)) == 0


def test_codes_with_a_limit_are_made_where_the_threshold_is_looked_at() -> None:
    texts = {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
        for package in ("network", "wallet", "merchant_gateway", "settlement", "config")
        for path in (ROOT / package).rglob("*.py")
    }
    callers = {
        path
        for path, source in texts.items()
        if any(f"{name}(" in source for name in CODE_MAKERS)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and getattr(node.func, "attr", getattr(node.func, "id", "")) in CODE_MAKERS
    }
    assert callers == {
        "network/members/queries.py",  # current_code itself
        "network/second_factor/showing.py",  # what members' screens show
        "merchant_gateway/routes/sandbox_members.py",  # made-up members of sandboxes
        "config/demo/tills.py",  # made-up members of the demo
    }
