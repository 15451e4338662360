"""Fields of forms, as they are read in more than one front."""

from __future__ import annotations

from flask import request


def words(name: str) -> str:
    """Return what somebody wrote into a field, with single spaces; empty where there is none."""
    return " ".join(request.form.get(name, "").split())


def names() -> dict[str, str]:
    """Return a place's names and cities, in both languages."""
    return {name: words(name) for name in ("name_fa", "name_en", "city_fa", "city_en")}
