"""What a merchant's own reference may look like: two that look the same are the same.

References are compared as they were sent, character for character: a statement has to give back
what a shop's own books say, so nothing is folded. Instead, what nobody could see is not taken at
all. Unicode's composed form (NFC, Unicode Standard Annex 15) leaves one way to write each letter.
Arabic and Persian yeh and kaf stay two letters each, as they are in everybody's books and mostly
look different: folding would refuse a purchase whose reference is another one's for us alone.
"""

from __future__ import annotations

import re
from typing import Final
from unicodedata import category, is_normalized

_SPACE, _JOINS_NOT = " ", "\u200c"
_UNSEEN_CATEGORIES: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp", "Zs"})
# Letters and marks that have no shape (Default_Ignorable_Code_Point), and two blanks.
_UNSEEN: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\ufffc"
    "\U000e0100-\U000e01ef]"
)
# A half-space is seen where it parts two letters that would join. Arabic letters that join to the
# right alone, or not at all (Unicode's ArabicShaping), leave that gap by themselves.
_ARABIC = "\u0620-\u064a\u066e-\u06d3\u06d5\u06ee\u06ef\u06fa-\u06fc\u06ff"
_JOIN_NOTHING = (
    "\u0621-\u0625\u0627\u0629\u062f-\u0632\u0648\u0671-\u0677\u0688-\u0699\u06c0\u06c3-\u06cb"
    "\u06cd\u06cf\u06d2\u06d3\u06d5\u06ee\u06ef"
)
_HALF_SPACE: Final = re.compile(f"(?<=[{_ARABIC}])(?<![{_JOIN_NOTHING}])\u200c(?=[{_ARABIC}])")


def flaw_of(reference: str) -> tuple[str, str] | None:
    """Return code and argument of what makes a reference unfit, ``None`` for a good one.

    ``invisible_character`` with the first such, as ``U+200B``; ``not_composed``. That it is not
    empty and not too long is for the caller to see to.
    """
    if reference.isascii() and reference.isprintable():
        return None
    seen = _HALF_SPACE.sub("", reference) if _JOINS_NOT in reference else reference
    for character in seen:
        if character != _SPACE and (
            category(character) in _UNSEEN_CATEGORIES or _UNSEEN.match(character)
        ):
            return "invisible_character", f"U+{ord(character):04X}"
    return None if is_normalized("NFC", reference) else ("not_composed", "")
