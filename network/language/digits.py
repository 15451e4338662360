"""Digits and letters: what people type becomes one form, what they read becomes Persian."""

from __future__ import annotations

import unicodedata

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
_MOST_DIGITS = 19


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


def parse_whole_number(text: str) -> int | None:
    """Return the whole number that a person typed in any digits, with or without separators.

    ``None`` where the text is not a number of at most nineteen digits; no sign is accepted.
    """
    plain = ascii_digits(text).translate(_SEPARATORS)
    if not plain.isascii() or not plain.isdigit() or len(plain) > _MOST_DIGITS:
        return None
    return int(plain)
