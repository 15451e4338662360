"""The code by which a statement on paper is checked: the beginning of its digest, to be typed.

Sixteen characters of Crockford's base32 in groups of four, so 80 of the 256 bits of the digest.
Nobody finds another statement with the same code by trying, and who has a code has the paper.
"""

from __future__ import annotations

from network.language import ascii_digits

CODE_BYTES = 10
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CHARACTERS = 16
_GROUP = 4
# What people read or type instead of the digits that the alphabet has in their place.
_MISREAD = str.maketrans("OIL", "011")
_BETWEEN = str.maketrans(dict.fromkeys("- \t\u00a0\u200c\u200e\u200f–−"))


def check_code(digest: bytes) -> str:
    """Return the code of a digest (32 bytes), for example ``7K2M-0QXA-…``."""
    number = int.from_bytes(digest[:CODE_BYTES])
    letters = [_ALPHABET[number >> 5 * place & 31] for place in reversed(range(_CHARACTERS))]
    groups = ("".join(letters[at : at + _GROUP]) for at in range(0, _CHARACTERS, _GROUP))
    return "-".join(groups)


def read_code(text: str) -> bytes | None:
    """Return the beginning of a digest (10 bytes) from a code as typed, ``None`` where it is none.

    Small letters, Persian digits, spaces instead of dashes and O, I and L for digits are taken.
    """
    plain = ascii_digits(text).upper().translate(_BETWEEN).translate(_MISREAD)
    if len(plain) != _CHARACTERS or any(letter not in _ALPHABET for letter in plain):
        return None
    number = 0
    for letter in plain:
        number = number << 5 | _ALPHABET.index(letter)
    return number.to_bytes(CODE_BYTES)
