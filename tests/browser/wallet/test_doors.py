"""Bad input and absent services at the wallet's doors: a documented page, nothing half done."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from config.web import furnish
from config.web.access import OPEN, cookie_name, needed, safe_next
from config.web.device import device_name
from network.clock import wall_now
from network.database.connection import Database
from network.database.installation import ProgrammeClock
from network.members.service import start_session
from network.messaging.service import queue_sms
from network.services import Services
from tests.browser.wallet.conftest import MEMBER_PHONE, Wallet
from wallet.app import create_app
from wallet.views.outbox import SHOWN

COOKIE = "peyvand_wallet"


def sign_in(wallet: Wallet, phone: str = "09121234567") -> FlaskClient:
    """Return a client that holds the session of a new member."""
    member_id = wallet.enrol(phone)
    with wallet.services.database.unit_of_work() as session:
        signed_in = start_session(
            session, wallet.services.vault, member_id=member_id, wall=wall_now(), device=None
        )
    client = wallet.app.test_client()
    client.set_cookie(COOKIE, signed_in.token)
    return client


def token_of(client: FlaskClient, path: str) -> str:
    """Return the CSRF token of a page's first form."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(path).text)
    assert found is not None
    return found[1]


def test_every_view_but_the_way_in_asks_who_you_are(wallet: Wallet) -> None:
    client = wallet.app.test_client()
    open_to_all = {
        rule.endpoint
        for rule in wallet.app.url_map.iter_rules()
        if needed(wallet.app.view_functions[rule.endpoint]) == OPEN
    }
    assert open_to_all == {
        "contact.show",
        "favicon",
        "offline.manifest",
        "offline.page",
        "offline.worker",
        "outbox.show",
        "passkeys.enter",
        "ping",
        "sign_in.ask_phone",
        "sign_in.send_code",
        "sign_in.ask_code",
        "sign_in.confirm",
        "sign_in.ask_consent",
        "sign_in.join",
    }
    for path in ("/", "/code", "/movements", "/movements/ent_x", "/partners", "/profile"):
        answer = client.get(path)
        assert answer.status_code == 302, path
        assert answer.headers["Location"].startswith("/sign-in"), path


def test_the_headers_of_a_page(wallet: Wallet) -> None:
    answer = wallet.app.test_client().get("/sign-in")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Language"] == "fa"
    assert not re.search(r"<style|style=|<script(?![^>]*src=)| on\w+=", answer.text)
    assert not re.search(r'(src|href|action)="(https?:)?//', answer.text)


def test_assets_are_named_by_content_and_compressed(wallet: Wallet) -> None:
    client = wallet.app.test_client()
    sheet = re.search(r"/assets/base\.[0-9a-f]{12}\.css", client.get("/sign-in").text)
    assert sheet is not None
    answer = client.get(sheet[0], headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert client.get("/assets/base.css").status_code == 404
    assert client.get("/assets/..%2Ffront.py").status_code == 404


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/code/limit", {"limit": "100"}),
        ("/code/lock", {"locked": "yes"}),
        ("/profile/preferences", {"locale": "en", "money_unit": "rial"}),
        ("/sign-out", {}),
    ],
)
def test_a_form_without_its_token_does_nothing(
    wallet: Wallet, path: str, form: dict[str, str]
) -> None:
    client = sign_in(wallet)
    answer = client.post(path, data=form)
    assert answer.status_code == 400
    assert "مهلت این فرم تمام شده است" in answer.text
    assert client.get("/profile").status_code == 200


@pytest.mark.parametrize("limit", ["", "-1", "۱۲.۵", "99999999999", "10000001", "ده", "1e3"])
def test_a_limit_that_is_none_is_refused(wallet: Wallet, limit: str) -> None:
    client = sign_in(wallet)
    token = token_of(client, "/code/limit")
    answer = client.post("/code/limit", data={"limit": limit, "csrf_token": token})
    assert answer.status_code == 422
    assert 'aria-describedby="limit-error limit-hint"' in answer.text


def test_unknown_and_foreign_movements_are_not_found(wallet: Wallet) -> None:
    client = sign_in(wallet)
    other = wallet.enrol("09127654321")
    posted = wallet.coalition.buy(other, "yas", amount=5_000_000)
    foreign = wallet.services.entry_ids.encode(
        prefix="ent", member_id=other, sequence=posted.sequence
    )
    for path in (
        f"/movements/{foreign}",
        "/movements/ent_aaaa",
        "/movements/x",
        f"/movements?before={foreign}",
        "/movements?merchant=mer_x",
        "/partners/nobody",
        "/movements/%00",
    ):
        assert client.get(path).status_code == 404, path
    assert client.get("/movements?kind=x&period=y").status_code == 200


def test_wrong_methods_large_bodies_and_odd_sessions(wallet: Wallet) -> None:
    client = sign_in(wallet)
    refused = client.post("/movements", headers={"X-CSRFToken": token_of(client, "/code")})
    assert refused.status_code == 405
    assert "GET" in refused.headers["Allow"]
    assert client.post("/sign-in", data={"phone": "0" * 100_000}).status_code == 413
    token = token_of(client, "/profile")
    odd = client.post("/profile/sessions/end", data={"session": "x", "csrf_token": token})
    assert odd.status_code == 400
    stranger = wallet.app.test_client()
    stranger.set_cookie(COOKIE, "nonsense")
    assert stranger.get("/").status_code == 302


