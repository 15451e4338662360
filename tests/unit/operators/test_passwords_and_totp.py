from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from network.operators import passwords, totp
from network.operators.roles import ROLES, holds
from tests.conftest import OWN_HASHER

RFC_6238_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
WALL = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_codes_are_those_of_rfc_6238_appendix_b(seconds: int, code: str) -> None:
    moment = datetime.fromtimestamp(seconds, tz=UTC)
    assert totp.code_at(secret=RFC_6238_SECRET, step=totp.step_at(moment)) == code


@pytest.mark.parametrize(("steps_away", "accepted"), [(-2, 0), (-1, 1), (0, 1), (1, 1), (2, 0)])
def test_the_step_before_and_after_are_accepted(steps_away: int, accepted: int) -> None:
    now = totp.step_at(WALL)
    code = totp.code_at(secret=RFC_6238_SECRET, step=now + steps_away)
    found = totp.matching_step(secret=RFC_6238_SECRET, code=code, wall=WALL, after=0)
    assert found == (now + steps_away if accepted else None)


def test_a_used_step_and_those_before_it_are_refused() -> None:
    now = totp.step_at(WALL)
    for used, step in [(now, now), (now, now - 1), (now + 1, now + 1)]:
        code = totp.code_at(secret=RFC_6238_SECRET, step=step)
        assert totp.matching_step(secret=RFC_6238_SECRET, code=code, wall=WALL, after=used) is None
    later = WALL + timedelta(seconds=totp.STEP_SECONDS)
    code = totp.code_at(secret=RFC_6238_SECRET, step=now + 1)
    assert totp.matching_step(secret=RFC_6238_SECRET, code=code, wall=later, after=now) == now + 1


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "۱۲۳۴۵۶"])
def test_what_is_no_code_never_matches(code: str) -> None:
    assert totp.matching_step(secret=RFC_6238_SECRET, code=code, wall=WALL, after=0) is None


def test_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_hasher", OWN_HASHER)
    kept = passwords.hash_password("correct horse battery")
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")  # RFC 9106, section 4, second choice
    assert passwords.matches(kept, "correct horse battery")
    assert not passwords.matches(kept, "correct horse batterz")
    assert not passwords.matches(None, "correct horse battery")
    assert len(passwords.generate()) >= passwords.SHORTEST


@pytest.mark.parametrize("password", ["", "eleven char", "x" * 257])
def test_weak_passwords_are_refused(password: str) -> None:
    with pytest.raises(passwords.WeakPasswordError):
        passwords.hash_password(password)


def test_each_role_holds_those_before_it() -> None:
    for higher, role in enumerate(ROLES):
        for lower, needed in enumerate(ROLES):
            assert holds(role, needed) == (higher >= lower)
