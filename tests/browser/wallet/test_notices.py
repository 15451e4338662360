"""Notices in the wallet: the page with its links, the mark, the choices, and a new device."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID, uuid5

from flask.testing import FlaskClient
from sqlalchemy import text

from network.clock import local_date, wall_now
from network.ids import EntryKey
from network.messaging.queries import latest
from network.notices.choices import Choice, choice_of
from network.notices.entries import announce
from network.notices.service import NAMESPACE, News, write_down
from network.settings import PROGRAMME_ZONE
from tests.browser.wallet.conftest import MEMBER_PHONE, Wallet
from tests.browser.wallet.test_doors import token_of
from tests.browser.wallet.test_give import giver_of, newest_code, send


def told(wallet: Wallet) -> tuple[UUID, FlaskClient]:
    """Return a member who was told of a return, of expiring points, and of a gift's movement."""
    member_id, client = giver_of(wallet)
    coalition = wallet.coalition
    bought = coalition.buy(member_id, "mahtab", amount=9_000_000)
    back = coalition.return_goods(
        member_id, "mahtab", original=bought.sequence, amount=3_000_000, ago=timedelta()
    )
    today, wall = local_date(coalition.now, zone=PROGRAMME_ZONE), wall_now()
    with wallet.services.database.unit_of_work() as session:
        announce(
            session,
            wallet.services.vault,
            entries=[EntryKey(member_id, back.sequence)],
            wallet_url="https://w",
            wall=wall,
        )
        soon = News(
            notice_id=uuid5(NAMESPACE, "soon"),
            member_id=member_id,
            kind="expiring",
            points=30,
            days=((today + timedelta(days=1), 10), (today + timedelta(days=7), 20)),
        )
        write_down(session, [soon], wall=wall - timedelta(hours=1))
    return member_id, client


def test_the_page_says_what_happened_and_leads_there(wallet: Wallet) -> None:
    _, client = told(wallet)
    home = client.get("/").text
    assert "2 unread" in home
    page = client.get("/notices").text
    assert "Mahtab Market took 30 points back after a return." in page
    assert page.index("30 points back") < page.index("10 points of yours can be used until")
    assert page.count('class="unread"') == 2
    link = re.search(r'href="(/movements/ent_[a-z2-7]+)"', page)
    assert link is not None
    assert "Taken back after a return" in client.get(link[1]).text
    assert "unread" not in client.get("/").text
    assert 'class="unread"' not in client.get("/notices").text


def test_pages_of_notices_follow_each_other(wallet: Wallet) -> None:
    member_id, client = told(wallet)
    wall = wall_now() - timedelta(days=2)
    with wallet.services.database.unit_of_work() as session:
        write_down(
            session,
            [
                News(
                    notice_id=uuid5(NAMESPACE, f"many {number}"),
                    member_id=member_id,
                    kind="available",
                    points=number + 1,
                )
                for number in range(25)
            ],
            wall=wall,
        )
    found, address = 0, "/notices"
    while address:
        page = client.get(address).text
        found += page.count('<span class="sign')
        older = re.search(r'rel="next" href="([^"]+)"', page)
        address = older[1] if older else ""
    assert found == 27
    assert client.get("/notices?before=ntc_nothing").status_code == 404


def test_what_comes_by_message_is_the_members_choice(wallet: Wallet) -> None:
    member_id, client = giver_of(wallet)
    status, page = send(
        client,
        "/profile",
        action="/profile/notices",
        refunded="yes",
        expiring="yes",
        quiet_from="23",
        quiet_until="7",
    )
    assert (status, "Saved." in page) == (200, True)
    with wallet.services.database.reading() as session:
        assert choice_of(session, member_id=member_id) == Choice(
            muted=frozenset({"available", "taken_back"}), quiet_from=23, quiet_until=7
        )
    assert re.search(r'id="refunded"[^>]* checked', page)
    assert not re.search(r'id="available"[^>]* checked', page)
    status, _ = send(
        client, "/profile", action="/profile/notices", quiet_from="24", quiet_until="7"
    )
    assert status == 422


def enter(wallet: Wallet, client: FlaskClient) -> None:
    """Sign in through the pages."""
    with wallet.services.database.unit_of_work() as session:
        session.execute(text("DELETE FROM network.one_time_code"))
    form = {"csrf_token": token_of(client, "/sign-in"), "phone": MEMBER_PHONE}
    client.post("/sign-in", data=form)
    code = newest_code(client)
    form = {"csrf_token": token_of(client, "/sign-in/code"), "code": code}
    assert client.post("/sign-in/code", data=form).status_code == 303
    form = {"csrf_token": token_of(client, "/profile")}
    client.post("/sign-out", data=form)


def test_a_device_is_new_once(wallet: Wallet) -> None:
    wallet.enrol()
    phone, desk = wallet.app.test_client(), wallet.app.test_client()

    def count() -> int:
        with wallet.services.database.reading() as session:
            found = latest(session, wallet.services.vault, limit=50)
        return sum(each.kind == "device" for each in found)

    enter(wallet, phone)
    assert count() == 1  # joined at a till, say: nobody knows this phone yet
    enter(wallet, phone)
    assert count() == 1
    enter(wallet, desk)
    assert count() == 2
