"""How often a form may be sent: counted in Valkey, and in this process while Valkey is away."""

from __future__ import annotations

from flask import Flask, g
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

limiter = Limiter(
    key_func=get_remote_address,
    strategy="moving-window",
    key_prefix="wallet",
    in_memory_fallback_enabled=True,
)

SIGN_IN = "10 per minute; 60 per hour"
CONFIRM = "20 per minute; 100 per hour"
CHANGE = "30 per minute"
GIVE = "5 per minute; 20 per hour"
"""Whoever tries numbers out learns here which belong to members, so there are few tries."""
CLAIM = "10 per minute; 40 per hour"
"""Of one member (``of_member``): an address may be that of a whole town's phones."""


def of_member() -> str:
    """Return whose tries these are: the member's who is signed in, else those of the address."""
    member = g.get("member")
    return get_remote_address() if member is None else f"member {member.member_id}"


def install(app: Flask, *, redis_url: str) -> None:
    """Attach the limits to ``app``."""
    app.config["RATELIMIT_STORAGE_URI"] = storage_uri(redis_url)
    limiter.init_app(app)


def storage_uri(redis_url: str) -> str:
    """Return a redis URL as the limits library writes it: a socket has a scheme of its own."""
    return f"redis+{redis_url}" if redis_url.startswith("unix://") else redis_url
