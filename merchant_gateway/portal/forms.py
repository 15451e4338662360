"""What people type at a till, read: digits of any script, money in toman, one field for all."""

from __future__ import annotations

import base64
import re
import secrets
from hashlib import sha256

from flask import request

from network.language import ascii_digits, normalise, parse_whole_number, unit_factor
from network.members.cards import CARD_DIGITS, PREFIX
from network.members.codes import CODE_CHARACTERS
from network.points import MAX_AMOUNT

UNIT = "toman"
"""In which prices are marked and spoken in shops; pages of the office say rials."""

_KEY = re.compile(r"[A-Za-z0-9_-]{16,60}")
_LONGEST_TYPED = 80
_REFERENCE_BYTES = 7
SCANNED = f"[A-Z2-7]{{{CODE_CHARACTERS}}}|{PREFIX}[0-9]{{{CARD_DIGITS - len(PREFIX)}}}"
"""What a picture that is ours says: the code of a wallet, or the number of a card."""
_NOT_DIGITS = re.compile("[\\s\u200b-\u200f\u202a-\u202e\u2066-\u2069-]")
PAYING = "-pay"
"""Ends the key of paying with points: earning and paying at one till page are two acts."""


class WrongFieldsError(Exception):
    """Something that was typed cannot be read; ``errors`` say what, by the names of the fields."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(", ".join(errors))
        self.errors = errors


def new_key() -> str:
    """Return a key for a form that is being served."""
    return secrets.token_urlsafe(18)


def form_key(name: str = "key") -> str | None:
    """Return the key that came with the form, ``None`` where it is none that we serve."""
    key = request.form.get(name, "")
    return key if _KEY.fullmatch(key) else None


def reference_of(key: str) -> str:
    """Return the reference that goes with a form's key, short enough to be read out.

    Eleven characters of a digest: two forms of one merchant have the same by chance once in 2^55.
    """
    digest = sha256(key.encode()).digest()[:_REFERENCE_BYTES]
    text = base64.b32encode(digest).decode().rstrip("=")[:11]
    return f"P-{text[:4]}-{text[4:8]}-{text[8:]}"


def plain_reference(text: str) -> str:
    """Return a reference as it is stored, however it was typed."""
    bare = re.sub(r"[^A-Z2-7]", "", ascii_digits(text).upper())
    bare = bare.removeprefix("P") if len(bare) == 12 else bare  # noqa: PLR2004 - P and eleven
    return f"P-{bare[:4]}-{bare[4:8]}-{bare[8:]}"


def typed(name: str) -> str:
    """Return a field of the form on one line, without what surrounds it."""
    return normalise(request.form.get(name, ""))


def identifier(text: str) -> dict[str, str]:
    """Return what was scanned or typed, as the kind of identifier that it can only be.

    A code of the wallet has 32 letters and digits, a card of the network sixteen digits that begin
    with its prefix; everything else is taken for a phone number. Nothing typed gives nothing.
    """
    plain = normalise(text)[:_LONGEST_TYPED]
    bare = _NOT_DIGITS.sub("", ascii_digits(plain))
    if not bare:
        return {}
    if len(bare) == CODE_CHARACTERS and bare.isascii() and bare.isalnum() and not bare.isdigit():
        return {"code": bare.upper()}
    if len(bare) == CARD_DIGITS and bare.startswith(PREFIX):
        return {"card": bare}
    return {"phone": bare[:20]}


def money(text: str) -> int | None:
    """Return an amount typed in toman as rials, ``None`` where it is none above zero."""
    number = parse_whole_number(text)
    if not number:
        return None
    amount = number * unit_factor(unit=UNIT)
    return amount if amount <= MAX_AMOUNT else None
