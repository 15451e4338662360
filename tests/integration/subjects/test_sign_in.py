"""One-time codes and sessions: what they allow, and what they must not tell."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from network.database.connection import Database
from network.ids import uuid7
from network.language import persian_digits
from network.members import queries, service
from network.members.errors import InvalidPhoneError, ThrottledError
from network.members.service import CodeRefused, CodeSent, Confirmation, ConsentNeeded, SignedIn
from network.members.sign_in import CODE_LIFE, CONSENT_LIFE, MAX_ATTEMPTS, SESSION_LIFE
from network.messaging.queries import latest
from network.notices.devices import is_known, note_sign_in
from network.vault import Vault

WALL = datetime(2026, 11, 22, 9, tzinfo=UTC)
PHONE = "09123456789"
LATER = timedelta(seconds=1)


def ask(
    database: Database,
    vault: Vault,
    *,
    wall: datetime = WALL,
    phone: str = PHONE,
    address: str | None = "192.0.2.1",
    browser: str | None = None,
) -> CodeSent:
    with database.unit_of_work() as session:
        return service.request_code(
            session,
            vault,
            phone=phone,
            address=address,
            locale="fa",
            domain="wallet.example",
            wall=wall,
            browser=browser,
        )


def read_message(database: Database, vault: Vault) -> str:
    with database.reading() as session:
        found = re.search(
            r"^@wallet\.example #(\d{6})$", latest(session, vault)[0].body, re.MULTILINE
        )
    assert found is not None
    return found[1]


def confirm(database: Database, vault: Vault, code: str, **changes: Any) -> Confirmation:
    facts: dict[str, Any] = {
        "phone": PHONE,
        "wall": WALL + LATER,
        "now": WALL,
        "locale": "fa",
        "consents": {"membership"},
        "device": "Firefox on Android",
    }
    with database.unit_of_work() as session:
        return service.confirm_code(session, vault, code=code, **facts | changes)


def sign_in(database: Database, vault: Vault, wall: datetime = WALL) -> SignedIn:
    ask(database, vault, wall=wall)
    done = confirm(database, vault, read_message(database, vault), wall=wall + LATER)
    assert isinstance(done, SignedIn)
    return done


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"


def test_joining_and_coming_back(database: Database, vault: Vault) -> None:
    first = sign_in(database, vault)
    again = sign_in(database, vault, WALL + timedelta(hours=1))
    assert (first.joined, again.joined) == (True, False)
    assert first.member_id == again.member_id
    assert first.token != again.token


def test_a_new_phone_is_asked_for_consent_and_keeps_its_code(
    database: Database, vault: Vault
) -> None:
    ask(database, vault)
    code = read_message(database, vault)
    asked = confirm(database, vault, code, consents=())
    assert asked == ConsentNeeded(expires_at=WALL + CONSENT_LIFE)
    slow = confirm(database, vault, code, wall=WALL + timedelta(minutes=10))
    assert isinstance(slow, SignedIn)
    assert slow.joined


def test_a_code_is_typed_in_any_digits_and_works_once(database: Database, vault: Vault) -> None:
    ask(database, vault)
    code = read_message(database, vault)
    typed = persian_digits(f"{code[:3]} {code[3:]}")
    assert isinstance(confirm(database, vault, typed), SignedIn)
    assert confirm(database, vault, code) == CodeRefused(code="code_lapsed", attempts_left=0)


def test_five_wrong_tries_and_the_right_one_is_too_late(database: Database, vault: Vault) -> None:
    ask(database, vault)
    code = read_message(database, vault)
    left = [confirm(database, vault, wrong(code)) for _ in range(MAX_ATTEMPTS)]
    assert left == [
        CodeRefused(code="code_wrong", attempts_left=MAX_ATTEMPTS - 1 - n)
        for n in range(MAX_ATTEMPTS)
    ]
    assert confirm(database, vault, code) == CodeRefused(code="code_lapsed", attempts_left=0)


def test_tries_at_the_same_moment_are_all_counted(database: Database, vault: Vault) -> None:
    ask(database, vault)
    code = read_message(database, vault)
    with ThreadPoolExecutor(8) as pool:
        tried = list(pool.map(lambda _: confirm(database, vault, wrong(code)), range(8)))
    assert sum(t == CodeRefused(code="code_lapsed", attempts_left=0) for t in tried) == 3
    assert sum(isinstance(t, CodeRefused) and t.code == "code_wrong" for t in tried) == 5


def test_a_code_lapses(database: Database, vault: Vault) -> None:
    sent = ask(database, vault)
    assert sent.expires_at == WALL + CODE_LIFE
    code = read_message(database, vault)
    refused = confirm(database, vault, code, wall=sent.expires_at)
    assert refused == CodeRefused(code="code_lapsed", attempts_left=0)


def test_a_new_code_ends_the_one_before(database: Database, vault: Vault) -> None:
    sent = ask(database, vault)
    old = read_message(database, vault)
    ask(database, vault, wall=sent.again_at)
    new = read_message(database, vault)
    if old != new:
        refused = confirm(database, vault, old, wall=sent.again_at)
        assert isinstance(refused, CodeRefused)
    assert isinstance(confirm(database, vault, new, wall=sent.again_at), SignedIn)


@pytest.mark.parametrize("code", ["", "123", "abcdef", "1" * 500, "۱۲\x00", "٠"])
def test_what_is_no_code_is_a_wrong_code(database: Database, vault: Vault, code: str) -> None:
    ask(database, vault)
    refused = confirm(database, vault, code)
    assert refused == CodeRefused(code="code_wrong", attempts_left=MAX_ATTEMPTS - 1)


def test_members_and_strangers_get_the_same_answers(database: Database, vault: Vault) -> None:
    member = sign_in(database, vault)
    at = WALL + timedelta(hours=2)
    for phone in (PHONE, "09350000000"):
        sent = ask(database, vault, phone=phone, wall=at, address=None)
        assert sent == CodeSent(expires_at=at + CODE_LIFE, again_at=at + timedelta(minutes=1))
        code = read_message(database, vault)
        assert confirm(database, vault, wrong(code), phone=phone, wall=at) == CodeRefused(
            code="code_wrong", attempts_left=MAX_ATTEMPTS - 1
        )
    never_asked = confirm(database, vault, "123456", phone="09351111111")
    assert never_asked == CodeRefused(code="code_lapsed", attempts_left=0)
    assert member.joined


def test_a_phone_waits_a_minute_then_an_hour(database: Database, vault: Vault) -> None:
    ask(database, vault, address=None)
    with pytest.raises(ThrottledError) as refused:
        ask(database, vault, wall=WALL + timedelta(seconds=20.5), address=None)
    assert refused.value.facts == {"retry_after": 40}
    for minute in (1, 2, 3, 4):
        ask(database, vault, wall=WALL + timedelta(minutes=minute), address=None)
    with pytest.raises(ThrottledError) as refused:
        ask(database, vault, wall=WALL + timedelta(minutes=5), address=None)
    assert refused.value.facts == {"retry_after": 55 * 60}
    for minute in (65, 66, 67, 68, 69):
        ask(database, vault, wall=WALL + timedelta(minutes=minute), address=None)
    with pytest.raises(ThrottledError) as refused:
        ask(database, vault, wall=WALL + timedelta(minutes=128), address=None)
    assert refused.value.facts == {"retry_after": 60}
    for minute in (129, 189, 249):  # from the tenth of a day on there is one an hour
        ask(database, vault, wall=WALL + timedelta(minutes=minute), address=None)
        with pytest.raises(ThrottledError) as refused:
            ask(database, vault, wall=WALL + timedelta(minutes=minute + 59), address=None)
        assert refused.value.facts == {"retry_after": 60}


def test_strangers_do_not_keep_a_known_browser_waiting(database: Database, vault: Vault) -> None:
    mark = "kept by the browser"
    sign_in(database, vault)
    at = WALL + timedelta(hours=2)
    ask(database, vault, wall=at, browser=mark)
    mine = read_message(database, vault)
    for number in range(9):
        wall = at + timedelta(minutes=13 * number, seconds=1)
        ask(database, vault, wall=wall, address=f"192.0.2.{number}")
        if number == 0:  # a later code of theirs doesn't end it, and theirs is none here
            theirs = read_message(database, vault)
            assert theirs == mine or isinstance(
                confirm(database, vault, theirs, wall=wall, browser=mark), CodeRefused
            )
            assert isinstance(confirm(database, vault, mine, wall=wall, browser=mark), SignedIn)
    with pytest.raises(ThrottledError):
        ask(database, vault, wall=wall + timedelta(minutes=1), address="192.0.2.99")
    ask(database, vault, wall=wall + timedelta(minutes=1), browser=mark)
    with pytest.raises(ThrottledError):  # it has bounds of its own
        ask(database, vault, wall=wall + timedelta(seconds=90), browser=mark)


def test_a_browser_is_known_for_whoever_signed_in_on_it(database: Database, vault: Vault) -> None:
    done = sign_in(database, vault)
    with database.unit_of_work() as session:
        facts: dict[str, Any] = {"device": None, "wallet_url": "https://w.example", "wall": WALL}
        note_sign_in(session, vault, signed_in=done, token="its token", **facts)

        def known(phone: str, token: str) -> bool:
            return is_known(session, vault, phone=phone, token=token)

        assert known(PHONE, "its token")
        assert not known(PHONE, "another")
        assert not known("09350000001", "its token")
        assert not known("no phone", "its token")


def test_one_address_asks_for_a_phone_five_times_a_day(database: Database, vault: Vault) -> None:
    for hour in range(5):
        ask(database, vault, wall=WALL + timedelta(hours=hour))
    at = WALL + timedelta(hours=6)
    with pytest.raises(ThrottledError) as refused:
        ask(database, vault, wall=at)
    assert refused.value.facts == {"retry_after": 18 * 3600}
    ask(database, vault, wall=at, address="192.0.2.2")


def test_an_address_cannot_ask_for_everybody(database: Database, vault: Vault) -> None:
    for number in range(20):
        ask(database, vault, phone=f"0935000{number:04}")
    with pytest.raises(ThrottledError):
        ask(database, vault, phone="09359999999")
    ask(database, vault, phone="09359999999", address="192.0.2.2")


def test_asking_at_the_same_moment_sends_one_message(database: Database, vault: Vault) -> None:
    def once(_: int) -> bool:
        try:
            ask(database, vault)
        except ThrottledError:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(once, range(6))) == 1
    with database.reading() as session:
        assert len(latest(session, vault)) == 1


def test_a_wrong_phone_sends_nothing(database: Database, vault: Vault) -> None:
    with pytest.raises(InvalidPhoneError):
        ask(database, vault, phone="12")
    with database.reading() as session:
        assert latest(session, vault) == []


def test_a_session_opens_until_it_ends(database: Database, vault: Vault) -> None:
    done = sign_in(database, vault)

    def opened(at: datetime) -> UUID | None:
        with database.reading() as session:
            found = queries.by_session(session, token=done.token, now=at)
        return None if found is None else found.member_id

    assert opened(WALL + timedelta(days=89)) == done.member_id
    assert opened(done.expires_at) is None
    assert done.expires_at == WALL + LATER + SESSION_LIFE
    with database.reading() as session:
        assert queries.by_session(session, token=done.token[::-1], now=WALL) is None
    with database.unit_of_work() as session:
        facts = {"session_id": done.session_id, "wall": WALL}
        assert not service.end_session(session, member_id=uuid7(), **facts)  # type: ignore[arg-type]
        assert service.end_session(session, member_id=done.member_id, **facts)  # type: ignore[arg-type]
        assert not service.end_session(session, member_id=done.member_id, **facts)  # type: ignore[arg-type]
    assert opened(WALL + LATER) is None


def test_sessions_are_listed_with_their_devices(database: Database, vault: Vault) -> None:
    first = sign_in(database, vault)
    second = sign_in(database, vault, WALL + timedelta(hours=1))
    at = WALL + timedelta(hours=2)
    with database.unit_of_work() as session:
        service.touch_session(session, session_id=first.session_id, wall=at)
        service.touch_session(
            session, session_id=second.session_id, wall=at - timedelta(minutes=59)
        )
        found = queries.sessions(session, vault, member_id=first.member_id, now=at)
    assert [one.session_id for one in found] == [first.session_id, second.session_id]
    assert [one.seen_at for one in found] == [at, WALL + timedelta(hours=1) + LATER]
    assert {one.device for one in found} == {"Firefox on Android"}
    assert "Firefox" not in repr(found)


def test_what_nobody_needs_is_forgotten(database: Database, vault: Vault) -> None:
    done = sign_in(database, vault)
    with database.unit_of_work() as session:
        service.end_session(
            session, member_id=done.member_id, session_id=done.session_id, wall=WALL
        )
        service.forget_codes(session, wall=WALL + timedelta(hours=23), limit=9)
        service.forget_sessions(session, before=WALL, limit=9)
        counts = "SELECT (SELECT count(*) FROM network.one_time_code), count(*)"
        both = text(f"{counts} FROM network.member_session")
        assert tuple(session.execute(both).one()) == (1, 1)
        service.forget_codes(session, wall=WALL + timedelta(days=2), limit=9)
        service.forget_sessions(session, before=WALL + timedelta(days=1), limit=9)
        assert tuple(session.execute(both).one()) == (0, 0)
