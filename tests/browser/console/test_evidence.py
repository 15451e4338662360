"""The signed request behind an entry: who sees how much of it, and what is written down."""

from __future__ import annotations

import base64
import re

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from tests.browser.conftest import accessibility_faults, overflow
from tests.browser.console.conftest import House, Opener
from tests.browser.console.story import PHONE


def address(house: House, *, number: int = 0, prefix: str = "ern") -> str:
    member_id, _shop, sequence = house.story.earned[number]
    ids = house.services.entry_ids
    return f"/entries/{ids.encode(prefix=prefix, member_id=member_id, sequence=sequence)}"


def acts(house: House) -> list[tuple[str, str]]:
    """Return the acts that concern signed requests, the oldest first."""
    with house.services.database.reading() as session:
        found = session.execute(
            text(
                "SELECT action, subject FROM network.audit_log "
                "WHERE action LIKE 'evidence.%' ORDER BY sequence"
            )
        )
        return [(row.action, row.subject) for row in found]


@pytest.mark.parametrize("role", ["viewer", "analyst"])
def test_readers_of_figures_see_the_key_alone(house: House, signed_in: Opener, role: str) -> None:
    page = signed_in(role)
    before = acts(house)
    page.goto(address(house))
    expect(page.locator("main")).to_contain_text("mk_live_")
    assert page.locator("#request").count() == 0
    assert "content-digest" not in page.content()
    assert PHONE not in page.content()
    forms = page.context.request.get("/profile").text()
    token = re.search(r'name="csrf_token" value="([^"]+)"', forms)
    assert token is not None
    answer = page.context.request.post(f"{address(house)}/request", form={"csrf_token": token[1]})
    assert answer.status == 403
    assert acts(house) == before


def test_an_operator_sees_it_masked_and_checked(house: House, signed_in: Opener) -> None:
    page = signed_in("operator")
    before = acts(house)
    page.goto(address(house))
    request = page.locator("#request")
    expect(request.locator(".badge").first).to_have_text("Signed, and unchanged")
    expect(request).to_contain_text('"content-digest": sha-256=:')
    signature = request.get_by_role("region", name="Signature, base64").inner_text()
    assert len(base64.b64decode(signature, validate=True)) == 64
    expect(request).to_contain_text("••••••")
    assert PHONE not in page.content()
    subject = f"entry:{address(house, prefix='ent').removeprefix('/entries/')}"
    assert acts(house) == [*before, ("evidence.read", subject)]

    request.get_by_role("button", name="Show what is masked").click()
    expect(page.get_by_role("region", name="Body as received")).to_contain_text(PHONE)
    assert acts(house) == [
        *before, ("evidence.read", subject), ("evidence.revealed", subject),
    ]  # fmt: skip
    page.get_by_role("link", name="Mask it again").click()
    expect(page.locator("#request")).to_contain_text("••••••")
    assert PHONE not in page.content()


def test_the_log_names_the_reader(house: House, signed_in: Opener) -> None:
    page = signed_in("approver")
    page.goto(address(house))
    page.goto("/audit")
    expect(page.locator("tbody tr").first).to_contain_text("The approver")
    expect(page.locator("tbody tr").first).to_contain_text("Read a signed request")


def test_what_was_not_signed_so_is_said_so(house: House, signed_in: Opener) -> None:
    page = signed_in("operator")
    member_id, _shop, sequence = house.story.earned[1]
    change = (
        "UPDATE ledger.evidence SET body = :body WHERE member_id = :member AND sequence = :sequence"
    )
    with house.owner.unit_of_work() as session:
        session.execute(text("ALTER TABLE ledger.evidence DISABLE TRIGGER append_only"))
        session.execute(
            text(change), {"body": b"no json", "member": member_id, "sequence": sequence}
        )
        session.execute(text("ALTER TABLE ledger.evidence ENABLE TRIGGER append_only"))
    page.goto(address(house, number=1))
    expect(page.locator("#request .badge")).to_have_text("Signed, but with another body")
    expect(page.locator("#request")).to_contain_text("The body is not JSON")
    assert "no json" not in page.content()


def test_an_entry_without_a_request_has_none(house: House, signed_in: Opener) -> None:
    member_id, _shop, sequence = house.story.earned[2]
    with house.owner.unit_of_work() as session:
        session.execute(text("ALTER TABLE ledger.evidence DISABLE TRIGGER append_only"))
        session.execute(
            text("DELETE FROM ledger.evidence WHERE member_id = :member AND sequence = :sequence"),
            {"member": member_id, "sequence": sequence},
        )
        session.execute(text("ALTER TABLE ledger.evidence ENABLE TRIGGER append_only"))
    page = signed_in("operator")
    before = acts(house)
    page.goto(address(house, number=2))
    expect(page.locator("main")).to_contain_text("No signed request")
    assert acts(house) == before


@pytest.mark.parametrize("locale", ["fa", "en"])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_revealed_page_fits(house: House, signed_in: Opener, locale: str, width: int) -> None:
    page: Page = signed_in(
        "operator", locale=locale, viewport={"width": width, "height": 800}, color_scheme="dark"
    )
    page.goto(address(house))
    page.locator("#request button").click()
    expect(page.locator("#request")).to_contain_text(PHONE)
    assert overflow(page) == 0
    assert accessibility_faults(page) == []
