"""The rotating code: round trip, forgery, limits, time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from network.members.codes import (
    CODE_CHARACTERS,
    MAX_LIMIT,
    coded_limit,
    make_code,
    read_code,
    step_ends,
    verify,
)
from network.members.errors import InvalidCodeError

SECRET = bytes(range(32))
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
moments = st.datetimes(
    min_value=datetime(2025, 1, 1),  # noqa: DTZ001 - the zone comes with timezones=
    max_value=datetime(2060, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
handles = st.integers(min_value=0, max_value=2**40 - 1)
serials = st.integers(min_value=0, max_value=2**16 - 1)
limits = st.integers(min_value=0, max_value=2**63 - 1)
WALL = datetime(2026, 11, 22, 10, 0, 30, tzinfo=UTC)


@given(handle=handles, limit=limits, serial=serials, wall=moments)
def test_a_code_says_what_was_put_in(handle: int, limit: int, serial: int, wall: datetime) -> None:
    text = make_code(SECRET, handle=handle, limit=limit, wall=wall, serial=serial)
    parsed = read_code(text)
    verified = verify(parsed, secret=SECRET, wall=wall)
    assert len(text) == CODE_CHARACTERS
    assert set(text) <= set(ALPHABET)
    assert (parsed.handle, parsed.serial) == (handle, serial)
    assert verified.limit == coded_limit(limit)
    assert wall < verified.expires_at <= wall + timedelta(minutes=2)


@given(
    handle=handles,
    limit=limits,
    serial=serials,
    position=st.integers(min_value=0, max_value=CODE_CHARACTERS - 1),
    letter=st.sampled_from(ALPHABET),
)
def test_any_changed_character_is_refused(
    handle: int, limit: int, serial: int, position: int, letter: str
) -> None:
    text = make_code(SECRET, handle=handle, limit=limit, wall=WALL, serial=serial)
    changed = text[:position] + letter + text[position + 1 :]
    if changed == text:
        return
    with pytest.raises(InvalidCodeError):
        verify(read_code(changed), secret=SECRET, wall=WALL)


@given(limit=limits)
def test_limits_round_down_and_keep_three_digits(limit: int) -> None:
    carried = coded_limit(limit)
    assert carried <= limit
    assert carried <= MAX_LIMIT
    if limit <= 4095:
        assert carried == limit
    elif limit < MAX_LIMIT:
        assert limit - carried < max(1, limit // 400)


@given(one=limits, other=limits)
def test_limits_keep_their_order(one: int, other: int) -> None:
    assert (coded_limit(one) <= coded_limit(other)) or one > other


def test_written_limits() -> None:
    assert [coded_limit(n) for n in (0, 1, 4095, 4096, 12_345, 40_959, 2**63 - 1)] == [
        0,
        1,
        4095,
        4090,
        12_340,
        40_950,
        MAX_LIMIT,
    ]


def test_another_secret_refuses() -> None:
    text = make_code(SECRET, handle=7, limit=100, wall=WALL, serial=1)
    with pytest.raises(InvalidCodeError):
        verify(read_code(text), secret=bytes(32), wall=WALL)


@pytest.mark.parametrize("minutes", [-1, 0, 1])
def test_the_steps_before_and_after_count(minutes: int) -> None:
    text = make_code(SECRET, handle=7, limit=100, wall=WALL, serial=1)
    at = WALL + timedelta(minutes=minutes)
    assert verify(read_code(text), secret=SECRET, wall=at).expires_at > at


def test_two_steps_ahead_is_not_a_code_yet() -> None:
    text = make_code(SECRET, handle=7, limit=100, wall=WALL, serial=1)
    with pytest.raises(InvalidCodeError):
        verify(read_code(text), secret=SECRET, wall=WALL - timedelta(minutes=2))


@given(minutes=st.integers(min_value=2, max_value=24 * 60))
def test_for_a_day_an_old_code_still_names_its_member(minutes: int) -> None:
    text = make_code(SECRET, handle=7, limit=100, wall=WALL, serial=1)
    fresh = verify(read_code(text), secret=SECRET, wall=WALL)
    at = WALL + timedelta(minutes=minutes)
    old = verify(read_code(text), secret=SECRET, wall=at)
    assert old == fresh
    assert old.expires_at <= at


def test_after_a_day_it_is_forgotten() -> None:
    text = make_code(SECRET, handle=7, limit=100, wall=WALL, serial=1)
    with pytest.raises(InvalidCodeError):
        verify(read_code(text), secret=SECRET, wall=WALL + timedelta(hours=24, minutes=1))


def test_each_code_is_used_up_by_a_digest_of_its_own() -> None:
    codes = {
        make_code(SECRET, handle=7, limit=100, wall=WALL + timedelta(minutes=m), serial=s)
        for m in (0, 1, 256)
        for s in (1, 2)
    }
    later = WALL + timedelta(minutes=256)
    digests = {verify(read_code(code), secret=SECRET, wall=later).digest for code in codes}
    assert len(codes) == len(digests) == 6
    assert {len(digest) for digest in digests} == {32}


def test_typed_codes_may_have_spaces_and_small_letters() -> None:
    text = make_code(SECRET, handle=7, limit=100, wall=WALL, serial=1)
    typed = " ".join(text[n : n + 4] for n in range(0, 32, 4)).lower()
    assert read_code(typed) == read_code(text)


@pytest.mark.parametrize("text", ["", "A" * 31, "A" * 33, "A" * 31 + "1", "A" * 31 + "é", "۱" * 32])
def test_what_is_no_code_by_its_form(text: str) -> None:
    with pytest.raises(InvalidCodeError):
        read_code(text)


@given(text=st.text(max_size=80))
def test_reading_any_text_gives_a_code_or_the_refusal(text: str) -> None:
    try:
        read_code(text)
    except InvalidCodeError as error:
        assert error.field == "code"  # noqa: PT017 - either outcome is right


def test_nothing_secret_shows() -> None:
    text = make_code(SECRET, handle=123_456_789, limit=100, wall=WALL, serial=54_321)
    shown = repr(read_code(text))
    assert "123456789" not in shown
    assert "54321" not in shown
    assert "mac" not in shown


def test_a_step_ends_on_the_minute() -> None:
    assert step_ends(WALL) == datetime(2026, 11, 22, 10, 1, tzinfo=UTC)
