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
_encode = json.JSONEncoder(sort_keys=True).encode


def explained(stored: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return stored steps with their words beside them, one field per language (fa, en)."""
    return [{**step, **_words(_encode(step))} for step in stored]


@lru_cache(maxsize=_KEPT)
def _words(step: str) -> dict[str, str]:
    loaded = from_json(json.loads(step))
    return {locale: words(loaded, locale) for locale in LOCALES}