def test_too_many_forms_are_slowed_down(wallet: Wallet) -> None:
    client = wallet.app.test_client()
    token = token_of(client, "/sign-in")
    form = {"phone": "12", "csrf_token": token}
    answers = [client.post("/sign-in?lang=en", data=form) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [422] * 10 + [429]
    assert "Too many attempts" in answers[-1].text


@pytest.mark.parametrize(
    ("lang", "words"), [("fa", "فعلاً در دسترس نیستیم"), ("en", "We are not reachable right now")]
)
def test_an_unreachable_database_has_its_page(
    services: Services, redis_client: object, lang: str, words: str
) -> None:
    nowhere = "postgresql+psycopg://peyvand@127.0.0.1:9/none"
    away = replace(services, database=Database(nowhere))
    client = furnish(create_app(away), services=away).test_client()
    client.set_cookie(COOKIE, "anything")
    answer = client.get(f"/?lang={lang}")
    assert answer.status_code == 503
    assert words in answer.text
    assert answer.headers["Retry-After"] == "5"
    away.database.dispose()


def test_the_outbox_is_shut_where_messages_leave(
    services: Services, redis_client: object, database: Database
) -> None:
    real = ProgrammeClock(database)

    def status(services: Services, *, local: bool, address: str = "127.0.0.1") -> int:
        app = furnish(create_app(services, clock=real, local_messages=local), services=services)
        return app.test_client().get("/outbox", environ_base={"REMOTE_ADDR": address}).status_code

    sending = replace(services, settings=replace(services.settings, sms_url="https://sms.test/"))
    assert status(services, local=False) == 404
    assert status(services, local=True) == 200
    assert status(services, local=True, address="192.0.2.7") == 404
    assert status(sending, local=True) == 404


def test_the_outbox_has_pages(services: Services, redis_client: object, database: Database) -> None:
    with database.unit_of_work() as session:
        for number in range(SHOWN + 3):
            queue_sms(
                session,
                services.vault,
                recipient="+989121234567",
                body=f"text {number}.",
                kind="notice",
                locale="en",
                wall=wall_now() + timedelta(microseconds=number),
            )
    local = create_app(services, clock=ProgrammeClock(database), local_messages=True)
    client = furnish(local, services=services).test_client()

    def texts(address: str) -> tuple[list[int], str | None]:
        page = client.get(address).text
        older = re.search(r'rel="next" href="([^"]+)"', page)
        return [int(each) for each in re.findall(r"text (\d+)\.", page)], older and older[1]

    first, older = texts("/outbox?lang=en")
    assert older is not None
    second, end = texts(older)
    assert first + second == list(range(SHOWN + 3))[::-1]
    assert len(first) == SHOWN
    assert end is None
    assert texts("/outbox?before=nonsense")[0] == first


def test_an_old_session_is_touched_and_an_expired_one_is_over(wallet: Wallet, app: Flask) -> None:
    member_id = wallet.enrol()
    with wallet.services.database.unit_of_work() as session:
        old = start_session(
            session,
            wallet.services.vault,
            member_id=member_id,
            wall=wall_now() - timedelta(days=91),
            device=None,
        )
    client = app.test_client()
    client.set_cookie(COOKIE, old.token)
    assert client.get("/").status_code == 302


@pytest.mark.parametrize(
    ("target", "safe"),
    [
        ("/movements?kind=spent", "/movements?kind=spent"),
        ("//evil.test", "/"),
        ("/\\evil.test", "/"),
        ("https://evil.test", "/"),
        ("/\t/evil.test", "/"),
        ("", "/"),
        (None, "/"),
    ],
)
def test_only_our_own_pages_are_gone_to(target: str | None, safe: str) -> None:
    assert safe_next(target) == safe


def test_devices_are_named_as_people_know_them() -> None:
    chrome = (
        "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/125.0.0.0 Mobile Safari/537.36"
    )
    assert device_name(chrome) == "Chrome · Android"
    assert device_name("curl/8") is None


def test_the_language_of_the_sign_in_stays(wallet: Wallet) -> None:
    wallet.enrol()  # in Persian, as somebody at a till chose for her
    client = wallet.app.test_client()
    english = {"Accept-Language": "en-GB,en;q=0.9"}
    page = client.get("/sign-in", headers=english).text
    assert 'lang="en"' in page
    token = token_of(client, "/sign-in")
    client.post("/sign-in", data={"phone": MEMBER_PHONE, "csrf_token": token}, headers=english)
    code = re.search(r"#(\d{6})", client.get("/outbox").text)
    assert code is not None
    token = token_of(client, "/sign-in/code")
    client.post("/sign-in/code", data={"code": code[1], "csrf_token": token}, headers=english)
    assert '<html lang="en"' in client.get("/", headers={"Accept-Language": "fa"}).text
    token = token_of(client, "/profile")
    chosen = {"locale": "fa", "money_unit": "toman", "csrf_token": token}
    client.post("/profile/preferences", data=chosen, headers=english)
    assert '<html lang="fa"' in client.get("/", headers=english).text


@pytest.mark.parametrize(("address", "secure"), [("https://w.example", True), ("http://w", False)])
def test_every_cookie_follows_the_wallet_s_own_address(
    services: Services, address: str, *, secure: bool
) -> None:
    settings = replace(services.settings, wallet_url=address, console_url="ftp://unrelated")
    app = furnish(create_app(replace(services, settings=settings)), services=services)
    answer = app.test_client().get("/sign-in?lang=en")
    cookies = answer.headers.getlist("Set-Cookie")
    assert len(cookies) == 2
    assert all(("Secure" in cookie) == secure for cookie in cookies)
    with app.test_request_context():
        assert cookie_name().startswith("__Host-") == secure
