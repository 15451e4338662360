"""Which PINs a member may choose."""

from __future__ import annotations

import pytest

from network.second_factor.errors import WeakPinError
from network.second_factor.strength import checked_pin

PHONE = "+989127304658"


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("", "form"),
        ("395", "form"),
        ("395280417", "form"),
        ("3952a", "form"),
        ("٣٩-٥٢", "form"),
        ("7777", "few"),
        ("7373", "few"),
        ("77337", "few"),
        ("395395", "few"),
        ("1234", "run"),
        ("۱۲۳۴", "run"),
        ("8901", "run"),
        ("98765", "run"),
        ("2468", "run"),
        ("2580", "run"),
        ("7304", "known"),
        ("4037", "known"),
        ("0912730", "known"),
        ("1367", "known"),
        ("1989", "known"),
    ],
)
def test_a_weak_pin_is_refused_with_its_reason(typed: str, reason: str) -> None:
    with pytest.raises(WeakPinError) as caught:
        checked_pin(typed, phone=PHONE)
    assert caught.value.facts["reason"] == reason


@pytest.mark.parametrize(
    ("typed", "pin"),
    [("3952", "3952"), ("۳۹۵۲", "3952"), ("٣٩ ٥٢", "3952"), (" 39528041 ", "39528041")],
)
def test_a_pin_is_four_to_eight_digits_of_any_script(typed: str, pin: str) -> None:
    assert checked_pin(typed, phone=PHONE) == pin
