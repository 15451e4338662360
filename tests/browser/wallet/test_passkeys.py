"""Passkeys with Chromium's virtual authenticator: made, used to sign in and to prove, removed.

What the authenticator signs is then sent as somebody else would: stale, twice, for another member.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from typing import Any
from urllib.parse import urlsplit

from flask.testing import FlaskClient
from playwright.sync_api import CDPSession, Page, expect
from sqlalchemy import func, select, text

from config.web import passkeys
from network.clock import wall_now
from network.members import leaving
from network.members.models import MemberSession
from network.members.service import start_session
from network.passkeys import CHALLENGE_LIFE
from network.second_factor import pins, proofs
from network.second_factor.models import MemberPasskey, MemberProof
from network.second_factor.proofs import Act
from tests.browser.conftest import Pages, fits_both_ways
from tests.browser.wallet.conftest import MEMBER_PHONE, Wallet
from tests.browser.wallet.test_doors import COOKIE, token_of
from tests.browser.wallet.test_step_up import carried, keep_pin, lower
from tests.fixtures.soft_key import PRESENT, SoftKey

FRIEND = "09127654321"
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def device(page: Page) -> tuple[CDPSession, str]:
    """Give the page's browser a device that holds passkeys and knows its user."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    found = session.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
    return session, str(found["authenticatorId"])


def test_a_passkey_is_made_signs_in_proves_and_is_removed(wallet: Wallet, pages: Pages) -> None:
    by_name = f"http://localhost:{urlsplit(wallet.url).port}"
    passkeys.install(wallet.app, address=wallet.url)
    member_id = wallet.enrol()
    wallet.coalition.live(member_id)
    keep_pin(wallet, member_id)
    here = replace(wallet, url=by_name)
    page = here.signed_in(pages)
    cdp, key = device(page)
    lower(wallet, member_id, 100)
    page.goto(f"{by_name}/profile/security?lang=en")
    page.get_by_role("link", name="Make a passkey").click()
    fits_both_ways(page)
    page.fill("#pin", "3952")
    page.get_by_role("button", name="Go on").click()
    fits_both_ways(page)
    page.fill("#name", "Sara's phone")
    page.get_by_role("button", name="Make a passkey").click()
    expect(page.get_by_role("status").first).to_contain_text("The passkey is yours")
    expect(page.get_by_text("Sara's phone", exact=True).first).to_be_visible()
    expect(page.get_by_text("never used")).to_be_visible()
    fits_both_ways(page)

    # The code's limit is proven by the passkey; the answer that was sent proves nothing twice.
    sent: list[tuple[str, str]] = []
    page.on("request", lambda each: sent.append((each.url, each.post_data or "")))
    page.goto(f"{by_name}/code/limit")
    page.fill("#limit", "250")
    page.get_by_role("button", name="Set this limit").click()
    fits_both_ways(page)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.locator(".carries")).to_contain_text("250 points")
    page.goto(f"{by_name}/profile")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in**")
    fits_both_ways(page)
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(f"{by_name}/")
    for path in ("/confirm/passkey", "/sign-in/passkey"):
        body = next(body for url, body in sent if url.endswith(path))
        again = page.request.post(
            f"{by_name}{path}",
            data=body,
            headers={"Content-Type": "application/x-www-form-urlencoded", "Referer": by_name},
            fail_on_status_code=False,
            max_redirects=0,
        )
        assert again.status in {303, 400}, path
    with wallet.services.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(MemberSession)) == 2
        used = select(func.count()).where(MemberProof.proven_by == "passkey")
        assert session.scalar(used) == 1

    # The device that does not know who holds it opens nothing.
    page.goto(f"{by_name}/code/limit")
    page.fill("#limit", "260")
    page.get_by_role("button", name="Set this limit").click()
    cdp.send("WebAuthn.setUserVerified", {"authenticatorId": key, "isUserVerified": False})
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.locator("[data-refused]")).to_be_visible()
    cdp.send("WebAuthn.setUserVerified", {"authenticatorId": key, "isUserVerified": True})

    page.goto(f"{by_name}/profile/security")
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("status").first).to_contain_text("no longer opens")
    page.goto(f"{by_name}/profile")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in**")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert").first).to_contain_text("opens no wallet")


ORIGIN = "http://localhost:8801"
Say = Callable[[dict[str, Any]], str]
"""What a device answers to the options of a page."""


