"""Written forms of phones and cards."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from network.members.cards import (
    CARD_DIGITS,
    PREFIX,
    check_digit,
    grouped,
    new_card_number,
    normalise_card_number,
)
from network.members.errors import InvalidCardError, InvalidPhoneError
from network.members.phones import normalise_phone

PERSIAN = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")
ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


@pytest.mark.parametrize(
    "text",
    [
        "09123456789",
        "9123456789",
        "+989123456789",
        "989123456789",
        "00989123456789",
        "+98 (0)912 345 6789",
        "0912 345 67 89",
        "0912-345-6789",
        "(0912) 345.6789",
        "\u202a+98 912 345 6789\u202c",
        "\u2068۰۹۱۲۳۴۵۶۷۸۹\u2069",
        "۰۹۱۲\u200c۳۴۵\u00a0۶۷۸۹",
        " +۹۸۹۱۲۳۴۵۶۷۸۹ ",
        "٠٩١٢٣٤٥٦٧٨٩",
    ],
)
def test_every_written_form_is_one_number(text: str) -> None:
    assert normalise_phone(text) == "+989123456789"


@given(
    subscriber=st.integers(min_value=0, max_value=9_999_999),
    operator=st.sampled_from(["912", "935", "990", "900"]),
    form=st.sampled_from(["0{}", "{}", "+98{}", "0098{}", "98{}"]),
    digits=st.sampled_from([str.maketrans("", ""), PERSIAN, ARABIC]),
)
def test_mobile_numbers_in_any_form_and_digits(
    subscriber: int, operator: str, form: str, digits: dict[int, int]
) -> None:
    national = f"{operator}{subscriber:07}"
    assert normalise_phone(form.format(national).translate(digits)) == f"+98{national}"


def test_numbers_of_other_countries() -> None:
    assert normalise_phone("+44 7911 123456") == "+447911123456"
    assert normalise_phone("00447911123456") == "+447911123456"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0912",
        "02188881234",
        "0912345678",
        "091234567890",
        "0912345678x",
        "tel:09123456789",
        "+",
        "++989123456789",
        "09123456789;ext=2",
        "0" * 60,
        "+98912345678 9" * 5,
        "<09123456789>",
    ],
)
def test_what_is_no_mobile_number(text: str) -> None:
    with pytest.raises(InvalidPhoneError) as refused:
        normalise_phone(text)
    assert refused.value.field == "phone"
    assert not text or text not in str(refused.value)


@given(text=st.text(max_size=60))
def test_any_text_gives_a_number_or_the_refusal(text: str) -> None:
    try:
        number = normalise_phone(text)
    except InvalidPhoneError:
        return
    assert normalise_phone(number) == number


def test_new_cards_are_of_our_block_and_pass_the_check() -> None:
    numbers = {new_card_number() for _ in range(200)}
    assert len(numbers) == 200
    for number in numbers:
        assert len(number) == CARD_DIGITS
        assert number.startswith(PREFIX)
        assert normalise_card_number(number) == number


def test_the_check_digit_of_a_published_example() -> None:
    assert check_digit("7992739871") == "3"


@given(
    free=st.integers(min_value=0, max_value=10**11 - 1),
    position=st.integers(min_value=0, max_value=15),
    digit=st.sampled_from("0123456789"),
)
def test_one_wrong_digit_is_refused(free: int, position: int, digit: str) -> None:
    body = f"{PREFIX}{free:011}"
    number = body + check_digit(body)
    changed = number[:position] + digit + number[position + 1 :]
    if changed == number:
        assert normalise_card_number(changed) == number
        return
    with pytest.raises(InvalidCardError):
        normalise_card_number(changed)


def test_cards_in_any_digits_with_spaces() -> None:
    number = PREFIX + "00000000001"
    number += check_digit(number)
    assert normalise_card_number(grouped(number).translate(PERSIAN)) == number
    assert normalise_card_number(grouped(number).replace(" ", "-")) == number


@pytest.mark.parametrize("text", ["", "9364", "4539148803436467", "9" * 17, "x" * 16, "²" * 16])
def test_what_is_no_card(text: str) -> None:
    with pytest.raises(InvalidCardError):
        normalise_card_number(text)


@given(prefix=st.sampled_from(["", "0", "+98", "0098", "98"]), digits=st.integers(0, 10**9 - 1))
def test_the_short_way_reads_a_number_as_the_library_does(prefix: str, digits: int) -> None:
    text = f"{prefix}9{digits:09d}"
    number = phonenumbers.parse(text, "IR")
    mobile = phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE
    if phonenumbers.is_valid_number(number) and mobile:
        written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        assert normalise_phone(text) == written
    else:
        with pytest.raises(InvalidPhoneError):
            normalise_phone(text)
