"""Digits and letters: what people type becomes one form, what they read becomes Persian."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

_PERSIAN = "۰۱۲۳۴۵۶۷۸۹"
_ARABIC = "٠١٢٣٤٥٦٧٨٩"
_ASCII = "0123456789"
_TO_PERSIAN = str.maketrans(_ASCII, _PERSIAN)
_TO_ASCII = str.maketrans(_PERSIAN + _ARABIC, _ASCII + _ASCII)

ZWNJ = "\u200c"
_LETTERS = str.maketrans(
    {
        "ي": "ی",
        "ى": "ی",
        "ك": "ک",
        "ﻩ": "ه",
        "\u0640": None,  # tatweel only stretches a word
        "\u200f": None,
        "\u200e": None,
        "\ufeff": None,
        "\u00a0": " ",
    }
)
_ALPHABET = "آابپتثجچحخدذرزژسشصضطظعغفقکگلمنوهی"
_VARIANTS = str.maketrans("أإٱؤئةۀ", "اااویهه")
_RANK = {ord(letter): chr(0xE000 + rank) for rank, letter in enumerate(_ALPHABET)}
_SEPARATORS = str.maketrans(dict.fromkeys(",٬،_' \u00a0\u202f\u200c"))
_MOST = 2**63 - 1
_DECIMAL_MARKS = str.maketrans({"٫": ".", "٬": ",", "،": ","})
# Short and without an exponent: some readers would reckon for hours with 1e999999999.
_DECIMAL = re.compile(
    r"(?P<whole>[0-9]{1,12}|[0-9]{1,3}(?:[, \u00a0\u202f'][0-9]{3}){1,3})(?P<rest>\.[0-9]{1,10})?"
)


def persian_digits(text: str | int) -> str:
    """Return ``text`` with ASCII digits written ۰–۹."""
    return str(text).translate(_TO_PERSIAN)


def ascii_digits(text: str) -> str:
    """Return ``text`` with Persian (۰–۹) and Arabic (٠–٩) digits written 0–9."""
    return text.translate(_TO_ASCII)


def normalise(text: str) -> str:
    """Return ``text`` as it is stored: Persian ی and ک, composed letters, single spaces."""
    plain = unicodedata.normalize("NFC", text).translate(_LETTERS)
    return " ".join(plain.split())


def sort_key(text: str) -> str:
    """Return a key under which plain code point order is the order of the Persian alphabet.

    Digits come first, then Latin letters without regard to case, then Persian from آ to ی. Marks
    and half-spaces do not count. Needed because a database without ICU sorts پ, چ, ژ and گ last.
    """
    plain = ascii_digits(normalise(text)).casefold().translate(_VARIANTS).replace(ZWNJ, "")
    bare = "".join(
        letter for letter in plain if unicodedata.category(letter) != "Mn" and letter != "ء"
    )
    return bare.translate(_RANK)


def parse_whole_number(text: str, *, most: int = _MOST) -> int | None:
    """Return the whole number that a person typed in any digits, with or without separators.

    ``None`` where the text is no number, or one above ``most``; no sign is accepted.
    """
    plain = ascii_digits(text).translate(_SEPARATORS)
    if not plain.isascii() or not plain.isdigit() or len(plain) > len(str(most)):
        return None
    number = int(plain)
    return number if number <= most else None


def parse_decimal(text: str) -> Decimal | None:
    """Return the number that a person typed in any digits, exactly; percent signs don't count.

    Commas, Persian ones and spaces stand between groups of three digits only: ``12,5`` is nothing,
    since it means one thing to some and another to others. ``None`` also for signs, exponents, and
    more than twelve digits before the point or ten behind it.
    """
    plain = ascii_digits(text).translate(_DECIMAL_MARKS).strip().rstrip("%٪").rstrip()
    found = _DECIMAL.fullmatch(plain)
    if found is None:
        return None
    return Decimal(re.sub(r"[^0-9]", "", found["whole"]) + (found["rest"] or ""))


def isolated(text: object) -> str:
    """Return text between marks that keep its direction from that of the words around it.

    First strong isolate and pop directional isolate of the Unicode bidirectional algorithm (UAX 9).
    """
    return f"\u2068{text}\u2069"
