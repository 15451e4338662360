"""Explanations with their words in both languages.

Most steps of most purchases read the same (a rule that did not fire, a period, an expiry), and
putting one into words twice costs as much as checking a signature, so words are remembered.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from network.language import LOCALES
from network.programme.explain import from_json, words

_KEPT = 8192
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def explained(stored: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return stored steps with their words beside them, one field per language (fa, en)."""
    return spoken(map(_encode, stored))


def spoken(steps: Iterable[str]) -> list[dict[str, Any]]:
    """Return the same of steps written as JSON; what is returned is kept, and not to be changed."""
    return [_spoken(step) for step in steps]


@lru_cache(maxsize=_KEPT)
def _spoken(step: str) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(step)
    return plain | {locale: words(from_json(plain), locale) for locale in LOCALES}
