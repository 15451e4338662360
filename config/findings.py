"""What ``peyvand doctor`` says of one thing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at; ``check`` is a stable name, ``advice`` says what to do."""

    check: str
    ok: bool
    found: str
    advice: str = ""


def fine(check: str, found: str) -> Finding:
    """Return a finding that needs nobody."""
    return Finding(check=check, ok=True, found=found)
