"""Passkeys with Chromium's virtual authenticator, and a way in that two administrators open."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

from network.clock import wall_now
from network.operators import queries, totp
from tests.browser.conftest import DESK, PHONE, accessibility_faults, overflow
from tests.browser.console.conftest import House, Opener, fill_sign_in, follow


def authenticator(page: Page) -> None:
    """Give the page's browser a device that holds passkeys and knows its user."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )


def test_a_passkey_signs_in_instead_of_password_and_code(house: House, opened: Opener) -> None:
    by_name = f"http://localhost:{urlsplit(house.url).port}"
    page = opened()
    authenticator(page)
    page.goto(f"{by_name}/sign-in")
    added = house.add("viewer")
    fill_sign_in(page, added)
    page.goto(f"{by_name}/profile")
    page.fill("#name", "A phone")
    follow(page, page.get_by_role("button", name="Make a passkey"))
    expect(page.get_by_role("status").first).to_contain_text("The passkey is yours")
    expect(page.get_by_role("rowheader", name="A phone")).to_be_visible()
    assert accessibility_faults(page) == []

    follow(page, page.get_by_role("button", name="Sign out"))
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.post_data or ""))
    follow(page, page.get_by_role("button", name="Sign in with a passkey"))
    assert page.url == f"{by_name}/"
    expect(page.locator("header .who")).to_have_text(added.operator.name)

    # What was sent once opens nothing a second time: the challenge is gone.
    body = next(each for each in sent if "answer=" in each)
    again = page.request.post(
        f"{by_name}/sign-in/passkey",
        data=body,
        headers={"Content-Type": "application/x-www-form-urlencoded", "Referer": by_name},
        fail_on_status_code=False,
        max_redirects=0,
    )
    assert again.status in {400, 401}

    page.goto(f"{by_name}/profile")
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("status").first).to_contain_text("no longer opens")
    follow(page, page.get_by_role("button", name="Sign out"))
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert").first).to_contain_text("passkey")
    with house.services.database.reading() as session:
        acts = [
            each.action for each in queries.acts(session, limit=40, actor=added.operator.public_id)
        ]
    assert acts.count("signed_in") == 2


def test_a_new_operator_comes_in_by_a_code_that_two_administrators_made(
    house: House, signed_in: Opener, opened: Opener
) -> None:
    house.add("administrator")  # so that there is a second one in any case
    page = signed_in("administrator", viewport=DESK)
    page.goto("/profile")
    follow(page, page.get_by_role("link", name="Operators"))
    page.fill("#name", "Niloufar")
    page.fill("#email", "niloufar@example.org")
    page.select_option("#role", "approver")
    follow(page, page.get_by_role("button", name="Add"))
    code = page.locator(".facts .code").inner_text()
    assert accessibility_faults(page) == []

    guest = opened(locale="fa", viewport=PHONE)
    guest.goto("/recover")
    guest.fill("#code", code)
    guest.locator("main button[type=submit]").click()
    expect(guest.get_by_role("alert")).to_contain_text("چیزی را باز نمی‌کند")
    assert accessibility_faults(guest) == []

    other = signed_in("administrator", locale="fa")
    other.goto("/operators")
    assert accessibility_faults(other) == []
    row = other.locator("tr", has_text="Niloufar").first
    follow(other, row.get_by_role("button", name="تأیید"))

    guest.fill("#code", code)
    follow(guest, guest.locator("main button[type=submit]"))
    assert accessibility_faults(guest) == []
    assert overflow(guest) == 0
    secret = guest.locator("main p.code").inner_text()
    guest.fill("#password", "a long new password")
    guest.fill("#again", "a long new password")
    guest.fill("#one_time_code", totp.code_at(secret=secret, step=totp.step_at(wall_now())))
    follow(guest, guest.locator("main button[type=submit]"))
    expect(guest.get_by_role("status")).to_contain_text("انجام شد")
    with house.services.database.reading() as session:
        person = queries.operator(session, email="niloufar@example.org")
        assert person is not None
        (used,) = queries.acts(session, limit=5, action="recovery.used")
    assert used.actor == person.public_id

    page.goto(f"/operators/{person.public_id}")
    assert accessibility_faults(page) == []
    page.get_by_role("button", name="Suspend").click()
    expect(page.get_by_role("status").first).to_contain_text("Suspended")
    assert json.dumps(used.facts) == '{"passkeys": 0, "sessions": 0}'