class Seated:
    """A member's browser at the address that passkeys are made for, and a device in software."""

    def __init__(self, wallet: Wallet, phone: str = MEMBER_PHONE) -> None:
        self.wallet = wallet
        self.member_id = wallet.enrol(phone)
        keep_pin(wallet, self.member_id)
        services = wallet.services
        with services.database.unit_of_work() as session:
            self.entered = start_session(
                session, services.vault, member_id=self.member_id, wall=wall_now(), device=None
            )
        self.client = wallet.app.test_client()
        self.client.set_cookie(COOKIE, self.entered.token)
        self.client.set_cookie(wallet.app.config["PEYVAND_LANGUAGE_COOKIE"], "en")
        self.key = SoftKey(origin=ORIGIN, host="localhost")

    def prove(self) -> None:
        """Have just typed the PIN for another passkey."""
        with self.wallet.services.database.unit_of_work() as session:
            proofs.note(
                session,
                member_id=self.member_id,
                session_id=self.entered.session_id,
                act=Act(kind="passkey"),
                by="pin",
                wall=wall_now(),
            )

    def add(self, say: Say) -> str:
        """Make a passkey; return the text of where that ends."""
        return told(self.client, "/profile/security/passkeys/new", "create", say, name="A phone")

    def confirm(self, say: Say) -> str:
        """Answer where a proof is asked for; return the text of where that ends."""
        return told(self.client, "/confirm", "get", say)

    def count(self) -> int:
        """Return how many passkeys the member has."""
        with self.wallet.services.database.reading() as session:
            mine = select(func.count()).where(MemberPasskey.member_id == self.member_id)
            return session.scalar(mine) or 0


def told(client: FlaskClient, path: str, kind: str, say: Say, **fields: str) -> str:
    """Send the form for passkeys of a page, answered by a device; return where that ends."""
    page = client.get(path, base_url=ORIGIN).text
    form = re.search(rf'<form [^>]*data-passkey="{kind}".*?</form>', page, re.DOTALL)
    assert form is not None, page
    action = re.search(r'action="([^"]+)"', form[0])
    options = re.search(r'data-options="([^"]+)"', form[0])
    assert action is not None
    assert options is not None
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[0]))
    answer = say(json.loads(unescape(options[1])))
    data = {**hidden, **fields, "answer": answer}
    return client.post(action[1], data=data, base_url=ORIGIN, follow_redirects=True).text


def shifted(client: FlaskClient, name: str, seconds: float) -> None:
    """Let the challenge in a browser's cookie have been asked so much earlier."""
    with client.session_transaction(base_url=ORIGIN) as cookie:
        cookie[name] = {**cookie[name], "asked_at": cookie[name]["asked_at"] - seconds}


def test_a_passkey_is_made_with_a_proof_by_the_device_that_was_asked(wallet: Wallet) -> None:
    sara, reza = Seated(wallet), Seated(wallet, FRIEND)
    page = sara.client.get("/profile/security/passkeys/new", base_url=ORIGIN)
    assert page.headers["Location"] == "/confirm"
    sara.prove()
    key, stray = sara.key, SoftKey(origin=ORIGIN, host="evil.test")
    wrong: list[Say] = [
        lambda asked: key.make(asked, origin="http://evil.test:8801"),
        lambda asked: key.make(asked, flags=PRESENT),
        lambda asked: key.make(asked | {"challenge": "AAAA"}),
        stray.make,
        key.sign,
    ]
    for number, say in enumerate(wrong):
        assert "No passkey was made" in sara.add(say), number
    assert sara.count() == 0
    assert "The passkey is yours" in sara.add(key.make)
    said = sara.client.get("/outbox").text
    assert "گذرکلید تازه‌ای" in said
    # The proof is used up; and what one member's device holds is nobody else's.
    page = sara.client.get("/profile/security/passkeys/new", base_url=ORIGIN)
    assert page.headers["Location"] == "/confirm"
    sara.prove()
    page_again = sara.client.get("/profile/security/passkeys/new", base_url=ORIGIN).text
    assert json.loads(key.make({"challenge": ""}))["id"] in page_again  # excludeCredentials
    reza.prove()
    assert "No passkey was made" in reza.add(key.make)
    assert (sara.count(), reza.count()) == (1, 0)


