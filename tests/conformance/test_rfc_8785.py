"""Canonical JSON against RFC 8785, for what the gateway writes: no fractions."""

from __future__ import annotations

import json

import pytest

from merchant_gateway.canonical import canonical


def test_the_order_of_3_2_3() -> None:
    # RFC 8785, 3.2.3: these keys, shuffled there, come in this order.
    ordered = ["\r", "1", "\x80", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    value = {key: number for number, key in enumerate(reversed(ordered))}
    written = canonical({"outer": [value]})
    assert list(json.loads(written)["outer"][0]) == ordered


def test_the_characters_of_3_2_2() -> None:
    # RFC 8785, 3.2.2: the string of its example, and the three literals.
    text = "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/"
    written = canonical({"string": text, "literals": [None, True, False]})
    assert written == (
        '{"literals":[null,true,false],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'.encode()
    )


# RFC 8785, 3.2.2.2: what is escaped, and how; all else stands as it is.
@pytest.mark.parametrize(
    ("character", "written"),
    [
        ("\b", b'"\\b"'),
        ("\t", b'"\\t"'),
        ("\n", b'"\\n"'),
        ("\f", b'"\\f"'),
        ("\r", b'"\\r"'),
        ("\x00", b'"\\u0000"'),
        ("\x1b", b'"\\u001b"'),
        ("\x7f", b'"\x7f"'),
        ("\u2028", "\u2028".join('""').encode()),
        ("پ", '"پ"'.encode()),
    ],
)
def test_what_is_escaped(character: str, written: bytes) -> None:
    assert canonical(character) == written


@pytest.mark.parametrize(
    ("value", "written"),
    # RFC 8785, appendix B: the whole numbers that a double holds exactly.
    [
        (0, b"0"),
        (-1, b"-1"),
        (9007199254740992, b"9007199254740992"),
        (-9007199254740992, b"-9007199254740992"),
    ],
)
def test_whole_numbers(value: int, written: bytes) -> None:
    assert canonical(value) == written


def test_what_cannot_be_written_is_refused() -> None:
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="Out of range"):
            canonical(value)
    with pytest.raises(UnicodeEncodeError):
        canonical("\ud800")
