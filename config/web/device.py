"""What a browser says of itself, in a few words that a person recognises."""

from __future__ import annotations

_BROWSERS = (
    ("EdgA/", "Edge"),
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def device_name(user_agent: str) -> str | None:
    """Return for example ``Chrome · Android``; ``None`` where nothing is recognised."""
    found = [
        next((name for mark, name in table if mark in user_agent), None)
        for table in (_BROWSERS, _SYSTEMS)
    ]
    return " · ".join(name for name in found if name) or None