def test_what_no_passkey_proves(wallet: Wallet) -> None:
    sara, reza = Seated(wallet), Seated(wallet, FRIEND)
    for each in (sara, reza):
        each.prove()
        assert "The passkey is yours" in each.add(each.key.make)
    key, stolen = sara.key, replace(sara.key, private=reza.key.private)
    token = token_of(sara.client, "/code/limit")
    sara.client.post("/code/limit", data={"limit": "9000", "csrf_token": token})

    def late(asked: dict[str, Any]) -> str:
        shifted(sara.client, "passkey_prove", CHALLENGE_LIFE.total_seconds() + 1)
        return key.sign(asked)

    refused: list[Say] = [
        lambda asked: key.sign(asked, origin="http://evil.test:8801"),
        lambda asked: key.sign(asked, flags=PRESENT),
        lambda asked: key.sign(asked | {"challenge": "AAAA"}),
        lambda asked: key.sign(asked, user=reza.member_id.bytes),
        reza.key.sign,
        stolen.sign,
        SoftKey(origin=ORIGIN, host="localhost").sign,
        late,
        lambda _: "not JSON",
        lambda _: "[]",
        lambda _: '{"rawId": 7}',
    ]
    for number, say in enumerate(refused):
        assert "was not taken" in sara.confirm(say), number
    assert carried(sara.client) == 5_000
    kept: list[str] = []

    def sign(asked: dict[str, Any]) -> str:
        with sara.client.session_transaction(base_url=ORIGIN) as cookie:
            kept.append(json.dumps(cookie["passkey_prove"]))
        kept.append(key.sign(asked, user=sara.member_id.bytes))
        return kept[-1]

    assert "How much may this code spend?" in sara.confirm(sign)
    assert carried(sara.client) == 9_000
    # The same challenge, put back into the cookie, and a copy's count of signatures.
    token = token_of(sara.client, "/code/limit")
    sara.client.post("/code/limit", data={"limit": "9500", "csrf_token": token})

    def replayed(_asked: dict[str, Any]) -> str:
        with sara.client.session_transaction(base_url=ORIGIN) as cookie:
            cookie["passkey_prove"] = json.loads(kept[0])
        return kept[1]

    def signed_anew(_asked: dict[str, Any]) -> str:
        with sara.client.session_transaction(base_url=ORIGIN) as cookie:
            cookie["passkey_prove"] = json.loads(kept[0])
        challenge = base64.b64decode(json.loads(kept[0])["value"])
        return key.sign({"challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode()})

    copies: list[Say] = [replayed, signed_anew, lambda asked: key.sign(asked, count=1)]
    for number, say in enumerate(copies):
        assert "was not taken" in sara.confirm(say), number
    assert carried(sara.client) == 5_000


def test_who_signs_in_by_a_passkey(wallet: Wallet) -> None:
    sara = Seated(wallet)
    sara.prove()
    assert "The passkey is yours" in sara.add(sara.key.make)
    guest = wallet.app.test_client()
    guest.set_cookie(wallet.app.config["PEYVAND_LANGUAGE_COOKIE"], "en")

    def enter(say: Say) -> bool:
        return "Available:" in told(guest, "/sign-in", "get", say)

    key, own = sara.key, sara.member_id.bytes
    refused: list[Say] = [
        lambda asked: key.sign(asked, user=own, flags=PRESENT),
        lambda asked: key.sign(asked, user=own, origin="http://evil.test:8801"),
        SoftKey(origin=ORIGIN, host="localhost").sign,
        lambda _: "",
    ]
    assert [enter(say) for say in refused] == [False] * len(refused)
    with wallet.coalition.owner.unit_of_work() as session:
        session.execute(text("UPDATE network.member_pin SET misses = 8"))
    assert enter(lambda asked: key.sign(asked, user=own))
    with wallet.services.database.unit_of_work() as session:
        found = pins.state(session, member_id=sara.member_id)
        assert found is not None
        assert found.locked  # a code by message lifts that, a passkey does not
        names = session.scalars(select(MemberPasskey.sealed_name)).all()
        assert b"A phone" not in names[0]
        leaving.erase(session, member_id=sara.member_id, now=wallet.coalition.now, wall=wall_now())
    assert sara.count() == 0


def test_passkeys_are_made_for_one_address_only(wallet: Wallet) -> None:
    sara = Seated(wallet)
    sara.prove()
    page = sara.client.get("/profile/security/passkeys/new").text  # at another port
    assert ORIGIN in page
    assert "data-passkey" not in page
    assert "data-passkey" not in wallet.app.test_client().get("/sign-in").text
